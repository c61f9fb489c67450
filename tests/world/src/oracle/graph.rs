//! One area as a graph, and the shortest paths in it (RFC 2328 §16.1).

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use petgraph::{
    Direction,
    algo::dijkstra,
    graph::{DiGraph, NodeIndex},
    visit::EdgeRef,
};

use super::NextHop;
use crate::{Area, Interface, RouterIndex, SegmentIndex, SegmentKind, World, model::MAX_LINK_METRIC};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Vertex {
    // Networks first: from a network to its routers costs nothing, so at equal cost they are visited first.
    Network(SegmentIndex),
    Router(RouterIndex),
}

#[derive(Debug, Clone)]
struct Edge {
    cost: u32,
    /// The next hops when the edge leaves the root, if they do not depend on the path before.
    first: BTreeSet<NextHop>,
}

/// How far something is, and which way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub cost: u32,
    pub next_hops: BTreeSet<NextHop>,
}

impl Reach {
    /// Keeps the better of two ways, or both.
    pub fn merge(&mut self, other: Reach) {
        if other.cost < self.cost {
            *self = other;
        } else if other.cost == self.cost {
            self.next_hops.extend(other.next_hops);
        }
    }
}

/// Keeps the better way to a destination.
pub(super) fn keep_best<K: Ord>(table: &mut BTreeMap<K, Reach>, key: K, reach: Reach) {
    match table.entry(key) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(reach);
        }
        std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().merge(reach),
    }
}

/// What a router sees of one area.
#[derive(Debug, Clone, Default)]
pub(super) struct AreaView {
    pub routers: BTreeMap<RouterIndex, Reach>,
    pub prefixes: BTreeMap<Ipv4Net, Reach>,
}

/// An area of the world as it is now.
pub(super) struct AreaGraph<'a> {
    world: &'a World,
    graph: DiGraph<Vertex, Edge>,
    nodes: BTreeMap<Vertex, NodeIndex>,
    /// Prefixes that a router announces itself, the interface and its cost.
    stubs: Vec<(RouterIndex, Ipv4Net, Interface, u32)>,
}

impl<'a> AreaGraph<'a> {
    pub fn new(world: &'a World, area: Area) -> Self {
        let mut this = Self { world, graph: DiGraph::new(), nodes: BTreeMap::new(), stubs: Vec::new() };
        for (n, _) in world.segments.iter().enumerate().filter(|(_, segment)| segment.area == area) {
            this.add_segment(SegmentIndex(n));
        }
        for router in world.router_indices().filter(|router| world.router(*router).up) {
            for (n, stub) in world.router(router).stubs.iter().enumerate().filter(|(_, s)| s.area == area) {
                this.node(Vertex::Router(router));
                this.stubs.push((router, stub.prefix, Interface::Stub(n), stub.cost.into()));
            }
        }
        this
    }

    fn node(&mut self, vertex: Vertex) -> NodeIndex {
        let graph = &mut self.graph;
        *self.nodes.entry(vertex).or_insert_with(|| graph.add_node(vertex))
    }

