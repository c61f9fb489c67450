//! A physical router, as `braid get nodes` shows it.

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::{Row, present};
use crate::page::{Cell, Tone};

/// A physical router.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    pub name: String,
    pub number: u32,
    pub loopback: String,
    /// Where it stands, if the topology says so.
    pub position: Option<Position>,
    pub border: bool,
    pub agent_connected: bool,
    pub agent_pid: Option<i32>,
    pub border_connected: bool,
    pub border_pid: Option<i32>,
    /// What the border has put right in its kernel since it started.
    pub border_repairs: u64,
    pub routers: u32,
    pub routers_running: u32,
    pub problems: Vec<String>,
}

/// Degrees on WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Position {
    pub latitude: f64,
    pub longitude: f64,
}

impl From<v1::Node> for Node {
    fn from(node: v1::Node) -> Self {
        let pid = |pid: i32| (pid != 0).then_some(pid);
        Self {
            name: node.name,
            number: node.number,
            loopback: node.loopback,
            position: node.position.map(|p| Position { latitude: p.latitude, longitude: p.longitude }),
            border: node.border,
            agent_connected: node.agent_connected,
            agent_pid: pid(node.agent_pid),
            border_connected: node.border_connected,
            border_pid: pid(node.border_pid),
            border_repairs: node.border_repairs,
            routers: node.routers,
            routers_running: node.routers_running,
            problems: node.problems.into_iter().filter_map(present).collect(),
        }
    }
}

impl Row for Node {
    const NOUN: &'static str = "nodes";
    const HEADER: &'static [&'static str] =
        &["NODE", "NUMBER", "LOOPBACK", "AGENT", "BORDER", "REPAIRS", "ROUTERS", "PROBLEMS"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let daemon = |connected, pid: Option<i32>| match (connected, pid) {
            (true, Some(pid)) => Cell::toned(format!("pid {pid}"), Tone::Good),
            (true, None) => Cell::toned("connected", Tone::Good),
            (false, _) => Cell::toned("away", Tone::Bad),
        };
        vec![
            (&self.name).into(),
            Cell::number(self.number),
            (&self.loopback).into(),
            daemon(self.agent_connected, self.agent_pid),
            if self.border {
                daemon(self.border_connected, self.border_pid)
            } else {
                Cell::maybe(None::<String>)
            },
            Cell::maybe(self.border.then_some(self.border_repairs)),
            Cell::ratio(self.routers_running, self.routers),
            Cell::stack(&self.problems),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::drawn;

    #[test]
    fn a_daemon_that_is_away_shows() {
        let wire = v1::Node {
            name: "seattle".into(),
            number: 1,
            loopback: "100.64.0.1".into(),
            border: true,
            agent_connected: true,
            agent_pid: 812,
            routers: 3,
            routers_running: 2,
            ..Default::default()
        };
        let nodes: Vec<Node> = vec![wire.into()];
        assert_eq!(
            drawn(&nodes),
            "NODE     NUMBER  LOOPBACK    AGENT    BORDER  REPAIRS  ROUTERS  PROBLEMS\n\
             seattle       1  100.64.0.1  pid 812  away    0            2/3  -\n"
        );
        let json = serde_json::to_value(&nodes).unwrap();
        assert_eq!(json[0]["agent_pid"], 812);
        assert!(json[0]["border_pid"].is_null() && json[0]["position"].is_null());
    }
}
