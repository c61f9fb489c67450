//! What agents and borders last said.

use std::{
    collections::{BTreeMap, HashMap},
    time::SystemTime,
};

use braid_layout::Plan;
use braid_proto::{NodeName, VnId, v1, wire::FieldError};
use ipnet::Ipv4Net;

use crate::{
    report::{FibChange, Hello, NodeReport, Route, RouterReport, Vote, VoteChange},
    state::Role,
};

/// Whether an agent or a border is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Peer {
    /// It has not called since this controller started.
    #[default]
    Never,
    /// It is connected.
    Connected { pid: i32, version: String },
    /// It was connected until then.
    Gone { since: SystemTime },
}

impl Peer {
    fn joined(hello: &Hello) -> Self {
        Self::Connected { pid: hello.pid, version: hello.version.clone() }
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(self, Self::Connected { .. })
    }

    /// The process id while connected, else 0.
    pub(crate) fn pid(&self) -> i32 {
        if let Self::Connected { pid, .. } = self { *pid } else { 0 }
    }
}

/// A virtual router's FIB.
#[derive(Debug, Default)]
pub(crate) struct Fib {
    /// Whether a snapshot has come since the agent connected.
    fresh: bool,
    routes: HashMap<Ipv4Net, Route>,
}

impl Fib {
    pub(crate) fn len(&self) -> usize {
        self.routes.len()
    }

    pub(crate) fn get(&self, prefix: &Ipv4Net) -> Option<&Route> {
        self.routes.get(prefix)
    }
}

/// A node as last heard of.
#[derive(Debug, Default)]
pub(crate) struct NodeActual {
    pub(crate) agent: Peer,
    /// The agent's last report, however old.
    pub(crate) report: Option<NodeReport>,
    /// Whether `report` has come since the agent connected.
    report_fresh: bool,
    fibs: BTreeMap<VnId, Fib>,
    pub(crate) border: Peer,
    votes: BTreeMap<Ipv4Net, Vote>,
    /// Whether a snapshot of the votes has come since the border connected.
    votes_fresh: bool,
    pub(crate) border_problems: Vec<String>,
    pub(crate) border_repairs: u64,
    /// What the border that is connected now has measured.
    pub(crate) probes: Option<v1::ProbeReport>,
}

impl NodeActual {
    /// The report of the agent that is connected now.
    pub(crate) fn current_report(&self) -> Option<&NodeReport> {
        self.report.as_ref().filter(|_| self.agent.is_connected() && self.report_fresh)
    }

    /// The last word on a router, however old.
    pub(crate) fn router(&self, vn: VnId) -> Option<&RouterReport> {
        self.report.as_ref()?.routers.iter().find(|r| r.vn == vn)
    }

    /// The last word on a router from the agent that is connected now.
    pub(crate) fn current_router(&self, vn: VnId) -> Option<&RouterReport> {
        self.current_report()?.routers.iter().find(|r| r.vn == vn)
    }

    /// A router's FIB, however old.
    pub(crate) fn fib(&self, vn: VnId) -> Option<&Fib> {
        self.fibs.get(&vn)
    }

    /// A router's FIB from the agent that is connected now.
    pub(crate) fn current_fib(&self, vn: VnId) -> Option<&Fib> {
        self.fibs.get(&vn).filter(|f| self.agent.is_connected() && f.fresh)
    }

    /// The votes, however old, by prefix.
    pub(crate) fn votes(&self) -> impl Iterator<Item = &Vote> {
        self.votes.values()
    }

    /// The vote on `prefix`, however old.
    pub(crate) fn vote(&self, prefix: &Ipv4Net) -> Option<&Vote> {
        self.votes.get(prefix)
    }

    /// Whether the border that is connected now has said how it votes.
    pub(crate) fn votes_current(&self) -> bool {
        self.border.is_connected() && self.votes_fresh
    }

    pub(crate) fn agent_joined(&mut self, hello: &Hello) {
        self.agent = Peer::joined(hello);
        self.report_fresh = false;
        for fib in self.fibs.values_mut() {
            fib.fresh = false;
        }
    }

    pub(crate) fn border_joined(&mut self, hello: &Hello) {
        self.border = Peer::joined(hello);
        self.probes = None;
        self.votes_fresh = false;
    }

    pub(crate) fn left(&mut self, role: Role, now: SystemTime) {
        *match role {
            Role::Agent => &mut self.agent,
            Role::Border => &mut self.border,
        } = Peer::Gone { since: now };
    }

