//! What `braid replay` shows: policies compared, or the course of one prefix.

use std::{collections::BTreeMap, time::Duration};

use braid_record::{Fault, Outcome, Record, Turn};
use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    output::View,
    page::{Cell, Page, Tone},
    units,
};

/// Policies compared on one record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    pub network: String,
    pub border: String,
    /// When the record begins.
    pub begins: Option<Timestamp>,
    /// What could not be read or was never recorded.
    pub warnings: Vec<String>,
    pub policies: Vec<Replayed>,
}

/// How good the verdicts of one policy were, all prefixes together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    pub policy: String,
    pub prefixes: usize,
    pub watched_ms: u64,
    pub wrong_ms: u64,
    pub unavoidable_ms: u64,
    pub undecided_ms: u64,
    pub disagreed_ms: u64,
    pub switches: u64,
    pub false_switches: u64,
    pub returns: u64,
    pub faults: u64,
    pub sat_out: u64,
    pub delay_p50_ms: Option<u64>,
    pub delay_p99_ms: Option<u64>,
    pub delay_max_ms: Option<u64>,
    /// Verdicts that are not those decided live; null under another policy than the recorded one.
    pub mismatches: Option<u64>,
}

impl Replayed {
    /// The outcome under a policy of that name.
    pub fn new(policy: &str, outcome: &Outcome) -> Self {
        let figures = &outcome.figures;
        Self {
            policy: policy.to_owned(),
            prefixes: outcome.prefixes.len(),
            watched_ms: figures.watched_ms,
            wrong_ms: figures.wrong_ms,
            unavoidable_ms: figures.unavoidable_ms,
            undecided_ms: figures.undecided_ms,
            disagreed_ms: figures.disagreed_ms,
            switches: figures.switches,
            false_switches: figures.false_switches,
            returns: figures.returns,
            faults: figures.faults,
            sat_out: figures.sat_out,
            delay_p50_ms: figures.delay_percentile_ms(50),
            delay_p99_ms: figures.delay_percentile_ms(99),
            delay_max_ms: figures.delay_percentile_ms(100),
            mismatches: outcome.mismatches,
        }
    }
}

fn at(ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()
}

fn span(ms: u64) -> String {
    units::span(Duration::from_millis(ms))
}

fn bad_unless_zero(ms: u64) -> Cell {
    Cell::quantity(span(ms)).tone(if ms == 0 { Tone::Plain } else { Tone::Bad })
}

impl Comparison {
    /// Outcomes on one record.
    pub fn new(record: &Record, policies: Vec<Replayed>) -> Self {
        let header = record.stretches().iter().flatten().next().map(|segment| segment.header().clone());
        let header = header.unwrap_or_default();
        Self {
            begins: at(header.epoch_ms.saturating_add(header.begins.0)),
            network: header.network,
            border: header.border,
            warnings: record.warnings().to_vec(),
            policies,
        }
    }
}

impl View for Comparison {
    fn draw(&self, page: &mut Page) {
        let prefixes = self.policies.iter().map(|policy| policy.prefixes).max().unwrap_or_default();
        let begins = self.begins.map_or_else(String::new, |at| format!(", from {at:.3}"));
        page.line(format!("{}.{}: {}{begins}", self.network, self.border, units::count(prefixes, "prefix")));
        page.gap();
        let header = [
            "POLICY",
            "WRONG",
            "UNAVOIDABLE",
            "UNDECIDED",
            "SWITCHES",
            "FALSE",
            "RETURNS",
            "FAULTS",
            "SAT OUT",
            "DELAY P50",
            "P99",
            "MAX",
        ];
        let delay =
            |ms: Option<u64>| ms.map_or_else(|| Cell::maybe(None::<String>), |ms| Cell::quantity(span(ms)));
        let row = |it: &Replayed| {
            vec![
                (&it.policy).into(),
                bad_unless_zero(it.wrong_ms),
                Cell::quantity(span(it.unavoidable_ms)),
                Cell::quantity(span(it.undecided_ms)),
                Cell::number(it.switches),
                Cell::number(it.false_switches),
                Cell::number(it.returns),
                Cell::number(it.faults),
                Cell::number(it.sat_out),
                delay(it.delay_p50_ms),
                delay(it.delay_p99_ms),
                delay(it.delay_max_ms),
            ]
        };
        page.table(&header, self.policies.iter().map(row), "no policies");
        for policy in self.policies.iter().filter(|policy| policy.mismatches.is_some_and(|count| count > 0)) {
            page.gap();
            page.toned_line(
                format!(
                    "{} verdicts differ from those decided live: the record does not reach back to the border's start",
                    policy.mismatches.unwrap_or_default()
                ),
                Tone::Doubtful,
            );
        }
    }
}

/// The course of one prefix under one policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    pub prefix: Ipv4Net,
    pub policy: String,
    pub wrong_ms: u64,
    pub switches: u64,
    pub turns: Vec<Drive>,
    pub faults: Vec<Failing>,
}

