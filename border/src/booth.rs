//! The polling booth: evidence comes in, elections are held where it changed, verdicts stand. Pure; the caller has the
//! clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use braid_proto::VnId;
use braid_vote::{
    Ballot, Election, Elector, EngineState, Explanation, LayoutClass, Millis, RouteEvidence, Verdict,
};
use ipnet::Ipv4Net;

use crate::{ballots::Evidence, spec::Spec};

/// How long the first vote waits for a virtual network of which nothing has been heard.
const FIRST_VOTE_DEADLINE: Duration = Duration::from_secs(1);

/// For how long a virtual network's live layout must have been the same, and its engine have run, before its next hops are
/// compared with those of others: while one has reconverged after a change and another not yet, they differ, and none is
/// wrong. The slowest engine known to us, BIRD, takes 10 s after a link came back.
const REST: Duration = Duration::from_secs(15);

/// All elections of a border.
#[derive(Debug, Default)]
pub struct Booth {
    spec: Spec,
    voted: BTreeSet<Ipv4Net>,
    /// Each virtual network's live layout, and since when it has been this.
    layouts: BTreeMap<VnId, (Option<u64>, Millis)>,
    evidence: BTreeMap<VnId, Evidence>,
    elections: BTreeMap<Ipv4Net, Election>,
    /// When an election is due although nothing changes.
    due: BTreeMap<Ipv4Net, Millis>,
    /// When the next virtual network comes to rest.
    rest_due: Option<Millis>,
    changed: BTreeSet<Ipv4Net>,
    /// Incumbents found in the kernel, until their elections have taken them over.
    adopted: BTreeMap<Ipv4Net, VnId>,
    /// Until when the first vote waits; `None` once it has been held.
    first_vote_by: Option<Millis>,
}

impl Booth {
    /// A booth for a border whose kernel already forwards these prefixes through these virtual networks.
    #[must_use]
    pub fn new(adopted: BTreeMap<Ipv4Net, VnId>) -> Self {
        Self { adopted, first_vote_by: Some(Millis(0)), ..Self::default() }
    }

    /// The specification in force.
    #[must_use]
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Puts a specification in force. Evidence on virtual networks that stay is kept.
    pub fn set_spec(&mut self, spec: Spec, now: Millis) {
        if self.first_vote_by == Some(Millis(0)) {
            self.first_vote_by = Some(now.after(FIRST_VOTE_DEADLINE));
        }
        self.voted = spec.foreign.iter().map(|foreign| foreign.prefix).collect();
        self.layouts.retain(|id, _| spec.vn(*id).is_some());
        for vn in &spec.vns {
            let layout = self.layouts.entry(vn.id).or_insert((vn.layout_class, now));
            if layout.0 != vn.layout_class {
                *layout = (vn.layout_class, now);
            }
        }
        self.evidence.retain(|id, _| spec.vn(*id).is_some());
        for vn in &spec.vns {
            self.evidence.entry(vn.id).or_default().set_voted(&self.voted, now);
        }
        self.elections.retain(|prefix, _| self.voted.contains(prefix));
        self.due.retain(|prefix, _| self.voted.contains(prefix));
        for foreign in &spec.foreign {
            let adopted = self.adopted.remove(&foreign.prefix);
            let election = self.elections.entry(foreign.prefix).or_insert_with(|| {
                let mut election = Election::new(foreign.policy);
                if let Some(vn) = adopted {
                    election.adopt(vn.get());
                }
                election
            });
            if *election.policy() != foreign.policy {
                election.set_policy(foreign.policy);
            }
        }
        self.changed = self.voted.clone();
        self.spec = spec;
    }

    /// The engine of a virtual network changed its state.
    pub fn set_engine(&mut self, vn: VnId, state: EngineState, now: Millis) {
        if let Some(evidence) = self.evidence.get_mut(&vn) {
            evidence.set_engine(state, now);
            self.changed = self.voted.clone();
        }
    }

    /// Packets can get into these virtual networks here, and into no others.
    pub fn set_ports(&mut self, up: &BTreeSet<VnId>, now: Millis) {
        let news = self.evidence.iter_mut().map(|(vn, evidence)| evidence.set_port(up.contains(vn), now));
        if news.fold(false, |any, one| any | one) {
            self.changed = self.voted.clone();
        }
    }

    /// These are all routes of a virtual network here.
    pub fn set_routes(&mut self, vn: VnId, routes: BTreeMap<Ipv4Net, RouteEvidence>, now: Millis) {
        if let Some(evidence) = self.evidence.get_mut(&vn) {
            self.changed.extend(evidence.set_routes(routes, &self.voted, now));
        }
    }

