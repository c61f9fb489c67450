//! The polling booth: evidence comes in by name, elections are held where it changed, verdicts stand. Pure; the caller has
//! the clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use braid_proto::VnId;
use braid_vote::{
    EgressSet, Elector, EngineState, Evidence, Explanation, LayoutClass, Millis, Poll, PrefixId,
    ProbeEvidence, RouteEvidence, Verdict, VerificationEvidence,
};
use ipnet::Ipv4Net;

use crate::{
    ballots::Offer,
    borders::Borders,
    clones::Answer,
    network::{Network, Voters},
    probe,
    recorder::Tape,
    spec::{Foreign, Spec},
    verified::Verified,
};

/// How long the first vote waits for a virtual network of which nothing has been heard.
const FIRST_VOTE_DEADLINE: Duration = Duration::from_secs(1);

/// All elections of a border.
#[derive(Debug, Default)]
pub struct Booth {
    spec: Spec,
    poll: Poll,
    numbers: BTreeMap<Ipv4Net, PrefixId>,
    /// The prefix of each number; stale for numbers that are not in use.
    prefixes: Vec<Ipv4Net>,
    borders: Borders,
    networks: BTreeMap<VnId, Network>,
    electors: Vec<Elector>,
    /// The electors are to be told anew.
    electors_changed: bool,
    /// When the next virtual network comes to rest.
    rest_due: Option<Millis>,
    /// Incumbents found in the kernel, until their elections have taken them over.
    adopted: BTreeMap<Ipv4Net, VnId>,
    /// Until when the first vote waits; `None` once it has been held.
    first_vote_by: Option<Millis>,
    /// Since when the controller is there to verify, if it is.
    verifying_since: Option<Millis>,
    tape: Tape,
}

impl Booth {
    /// A booth for a border whose kernel already forwards these prefixes through these virtual networks.
    #[must_use]
    pub fn new(adopted: BTreeMap<Ipv4Net, VnId>) -> Self {
        Self { adopted, first_vote_by: Some(Millis(0)), ..Self::default() }
    }

    /// Records all that is done from now on.
    pub fn record(&mut self, tape: Tape) {
        self.tape = tape;
    }

    /// The record.
    #[must_use]
    pub const fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The specification in force.
    #[must_use]
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The names of the borders, as the poll numbers them.
    #[must_use]
    pub const fn borders(&self) -> &Borders {
        &self.borders
    }

    /// Puts a specification in force. Evidence on virtual networks and prefixes that stay is kept.
    pub fn set_spec(&mut self, spec: Spec, now: Millis) {
        if self.first_vote_by == Some(Millis(0)) {
            self.first_vote_by = Some(now.after(FIRST_VOTE_DEADLINE));
        }
        self.networks.retain(|id, _| spec.vn(*id).is_some());
        for vn in &spec.vns {
            let network = self.networks.entry(vn.id).or_insert_with(|| Network::new(vn.layout_class, now));
            network.set_layout(vn.layout_class, now);
        }
        self.spec = spec;
        self.set_electors(now);
        self.follow_prefixes(now);
    }

    /// Opens and closes elections as the specification says.
    fn follow_prefixes(&mut self, now: Millis) {
        let foreign = std::mem::take(&mut self.spec.foreign);
        let wanted: BTreeSet<Ipv4Net> = foreign.iter().map(|foreign| foreign.prefix).collect();
        let gone = self.numbers.keys().copied().filter(|prefix| !wanted.contains(prefix));
        for prefix in gone.collect::<Vec<_>>() {
            self.close(prefix);
        }
        self.poll.reserve(wanted.len() - self.numbers.len());
        for foreign in &foreign {
            let attached = self.borders.numbers(&foreign.egress);
            match self.numbers.get(&foreign.prefix) {
                Some(number) => {
                    let terms = (self.poll.attached(*number), self.poll.policy(*number));
                    if terms != (Some(&attached), Some(&*foreign.policy)) {
                        self.tape.terms(*number, *foreign.policy, &attached);
                    }
                    self.poll.set_attached(*number, &attached);
                    self.poll.set_policy(*number, *foreign.policy);
                }
                None => self.open(foreign, &attached, now),
            }
        }
        self.spec.foreign = foreign;
    }

