//! What a replay comes to: the verdicts over time, and how good they were.

use std::collections::{BTreeMap, BTreeSet};

use braid_vote::{Alarm, Millis, Step};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{Cause, hindsight::Hindsight};

/// The outcome of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// All prefixes together.
    pub figures: Figures,
    /// Each prefix.
    pub prefixes: BTreeMap<Ipv4Net, Timeline>,
    /// With nothing changed: verdicts that are not those that were decided live. Above zero only where the record does not
    /// reach back to the border's start, since how VNs stood before is not known then.
    pub mismatches: Option<u64>,
}

/// How good the verdicts were. See the crate's documentation for what is counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// For how long verdicts were watched, all prefixes together, in milliseconds.
    pub watched_ms: u64,
    /// For how long the VN that drove did not deliver, in milliseconds.
    pub wrong_ms: u64,
    /// Of that, while no other VN delivered either.
    pub unavoidable_ms: u64,
    /// For how long nobody drove while some VN would have delivered, in milliseconds.
    pub undecided_ms: u64,
    /// For how long a VN disagreed with the one that drove, in milliseconds.
    pub disagreed_ms: u64,
    /// Changes from one VN to another.
    pub switches: u64,
    /// Of these, away from a VN that delivered, other than to the master.
    pub false_switches: u64,
    /// Of these, away from a VN that delivered, to the master.
    pub returns: u64,
    /// Faults of the VN that drove when they began.
    pub faults: u64,
    /// Of these, those that ended before another VN drove.
    pub sat_out: u64,
    /// How long it took from a fault's first evidence to the switch, in milliseconds, ascending; of the other faults.
    pub delays_ms: Vec<u64>,
}

/// The course of one prefix.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeline {
    /// Who drove it from when on.
    pub turns: Vec<Turn>,
    /// When VNs did not deliver it.
    pub faults: Vec<Fault>,
    /// How good the verdicts were.
    pub figures: Figures,
}

/// Who drives a prefix from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Which VN.
    pub winner: Option<u8>,
    /// The step that decided; none where it was taken over as found, or where the prefix is not voted on any more.
    pub step: Option<Step>,
    /// The alarm on it.
    pub alarm: Option<Alarm>,
}

/// A time during which a VN did not deliver a prefix, whether it drove or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Which VN.
    pub vn: u8,
    /// When it began, in milliseconds since 1970.
    pub from_ms: u64,
    /// When it ended, or the record did.
    pub until_ms: u64,
    /// What was wrong at first.
    pub cause: Cause,
    /// It drove when the fault began.
    pub drove: bool,
    /// It drove, and how long it took until another VN did.
    pub delay_ms: Option<u64>,
}

impl Turn {
    /// The prefix is not voted on from now on.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        self.winner.is_none() && self.step.is_none()
    }
}

impl Figures {
    /// The delay that this part of the switched faults, in percent, did not exceed; none without such faults.
    #[must_use]
    pub fn delay_percentile_ms(&self, percent: u8) -> Option<u64> {
        let rank = (self.delays_ms.len() * usize::from(percent.min(100))).div_ceil(100);
        self.delays_ms.get(rank.saturating_sub(1)).copied()
    }

    fn add(&mut self, other: &Figures) {
        self.watched_ms += other.watched_ms;
        self.wrong_ms += other.wrong_ms;
        self.unavoidable_ms += other.unavoidable_ms;
        self.undecided_ms += other.undecided_ms;
        self.disagreed_ms += other.disagreed_ms;
        self.switches += other.switches;
        self.false_switches += other.false_switches;
        self.returns += other.returns;
        self.faults += other.faults;
        self.sat_out += other.sat_out;
        self.delays_ms.extend_from_slice(&other.delays_ms);
    }
}

/// Weighs the verdicts of one stretch.
pub(crate) struct Balance<'h> {
    pub hindsight: &'h Hindsight,
    pub epoch_ms: u64,
}