    /// A virtual network's route for one prefix is now this.
    pub fn set_route(&mut self, vn: VnId, prefix: Ipv4Net, route: RouteEvidence, now: Millis) {
        if let Some(evidence) = self.evidence.get_mut(&vn) {
            self.changed.extend(evidence.set_route(prefix, route, &self.voted, now));
        }
    }

    /// The virtual networks, each with its live layout if it is at rest; and when one more will be.
    fn electors(&self, now: Millis) -> (Vec<Elector>, Option<Millis>) {
        let mut next = None::<Millis>;
        let electors = (0_u16..).zip(&self.spec.vns).map(|(rank, vn)| {
            let (class, since) = self.layouts.get(&vn.id).copied().unwrap_or_default();
            let engine_since = self.evidence.get(&vn.id).and_then(Evidence::running_since);
            let at_rest = engine_since.map(|engine| engine.max(since).after(REST));
            let layout = class.map(LayoutClass).filter(|_| at_rest.is_some_and(|at| at <= now));
            if class.is_some()
                && layout.is_none()
                && let Some(at) = at_rest
            {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
            Elector { vn: vn.id.get(), rank, code_base: vn.code_base.clone(), layout }
        });
        (electors.collect(), next)
    }

    fn ballots(&self, prefix: Ipv4Net) -> Vec<Ballot> {
        self.evidence.iter().map(|(vn, evidence)| evidence.ballot(vn.get(), prefix)).collect()
    }

    /// Whether votes may be held: everyone has been heard, or was waited for long enough. A vote held earlier would go to
    /// whoever happens to be heard first.
    fn open(&mut self, now: Millis) -> bool {
        if let Some(by) = self.first_vote_by {
            let all_heard = self.evidence.values().all(|evidence| evidence.heard);
            if self.evidence.is_empty() || (!all_heard && now < by) {
                return false;
            }
            self.first_vote_by = None;
        }
        true
    }

    /// Holds the elections that are due. Gives the prefixes whose verdict changed.
    pub fn decide(&mut self, now: Millis) -> Vec<Ipv4Net> {
        if !self.open(now) {
            return Vec::new();
        }
        let (electors, next_rest) = self.electors(now);
        let mut due = std::mem::take(&mut self.changed);
        if self.rest_due.is_some_and(|at| at <= now) {
            due.clone_from(&self.voted);
        }
        self.rest_due = next_rest;
        due.extend(self.due.iter().filter(|(_, at)| **at <= now).map(|(prefix, _)| *prefix));
        let mut verdicts_changed = Vec::new();
        for prefix in due {
            let ballots = self.ballots(prefix);
            let Some(election) = self.elections.get_mut(&prefix) else { continue };
            let decision = election.decide(now, &electors, &ballots);
            if decision.changed {
                verdicts_changed.push(prefix);
            }
            match decision.recheck_at {
                Some(at) => self.due.insert(prefix, at),
                None => self.due.remove(&prefix),
            };
        }
        verdicts_changed
    }

    /// When to call [`Booth::decide`] again although nothing changes.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        let first_vote = self.first_vote_by.filter(|_| !self.evidence.is_empty());
        first_vote.or_else(|| self.due.values().copied().chain(self.rest_due).min())
    }

    /// Every prefix voted on, with the verdict if there has been a vote.
    pub fn verdicts(&self) -> impl Iterator<Item = (Ipv4Net, Option<&Verdict>)> {
        self.elections.iter().map(|(prefix, election)| (*prefix, election.verdict()))
    }

    /// Why a prefix's verdict is what it is; `None` for one that is not voted on.
    #[must_use]
    pub fn explain(&self, prefix: Ipv4Net, now: Millis) -> Option<Explanation> {
        let election = self.elections.get(&prefix)?;
        Some(election.explain(now, &self.electors(now).0, &self.ballots(prefix)))
    }

    /// The ballots of a prefix, for the ages of the evidence.
    #[must_use]
    pub fn ballot(&self, vn: VnId, prefix: Ipv4Net) -> Option<Ballot> {
        self.evidence.get(&vn).map(|evidence| evidence.ballot(vn.get(), prefix))
    }
}

#[cfg(test)]
mod tests {
    use braid_vote::{NextHop, Policy, Rule};

    use super::*;
    use crate::spec::{Foreign, Vn};

    fn vn(id: u32) -> VnId {
        VnId::try_from(id).unwrap()
    }

