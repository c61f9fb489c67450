//! One virtual network: its links, which of them are up, and since when which expectation holds.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use braid_layout::{Plan, VnPlan};
use braid_proto::NodeName;
use petgraph::{Direction, graph::NodeIndex};

use crate::{
    expected::NextHop,
    paths::{Graph, Hop, Paths},
};

/// Those who own prefixes. Prefixes with the same owners are routed alike, so they form one group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Owners {
    pub(crate) nodes: Vec<NodeIndex>,
    /// Each group's places in `nodes`.
    pub(crate) groups: Vec<Vec<usize>>,
}

/// The revisions since which an expectation holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) all: u64,
    pub(crate) egress: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) graph: Graph,
    /// By node.
    pub(crate) ports: Vec<Option<NextHop>>,
    pub(crate) paths: Paths,
    /// By group, then by node.
    since: Vec<Vec<Since>>,
}

impl Network {
    /// The virtual network with all links up. Nodes have their places in the plan as indices.
    pub(crate) fn new(
        plan: &Plan,
        vn: &VnPlan,
        index: &HashMap<NodeName, NodeIndex>,
        owners: &Owners,
        revision: u64,
    ) -> Self {
        let mut graph = Graph::new();
        for _ in &plan.nodes {
            graph.add_node(());
        }
        let routers = || plan.nodes.iter().map(|n| n.routers.iter().find(|r| r.vn == vn.id));
        for (from, router) in graph.node_indices().collect::<Vec<_>>().into_iter().zip(routers()) {
            for link in router.iter().flat_map(|r| &r.links) {
                let Some(to) = index.get(&link.peer_node) else { continue };
                let next_hop = NextHop { interface: link.interface.clone(), gateway: link.peer_address };
                graph.add_edge(from, *to, Hop { link: link.link, metric: link.metric.into(), next_hop });
            }
        }
        let port = |port: &braid_layout::PortPlan| NextHop {
            interface: port.router_interface.clone(),
            gateway: port.node_address.addr(),
        };
        let ports = routers().map(|r| r.and_then(|r| r.port.as_ref()).map(port)).collect();
        let live = vec![true; graph.edge_count()];
        let paths = Paths::new(&graph, &owners.nodes, live.into());
        let since = Since { all: revision, egress: revision };
        let since = vec![vec![since; graph.node_count()]; owners.groups.len()];
        Self { graph, ports, paths, since }
    }

    /// Since when what is expected for a group at a node holds.
    pub(crate) fn since(&self, group: usize, node: NodeIndex) -> Since {
        self.since[group][node.index()]
    }

    /// Takes these links for down and all others for up. False, and nothing done, if that is nothing new.
    pub(crate) fn set_links_down(&mut self, down: &BTreeSet<u16>, owners: &Owners, revision: u64) -> bool {
        let live: Arc<[bool]> = self.graph.edge_weights().map(|hop| !down.contains(&hop.link)).collect();
        let flipped = self.paths.flipped(&live);
        if flipped.is_empty() {
            return false;
        }
        let ends: BTreeSet<NodeIndex> =
            flipped.iter().filter_map(|e| self.graph.edge_endpoints(*e)).map(|(from, _)| from).collect();
        let (next, touched) = self.paths.with_live(&self.graph, &owners.nodes, live, &flipped);
        for (group, members) in owners.groups.iter().enumerate() {
            // Where neither a link nor a distance, nor one at a neighbour, has changed, all is as before.
            let mut nodes = ends.clone();
            for owner in members.iter().filter(|owner| touched[**owner]) {
                let moved = |node: &NodeIndex| self.paths.to(*owner, *node) != next.to(*owner, *node);
                for node in self.graph.node_indices().filter(moved) {
                    nodes.insert(node);
                    nodes.extend(self.graph.neighbors_directed(node, Direction::Incoming));
                }
            }
            for node in nodes {
                self.date(group, members, node, &next, revision);
            }
        }
        self.paths = next;
        true
    }

    /// Notes what `next` changes of the expectation for a group at a node.
    fn date(&mut self, group: usize, members: &[usize], node: NodeIndex, next: &Paths, revision: u64) {
        let (before, after) = (self.paths.nearest(members, node), next.nearest(members, node));
        let same_egress = members.iter().all(|owner| {
            let nearest = |paths: &Paths, distance: Option<u32>| {
                distance.is_some() && paths.to(*owner, node) == distance
            };
            nearest(&self.paths, before) == nearest(next, after)
        });
        let same = same_egress
            && before == after
            && self.paths.first_hops(&self.graph, members, node).eq(next.first_hops(
                &self.graph,
                members,
                node,
            ));
        let since = &mut self.since[group][node.index()];
        if !same {
            since.all = revision;
        }
        if !same_egress {
            since.egress = revision;
        }
    }
}