    fn open(&mut self, foreign: &Foreign, attached: &EgressSet, now: Millis) {
        let prefix = foreign.prefix;
        let number = self.poll.open(*foreign.policy, attached);
        self.numbers.insert(prefix, number);
        let at = number.0 as usize;
        if self.prefixes.len() <= at {
            self.prefixes.resize(at + 1, prefix);
        }
        self.prefixes[at] = prefix;
        let adopted = self.adopted.remove(&prefix).map(VnId::get);
        self.tape.open(number, prefix, *foreign.policy, attached, adopted);
        if let Some(vn) = adopted {
            self.poll.adopt(number, vn);
        }
        for vn in self.networks.keys().copied().collect::<Vec<_>>() {
            let Some(network) = self.networks.get_mut(&vn) else { continue };
            let route = network.routes.adopt(prefix);
            self.hear(&Evidence::Route { prefix: number, vn: vn.get(), route }, now);
        }
    }

    fn close(&mut self, prefix: Ipv4Net) {
        let Some(number) = self.numbers.remove(&prefix) else { return };
        for (vn, network) in &mut self.networks {
            if let Some(offer) = self.poll.route(number, vn.get()) {
                network.routes.abandon(prefix, offer);
            }
        }
        self.tape.close(number);
        self.poll.close(number);
    }

    fn hear(&mut self, evidence: &Evidence, now: Millis) {
        if self.poll.hear(now, evidence) {
            self.tape.hear(now, evidence);
        }
    }

    /// The engine of a virtual network changed its state.
    pub fn set_engine(&mut self, vn: VnId, state: EngineState, now: Millis) {
        if let Some(network) = self.networks.get_mut(&vn) {
            network.set_engine(state, now);
            self.electors_changed = true;
            self.hear(&Evidence::Engine { vn: vn.get(), state }, now);
        }
    }

    /// Packets can get into these virtual networks here, and into no others.
    pub fn set_ports(&mut self, up: &BTreeSet<VnId>, now: Millis) {
        for vn in self.networks.keys().copied().collect::<Vec<_>>() {
            self.hear(&Evidence::Port { vn: vn.get(), up: up.contains(&vn) }, now);
        }
    }

    /// These are all routes of a virtual network here.
    pub fn set_routes(&mut self, vn: VnId, routes: BTreeMap<Ipv4Net, RouteEvidence>, now: Millis) {
        if let Some(network) = self.networks.get_mut(&vn) {
            network.heard = true;
            let offers = network.routes.set_all(routes, self.numbers.keys().copied());
            self.offer(vn, offers, now);
        }
    }

    /// A virtual network's route for one prefix is now this.
    pub fn set_route(&mut self, vn: VnId, prefix: Ipv4Net, route: RouteEvidence, now: Millis) {
        if let Some(network) = self.networks.get_mut(&vn) {
            let voters = Voters { poll: &self.poll, numbers: &self.numbers, vn };
            let offers = network.routes.set(prefix, route, &voters);
            self.offer(vn, offers, now);
        }
    }

    fn offer(&mut self, vn: VnId, offers: Vec<Offer>, now: Millis) {
        for (prefix, route) in offers {
            if let Some(prefix) = self.numbers.get(&prefix).copied() {
                self.hear(&Evidence::Route { prefix, vn: vn.get(), route }, now);
            }
        }
    }

    /// What a converged clone of a virtual network's engine has said.
    pub fn set_converged(&mut self, vn: VnId, answer: &Answer, now: Millis) {
        let Answer { asked, at_rest, ref changes } = *answer;
        if !self.networks.get(&vn).is_some_and(|network| network.stands_by_its_clone(asked)) {
            return;
        }
        // A route that forwards nothing concerns all wider prefixes.
        let touched = changes.iter().flat_map(|change| {
            (0..=change.prefix_len()).filter_map(|length| Ipv4Net::new(change.network(), length).ok())
        });
        let pending = touched.filter_map(|prefix| self.numbers.get(&prefix.trunc()).copied()).collect();
        self.hear(&Evidence::Converged { vn: vn.get(), asked, at_rest, pending }, now);
    }

