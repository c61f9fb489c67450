//! Labs: what `braid lab up`, `lab list` and `lab down` answer.

use std::time::Duration;

use braid_lab::{Daemon, DownReport, LabSummary, UpReport};
use braid_proto::NetworkName;
use jiff::Timestamp;
use serde::Serialize;

use super::{Row, Status, Vn};
use crate::{
    output::View,
    page::{Cell, Page, Tone},
    units,
};

/// A lab that is up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabUp {
    lab: String,
    /// It was up before, and nothing was done.
    already_running: bool,
    stages: Vec<StageTime>,
    total_ms: f64,
    status: Status,
    /// Commands to try next.
    next: Vec<String>,
}

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct StageTime {
    stage: &'static str,
    took_ms: f64,
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

impl LabUp {
    /// The report with commands to try next.
    pub fn new(report: UpReport, next: Vec<String>) -> Self {
        let total: Duration = report.stages.iter().map(|(_, took)| *took).sum();
        Self {
            lab: report.lab.to_string(),
            already_running: report.already_running,
            stages: report
                .stages
                .iter()
                .map(|(stage, took)| StageTime { stage: stage.label(), took_ms: ms(*took) })
                .collect(),
            total_ms: ms(total),
            status: report.status.into(),
            next,
        }
    }
}

impl View for LabUp {
    fn draw(&self, page: &mut Page) {
        let seconds = |ms: f64| units::seconds(Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default());
        let (status, now) = (&self.status, page.now());
        page.toned_line(
            if self.already_running {
                format!("lab {} was up already", self.lab)
            } else {
                format!("lab {} is up after {}", self.lab, seconds(self.total_ms))
            },
            Tone::Strong,
        );
        page.gap();
        page.table(Vn::HEADER, status.vns.iter().map(|vn| vn.cells(now)), "no virtual networks");
        page.gap();
        let decided = format!("votes: {} of {} decided", status.votes, status.votes_expected);
        page.toned_line(decided, Tone::of(status.votes == status.votes_expected));
        page.list("pending", &status.pending, Tone::Doubtful);
        page.list("alarms", &status.alarms, Tone::Bad);
        if !self.stages.is_empty() {
            page.gap();
            let total = vec!["total".into(), Cell::quantity(seconds(self.total_ms))];
            let stages = self.stages.iter().map(|s| vec![s.stage.into(), Cell::quantity(seconds(s.took_ms))]);
            page.table(&["STAGE", "TIME"], stages.chain([total]), "");
        }
        page.list("next", &self.next, Tone::Plain);
    }
}

/// A lab of this machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lab {
    name: String,
    topology: Option<String>,
    created: Option<Timestamp>,
    controller_alive: bool,
    nodes: usize,
    namespaces: usize,
    processes: usize,
}

impl From<LabSummary> for Lab {
    fn from(lab: LabSummary) -> Self {
        Self {
            name: lab.name.to_string(),
            topology: lab.topology.map(|path| path.display().to_string()),
            created: lab.created,
            controller_alive: lab.controller_alive,
            nodes: lab.nodes,
            namespaces: lab.namespaces,
            processes: lab.processes,
        }
    }
}

impl Row for Lab {
    const NOUN: &'static str = "labs";
    const HEADER: &'static [&'static str] =
        &["LAB", "AGE", "CONTROLLER", "NODES", "NAMESPACES", "PROCESSES", "TOPOLOGY"];

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        vec![
            (&self.name).into(),
            Cell::maybe(self.created.map(|created| units::age(created, now))),
            if self.controller_alive {
                Cell::toned("alive", Tone::Good)
            } else {
                Cell::toned("gone", Tone::Bad)
            },
            Cell::number(self.nodes),
            Cell::number(self.namespaces),
            Cell::number(self.processes),
            Cell::maybe(self.topology.as_ref()),
        ]
    }
}

/// What went away with a lab.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabDown {
    lab: String,
    processes: usize,
    namespaces: usize,
    cgroups: usize,
    took_ms: f64,
    /// Processes outside of the lab that keep its namespaces alive; they are left alone.
    holders: Vec<String>,
}

