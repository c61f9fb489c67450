//! One area as a graph, and the shortest paths in it (RFC 2328 §16.1).

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use petgraph::graph::{DiGraph, NodeIndex};

pub(super) use super::paths::{Reach, keep_best};
use super::{
    NextHop,
    paths::{Edge, shortest},
};
use crate::{Area, Interface, RouterIndex, SegmentIndex, SegmentKind, World, model::MAX_LINK_METRIC};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Vertex {
    // Networks first: from a network to its routers costs nothing, so at equal cost they are visited first.
    Network(SegmentIndex),
    Router(RouterIndex),
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
        let reach = shortest(&self.graph, root_node, |_| true);
        let mut view = AreaView::default();
        for (vertex, node) in &self.nodes {
            match (vertex, reach.get(node).cloned()) {
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