    /// Takes a report; routers of other virtual networks than `vns` are on their way out and do not count.
    pub(crate) fn reported(&mut self, mut report: NodeReport, vns: &[VnId]) {
        report.routers.retain(|r| vns.contains(&r.vn));
        self.report = Some(report);
        self.report_fresh = true;
    }

    /// Takes a change of a FIB.
    ///
    /// # Errors
    /// When it is a difference to nothing, or the node's FIBs would hold more than `max_routes`; nothing changes then.
    pub(crate) fn forwarded(&mut self, change: FibChange, max_routes: usize) -> Result<(), FibError> {
        let others: usize = self.fibs.iter().filter(|(vn, _)| **vn != change.vn).map(|(_, f)| f.len()).sum();
        let fib = self.fibs.entry(change.vn).or_default();
        if !change.snapshot && !fib.fresh {
            return Err(FieldError::new(
                "fib.snapshot",
                "must be set on the first FIB of a router in a stream",
            )
            .into());
        }
        let held = if change.snapshot { 0 } else { fib.len() };
        let added = change.changed.iter().filter(|(p, _)| change.snapshot || !fib.routes.contains_key(p));
        if others + held + added.count() > max_routes {
            return Err(FibError::TooManyRoutes { max: max_routes });
        }
        if change.snapshot {
            fib.routes = HashMap::with_capacity(change.changed.len());
            fib.fresh = true;
        }
        for prefix in &change.removed {
            fib.routes.remove(prefix);
        }
        fib.routes.extend(change.changed);
        Ok(())
    }

    /// Takes changed votes; those on other prefixes than `foreign` are on their way out and do not count. Gives what is
    /// now otherwise than before.
    ///
    /// # Errors
    /// When it is a difference to nothing; nothing changes then.
    pub(crate) fn voted(
        &mut self,
        change: VoteChange,
        foreign: impl Fn(&Ipv4Net) -> bool,
    ) -> Result<Vec<(Ipv4Net, Option<Vote>)>, FieldError> {
        if !change.snapshot && !self.votes_fresh {
            return Err(FieldError::new("votes.snapshot", "must be set on the first report of a stream"));
        }
        let mut news = Vec::new();
        // All that is not said again by a snapshot is gone.
        let mut unsaid = if change.snapshot { self.votes.clone() } else { BTreeMap::new() };
        self.votes_fresh |= change.snapshot;
        for vote in change.votes.into_iter().filter(|vote| foreign(&vote.prefix)) {
            unsaid.remove(&vote.prefix);
            if self.votes.get(&vote.prefix) != Some(&vote) {
                news.push((vote.prefix, Some(vote.clone())));
                self.votes.insert(vote.prefix, vote);
            }
        }
        for prefix in change.removed.into_iter().chain(unsaid.into_keys()) {
            if self.votes.remove(&prefix).is_some() {
                news.push((prefix, None));
            }
        }
        self.border_problems = change.problems;
        self.border_repairs = change.repairs;
        Ok(news)
    }
}

/// Why a FIB change is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FibError {
    #[error(transparent)]
    Malformed(#[from] FieldError),
    #[error(
        "the node's FIBs together would have more than {max} routes, which is the most this controller holds"
    )]
    TooManyRoutes { max: usize },
}

/// Every node of the topology, as last heard of.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    nodes: BTreeMap<NodeName, NodeActual>,
}

impl Fleet {
    /// Follows a new plan: forgets what has left it. Gives the votes that have.
    pub(crate) fn follow(&mut self, plan: &Plan) -> Vec<(NodeName, Ipv4Net)> {
        let mut gone = Vec::new();
        let mut old = std::mem::take(&mut self.nodes);
        let vns: Vec<VnId> = plan.vns.iter().map(|v| v.id).collect();
        for node in &plan.nodes {
            let mut actual = old.remove(&node.name).unwrap_or_default();
            actual.fibs.retain(|vn, _| vns.contains(vn));
            if let Some(report) = &mut actual.report {
                report.routers.retain(|r| vns.contains(&r.vn));
            }
            let foreign = node.border.as_ref().map_or(&[][..], |b| &b.foreign);
            actual.votes.retain(|prefix, _| {
                let stays = foreign.iter().any(|f| f.prefix == *prefix);
                if !stays {
                    gone.push((node.name.clone(), *prefix));
                }
                stays
            });
            if node.border.is_none() {
                actual.border = Peer::Never;
                actual.border_problems.clear();
                actual.border_repairs = 0;
                actual.probes = None;
            }
            self.nodes.insert(node.name.clone(), actual);
        }
        gone.extend(
            old.into_iter().flat_map(|(name, actual)| {
                actual.votes.into_keys().map(move |prefix| (name.clone(), prefix))
            }),
        );
        gone
    }