    fn spec() -> Spec {
        let network = |id: u32, code_base: &str| Vn {
            id: vn(id),
            name: format!("vn{id}").parse().unwrap(),
            engine: code_base.to_owned(),
            code_base: code_base.to_owned(),
            namespace: format!("lab.a.vn{id}"),
            port: format!("braid-vn{id}").parse().unwrap(),
            gateway: [100, 67, 0, 1].into(),
            layout_class: None,
        };
        Spec {
            vns: vec![network(1, "frr"), network(2, "bird")],
            foreign: vec![Foreign {
                prefix: prefix(),
                egress: ["b".parse().unwrap()].into(),
                policy: Policy::new(Rule::Master { master: 1 }),
            }],
            ..Spec::default()
        }
    }

    fn prefix() -> Ipv4Net {
        "198.18.1.0/24".parse().unwrap()
    }

    fn route() -> RouteEvidence {
        let hop = NextHop { gateway: Some([100, 65, 0, 3].into()), interface: "eth1".into() };
        RouteEvidence::Usable { next_hops: vec![hop].into(), metric: 20 }
    }

    fn winner(booth: &Booth) -> Option<u8> {
        booth.verdicts().next().and_then(|(_, verdict)| verdict.and_then(|v| v.winner))
    }

    #[test]
    fn a_restarted_border_waits_for_the_incumbent_it_found_before_it_votes() {
        // Goal: being heard first is no merit.
        let mut booth = Booth::new([(prefix(), vn(1))].into());
        booth.set_spec(spec(), Millis(0));
        booth.set_routes(vn(2), [(prefix(), route())].into(), Millis(1));
        assert_eq!(booth.decide(Millis(2)), []);
        booth.set_routes(vn(1), [(prefix(), route())].into(), Millis(3));
        assert_eq!(booth.decide(Millis(3)), [prefix()]);
        assert_eq!(winner(&booth), Some(1));
    }

    #[test]
    fn a_virtual_network_that_stays_silent_holds_up_the_first_vote_only_so_long() {
        let mut booth = Booth::new(BTreeMap::new());
        booth.set_spec(spec(), Millis(0));
        booth.set_routes(vn(2), [(prefix(), route())].into(), Millis(1));
        let by = booth.next_due().unwrap();
        assert_eq!(booth.decide(by), [prefix()]);
        assert_eq!(winner(&booth), Some(2));
    }

    #[test]
    fn next_hops_count_only_between_networks_at_rest() {
        // Goal: three code bases, one of which goes another way; while a layout is fresh that is no disagreement.
        let mut wanted = spec();
        wanted.vns.push(Vn { id: vn(3), code_base: "native".into(), ..wanted.vns[1].clone() });
        wanted.vns.iter_mut().for_each(|vn| vn.layout_class = Some(7));
        let mut booth = Booth::new(BTreeMap::new());
        booth.set_spec(wanted, Millis(0));
        let hop = NextHop { gateway: Some([100, 65, 0, 9].into()), interface: "eth2".into() };
        let other = RouteEvidence::Usable { next_hops: vec![hop].into(), metric: 20 };
        for (id, route) in [(1, other), (2, route()), (3, route())] {
            booth.set_engine(vn(id), EngineState::Running, Millis(0));
            booth.set_routes(vn(id), [(prefix(), route)].into(), Millis(0));
        }
        booth.decide(Millis(0));
        booth.decide(Millis(5000));
        assert_eq!(winner(&booth), Some(1));
        assert!(booth.next_due().unwrap() <= Millis(15_000));
        booth.decide(Millis(15_000));
        let settled = booth.next_due().unwrap();
        booth.decide(settled);
        assert_eq!(winner(&booth), Some(2), "the majority holds once it has settled");
    }

    #[test]
    fn the_death_of_the_winner_moves_its_prefixes_at_once() {
        let mut booth = Booth::new(BTreeMap::new());
        booth.set_spec(spec(), Millis(0));
        for id in [1, 2] {
            booth.set_engine(vn(id), EngineState::Running, Millis(0));
            booth.set_routes(vn(id), [(prefix(), route())].into(), Millis(0));
        }
        booth.decide(Millis(0));
        booth.decide(Millis(1000));
        assert_eq!(winner(&booth), Some(1));
        booth.set_engine(vn(1), EngineState::Gone, Millis(2000));
        assert_eq!(booth.decide(Millis(2000)), [prefix()]);
        assert_eq!(winner(&booth), Some(2));
        let explanation = booth.explain(prefix(), Millis(2001)).unwrap();
        assert_eq!(explanation.verdict.winner, Some(2));
    }
}
