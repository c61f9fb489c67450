//! The embedded engine beside its peers.

use std::time::Duration;

use braid_interop::{
    Error, Kind, Protocol,
    measure::{self as network, Subject},
};

use crate::row::{Row, median};

/// One figure of all, braid first. What could not be measured says why in its place.
pub struct Contest<T>(pub Vec<(&'static str, Result<T, String>)>);

impl<T> Contest<T> {
    /// The row of a figure; the smaller the better.
    pub fn row(&self, figure: &str, value: impl Fn(&T) -> f64, show: impl Fn(f64) -> String) -> Row {
        let Some((braid, peers)) = self.0.split_first() else { return Row::alone(figure, "-") };
        let shown = |result: &Result<T, String>| match result {
            Ok(it) => show(value(it)),
            Err(why) => why.clone(),
        };
        let peers_shown: Vec<String> =
            peers.iter().map(|(name, result)| format!("{name} {}", shown(result))).collect();
        let ratio = |result: &Result<T, String>| match (&braid.1, result) {
            (Ok(ours), Ok(theirs)) if value(theirs) > 0.0 => format!("{:.3}", value(ours) / value(theirs)),
            _ => "-".to_owned(),
        };
        let ratios: Vec<String> = peers.iter().map(|(_, result)| ratio(result)).collect();
        Row::new(figure, shown(&braid.1), peers_shown.join(", "), ratios.join(", "))
    }
}

pub fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1e3)
}

pub fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

pub fn seconds(value: f64) -> String {
    format!("{value:.2} s")
}

/// Grids of routers of one implementation each, in namespaces, that speak a protocol.
pub fn networks(protocol: Protocol, kinds: &[(&'static str, Kind)], outage_aim: &str) -> Vec<Row> {
    // The median of some rounds of a measurement, of each kind. The first round that fails ends it.
    let held = |rounds: usize, figure: &dyn Fn(Subject) -> Result<f64, Error>| {
        let of_kind = |(name, kind): &(&'static str, Kind)| {
            let subject = Subject { kind: *kind, protocol };
            let values: Result<Vec<f64>, _> = (0..rounds).map(|_| figure(subject)).collect();
            eprintln!("{name}: {values:?}");
            (*name, values.map(median).map_err(|error| error.to_string()))
        };
        Contest(kinds.iter().map(of_kind).collect())
    };
    let own = |value: &f64| *value;
    let cold_start = |routers| {
        move |subject| network::cold_start(subject, routers).map(|took: Duration| took.as_secs_f64())
    };
    let title = |figure: &str| format!("{protocol}: {figure}");
    vec![
        held(1, &|subject| network::pss(subject, 9).map(|bytes| bytes as f64))
            .row(&title("memory (PSS) of a router among 9"), own, megabytes)
            .aim("1.5 MB"),
        held(3, &cold_start(9))
            .row(&title("cold start of 9 routers to full kernel tables"), own, seconds)
            .aim("1 s"),
        held(1, &cold_start(49))
            .row(&title("cold start of 49 routers to full kernel tables"), own, seconds)
            .aim("2 s"),
        held(5, &|subject| network::outage(subject).map(|took| took.as_secs_f64()))
            .row(&title("outage after carrier loss, 9 routers"), own, milliseconds)
            .aim(outage_aim),
        held(1, &|subject| network::idle_cpu(subject, 49))
            .row(&title("idle CPU of 49 routers with 1 s hellos, of one core"), own, |share| {
                format!("{:.2} %", share * 100.0)
            })
            .aim("1 %"),
    ]
}
