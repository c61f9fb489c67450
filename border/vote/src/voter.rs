//! What the poll keeps of one VN: who it is, and the evidence that is not of one prefix.

use std::collections::BTreeMap;

use crate::{
    Ballot, CloneEvidence, EgressId, Elector, EngineEvidence, EngineState, FibEvidence, Millis, PrefixId,
    ProbeEvidence, RouteEvidence, SortedSet, Unusable, VerificationEvidence,
    cell::{Cell, Finding},
    sets::Sets,
};

/// A VN of the electorate.
#[derive(Debug, Clone)]
pub(crate) struct Voter {
    pub elector: Elector,
    /// The number of its code base.
    pub code_base: u8,
    pub engine: EngineEvidence,
    /// Whether packets can get in, and since when.
    pub port: (bool, Millis),
    /// The borders that probes do not reach, and since when.
    pub lost: BTreeMap<EgressId, Millis>,
    pub converged: Converged,
}

/// What a converged clone of a VN's engine last said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Converged {
    pub asked: Millis,
    pub at_rest: bool,
    pub pending: SortedSet<PrefixId>,
}

impl Converged {
    /// What it says of a route and an engine that have been the same since then.
    pub fn on(&self, prefix: PrefixId, since: Millis) -> CloneEvidence {
        let asked = self.asked;
        match asked > since {
            true if self.pending.binary_search(&prefix).is_ok() => CloneEvidence::Pending { asked },
            true if self.at_rest => CloneEvidence::Steady { asked },
            _ => CloneEvidence::Unknown,
        }
    }

    /// A prefix is not voted on any more.
    pub fn forget(&mut self, prefix: PrefixId) {
        if self.pending.binary_search(&prefix).is_ok() {
            self.pending = self.pending.iter().copied().filter(|other| *other != prefix).collect();
        }
    }
}

impl Voter {
    pub fn new(elector: Elector) -> Voter {
        Voter {
            elector,
            code_base: 0,
            engine: EngineEvidence::default(),
            port: (true, Millis(0)),
            lost: BTreeMap::new(),
            converged: Converged::default(),
        }
    }

    /// Since when both the route and a running engine have been what they are now.
    pub fn steady_since(&self, cell: &Cell) -> Millis {
        let fib_since = Millis::from(cell.fib_since).max(self.port.1);
        match self.engine.state {
            EngineState::Unknown => fib_since,
            _ => fib_since.max(self.engine.since),
        }
    }

    /// Since when probes do not get through: those for the prefix, or those to all borders at which it ought to come out.
    pub fn is_lost(&self, cell: &Cell, attached: u32, sets: &Sets) -> Option<Millis> {
        if cell.probe == Finding::LOST {
            return Some(cell.probe_since.into());
        }
        if self.lost.is_empty() {
            return None;
        }
        let ought = sets.egress.get(cell.egress().unwrap_or(attached)).filter(|set| !set.is_empty())?;
        let mut since = Millis(0);
        for border in ought.iter() {
            since = since.max(*self.lost.get(border)?);
        }
        Some(since)
    }

    /// The ballot as others read it.
    pub fn ballot(&self, prefix: PrefixId, cell: &Cell, attached: u32, sets: &Sets) -> Ballot {
        let borders = |finding: Finding| {
            finding.egress().and_then(|set| sets.egress.get(set)).cloned().unwrap_or_default()
        };
        let route = match sets.route(cell) {
            RouteEvidence::Usable { .. } if !self.port.0 => {
                RouteEvidence::Unusable { reason: Unusable::NoLiveNextHop }
            }
            route => route,
        };
        let lost = self.is_lost(cell, attached, sets);
        let (probe, probe_since) = match (lost, cell.probe) {
            (Some(since), _) => (ProbeEvidence::Lost, since),
            (None, Finding::UNKNOWN) => (ProbeEvidence::Unknown, cell.probe_since.into()),
            (None, finding) => {
                (ProbeEvidence::Delivers { egress: borders(finding) }, cell.probe_since.into())
            }
        };
        let verification = match cell.verification {
            Finding::UNKNOWN => VerificationEvidence::Unknown,
            Finding::LOOPS => VerificationEvidence::Loops,
            Finding::DROPPED => VerificationEvidence::Dropped,
            finding if finding.differs_from_model() => {
                VerificationEvidence::DiffersFromModel { egress: borders(finding) }
            }
            finding => VerificationEvidence::Delivers { egress: borders(finding) },
        };
        Ballot {
            vn: self.elector.vn,
            fib: FibEvidence { route, since: Millis::from(cell.fib_since).max(self.port.1) },
            engine: self.engine,
            probe,
            probe_since,
            verification,
            verification_since: cell.verification_since.into(),
            clone: self.converged.on(prefix, self.steady_since(cell)),
        }
    }
}