    /// What probes have found in a virtual network.
    pub fn set_probe(&mut self, vn: VnId, target: &probe::Target, found: &probe::Evidence, now: Millis) {
        let vn = vn.get();
        let evidence = match target {
            probe::Target::Border(node) => {
                let Some(border) = self.borders.number(node) else { return };
                Evidence::Border { border, vn, lost: *found == probe::Evidence::Lost }
            }
            probe::Target::Prefix(prefix) => {
                let Some(prefix) = self.numbers.get(prefix).copied() else { return };
                let probe = match found {
                    probe::Evidence::Unknown => ProbeEvidence::Unknown,
                    probe::Evidence::Delivers { egress } => {
                        ProbeEvidence::Delivers { egress: self.borders.numbers(egress) }
                    }
                    probe::Evidence::Lost => ProbeEvidence::Lost,
                };
                Evidence::Probe { prefix, vn, probe }
            }
        };
        self.hear(&evidence, now);
    }

    /// What the controller has verified. `all`: what it does not speak of it does not know.
    pub fn set_verification(&mut self, all: bool, findings: &[(VnId, Ipv4Net, Verified)], now: Millis) {
        self.verifying_since.get_or_insert(now);
        if all {
            self.hear(&Evidence::VerificationAway, now);
        }
        for (vn, prefix, found) in findings {
            let Some(prefix) = self.numbers.get(prefix).copied() else { continue };
            let verification = match found {
                Verified::Unknown => VerificationEvidence::Unknown,
                Verified::Loops => VerificationEvidence::Loops,
                Verified::Dropped => VerificationEvidence::Dropped,
                Verified::Delivers(egress) => {
                    VerificationEvidence::Delivers { egress: self.borders.numbers(egress) }
                }
                Verified::DiffersFromModel(egress) => {
                    VerificationEvidence::DiffersFromModel { egress: self.borders.numbers(egress) }
                }
            };
            self.hear(&Evidence::Verification { prefix, vn: vn.get(), verification }, now);
        }
    }

    /// The controller is away: what it had verified is not known any more, and votes are held without it.
    pub fn clear_verification(&mut self, now: Millis) {
        self.verifying_since = None;
        self.hear(&Evidence::VerificationAway, now);
    }

    /// Since when the controller is there to verify; `None` while votes are held without it.
    #[must_use]
    pub const fn verifying_since(&self) -> Option<Millis> {
        self.verifying_since
    }

    /// Tells the poll who votes, and which layouts are at rest.
    fn set_electors(&mut self, now: Millis) {
        self.electors_changed = false;
        self.rest_due = None;
        let mut electors = Vec::new();
        for (rank, vn) in (0_u16..).zip(&self.spec.vns) {
            let Some(network) = self.networks.get(&vn.id) else { continue };
            let at_rest = network.at_rest();
            let class = network.layout.0.map(LayoutClass);
            let layout = class.filter(|_| at_rest.is_some_and(|at| at <= now));
            if class != layout
                && let Some(at) = at_rest
            {
                self.rest_due = Some(self.rest_due.map_or(at, |due| due.min(at)));
            }
            electors.push(Elector { vn: vn.id.get(), rank, code_base: vn.code_base.clone(), layout });
        }
        if electors != self.electors {
            self.tape.electors(&self.spec.vns, &electors);
            self.poll.set_electors(&electors);
            self.electors = electors;
        }
    }

    /// Whether votes may be held: everyone has been heard, or was waited for long enough. A vote held earlier would go to
    /// whoever happens to be heard first.
    fn open_for_votes(&mut self, now: Millis) -> bool {
        if let Some(by) = self.first_vote_by {
            let all_heard = self.networks.values().all(|network| network.heard);
            if self.networks.is_empty() || (!all_heard && now < by) {
                return false;
            }
            self.first_vote_by = None;
        }
        true
    }

    /// Holds the elections that are due. Gives the prefixes whose verdict changed.
    pub fn decide(&mut self, now: Millis) -> Vec<Ipv4Net> {
        if !self.open_for_votes(now) {
            return Vec::new();
        }
        if self.electors_changed || self.rest_due.is_some_and(|at| at <= now) {
            self.set_electors(now);
        }
        let due = self.poll.next_due().is_some_and(|due| due <= now);
        let changed = self.poll.decide(now);
        if due {
            self.tape.decide(now, &changed, &self.poll, &self.borders);
        }
        self.tape.attend(&self.poll, &self.numbers, &self.electors);
        changed.into_iter().map(|number| self.prefixes[number.0 as usize]).collect()
    }