impl Balance<'_> {
    pub fn draw(&self, courses: BTreeMap<Ipv4Net, Vec<Turn>>, outcome: &mut Outcome) {
        for (prefix, turns) in courses {
            let weighed = self.weigh(prefix, turns);
            outcome.figures.add(&weighed.figures);
            let timeline = outcome.prefixes.entry(prefix).or_default();
            timeline.figures.add(&weighed.figures);
            timeline.figures.delays_ms.sort_unstable();
            timeline.turns.extend(weighed.turns);
            timeline.faults.extend(weighed.faults);
        }
        outcome.figures.delays_ms.sort_unstable();
    }

    fn weigh(&self, prefix: Ipv4Net, turns: Vec<Turn>) -> Timeline {
        let mut figures = self.durations(prefix, &turns);
        for pair in turns.windows(2) {
            let (Some(from), Some(to)) = (pair[0].winner, pair[1].winner) else { continue };
            if from == to {
                continue;
            }
            figures.switches += 1;
            if !self.is_faulty(prefix, from, pair[1].at_ms) {
                match pair[1].step {
                    Some(Step::Master) => figures.returns += 1,
                    _ => figures.false_switches += 1,
                }
            }
        }
        let spells = self.hindsight.spells.get(&prefix).map(Vec::as_slice).unwrap_or_default();
        let mut faults: Vec<Fault> = Vec::new();
        for spell in spells {
            let (from, until) = (spell.from.0, spell.until.0);
            let at_first = turns.partition_point(|turn| turn.at_ms < from);
            let driver = at_first.checked_sub(1).and_then(|at| turns[at].winner);
            let drove = driver == Some(spell.vn);
            let left = turns[at_first..].iter().find(|turn| turn.winner != Some(spell.vn));
            let delay_ms = left.filter(|turn| drove && turn.at_ms <= until).map(|turn| turn.at_ms - from);
            figures.faults += u64::from(drove);
            figures.sat_out += u64::from(drove && delay_ms.is_none());
            figures.delays_ms.extend(delay_ms);
            let [from_ms, until_ms] = [from, until].map(|at| self.epoch_ms.saturating_add(at));
            faults.push(Fault { vn: spell.vn, from_ms, until_ms, cause: spell.cause, drove, delay_ms });
        }
        faults.sort_by_key(|fault| (fault.from_ms, fault.vn));
        let wall = |turn: Turn| Turn { at_ms: self.epoch_ms.saturating_add(turn.at_ms), ..turn };
        Timeline { turns: turns.into_iter().map(wall).collect(), faults, figures }
    }

    fn is_faulty(&self, prefix: Ipv4Net, vn: u8, at: u64) -> bool {
        let spells = self.hindsight.spells.get(&prefix).into_iter().flatten();
        let mut of_it = spells.filter(|spell| spell.vn == vn);
        of_it.any(|spell| spell.from.0 <= at && at <= spell.until.0)
    }

    /// Goes through the times between two changes of anything.
    fn durations(&self, prefix: Ipv4Net, turns: &[Turn]) -> Figures {
        enum Mark {
            Turn(Option<u8>, bool),
            Fault(u8, bool),
            Electorate(usize),
        }
        let spells = self.hindsight.spells.get(&prefix).into_iter().flatten();
        let mut marks: Vec<(u64, Mark)> = Vec::new();
        for spell in spells {
            marks.push((spell.from.0, Mark::Fault(spell.vn, true)));
            marks.push((spell.until.0, Mark::Fault(spell.vn, false)));
        }
        for turn in turns {
            marks.push((turn.at_ms, Mark::Turn(turn.winner, !turn.is_end())));
        }
        for (i, (at, _)) in self.hindsight.electorates.iter().enumerate() {
            marks.push((at.0, Mark::Electorate(i)));
        }
        let Millis(end) = self.hindsight.end;
        marks.retain(|(at, _)| *at <= end);
        marks.sort_by_key(|(at, _)| *at);
        let none = BTreeSet::new();
        let mut figures = Figures::default();
        let (mut driver, mut open, mut electorate) = (None, false, &none);
        // Spells of one VN may touch where evidence is dated back.
        let mut faulty: BTreeMap<u8, i32> = BTreeMap::new();
        let mut now = 0;
        for (at, mark) in marks.into_iter().map(|(at, mark)| (at, Some(mark))).chain([(end, None)]) {
            let passed = at.saturating_sub(now);
            now = at;
            let is_well = |vn: &u8| faulty.get(vn).is_none_or(|count| *count <= 0);
            let hopeless = !electorate.iter().any(is_well);
            if open {
                figures.watched_ms += passed;
                match driver {
                    Some(vn) if !is_well(&vn) => {
                        figures.wrong_ms += passed;
                        figures.unavoidable_ms += if hopeless { passed } else { 0 };
                    }
                    None if !hopeless => figures.undecided_ms += passed,
                    _ => {}
                }
            }
            match mark {
                Some(Mark::Turn(winner, votes)) => (driver, open) = (winner, votes),
                Some(Mark::Fault(vn, begins)) => {
                    *faulty.entry(vn).or_default() += if begins { 1 } else { -1 };
                }
                Some(Mark::Electorate(i)) => {
                    electorate = self.hindsight.electorates.get(i).map_or(&none, |(_, vns)| vns);
                }
                None => {}
            }
        }
        figures
    }
}
