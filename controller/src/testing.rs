//! A ring of four routers and a fleet that does as it is told, for tests of the pure parts.

use std::{collections::BTreeSet, time::SystemTime};

use braid_layout::{Allocation, NodePlan, RouterPlan};
use braid_proto::{NodeName, VnId};
use ipnet::Ipv4Net;

use crate::{
    in_force::InForce,
    key::NetworkKey,
    report::{FibChange, Hello, NodeReport, Route, RouteKind, RouterReport, RouterState, Vote, VoteChange},
    state::{Caller, Inbox, Role, State},
};

pub(crate) const RING: &str = include_str!("../../topologies/ring.yaml");

pub(crate) fn ring(revision: u64) -> InForce {
    InForce::prepare(RING.to_owned(), "ring.yaml", &Allocation::default(), revision, None).unwrap().0
}

pub(crate) fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

pub(crate) fn vn(id: u32) -> VnId {
    id.try_into().unwrap()
}

pub(crate) fn hello(name: &str) -> Hello {
    Hello { network: "ring".parse().unwrap(), node: node(name), version: braid_proto::VERSION.into(), pid: 7 }
}

pub(crate) fn running(plan: &RouterPlan) -> RouterReport {
    RouterReport {
        vn: plan.vn,
        state: RouterState::Running,
        processes: Vec::new(),
        restarts: 0,
        rss_bytes: 1 << 20,
        adjacencies: u32::try_from(plan.links.len()).unwrap(),
        since: Some(SystemTime::UNIX_EPOCH),
        last_error: String::new(),
        drift: Vec::new(),
        links_down: BTreeSet::new(),
    }
}

/// The report of a node on which all is well.
pub(crate) fn fine(plan: &NodePlan, revision: u64) -> NodeReport {
    NodeReport {
        revision,
        routers: plan.routers.iter().map(running).collect(),
        links: plan.underlay.iter().map(|l| (l.link, true)).collect(),
        problems: Vec::new(),
    }
}

pub(crate) fn route(interface: &str) -> Route {
    Route { kind: RouteKind::Unicast, interfaces: [interface.into()].into() }
}

pub(crate) fn snapshot(vn: VnId, routes: impl IntoIterator<Item = (Ipv4Net, Route)>) -> FibChange {
    FibChange { vn, snapshot: true, changed: routes.into_iter().collect(), removed: Vec::new() }
}

pub(crate) fn vote(prefix: Ipv4Net, winner: Option<&str>) -> Vote {
    Vote {
        prefix,
        winner: winner.map(|w| w.parse().unwrap()),
        decisive_step: "master".into(),
        runner_up: None,
        dissenters: Vec::new(),
        since: None,
        alarm: None,
        steered: true,
    }
}

/// A state with everyone connected who said that all is well.
pub(crate) struct Bench {
    pub(crate) state: State,
    pub(crate) callers: Vec<(Caller, Inbox)>,
}

impl Bench {
    pub(crate) fn new(in_force: InForce) -> Self {
        let state =
            State::new(Some(in_force), BTreeSet::new(), SystemTime::UNIX_EPOCH, NetworkKey::of_test());
        Self { state, callers: Vec::new() }
    }

    pub(crate) fn converged(in_force: InForce) -> Self {
        let (plan, revision) = (in_force.plan.clone(), in_force.revision);
        let mut bench = Self::new(in_force);
        for node in &plan.nodes {
            let agent = bench.join(Role::Agent, node.name.as_str());
            bench.state.reported(&agent, fine(node, revision)).unwrap();
            for router in &node.routers {
                bench.state.forwarded(&agent, bench.full_fib(node, router)).unwrap();
            }
            let Some(border) = &node.border else { continue };
            let votes = border.foreign.iter().map(|f| vote(f.prefix, Some("red"))).collect();
            let caller = bench.join(Role::Border, node.name.as_str());
            bench.vote(&caller, votes);
        }
        bench
    }

    pub(crate) fn join(&mut self, role: Role, name: &str) -> Caller {
        let (caller, inbox) = self.state.join(role, &hello(name)).unwrap();
        self.callers.push((caller.clone(), inbox));
        caller
    }

    pub(crate) fn caller(&self, role: Role, name: &str) -> Caller {
        let found = self.callers.iter().rev().find(|(c, _)| c.role == role && c.node.as_str() == name);
        found.unwrap().0.clone()
    }

    pub(crate) fn vote(&mut self, caller: &Caller, votes: Vec<Vote>) {
        let change =
            VoteChange { snapshot: true, votes, removed: Vec::new(), problems: Vec::new(), repairs: 0 };
        self.state.voted(caller, change).unwrap();
    }

    /// Routes to all loopbacks and attached prefixes, over the router's first link and its port.
    pub(crate) fn full_fib(&self, node: &NodePlan, router: &RouterPlan) -> FibChange {
        let plan = &self.state.in_force.as_ref().unwrap().plan;
        let out = router.links[0].interface.as_str();
        let loopbacks = plan.nodes.iter().map(|n| (Ipv4Net::from(n.loopback), route(out)));
        let attached = plan.nodes.iter().flat_map(|n| {
            let out = if n.name == node.name { "port" } else { out };
            n.border.iter().flat_map(|b| &b.attached).map(move |a| (a.prefix, route(out)))
        });
        snapshot(router.vn, loopbacks.chain(attached))
    }

    /// As if the agent of `name` said this of its routers now.
    pub(crate) fn report(&mut self, name: &str, mend: impl FnOnce(&mut NodeReport)) -> bool {
        let in_force = self.state.in_force.as_ref().unwrap();
        let mut report = fine(in_force.plan.node(&node(name)).unwrap(), in_force.revision);
        mend(&mut report);
        self.state.reported(&self.caller(Role::Agent, name), report).unwrap()
    }

    pub(crate) fn pending(&self) -> Vec<String> {
        crate::view::status(&self.state, SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH).pending
    }

    pub(crate) fn alarms(&self) -> Vec<String> {
        crate::view::status(&self.state, SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH).alarms
    }
}