    /// When to call [`Booth::decide`] again although nothing changes.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        let first_vote = self.first_vote_by.filter(|_| !self.networks.is_empty());
        first_vote.or_else(|| self.poll.next_due().into_iter().chain(self.rest_due).min())
    }

    /// The verdict on a prefix, if there has been a vote.
    #[must_use]
    pub fn verdict(&self, prefix: Ipv4Net) -> Option<Verdict> {
        self.poll.verdict(*self.numbers.get(&prefix)?)
    }

    /// The virtual network that drives each prefix voted on, if any.
    pub fn winners(&self) -> impl Iterator<Item = (Ipv4Net, Option<VnId>)> {
        let winner = |number: &PrefixId| self.poll.winner(*number).and_then(vn_id);
        self.numbers.iter().map(move |(prefix, number)| (*prefix, winner(number)))
    }

    /// The virtual network that drives a prefix.
    #[must_use]
    pub fn winner(&self, prefix: Ipv4Net) -> Option<VnId> {
        self.poll.winner(*self.numbers.get(&prefix)?).and_then(vn_id)
    }

    /// The prefixes on which more evidence would help at once; the prober should look at them.
    pub fn doubt(&self) -> impl ExactSizeIterator<Item = Ipv4Net> {
        self.poll.doubt().map(|number| self.prefixes[number.0 as usize])
    }

    /// The one virtual network that would take over everything that `vn` drives, if `vn` failed now.
    #[must_use]
    pub fn succession(&self, vn: VnId) -> Option<VnId> {
        self.poll.succession(vn.get()).and_then(vn_id)
    }

    /// Why a prefix's verdict is what it is; `None` for one that is not voted on.
    #[must_use]
    pub fn explain(&self, prefix: Ipv4Net, now: Millis) -> Option<Explanation> {
        self.poll.explain(now, *self.numbers.get(&prefix)?)
    }
}

fn vn_id(vn: u8) -> Option<VnId> {
    VnId::try_from(u32::from(vn)).ok()
}

