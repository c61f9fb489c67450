//! Whether the network is as its topology wants it, and what is still missing, in words.

use std::collections::{BTreeMap, HashMap};

use braid_layout::{NodePlan, Plan, RouterPlan};
use braid_proto::{NodeName, VnId};
use ipnet::Ipv4Net;

use crate::{
    fleet::{Fib, Fleet, NodeActual},
    links::Links,
    report::{Route, RouterReport, RouterState},
};

/// How far the network is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Assessment {
    /// What is not as the topology wants it: agents first, then routers, adjacencies, FIBs, borders and votes.
    pub(crate) pending: Vec<String>,
    pub(crate) vns: BTreeMap<VnId, VnTally>,
    /// Votes with a winner.
    pub(crate) votes: u32,
    /// Pairs of a border and a foreign prefix that ought to have a winner.
    pub(crate) votes_expected: u32,
}

impl Assessment {
    pub(crate) fn converged(&self) -> bool {
        self.pending.is_empty()
    }
}

/// A virtual network in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct VnTally {
    pub(crate) running: u32,
    pub(crate) adjacencies: u32,
    pub(crate) adjacencies_expected: u32,
    /// Running routers whose FIB holds all that is in reach.
    pub(crate) converged: u32,
    pub(crate) votes_won: u32,
    pub(crate) rss_bytes: u64,
}

/// How many of a router's virtual links are up at both ends, so that each should have an adjacency.
pub(crate) fn adjacencies_expected(router: &RouterPlan, links: &Links) -> u32 {
    let down = links.down_in(router.vn);
    let up = router.links.iter().filter(|l| !down.contains(&l.link)).count();
    u32::try_from(up).unwrap_or(u32::MAX)
}

/// Compares the plan with what was last heard.
pub(crate) fn assess(plan: &Plan, revision: u64, fleet: &Fleet, links: &Links) -> Assessment {
    let mut survey = Survey::new(plan, revision, links);
    for (index, node) in plan.nodes.iter().enumerate() {
        if let Some(actual) = fleet.node(&node.name) {
            survey.agent(index, node, actual);
            survey.border(index, node, actual);
        }
    }
    survey.finish()
}

/// A prefix that routers ought to have a route to.
struct Target {
    prefix: Ipv4Net,
    /// Its node's index in the plan.
    owner: usize,
    /// Whether the owner itself needs a route: for an attached prefix (over the port), not for its loopback.
    own: bool,
}

struct Survey<'a> {
    plan: &'a Plan,
    revision: u64,
    links: &'a Links,
    targets: Vec<Target>,
    /// For each virtual network, the nodes that reach one another.
    islands: BTreeMap<VnId, Vec<usize>>,
    index: HashMap<&'a NodeName, usize>,
    vns: BTreeMap<VnId, VnTally>,
    votes: u32,
    votes_expected: u32,
    agents: Vec<String>,
    routers: Vec<String>,
    adjacencies: Vec<String>,
    fibs: Vec<String>,
    borders: Vec<String>,
    verdicts: Vec<String>,
}