    pub(crate) fn node(&self, name: &NodeName) -> Option<&NodeActual> {
        self.nodes.get(name)
    }

    pub(crate) fn node_mut(&mut self, name: &NodeName) -> Option<&mut NodeActual> {
        self.nodes.get_mut(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{hello, route, snapshot, vn, vote};

    fn prefix(n: u32) -> Ipv4Net {
        Ipv4Net::new((n << 8).into(), 24).unwrap()
    }

    fn connected() -> NodeActual {
        let mut node = NodeActual::default();
        node.agent_joined(&hello("east"));
        node.border_joined(&hello("east"));
        node
    }

    fn change(changed: &[u32], removed: &[u32]) -> FibChange {
        let changed = changed.iter().map(|n| (prefix(*n), route("eth1"))).collect();
        let removed = removed.iter().map(|n| prefix(*n)).collect();
        FibChange { vn: vn(1), snapshot: false, changed, removed }
    }

    #[test]
    fn a_fib_follows_its_changes_and_a_snapshot_replaces_it() {
        let mut node = connected();
        node.forwarded(snapshot(vn(1), [(prefix(1), route("eth1")), (prefix(2), route("eth1"))]), 9).unwrap();
        node.forwarded(change(&[3], &[1, 7]), 9).unwrap();
        let fib = node.current_fib(vn(1)).unwrap();
        assert!(fib.get(&prefix(1)).is_none() && fib.get(&prefix(3)).is_some());
        node.forwarded(snapshot(vn(1), [(prefix(5), route("eth1"))]), 9).unwrap();
        assert_eq!(node.current_fib(vn(1)).unwrap().len(), 1);
    }

    #[test]
    fn a_difference_before_the_first_snapshot_of_a_stream_is_refused_and_the_old_fib_kept() {
        let mut node = connected();
        assert!(matches!(node.forwarded(change(&[1], &[]), 9), Err(FibError::Malformed(_))));
        node.forwarded(snapshot(vn(1), [(prefix(1), route("eth1"))]), 9).unwrap();
        node.agent_joined(&hello("east"));
        assert!(node.forwarded(change(&[2], &[]), 9).is_err());
        assert!(node.current_fib(vn(1)).is_none());
        assert_eq!(node.fib(vn(1)).unwrap().len(), 1);
    }

    #[test]
    fn a_node_may_not_have_more_routes_than_are_held_and_what_is_too_much_changes_nothing() {
        let mut node = connected();
        node.forwarded(snapshot(vn(2), [(prefix(1), route("eth1"))]), 3).unwrap();
        node.forwarded(snapshot(vn(1), [(prefix(1), route("eth1"))]), 3).unwrap();
        node.forwarded(change(&[1, 2], &[]), 3).unwrap();
        assert!(matches!(node.forwarded(change(&[2, 3], &[]), 3), Err(FibError::TooManyRoutes { max: 3 })));
        let too_large = snapshot(vn(1), [1, 2, 3].map(|n| (prefix(n), route("eth1"))));
        assert!(node.forwarded(too_large, 3).is_err());
        assert_eq!(node.current_fib(vn(1)).unwrap().len(), 2);
    }

    #[test]
    fn votes_follow_their_changes_and_those_on_unknown_prefixes_do_not_count() {
        let mut node = connected();
        let report = |snapshot, votes: &[u32], removed: &[u32]| VoteChange {
            snapshot,
            votes: votes.iter().map(|n| vote(prefix(*n), Some("red"))).collect(),
            removed: removed.iter().map(|n| prefix(*n)).collect(),
            problems: Vec::new(),
            repairs: 0,
        };
        let known = |p: &Ipv4Net| *p != prefix(9);
        assert!(node.voted(report(false, &[1], &[]), known).is_err());
        node.voted(report(true, &[1, 2, 9], &[]), known).unwrap();
        node.voted(report(false, &[3], &[1]), known).unwrap();
        assert_eq!(node.votes().map(|v| v.prefix).collect::<Vec<_>>(), [prefix(2), prefix(3)]);
        node.voted(report(true, &[], &[]), known).unwrap();
        assert_eq!(node.votes().count(), 0);
    }
}
