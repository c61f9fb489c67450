//! Which VNs would have delivered what, and when, as far as the evidence in a record tells afterwards.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use braid_vote::{
    EgressSet, Elector, Evidence, Millis, PrefixId, ProbeEvidence, RouteEvidence, VerificationEvidence,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{Event, Segment};

/// Why a VN would not have delivered a prefix. Of several the first in this order; what begins as one and goes on as another
/// is one fault, under its first cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// There was no usable route, or packets could not get into the VN.
    NoRoute,
    /// Probes did not come out.
    Lost,
    /// Verification found a loop.
    Loops,
    /// Verification found that packets are dropped.
    Dropped,
    /// It delivered at a border where the prefix is not attached, or the reference model does not expect it.
    Misdirected,
    /// It delivered elsewhere than the strict majority of the code bases, and the majority did not follow it.
    Outvoted,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Cause::NoRoute => "no route",
            Cause::Lost => "probes lost",
            Cause::Loops => "loops",
            Cause::Dropped => "dropped",
            Cause::Misdirected => "misdirected",
            Cause::Outvoted => "outvoted",
        })
    }
}

/// A time during which a VN would not have delivered a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spell {
    pub vn: u8,
    pub from: Millis,
    pub until: Millis,
    pub cause: Cause,
}

/// What is known afterwards of one stretch of a record.
#[derive(Debug, Default)]
pub(crate) struct Hindsight {
    /// By prefix, in order of their ends.
    pub spells: BTreeMap<Ipv4Net, Vec<Spell>>,
    /// Who could have driven, from when on.
    pub electorates: Vec<(Millis, BTreeSet<u8>)>,
    /// When the record ends.
    pub end: Millis,
    /// How many votes have been held.
    decisions: u64,
    cases: HashMap<PrefixId, Case>,
    electors: Vec<Elector>,
    ports_down: BTreeSet<u8>,
    unreached: BTreeSet<(u8, u16)>,
}

#[derive(Debug)]
struct Case {
    prefix: Ipv4Net,
    attached: EgressSet,
    ballots: BTreeMap<u8, Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    has_route: bool,
    probe: ProbeEvidence,
    verification: VerificationEvidence,
    fault: Option<Open>,
}

#[derive(Debug, Clone)]
struct Open {
    from: Millis,
    /// How many votes had been held by then.
    decisions: u64,
    cause: Cause,
    /// Where it delivered when it was outvoted.
    egress: Option<EgressSet>,
}

/// A code base's vote in parts that up to 16 VNs share evenly.
const VOTE: u64 = 720_720;