#[cfg(test)]
mod tests {
    use braid_proto::NodeName;
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
            router_port: "port".parse().unwrap(),
            gateway: [100, 67, 0, 1].into(),
            layout_class: None,
        };
        Spec {
            vns: vec![network(1, "frr"), network(2, "bird")],
            foreign: vec![Foreign {
                prefix: prefix(),
                egress: BTreeSet::from(["b".parse().unwrap()]).into(),
                policy: Policy::new(Rule::Master { master: 1 }).into(),
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
        booth.winner(prefix()).map(VnId::get)
    }

    /// Three virtual networks of three code bases that all deliver, voted on.
    fn settled() -> Booth {
        let mut wanted = spec();
        let id = vn(3);
        wanted.vns.push(Vn { id, code_base: "native".into(), ..wanted.vns[1].clone() });
        let mut booth = Booth::new(BTreeMap::new());
        booth.set_spec(wanted, Millis(0));
        for id in [1, 2, 3] {
            booth.set_engine(vn(id), EngineState::Running, Millis(0));
            booth.set_routes(vn(id), [(prefix(), route())].into(), Millis(0));
        }
        booth.decide(Millis(1000));
        assert_eq!(winner(&booth), Some(1));
        booth
    }

    fn named(names: &[&str]) -> BTreeSet<NodeName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
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
    fn a_new_prefix_waits_for_steady_ballots() {
        let mut booth = Booth::new(BTreeMap::new());
        booth.set_spec(spec(), Millis(0));
        for id in [1, 2] {
            booth.set_routes(vn(id), [(prefix(), route())].into(), Millis(10));
        }
        booth.decide(Millis(10));
        assert_eq!((winner(&booth), booth.doubt().collect::<Vec<_>>()), (None, vec![prefix()]));
        let steady = booth.next_due().unwrap();
        assert_eq!(steady, Millis(210));
        booth.decide(steady);
        assert_eq!((winner(&booth), booth.doubt().len()), (Some(1), 0));
    }

    #[test]
    fn a_virtual_network_that_stays_silent_holds_up_the_first_vote_only_so_long() {
        let mut booth = Booth::new(BTreeMap::new());
        booth.set_spec(spec(), Millis(0));
        booth.set_routes(vn(2), [(prefix(), route())].into(), Millis(1));
        let by = booth.next_due().unwrap();
        assert_eq!((by, booth.decide(by)), (Millis(1000), vec![prefix()]));
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

    #[test]
    fn probes_move_what_routes_cannot_tell() {
        let mut booth = settled();
        assert_eq!(booth.succession(vn(1)), Some(vn(2)));
        let b: NodeName = "b".parse().unwrap();
        // A border that is not reached takes its prefixes along, at once.
        let border = probe::Target::Border(b);
        booth.set_probe(vn(1), &border, &probe::Evidence::Lost, Millis(2000));
        booth.decide(Millis(2000));
        assert_eq!((winner(&booth), booth.succession(vn(1))), (Some(2), None));
        // So does a prefix whose own probes are lost.
        let target = probe::Target::Prefix(prefix());
        booth.set_probe(vn(2), &target, &probe::Evidence::Lost, Millis(3000));
        booth.decide(Millis(3000));
        assert_eq!(winner(&booth), Some(3));
        // The last one standing stays, in doubt.
        booth.set_probe(vn(3), &target, &probe::Evidence::Lost, Millis(4000));
        booth.decide(Millis(4000));
        assert_eq!((winner(&booth), booth.doubt().len()), (Some(3), 1));
        booth.set_probe(vn(1), &border, &probe::Evidence::Unknown, Millis(5000));
        booth.decide(Millis(5000));
        assert_eq!(winner(&booth), Some(1));
    }

    #[test]
    fn a_wrong_egress_is_seen_though_every_route_looks_right() {
        let mut booth = settled();
        for (id, egress) in [(1, "c"), (2, "b"), (3, "b")] {
            let found = probe::Evidence::Delivers { egress: named(&[egress]) };
            booth.set_probe(vn(id), &probe::Target::Prefix(prefix()), &found, Millis(2000));
        }
        booth.decide(Millis(2000));
        assert_eq!((winner(&booth), booth.doubt().len()), (Some(1), 1));
        booth.decide(Millis(2200));
        assert_eq!(winner(&booth), Some(2));
        let told = booth.explain(prefix(), Millis(2200)).unwrap();
        assert!(told.steps.iter().any(|step| step.detail.contains("border 0: 2 (VN 2, VN 3)")), "{told:#?}");
        assert_eq!(booth.borders().name(braid_vote::EgressId(0)).unwrap().as_str(), "b");
    }

    #[test]
    fn without_a_controller_votes_are_held_without_verification() {
        let mut booth = settled();
        assert_eq!(booth.verifying_since(), None);
        let differs = (vn(1), prefix(), Verified::DiffersFromModel(named(&["c"])));
        booth.set_verification(true, &[differs], Millis(2000));
        booth.decide(Millis(2000));
        assert_eq!(booth.verdict(prefix()).unwrap().alarm, Some(braid_vote::Alarm::Unverified));
        booth.set_verification(false, &[], Millis(2500));
        assert_eq!(booth.verifying_since(), Some(Millis(2000)));
        booth.clear_verification(Millis(3000));
        booth.decide(Millis(3000));
        assert_eq!(booth.verdict(prefix()).unwrap().alarm, None);
        assert_eq!(booth.verifying_since(), None);
    }

    #[test]
    fn prefixes_come_and_go_with_the_specification() {
        let mut booth = settled();
        let other: Ipv4Net = "198.18.2.0/24".parse().unwrap();
        let mut wanted = booth.spec().clone();
        wanted.foreign[0].prefix = other;
        booth.set_spec(wanted.clone(), Millis(2000));
        booth.decide(Millis(2000));
        assert_eq!((booth.winner(prefix()), booth.winner(other), booth.winners().count()), (None, None, 1));
        booth.set_route(vn(2), other, route(), Millis(2000));
        booth.decide(Millis(3000));
        assert_eq!(booth.winner(other), Some(vn(2)));
        // What was not voted on meanwhile is still known when it is again.
        wanted.foreign[0].prefix = prefix();
        booth.set_spec(wanted, Millis(4000));
        booth.decide(Millis(4000));
        booth.decide(Millis(5000));
        assert_eq!(booth.winners().collect::<Vec<_>>(), [(prefix(), Some(vn(1)))]);
    }
}