    fn add_segment(&mut self, index: SegmentIndex) {
        let world = self.world;
        let segment = world.segment(index);
        let ends: Vec<_> = world.active_ends(index).copied().collect();
        let speakers: Vec<_> = ends.iter().filter(|end| !end.passive).collect();
        let link_cost = |end: &crate::End| {
            let stub_router = world.router(end.router).stub_router;
            u32::from(if stub_router { MAX_LINK_METRIC } else { end.cost })
        };
        let through = |gateway| BTreeSet::from([NextHop { interface: Interface::Segment(index), gateway }]);
        // Without a designated router, a broadcast network joins nobody.
        let joined = speakers.len() > 1
            && (segment.kind == SegmentKind::PointToPoint || speakers.iter().any(|end| end.priority > 0));
        for end in &ends {
            self.node(Vertex::Router(end.router));
            if !joined || end.passive || segment.kind == SegmentKind::PointToPoint {
                let stub = (end.router, segment.prefix, Interface::Segment(index), end.cost.into());
                self.stubs.push(stub);
            }
        }
        if !joined {
            return;
        }
        for end in &speakers {
            let from = self.node(Vertex::Router(end.router));
            let cost = link_cost(end);
            match segment.kind {
                SegmentKind::PointToPoint => {
                    for other in speakers.iter().filter(|other| other.router != end.router) {
                        let to = self.node(Vertex::Router(other.router));
                        self.graph.add_edge(from, to, Edge { cost, first: through(Some(other.address)) });
                    }
                }
                SegmentKind::Broadcast => {
                    let network = self.node(Vertex::Network(index));
                    self.graph.add_edge(from, network, Edge { cost, first: through(None) });
                    self.graph.add_edge(network, from, Edge { cost: 0, first: through(Some(end.address)) });
                }
            }
        }
    }

    /// Adds one direction of a virtual link, which leads where the transit area's paths lead.
    pub fn add_virtual(&mut self, from: RouterIndex, to: RouterIndex, path: &Reach) {
        let (from, to) = (self.node(Vertex::Router(from)), self.node(Vertex::Router(to)));
        self.graph.add_edge(from, to, Edge { cost: path.cost, first: path.next_hops.clone() });
    }

    /// Whether a router is in the area now.
    pub fn contains(&self, router: RouterIndex) -> bool {
        self.nodes.contains_key(&Vertex::Router(router))
    }

    /// What a router sees.
    pub fn view(&self, root: RouterIndex) -> AreaView {
        let Some(&root_node) = self.nodes.get(&Vertex::Router(root)) else { return AreaView::default() };
        let costs = dijkstra(&self.graph, root_node, None, |edge| edge.weight().cost);
        let mut order: Vec<NodeIndex> = costs.keys().copied().collect();
        order.sort_by_key(|node| (costs[node], self.graph[*node]));
        let mut hops: BTreeMap<NodeIndex, BTreeSet<NextHop>> = BTreeMap::new();
        for &node in order.iter().filter(|node| **node != root_node) {
            let mut found = BTreeSet::new();
            for edge in self.graph.edges_directed(node, Direction::Incoming) {
                let before = edge.source();
                let on_path =
                    costs.get(&before).is_some_and(|cost| cost + edge.weight().cost == costs[&node]);
                if !on_path {
                    continue;
                }
                if before == root_node {
                    found.extend(edge.weight().first.iter().copied());
                } else if let Some(hops) = hops.get(&before) {
                    // Only a network that the root is on itself has a way without a gateway: the gateway is this router.
                    found.extend(hops.iter().flat_map(|hop| match hop.gateway {
                        None => edge.weight().first.clone(),
                        Some(_) => BTreeSet::from([*hop]),
                    }));
                }
            }
            hops.insert(node, found);
        }
        let reach = |node: NodeIndex| {
            let cost = *costs.get(&node)?;
            Some(Reach { cost, next_hops: hops.get(&node).cloned().unwrap_or_default() })
        };
        let mut view = AreaView::default();
        for (vertex, node) in &self.nodes {
            match (vertex, reach(*node)) {
                (Vertex::Router(router), Some(reach)) => {
                    view.routers.insert(*router, reach);
                }
                (Vertex::Network(n), Some(reach)) => {
                    keep_best(&mut view.prefixes, self.world.segment(*n).prefix, reach);
                }
                (_, None) => {}
            }
        }
        for (router, prefix, interface, cost) in &self.stubs {
            if let Some(mut reach) = view.routers.get(router).cloned() {
                reach.cost += cost;
                if *router == root {
                    reach.next_hops = BTreeSet::from([NextHop { interface: *interface, gateway: None }]);
                }
                keep_best(&mut view.prefixes, *prefix, reach);
            }
        }
        view
    }
}