impl<'a> Survey<'a> {
    fn new(plan: &'a Plan, revision: u64, links: &'a Links) -> Self {
        let targets = plan.nodes.iter().enumerate().flat_map(|(owner, node)| {
            let loopback = Target { prefix: node.loopback.into(), owner, own: false };
            let attached = node.border.iter().flat_map(|b| &b.attached);
            let attached = attached.map(move |a| Target { prefix: a.prefix, owner, own: true });
            std::iter::once(loopback).chain(attached)
        });
        Self {
            plan,
            revision,
            links,
            targets: targets.collect(),
            islands: plan.vns.iter().map(|v| (v.id, links.islands(v.id, plan))).collect(),
            index: plan.nodes.iter().enumerate().map(|(i, n)| (&n.name, i)).collect(),
            vns: plan.vns.iter().map(|v| (v.id, VnTally::default())).collect(),
            votes: 0,
            votes_expected: 0,
            agents: Vec::new(),
            routers: Vec::new(),
            adjacencies: Vec::new(),
            fibs: Vec::new(),
            borders: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    fn finish(self) -> Assessment {
        let stages = [self.agents, self.routers, self.adjacencies, self.fibs, self.borders, self.verdicts];
        Assessment {
            pending: stages.into_iter().flatten().collect(),
            vns: self.vns,
            votes: self.votes,
            votes_expected: self.votes_expected,
        }
    }

    fn agent(&mut self, index: usize, node: &'a NodePlan, actual: &NodeActual) {
        for router in &node.routers {
            self.vns.entry(router.vn).or_default().adjacencies_expected +=
                adjacencies_expected(router, self.links);
        }
        if !actual.agent.is_connected() {
            return self.agents.push(format!("the agent of {} is not connected", node.name));
        }
        let Some(report) = actual.current_report() else {
            return self.agents.push(format!("the agent of {} has not reported yet", node.name));
        };
        if report.revision != self.revision {
            self.agents.push(format!(
                "the agent of {} works towards revision {}, not {}",
                node.name, report.revision, self.revision
            ));
        }
        self.agents.extend(report.problems.iter().map(|p| format!("{}: {p}", node.name)));
        for router in &node.routers {
            self.router(index, router, node, actual);
        }
    }

    fn router(&mut self, index: usize, router: &RouterPlan, node: &NodePlan, actual: &NodeActual) {
        let place = || format!("{} at {}", router.vn_name, node.name);
        let Some(report) = actual.current_router(router.vn) else {
            return self.routers.push(format!("{}: there is no router yet", place()));
        };
        let tally = self.vns.entry(router.vn).or_default();
        tally.adjacencies += report.adjacencies;
        tally.rss_bytes += report.rss_bytes;
        if report.state != RouterState::Running {
            return self.routers.push(format!("{}: {}", place(), state_in_words(report)));
        }
        tally.running += 1;
        let expected = adjacencies_expected(router, self.links);
        if report.adjacencies < expected {
            self.adjacencies.push(format!("{}: {} of {expected} adjacencies", place(), report.adjacencies));
        }
        let Some(fib) = actual.current_fib(router.vn) else {
            return self.fibs.push(format!("{}: its FIB is not known yet", place()));
        };
        match self.missing(index, router, fib) {
            (0, _) => self.vns.entry(router.vn).or_default().converged += 1,
            (1, first) => self.fibs.push(format!("{}: no route to {first}", place())),
            (n, first) => self.fibs.push(format!("{}: no route to {n} prefixes, such as {first}", place())),
        }
    }

    /// How many of the prefixes in reach have no good route, and the first of them.
    fn missing(&self, index: usize, router: &RouterPlan, fib: &Fib) -> (usize, Ipv4Net) {
        let island = self.islands.get(&router.vn).map_or(&[][..], Vec::as_slice);
        let down = self.links.down_in(router.vn);
        let dead: Vec<&str> =
            router.links.iter().filter(|l| down.contains(&l.link)).map(|l| l.interface.as_str()).collect();
        let good = |route: &Route| {
            let hops = &route.interfaces;
            route.forwards() && (hops.is_empty() || !hops.iter().all(|i| dead.contains(&i.as_ref())))
        };
        let mut missing = self
            .targets
            .iter()
            .filter(|t| island.get(t.owner) == island.get(index) && (t.own || t.owner != index))
            .map(|t| t.prefix)
            .filter(|prefix| !fib.get(prefix).is_some_and(good));
        match missing.next() {
            Some(first) => (1 + missing.count(), first),
            None => (0, Ipv4Net::default()),
        }
    }

    fn border(&mut self, index: usize, node: &NodePlan, actual: &NodeActual) {
        let Some(border) = &node.border else { return };
        if !actual.border.is_connected() {
            self.borders.push(format!("the border of {} is not connected", node.name));
        } else if !actual.votes_current() {
            self.borders.push(format!("the border of {} has not reported yet", node.name));
        }
        self.borders.extend(actual.border_problems.iter().map(|p| format!("{}: {p}", node.name)));
        for foreign in &border.foreign {
            let vote = actual.vote(&foreign.prefix);
            let winner = vote.and_then(|v| v.winner.as_ref());
            if let Some(winner) = winner.and_then(|name| self.plan.vns.iter().find(|v| v.name == *name)) {
                self.votes += 1;
                self.vns.entry(winner.id).or_default().votes_won += 1;
            }
            if !self.in_reach(index, &foreign.owners) {
                continue;
            }
            self.votes_expected += 1;
            if !actual.votes_current() {
                continue;
            }
            match vote {
                Some(vote) if winner.is_some() => {
                    if !vote.steered {
                        self.verdicts.push(format!(
                            "{} at {}: the kernel does not follow the verdict",
                            foreign.prefix, node.name
                        ));
                    }
                }
                _ => self.verdicts.push(format!("{} at {}: no verdict", foreign.prefix, node.name)),
            }
        }
    }

    /// Whether a virtual network joins the node to one of `owners`.
    fn in_reach(&self, index: usize, owners: &[NodeName]) -> bool {
        self.islands.values().any(|island| {
            owners.iter().filter_map(|o| self.index.get(o)).any(|o| island.get(*o) == island.get(index))
        })
    }
}

/// Why a router is not running.
pub(crate) fn state_in_words(report: &RouterReport) -> String {
    match report.last_error.as_str() {
        "" => format!("the engine {}", report.state.in_words()),
        error => format!("the engine {} ({error})", report.state.in_words()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{FibChange, RouteKind},
        state::Role,
        testing::{Bench, node, ring, route, vn, vote},
    };

    #[test]
    fn nothing_is_pending_once_everyone_says_that_all_is_well() {
        let bench = Bench::converged(ring(1));
        assert_eq!(bench.pending(), Vec::<String>::new());
        let (f, state) = (bench.state.in_force.as_ref().unwrap(), &bench.state);
        let assessment = assess(&f.plan, 1, &state.fleet, &state.links);
        assert!(assessment.converged());
        assert_eq!((assessment.votes, assessment.votes_expected), (2, 2));
        let red = assessment.vns[&vn(1)];
        assert_eq!((red.running, red.converged, red.adjacencies, red.adjacencies_expected), (4, 4, 8, 8));
        assert_eq!((red.votes_won, assessment.vns[&vn(2)].votes_won), (2, 0));
    }

    #[test]
    fn nobody_connected_is_one_line_per_agent_and_border() {
        let pending = Bench::new(ring(1)).pending();
        assert_eq!(pending.len(), 6, "{pending:?}");
        assert!(pending.contains(&"the agent of west is not connected".to_owned()));
        assert!(pending.contains(&"the border of south is not connected".to_owned()));
    }

    #[test]
    fn what_a_node_lacks_is_said_in_words() {
        type Mend = fn(&mut crate::report::NodeReport);
        let cases: [(Mend, &str); 6] = [
            (|r| r.revision = 0, "the agent of east works towards revision 0, not 1"),
            (|r| r.problems.push("no VXLAN here".into()), "east: no VXLAN here"),
            (|r| r.routers.truncate(1), "green at east: there is no router yet"),
            (|r| r.routers[1].state = RouterState::Silent, "green at east: the engine does not answer"),
            (
                |r| {
                    r.routers[0].state = RouterState::Failed;
                    r.routers[0].last_error = "zebra: not found".into();
                },
                "red at east: the engine cannot be started (zebra: not found)",
            ),
            (|r| r.routers[0].adjacencies = 1, "red at east: 1 of 2 adjacencies"),
        ];
        for (mend, expected) in cases {
            let mut bench = Bench::converged(ring(1));
            bench.report("east", mend);
            assert_eq!(bench.pending(), [expected]);
        }
    }

    #[test]
    fn a_missing_or_dropping_route_is_pending() {
        let mut bench = Bench::converged(ring(1));
        let agent = bench.caller(Role::Agent, "west");
        let removed = vec!["198.18.1.0/24".parse().unwrap()];
        let blackhole = Route { kind: RouteKind::Blackhole, ..route("lo") };
        let changed = vec![("198.18.2.0/24".parse().unwrap(), blackhole)];
        let change = |vn, changed, removed| FibChange { vn, snapshot: false, changed, removed };
        bench.state.forwarded(&agent, change(vn(1), vec![], removed.clone())).unwrap();
        bench.state.forwarded(&agent, change(vn(2), changed, removed)).unwrap();
        assert_eq!(
            bench.pending(),
            [
                "red at west: no route to 198.18.1.0/24",
                "green at west: no route to 2 prefixes, such as 198.18.1.0/24"
            ]
        );
    }

    #[test]
    fn the_attached_prefix_of_the_router_itself_needs_a_route_but_its_loopback_does_not() {
        let mut bench = Bench::converged(ring(1));
        let agent = bench.caller(Role::Agent, "north");
        let loopback = bench.state.in_force.as_ref().unwrap().plan.node(&node("north")).unwrap().loopback;
        let removed = vec![loopback.into(), "198.18.1.0/24".parse().unwrap()];
        let change = FibChange { vn: vn(1), snapshot: false, changed: vec![], removed };
        bench.state.forwarded(&agent, change).unwrap();
        assert_eq!(bench.pending(), ["red at north: no route to 198.18.1.0/24"]);
    }

    #[test]
    fn a_link_that_is_down_in_a_virtual_network_lowers_what_is_expected_there() {
        // Goal: links 1 (north to east) down in red: one adjacency less at both ends; routes over it do not count.
        let mut bench = Bench::converged(ring(1));
        let mend = |r: &mut crate::report::NodeReport| {
            r.routers[0].links_down.insert(1);
            r.routers[0].adjacencies = 1;
        };
        bench.report("north", mend);
        let pending = bench.pending();
        assert_eq!(
            pending,
            [
                "red at north: no route to 4 prefixes, such as 100.64.0.2/32",
                "red at east: no route to 5 prefixes, such as 100.64.0.1/32"
            ]
        );

        let f = bench.state.in_force.clone().unwrap();
        for name in ["north", "east"] {
            let plan = f.plan.node(&node(name)).unwrap();
            let mut fib = bench.full_fib(plan, &plan.routers[0]);
            for (_, route) in &mut fib.changed {
                *route = crate::testing::route("eth2");
            }
            bench.state.forwarded(&bench.caller(Role::Agent, name), fib).unwrap();
        }
        assert_eq!(bench.pending(), Vec::<String>::new());
    }

    #[test]
    fn what_is_cut_off_is_not_expected() {
        // Goal: east loses both links physically: nobody needs a route to it, nor it to anybody.
        let mut bench = Bench::converged(ring(1));
        bench.report("east", |r| r.links.iter_mut().for_each(|(_, up)| *up = false));
        let f = bench.state.in_force.clone().unwrap();
        let east = f.plan.node(&node("east")).unwrap();
        let dead: Vec<u16> = east.underlay.iter().map(|l| l.link).collect();
        for plan in &f.plan.nodes {
            for router in &plan.routers {
                let live =
                    router.links.iter().find(|l| !dead.contains(&l.link)).map(|l| l.interface.as_str());
                let mut fib = bench.full_fib(plan, router);
                fib.changed.retain(|(p, _)| *p != Ipv4Net::from(east.loopback));
                for (_, route) in &mut fib.changed {
                    route.interfaces = [live.unwrap_or("port").into()].into();
                }
                if plan.name == east.name {
                    fib.changed.clear();
                }
                bench.state.forwarded(&bench.caller(Role::Agent, plan.name.as_str()), fib).unwrap();
            }
        }
        assert_eq!(bench.pending(), Vec::<String>::new());
    }

    #[test]
    fn votes_must_be_there_have_a_winner_and_be_followed() {
        let south = "198.18.2.0/24".parse().unwrap();
        let cases = [
            (vec![], "198.18.2.0/24 at north: no verdict"),
            (vec![vote(south, None)], "198.18.2.0/24 at north: no verdict"),
            (
                vec![crate::report::Vote { steered: false, ..vote(south, Some("red")) }],
                "198.18.2.0/24 at north: the kernel does not follow the verdict",
            ),
        ];
        for (votes, expected) in cases {
            let mut bench = Bench::converged(ring(1));
            let border = bench.caller(Role::Border, "north");
            bench.vote(&border, votes);
            assert_eq!(bench.pending(), [expected]);
        }
    }

    #[test]
    fn an_agent_that_left_makes_its_routers_unknown_and_what_it_said_last_is_kept() {
        let mut bench = Bench::converged(ring(1));
        let agent = bench.caller(Role::Agent, "east");
        bench.state.leave(&agent, std::time::SystemTime::UNIX_EPOCH);
        assert_eq!(bench.pending(), ["the agent of east is not connected"]);
        let rows = crate::view::routers(&bench.state);
        let (_, router) = rows.iter().find(|(key, _)| key == "red east").unwrap();
        assert_eq!((router.state, router.adjacencies, router.routes), (0, 2, 6));

        bench.join(Role::Agent, "east");
        assert_eq!(bench.pending(), ["the agent of east has not reported yet"]);
        bench.report("east", |_| {});
        assert_eq!(
            bench.pending(),
            ["red at east: its FIB is not known yet", "green at east: its FIB is not known yet"]
        );
    }
}
