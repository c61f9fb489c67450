//! Labs: what `braid lab up`, `lab list` and `lab down` answer.

use std::time::Duration;

use braid_lab::{DownReport, LabSummary, UpReport};
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
        let status = &self.status;
        page.toned_line(
            if self.already_running {
                format!("lab {} was up already", self.lab)
            } else {
                format!("lab {} is up after {}", self.lab, seconds(self.total_ms))
            },
            Tone::Strong,
        );
        page.gap();
        page.table(
            Vn::HEADER,
            status.vns.iter().map(|vn| vn.cells(page.now())).collect(),
            "no virtual networks",
        );
        page.gap();
        let decided = format!("votes: {} of {} decided", status.votes, status.votes_expected);
        page.toned_line(decided, Tone::of(status.votes == status.votes_expected));
        page.list("pending", &status.pending, Tone::Doubtful);
        page.list("alarms", &status.alarms, Tone::Bad);
        if !self.stages.is_empty() {
            page.gap();
            let total = vec!["total".into(), Cell::number(seconds(self.total_ms))];
            let stages = self.stages.iter().map(|s| vec![s.stage.into(), Cell::number(seconds(s.took_ms))]);
            page.table(&["STAGE", "TIME"], stages.chain([total]).collect(), "");
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
    const HEADER: &'static [&'static str] = &["REMOVED LAB", "PROCESSES", "NAMESPACES", "CGROUPS", "TIME", "STILL HELD BY"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let took = Duration::try_from_secs_f64(self.took_ms / 1e3).unwrap_or_default();
        vec![
            (&self.lab).into(),
            Cell::number(self.processes),
            Cell::number(self.namespaces),
            Cell::number(self.cgroups),
            Cell::number(units::seconds(took)),
            Cell::stack(&self.holders),
        ]
    }
}