impl LabDown {
    /// What the report on the lab of that name says.
    pub fn new(lab: &NetworkName, report: DownReport) -> Self {
        Self {
            lab: lab.to_string(),
            processes: report.processes,
            namespaces: report.namespaces,
            cgroups: report.cgroups,
            took_ms: ms(report.took),
            holders: report.holders,
        }
    }
}

impl Row for LabDown {
    const NOUN: &'static str = "labs";
    const HEADER: &'static [&'static str] =
        &["REMOVED LAB", "PROCESSES", "NAMESPACES", "CGROUPS", "TIME", "STILL HELD BY"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let took = Duration::try_from_secs_f64(self.took_ms / 1e3).unwrap_or_default();
        vec![
            (&self.lab).into(),
            Cell::number(self.processes),
            Cell::number(self.namespaces),
            Cell::number(self.cgroups),
            Cell::quantity(units::seconds(took)),
            Cell::stack(&self.holders),
        ]
    }
}

/// A daemon that has been started again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restarted {
    daemon: &'static str,
    /// The node on which it runs; null for the controller.
    node: Option<String>,
}

impl From<Daemon> for Restarted {
    fn from(daemon: Daemon) -> Self {
        let (daemon, node) = match daemon {
            Daemon::Controller => ("controller", None),
            Daemon::Agent(node) => ("agent", Some(node)),
            Daemon::Border(node) => ("border", Some(node)),
            Daemon::All => ("all", None),
        };
        Self { daemon, node: node.map(String::from) }
    }
}

impl Row for Restarted {
    const NOUN: &'static str = "daemons started: all are alive";
    const HEADER: &'static [&'static str] = &["STARTED", "NODE"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![self.daemon.into(), Cell::maybe(self.node.as_ref())]
    }
}

#[cfg(test)]
mod tests {
    use braid_lab::Stage;
    use braid_proto::v1;

    use super::*;
    use crate::view::testing::drawn;

    fn up(already_running: bool) -> LabUp {
        let report = UpReport {
            lab: "ring".parse().unwrap(),
            already_running,
            stages: vec![
                (Stage::Check, Duration::from_millis(40)),
                (Stage::Converge, Duration::from_millis(7_210)),
            ],
            status: v1::GetStatusResponse {
                network: "ring".into(),
                vns: vec![v1::Vn { id: 1, name: "red".into(), votes_won: 2, ..Default::default() }],
                votes: 2,
                votes_expected: 2,
                converged: true,
                ..Default::default()
            },
        };
        LabUp::new(report, vec!["braid status".into()])
    }

    #[test]
    fn a_lab_that_is_up_says_how_long_it_took_and_what_to_try() {
        let text = drawn(&up(false));
        assert!(text.starts_with("lab ring is up after 7.25 s\n"), "{text}");
        assert!(text.contains("\nvotes: 2 of 2 decided\n"), "{text}");
        assert!(text.contains("\nconverge  7.21 s\ntotal     7.25 s\n"), "{text}");
        assert!(text.ends_with("\nnext\n  braid status\n"), "{text}");
        assert!(drawn(&up(true)).starts_with("lab ring was up already\n"));
    }

    #[test]
    fn a_script_reads_stages_and_status() {
        let json = serde_json::to_value(up(false)).unwrap();
        assert_eq!(json["stages"][1], serde_json::json!({ "stage": "converge", "took_ms": 7210.0 }));
        assert_eq!(json["status"]["converged"], true);
        assert_eq!(json["status"]["vns"][0]["votes_won"], 2);
    }

    #[test]
    fn what_still_holds_a_removed_lab_is_named() {
        let report = DownReport {
            processes: 9,
            namespaces: 7,
            cgroups: 6,
            took: Duration::from_millis(800),
            holders: vec!["strace (pid 7) holds ring.a".into()],
        };
        let text = drawn(&vec![LabDown::new(&"ring".parse().unwrap(), report)]);
        assert!(
            text.contains("ring                 9           7        6  0.80 s  strace (pid 7)"),
            "{text}"
        );
    }
}