impl Hindsight {
    pub fn of(stretch: &[Segment]) -> Hindsight {
        let mut known = Hindsight::default();
        for (i, segment) in stretch.iter().enumerate() {
            if i == 0 {
                let header = segment.header();
                known.end = header.begins;
                known.set_electors(&header.electors);
                for (at, evidence) in header.evidence() {
                    known.hear(at, &evidence);
                }
            }
            for event in segment.events() {
                known.take(&event);
            }
        }
        let numbers: Vec<PrefixId> = known.cases.keys().copied().collect();
        for number in numbers {
            known.close(number);
        }
        known
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Standing(standing) if !self.cases.contains_key(&standing.number) => {
                self.open(standing.number, standing.prefix, &standing.attached);
                for (at, evidence) in standing.evidence(standing.number) {
                    // What was so before is not of this record.
                    self.hear(at.max(self.end), &evidence);
                }
            }
            Event::Open { number, prefix, attached, .. } => self.open(*number, *prefix, attached),
            Event::Close { number } => self.close(*number),
            Event::Terms { number, attached, .. } => {
                if let Some(case) = self.cases.get_mut(number) {
                    case.attached.clone_from(attached);
                    self.judge(*number, self.end);
                }
            }
            Event::Electors(electors) => self.set_electors(electors),
            Event::Evidence { at, evidence } => self.hear(*at, evidence),
            Event::Decide { at, .. } => {
                self.decisions += 1;
                self.end = self.end.max(*at);
            }
            Event::Standing(_) | Event::Vn { .. } | Event::Border { .. } => {}
        }
    }

    fn set_electors(&mut self, electors: &[Elector]) {
        self.electors = electors.to_vec();
        let vns: BTreeSet<u8> = electors.iter().map(|elector| elector.vn).collect();
        if self.electorates.last().is_none_or(|(_, before)| *before != vns) {
            self.electorates.push((self.end, vns));
            self.judge_all(self.end);
        }
    }

    fn open(&mut self, number: PrefixId, prefix: Ipv4Net, attached: &EgressSet) {
        self.close(number);
        self.cases.insert(number, Case { prefix, attached: attached.clone(), ballots: BTreeMap::new() });
        self.judge(number, self.end);
    }

    fn close(&mut self, number: PrefixId) {
        let Some(case) = self.cases.remove(&number) else { return };
        for (vn, heard) in case.ballots {
            if let Some(fault) = heard.fault {
                self.note(case.prefix, vn, &fault, self.end);
            }
        }
    }

    fn note(&mut self, prefix: Ipv4Net, vn: u8, fault: &Open, until: Millis) {
        let Open { from, cause, decisions, .. } = *fault;
        // One that came and went within a millisecond counts if a vote was held on it.
        if from < until || decisions < self.decisions {
            self.spells.entry(prefix).or_default().push(Spell { vn, from, until, cause });
        }
    }

    fn hear(&mut self, at: Millis, evidence: &Evidence) {
        self.end = self.end.max(at);
        let (number, vn) = match evidence {
            Evidence::Route { prefix, vn, .. }
            | Evidence::Probe { prefix, vn, .. }
            | Evidence::Verification { prefix, vn, .. } => (*prefix, *vn),
            Evidence::VerificationAway => {
                let ballots = self.cases.values_mut().flat_map(|case| case.ballots.values_mut());
                ballots.for_each(|heard| heard.verification = VerificationEvidence::Unknown);
                return self.judge_all(at);
            }
            Evidence::Border { border, vn, lost } => {
                let way = (*vn, border.0);
                if if *lost { self.unreached.insert(way) } else { self.unreached.remove(&way) } {
                    self.judge_all(at);
                }
                return;
            }
            Evidence::Port { vn, up } => {
                if if *up { self.ports_down.remove(vn) } else { self.ports_down.insert(*vn) } {
                    self.judge_all(at);
                }
                return;
            }
            Evidence::Converged { .. } => return,
            // An engine that is gone leaves its routes in force.
            Evidence::Engine { .. } => return,
        };
        let Some(case) = self.cases.get_mut(&number) else { return };
        let heard = case.ballots.entry(vn).or_default();
        match evidence {
            Evidence::Route { route, .. } => {
                heard.has_route =
                    matches!(route, RouteEvidence::Usable { next_hops, .. } if !next_hops.is_empty());
            }
            Evidence::Probe { probe, .. } => heard.probe = probe.clone(),
            Evidence::Verification { verification, .. } => heard.verification = verification.clone(),
            _ => {}
        }
        self.judge(number, at);
    }

    fn judge_all(&mut self, at: Millis) {
        let numbers: Vec<PrefixId> = self.cases.keys().copied().collect();
        for number in numbers {
            self.judge(number, at);
        }
    }

    fn judge(&mut self, number: PrefixId, at: Millis) {
        let Some(case) = self.cases.get(&number) else { return };
        let prefix = case.prefix;
        let alone: Vec<Option<Cause>> =
            self.electors.iter().map(|elector| self.fault_of(case, elector.vn)).collect();
        let majority = self.majority(case, &alone);
        let mut found = Vec::new();
        for (elector, cause) in self.electors.iter().zip(alone) {
            let egress = case.ballots.get(&elector.vn).and_then(Heard::egress).cloned();
            let outvoted = matches!((&majority, &egress), (Some(many), Some(one)) if many != one);
            found.push((elector.vn, cause.or(outvoted.then_some(Cause::Outvoted)), egress));
        }
        let voting: BTreeSet<u8> = found.iter().map(|(vn, ..)| *vn).collect();
        let mut ended = Vec::new();
        let decisions = self.decisions;
        if let Some(case) = self.cases.get_mut(&number) {
            let left = case.ballots.keys().copied().filter(|vn| !voting.contains(vn));
            found.extend(left.map(|vn| (vn, None, None)).collect::<Vec<_>>());
            for (vn, cause, egress) in found {
                let heard = case.ballots.entry(vn).or_default();
                match (&mut heard.fault, cause) {
                    (Some(open), Some(_)) => open.from = open.from.min(at),
                    (None, Some(cause)) => heard.fault = Some(Open { from: at, decisions, cause, egress }),
                    (None, None) => {}
                    (fault @ Some(_), None) => {
                        let open = fault.take();
                        // The majority came over to it, so it was not wrong.
                        let vindicated = |open: &Open| open.cause == Cause::Outvoted && open.egress == egress;
                        ended.extend(open.filter(|open| !vindicated(open)).map(|open| (vn, open)));
                    }
                }
            }
        }
        for (vn, open) in ended {
            self.note(prefix, vn, &open, at);
        }
    }

    /// What is wrong with a VN by itself.
    fn fault_of(&self, case: &Case, vn: u8) -> Option<Cause> {
        let Some(heard) = case.ballots.get(&vn) else { return Some(Cause::NoRoute) };
        if !heard.has_route || self.ports_down.contains(&vn) {
            return Some(Cause::NoRoute);
        }
        let ought = heard.egress().unwrap_or(&case.attached);
        let unreached = |border: &braid_vote::EgressId| self.unreached.contains(&(vn, border.0));
        if heard.probe == ProbeEvidence::Lost || (!ought.is_empty() && ought.iter().all(unreached)) {
            return Some(Cause::Lost);
        }
        match &heard.verification {
            VerificationEvidence::Loops => return Some(Cause::Loops),
            VerificationEvidence::Dropped => return Some(Cause::Dropped),
            VerificationEvidence::DiffersFromModel { .. } => return Some(Cause::Misdirected),
            VerificationEvidence::Unknown | VerificationEvidence::Delivers { .. } => {}
        }
        let strange = |border: &braid_vote::EgressId| case.attached.binary_search(border).is_err();
        let astray =
            !case.attached.is_empty() && heard.egress().is_some_and(|egress| egress.iter().any(strange));
        astray.then_some(Cause::Misdirected)
    }

    /// Where the strict majority of the code bases delivers, of those VNs with nothing wrong but perhaps the border.
    fn majority(&self, case: &Case, alone: &[Option<Cause>]) -> Option<EgressSet> {
        let says = |elector: &Elector, cause: &Option<Cause>| {
            let egress = case.ballots.get(&elector.vn)?.egress()?;
            matches!(cause, None | Some(Cause::Misdirected)).then_some(egress)
        };
        let voices: Vec<(&str, &EgressSet)> = (self.electors.iter().zip(alone))
            .filter_map(|(elector, cause)| Some((elector.code_base.as_str(), says(elector, cause)?)))
            .collect();
        let mut members: BTreeMap<&str, u64> = BTreeMap::new();
        for (code_base, _) in &voices {
            *members.entry(code_base).or_default() += 1;
        }
        let mut votes: BTreeMap<&EgressSet, u64> = BTreeMap::new();
        for (code_base, egress) in &voices {
            *votes.entry(egress).or_default() += VOTE / members.get(code_base).copied().unwrap_or(1);
        }
        let all: u64 = votes.values().sum();
        votes.into_iter().find(|(_, votes)| 2 * votes > all).map(|(egress, _)| egress.clone())
    }
}

impl Heard {
    fn egress(&self) -> Option<&EgressSet> {
        match (&self.probe, &self.verification) {
            (ProbeEvidence::Delivers { egress }, _)
            | (
                _,
                VerificationEvidence::Delivers { egress } | VerificationEvidence::DiffersFromModel { egress },
            ) => Some(egress),
            (ProbeEvidence::Unknown | ProbeEvidence::Lost, _) => None,
        }
    }
}
