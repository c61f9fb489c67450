//! A virtual router, as `braid get routers` shows it.

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::{Row, present};
use crate::{
    page::{Cell, Tone},
    units,
};

/// A virtual router.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Router {
    pub vn: String,
    pub node: String,
    pub engine: String,
    pub state: State,
    /// The pids of `processes`.
    pub pids: Vec<i32>,
    pub processes: Vec<Process>,
    pub restarts: u32,
    pub rss_bytes: u64,
    pub adjacencies: u32,
    pub adjacencies_expected: u32,
    /// Routes in its kernel FIB.
    pub routes: u32,
    /// Since when it is in this state.
    pub since: Option<Timestamp>,
    pub last_error: Option<String>,
    /// Where the running configuration differs from the intent.
    pub drift: Vec<String>,
    /// Its network namespace.
    pub namespace: String,
}

/// How an engine instance fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Unknown,
    Starting,
    Running,
    Silent,
    Backoff,
    Failed,
}

/// A process of an engine instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Process {
    pub name: String,
    pub pid: i32,
}

impl From<v1::RouterState> for State {
    fn from(state: v1::RouterState) -> Self {
        match state {
            v1::RouterState::Unspecified => State::Unknown,
            v1::RouterState::Starting => State::Starting,
            v1::RouterState::Running => State::Running,
            v1::RouterState::Silent => State::Silent,
            v1::RouterState::Backoff => State::Backoff,
            v1::RouterState::Failed => State::Failed,
        }
    }
}

impl State {
    fn cell(self) -> Cell {
        let (text, tone) = match self {
            State::Unknown => ("unknown", Tone::Doubtful),
            State::Starting => ("starting", Tone::Doubtful),
            State::Running => ("running", Tone::Good),
            State::Silent => ("silent", Tone::Bad),
            State::Backoff => ("backoff", Tone::Bad),
            State::Failed => ("failed", Tone::Bad),
        };
        Cell::toned(text, tone)
    }
}

impl From<v1::Router> for Router {
    fn from(router: v1::Router) -> Self {
        Self {
            state: router.state().into(),
            vn: router.vn,
            node: router.node,
            engine: router.engine,
            pids: router.processes.iter().map(|p| p.pid).collect(),
            processes: router.processes.into_iter().map(|p| Process { name: p.name, pid: p.pid }).collect(),
            restarts: router.restarts,
            rss_bytes: router.rss_bytes,
            adjacencies: router.adjacencies,
            adjacencies_expected: router.adjacencies_expected,
            routes: router.routes,
            since: units::timestamp(router.since),
            last_error: present(router.last_error),
            drift: router.drift,
            namespace: router.namespace,
        }
    }
}

impl Row for Router {
    const NOUN: &'static str = "virtual routers";
    const HEADER: &'static [&'static str] =
        &["VN", "NODE", "ENGINE", "STATE", "AGE", "RESTARTS", "MEMORY", "ADJACENCIES", "ROUTES", "PROBLEMS"];

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        let drift = self.drift.iter().map(|line| format!("drift: {line}"));
        let problems: Vec<_> = self.last_error.clone().into_iter().chain(drift).collect();
        vec![
            (&self.vn).into(),
            (&self.node).into(),
            (&self.engine).into(),
            self.state.cell(),
            Cell::maybe(self.since.map(|since| units::age(since, now))),
            Cell::number(self.restarts),
            Cell::quantity(units::size(self.rss_bytes)),
            Cell::ratio(self.adjacencies, self.adjacencies_expected),
            Cell::number(self.routes),
            Cell::stack(&problems),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{at, drawn};

    #[test]
    fn a_router_has_the_fields_that_scripts_rely_on() {
        let mut wire = v1::Router {
            vn: "red".into(),
            node: "seattle".into(),
            engine: "frr-ospf".into(),
            processes: vec![v1::Process { name: "ospfd".into(), pid: 41, start_time: 9 }],
            restarts: 1,
            rss_bytes: 2048,
            adjacencies: 2,
            adjacencies_expected: 3,
            routes: 17,
            since: at(30),
            drift: vec!["ospf: metric of eth1 is 10, not 20".into()],
            ..Default::default()
        };
        wire.set_state(v1::RouterState::Running);
        let router = Router::from(wire);
        let json = serde_json::to_value(&router).unwrap();
        assert_eq!(json["state"], "running");
        assert_eq!(json["pids"], serde_json::json!([41]));
        assert_eq!(json["since"], "1970-01-01T00:00:30Z");
        assert!(json["last_error"].is_null());
        for field in ["vn", "node", "engine", "restarts", "rss_bytes", "adjacencies", "routes"] {
            assert!(!json[field].is_null(), "{field}");
        }
        let text = drawn(&vec![router]);
        assert!(text.contains("running  1m "), "{text}");
        assert!(text.ends_with("2/3      17  drift: ospf: metric of eth1 is 10, not 20\n"), "{text}");
    }
}
