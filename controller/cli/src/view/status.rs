//! The network in brief, as `braid status` and `braid lab up` show it.

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::{Row, Vn};
use crate::{
    output::View,
    page::{Cell, Page, Tone},
    units,
};

/// The network in brief.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    pub network: String,
    /// Of the topology in force.
    pub revision: u64,
    /// The controller's version.
    pub version: String,
    /// The controller's process id.
    pub controller_pid: i32,
    /// When the controller started.
    pub started: Option<Timestamp>,
    /// Everything is as the topology wants it.
    pub converged: bool,
    pub nodes: u32,
    pub agents_connected: u32,
    pub borders: u32,
    pub borders_connected: u32,
    pub links: u32,
    pub links_up: u32,
    pub votes: u32,
    pub votes_expected: u32,
    pub vns: Vec<Vn>,
    /// What is not yet as wanted.
    pub pending: Vec<String>,
    /// What an operator should look at.
    pub alarms: Vec<String>,
}

impl From<v1::GetStatusResponse> for Status {
    fn from(status: v1::GetStatusResponse) -> Self {
        Self {
            network: status.network,
            revision: status.revision,
            version: status.version,
            controller_pid: status.controller_pid,
            started: units::timestamp(status.started),
            converged: status.converged,
            nodes: status.nodes,
            agents_connected: status.agents_connected,
            borders: status.borders,
            borders_connected: status.borders_connected,
            links: status.links,
            links_up: status.links_up,
            votes: status.votes,
            votes_expected: status.votes_expected,
            vns: status.vns.into_iter().map(Vn::from).collect(),
            pending: status.pending,
            alarms: status.alarms,
        }
    }
}

impl View for Status {
    fn draw(&self, page: &mut Page) {
        let now = page.now();
        let up = self.started.map(|started| format!(", up {}", units::age(started, now)));
        let network = format!(
            "{} (revision {}, controller {}{})",
            self.network,
            self.revision,
            self.version,
            up.unwrap_or_default()
        );
        let of = |have: u32, want: u32, what: &str| {
            Cell::toned(format!("{have} of {want} {what}"), Tone::of(have == want))
        };
        let converged = match (self.converged, self.pending.len()) {
            (true, _) => Cell::toned("yes", Tone::Good),
            (false, 0) => Cell::toned("no", Tone::Doubtful),
            (false, count) => Cell::toned(format!("no, {count} pending"), Tone::Doubtful),
        };
        page.pairs(vec![
            ("network", Cell::toned(network, Tone::Strong)),
            ("agents", of(self.agents_connected, self.nodes, "connected")),
            ("borders", of(self.borders_connected, self.borders, "connected")),
            ("links", of(self.links_up, self.links, "up")),
            ("votes", of(self.votes, self.votes_expected, "decided")),
            ("converged", converged),
        ]);
        page.gap();
        page.table(Vn::HEADER, self.vns.iter().map(|vn| vn.cells(now)), "no virtual networks");
        page.list("pending", &self.pending, Tone::Doubtful);
        page.list("alarms", &self.alarms, Tone::Bad);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{at, drawn};

    #[test]
    fn a_status_says_what_is_pending_in_100_columns() {
        let vn = v1::Vn {
            id: 1,
            name: "red".into(),
            engine: "bird-ospf".into(),
            code_base: "bird".into(),
            routers: 11,
            routers_running: 11,
            adjacencies: 27,
            adjacencies_expected: 28,
            routers_converged: 9,
            votes_won: 20,
            rss_bytes: 11 << 20,
            ..Default::default()
        };
        let status = Status::from(v1::GetStatusResponse {
            network: "abilene".into(),
            revision: 3,
            version: "0.1.0".into(),
            started: at(0),
            nodes: 11,
            agents_connected: 11,
            vns: vec![vn],
            votes: 19,
            votes_expected: 20,
            pending: vec!["red at denver: 1 adjacency missing".into()],
            ..Default::default()
        });
        let text = drawn(&status);
        assert!(text.starts_with("network    abilene (revision 3, controller 0.1.0, up 1m 30s)\n"), "{text}");
        assert!(text.contains("\nvotes      19 of 20 decided\n"), "{text}");
        assert!(text.contains("\nconverged  no, 1 pending\n"), "{text}");
        assert!(text.contains("\npending\n  red at denver: 1 adjacency missing\n"), "{text}");
        assert!(!text.contains("alarms"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