/// Who drives from a time on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drive {
    pub time: Option<Timestamp>,
    /// Null: nobody.
    pub vn: Option<String>,
    /// The deciding step; null where it was taken over as found, or the prefix is not voted on any more.
    pub step: Option<&'static str>,
    pub alarm: Option<String>,
}

/// A time during which a virtual network did not deliver the prefix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failing {
    pub vn: String,
    pub from: Option<Timestamp>,
    pub lasted_ms: u64,
    pub cause: String,
    /// It drove when that began.
    pub drove: bool,
    /// Until another one drove.
    pub delay_ms: Option<u64>,
}

impl Timeline {
    /// The course of a prefix, with the names of virtual networks.
    pub fn new(
        prefix: Ipv4Net,
        policy: &str,
        course: &braid_record::Timeline,
        names: &BTreeMap<u8, String>,
    ) -> Self {
        let name = |vn: u8| names.get(&vn).cloned().unwrap_or_else(|| format!("vn{vn}"));
        let drive = |turn: &Turn| Drive {
            time: at(turn.at_ms),
            vn: turn.winner.map(name),
            step: turn.step.map(|step| step.as_str()),
            alarm: turn.alarm.map(|alarm| alarm.to_string()),
        };
        let failing = |fault: &Fault| Failing {
            vn: name(fault.vn),
            from: at(fault.from_ms),
            lasted_ms: fault.until_ms.saturating_sub(fault.from_ms),
            cause: fault.cause.to_string(),
            drove: fault.drove,
            delay_ms: fault.delay_ms,
        };
        Self {
            prefix,
            policy: policy.to_owned(),
            wrong_ms: course.figures.wrong_ms,
            switches: course.figures.switches,
            turns: course.turns.iter().map(drive).collect(),
            faults: course.faults.iter().map(failing).collect(),
        }
    }
}

impl View for Timeline {
    fn draw(&self, page: &mut Page) {
        let time = |time: Option<Timestamp>| Cell::maybe(time.map(|at| format!("{at:.3}")));
        page.line(format!(
            "{} under {}: {}, {} wrong",
            self.prefix,
            self.policy,
            units::count(usize::try_from(self.switches).unwrap_or(usize::MAX), "move"),
            span(self.wrong_ms)
        ));
        page.heading("who drove");
        let turns = self.turns.iter().map(|turn| {
            vec![
                time(turn.time),
                Cell::maybe(turn.vn.as_ref()),
                Cell::maybe(turn.step),
                Cell::maybe(turn.alarm.as_ref()),
            ]
        });
        page.table(&["FROM", "VN", "STEP", "ALARM"], turns, "nobody");
        page.heading("who did not deliver");
        let faults = self.faults.iter().map(|fault| {
            vec![
                time(fault.from),
                (&fault.vn).into(),
                (&fault.cause).into(),
                Cell::quantity(span(fault.lasted_ms)),
                Cell::toned(
                    if fault.drove { "yes" } else { "no" },
                    if fault.drove { Tone::Bad } else { Tone::Faint },
                ),
                Cell::maybe(fault.delay_ms.map(span)),
            ]
        });
        page.table(&["FROM", "VN", "CAUSE", "LASTED", "DROVE", "SWITCHED AFTER"], faults, "nobody");
    }
}

#[cfg(test)]
mod tests {
    use braid_record::{Cause, Figures};

    use super::*;
    use crate::view::testing::drawn;

    #[test]
    fn policies_are_rows_and_delays_that_never_were_are_hyphens() {
        let figures =
            Figures { wrong_ms: 1_250, switches: 3, delays_ms: vec![40, 1_210], ..Figures::default() };
        let outcome = Outcome { figures, ..Outcome::default() };
        let none = Outcome { mismatches: Some(2), ..Outcome::default() };
        let comparison = Comparison {
            network: "lab".into(),
            border: "north".into(),
            begins: at(1_000),
            warnings: Vec::new(),
            policies: vec![Replayed::new("majority", &outcome), Replayed::new("as recorded", &none)],
        };
        let text = drawn(&comparison);
        assert!(text.contains("1s 250ms") && text.contains("1s 210ms"), "{text}");
        assert!(text.contains("2 verdicts differ"), "{text}");
        assert_eq!(serde_json::to_value(&comparison).unwrap()["policies"][0]["delay_p50_ms"], 40);
    }

    #[test]
    fn a_course_names_the_virtual_networks() {
        let turn = Turn { at_ms: 5, winner: Some(2), step: None, alarm: None };
        let fault =
            Fault { vn: 1, from_ms: 0, until_ms: 9, cause: Cause::Lost, drove: true, delay_ms: Some(5) };
        let course = braid_record::Timeline { turns: vec![turn], faults: vec![fault], ..Default::default() };
        let names = [(2, "green".to_owned())].into();
        let text = drawn(&Timeline::new("198.18.5.0/24".parse().unwrap(), "majority", &course, &names));
        assert!(text.contains("green") && text.contains("vn1") && text.contains("probes lost"), "{text}");
    }
}
