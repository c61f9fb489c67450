//! A probed way through a virtual network, as `braid get probes` shows it.

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::Row;
use crate::{
    page::{Cell, Tone},
    units,
};

/// The way through a virtual network from one border to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProbePath {
    /// The border that probes.
    pub from: String,
    /// The border that answers.
    pub to: String,
    pub vn: String,
    /// "delivers" or "lost"; null while nothing is known.
    pub state: Option<&'static str>,
    /// Probes sent.
    pub sent: u64,
    /// Of these, lost.
    pub lost: u64,
    /// There and back, smoothed.
    pub round_trip_ms: Option<f64>,
    /// One way, by the clocks of the two borders.
    pub one_way_ms: Option<f64>,
}

/// What probes have found, in a word.
pub fn state(wire: v1::ProbeState) -> Option<&'static str> {
    match wire {
        v1::ProbeState::Unspecified => None,
        v1::ProbeState::Delivers => Some("delivers"),
        v1::ProbeState::Lost => Some("lost"),
    }
}

impl From<v1::MeasuredPath> for ProbePath {
    fn from(measured: v1::MeasuredPath) -> Self {
        let path = measured.path.unwrap_or_default();
        Self {
            from: measured.from,
            state: state(path.state()),
            to: path.to,
            vn: path.vn,
            sent: path.sent,
            lost: path.lost,
            round_trip_ms: units::milliseconds(path.round_trip),
            one_way_ms: units::milliseconds(path.one_way),
        }
    }
}

impl Row for ProbePath {
    const NOUN: &'static str = "probed paths";
    const HEADER: &'static [&'static str] =
        &["FROM", "TO", "VN", "STATE", "SENT", "LOST", "ROUND TRIP", "ONE WAY"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let tone = match self.state {
            Some("delivers") => Tone::Good,
            Some(_) => Tone::Bad,
            None => Tone::Faint,
        };
        vec![
            (&self.from).into(),
            (&self.to).into(),
            (&self.vn).into(),
            Cell::maybe(self.state).tone(tone),
            self.sent.to_string().into(),
            self.lost.to_string().into(),
            Cell::maybe(self.round_trip_ms.map(units::span_ms)),
            Cell::maybe(self.one_way_ms.map(units::span_ms)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::drawn;

    #[test]
    fn what_is_not_measured_yet_is_null() {
        let path = v1::ProbePath { vn: "red".into(), to: "denver".into(), ..Default::default() };
        let path = ProbePath::from(v1::MeasuredPath { from: "seattle".into(), path: Some(path) });
        let json = serde_json::to_value(&path).unwrap();
        assert!(json["state"].is_null() && json["round_trip_ms"].is_null());
        assert!(drawn(&vec![path]).contains("seattle"));
    }
}
