//! Which links are up: physically, and in each virtual network.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use braid_layout::{Plan, layout_class};
use braid_proto::{NodeName, VnId};

use crate::fleet::Fleet;

/// What both ends of a physical link say; `None` for an end that has not said anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ends {
    a: Option<bool>,
    b: Option<bool>,
}

impl Ends {
    /// Both ends say that it is up.
    pub(crate) fn up(self) -> bool {
        self.a == Some(true) && self.b == Some(true)
    }

    /// An end says that it is down.
    pub(crate) fn down(self) -> bool {
        self.a == Some(false) || self.b == Some(false)
    }
}

/// The links as agents last reported them, also those that are not connected now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Links {
    physical: BTreeMap<u16, Ends>,
    down: BTreeMap<VnId, BTreeSet<u16>>,
    /// Whether every node has reported.
    complete: bool,
}

impl Links {
    pub(crate) fn of(plan: &Plan, fleet: &Fleet) -> Self {
        let mut physical: BTreeMap<u16, Ends> =
            plan.links.iter().map(|l| (l.number, Ends::default())).collect();
        let mut down: BTreeMap<VnId, BTreeSet<u16>> =
            plan.vns.iter().map(|v| (v.id, BTreeSet::new())).collect();
        let mut complete = true;
        for node in &plan.nodes {
            let Some(report) = fleet.node(&node.name).and_then(|n| n.report.as_ref()) else {
                complete = false;
                continue;
            };
            for (number, up) in &report.links {
                let Some(link) = plan.link(*number) else { continue };
                let ends = physical.entry(*number).or_default();
                if link.a.node == node.name {
                    ends.a = Some(*up);
                } else if link.b.node == node.name {
                    ends.b = Some(*up);
                }
            }
            for (router, planned) in report
                .routers
                .iter()
                .filter_map(|r| node.routers.iter().find(|p| p.vn == r.vn).map(|p| (r, p)))
            {
                let ours = planned.links.iter().map(|l| l.link).filter(|n| router.links_down.contains(n));
                down.entry(router.vn).or_default().extend(ours);
            }
        }
        for vn in &plan.vns {
            let dead = vn.links.iter().filter(|n| physical.get(n).is_some_and(|e| e.down()));
            down.entry(vn.id).or_default().extend(dead);
        }
        Self { physical, down, complete }
    }

    pub(crate) fn physical(&self, link: u16) -> Ends {
        self.physical.get(&link).copied().unwrap_or_default()
    }

    /// The links known to be down in `vn`, for whatever reason.
    pub(crate) fn down_in(&self, vn: VnId) -> &BTreeSet<u16> {
        static NONE: BTreeSet<u16> = BTreeSet::new();
        self.down.get(&vn).unwrap_or(&NONE)
    }

    /// The layout class of each virtual network; 0 until every node has reported.
    pub(crate) fn classes(&self, plan: &Plan) -> BTreeMap<VnId, u64> {
        let class = |vn| if self.complete { layout_class(vn, self.down_in(vn), plan) } else { 0 };
        plan.vns.iter().map(|v| (v.id, class(v.id))).collect()
    }

    /// Which nodes reach which in `vn`: equal numbers for nodes with a way between them, in the order of the plan.
    pub(crate) fn islands(&self, vn: VnId, plan: &Plan) -> Vec<usize> {
        let index: HashMap<&NodeName, usize> =
            plan.nodes.iter().enumerate().map(|(i, n)| (&n.name, i)).collect();
        let down = self.down_in(vn);
        let live = plan.vn(vn).map_or(&[][..], |v| &v.links).iter().filter(|n| !down.contains(n));
        let mut neighbours = vec![Vec::new(); plan.nodes.len()];
        for link in live.filter_map(|n| plan.link(*n)) {
            if let (Some(&a), Some(&b)) = (index.get(&link.a.node), index.get(&link.b.node)) {
                neighbours[a].push(b);
                neighbours[b].push(a);
            }
        }
        let mut island = vec![usize::MAX; plan.nodes.len()];
        for start in 0..plan.nodes.len() {
            let mut open = vec![start];
            while let Some(node) = open.pop() {
                if island[node] == usize::MAX {
                    island[node] = start;
                    open.extend(&neighbours[node]);
                }
            }
        }
        island
    }
}
