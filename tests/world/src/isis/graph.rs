//! A level as a graph (ISO 10589 §7.2.6), and the prefixes that routers announce at it.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use petgraph::graph::{DiGraph, NodeIndex};

use super::{Domain, Level};
use crate::{
    Interface, NextHop, RouterIndex, SegmentIndex, SegmentKind, World,
    oracle::paths::{Edge, Reach, shortest},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Vertex {
    // First, since from a pseudonode to its routers costs nothing. On a LAN, each area has its own at level 1.
    Pseudonode(SegmentIndex, u16),
    Router(RouterIndex),
}

/// Somebody announces a prefix at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announcement {
    pub by: RouterIndex,
    pub prefix: Ipv4Net,
    pub metric: u32,
    /// Whether it was leaked down from level 2.
    pub down: bool,
    /// Whether the metric is of the external type, which narrow ones alone know.
    pub external: bool,
}

/// A level of the world as it is now; at level 1, of all areas.
pub(super) struct LevelGraph<'a> {
    world: &'a World,
    graph: DiGraph<Vertex, Edge>,
    nodes: BTreeMap<Vertex, NodeIndex>,
}

impl<'a> LevelGraph<'a> {
    pub fn new(world: &'a World, domain: &Domain, level: Level) -> Self {
        let mut this = Self { world, graph: DiGraph::new(), nodes: BTreeMap::new() };
        for index in world.router_indices() {
            if world.router(index).up && domain.router(index).levels.has(level) {
                this.node(Vertex::Router(index));
            }
        }
        for n in (0..world.segments.len()).map(SegmentIndex) {
            this.add_segment(domain, level, n);
        }
        this
    }

    fn node(&mut self, vertex: Vertex) -> NodeIndex {
        let graph = &mut self.graph;
        *self.nodes.entry(vertex).or_insert_with(|| graph.add_node(vertex))
    }

    fn add_segment(&mut self, domain: &Domain, level: Level, index: SegmentIndex) {
        let ends: Vec<_> = self.world.active_ends(index).filter(|end| !end.passive).copied().collect();
        let kind = self.world.segment(index).kind;
        let through = |gateway| BTreeSet::from([NextHop { interface: Interface::Segment(index), gateway }]);
        for end in &ends {
            let mut others = ends
                .iter()
                .filter(|o| o.router != end.router && domain.joins(index, level, [end.router, o.router]));
            let extra = if level == Level::Two { domain.router(end.router).level2_extra } else { 0 };
            let cost = domain.said(u32::from(end.cost) + u32::from(extra));
            let from = self.node(Vertex::Router(end.router));
            match kind {
                SegmentKind::PointToPoint => {
                    for other in others {
                        let to = self.node(Vertex::Router(other.router));
                        self.graph.add_edge(from, to, Edge { cost, first: through(Some(other.address)) });
                    }
                }
                SegmentKind::Broadcast if others.next().is_some() => {
                    let area = if level == Level::One { domain.router(end.router).area } else { 0 };
                    let lan = self.node(Vertex::Pseudonode(index, area));
                    self.graph.add_edge(from, lan, Edge { cost, first: through(None) });
                    self.graph.add_edge(lan, from, Edge { cost: 0, first: through(Some(end.address)) });
                }
                SegmentKind::Broadcast => {}
            }
        }
    }

    /// The ways to all routers at this level.
    pub fn view(&self, root: RouterIndex) -> BTreeMap<RouterIndex, Reach> {
        let Some(&node) = self.nodes.get(&Vertex::Router(root)) else { return BTreeMap::new() };
        let transit = |vertex| match vertex {
            Vertex::Pseudonode(..) => true,
            Vertex::Router(router) => !self.world.router(router).stub_router,
        };
        let found = shortest(&self.graph, node, transit);
        let router = |(node, reach)| match self.graph[node] {
            Vertex::Router(router) => Some((router, reach)),
            Vertex::Pseudonode(..) => None,
        };
        found.into_iter().filter_map(router).collect()
    }
}

/// What a router announces at a level of itself: what is attached to it, what its circuits of that level lead to, and what is
/// external.
pub(super) fn own(world: &World, domain: &Domain, by: RouterIndex, level: Level) -> Vec<Announcement> {
    let (router, speaks) = (world.router(by), domain.router(by));
    if !router.up || !speaks.levels.has(level) {
        return Vec::new();
    }
    let announce = |prefix, metric| Announcement {
        by,
        prefix,
        metric: domain.said(metric),
        down: false,
        external: false,
    };
    let stubs = router.stubs.iter().map(|stub| announce(stub.prefix, stub.cost.into()));
    let circuits = world
        .ends_of(by)
        .filter(|(n, ..)| domain.segments[n.0].has(level) && world.has_carrier(*n, by))
        .map(|(_, segment, end)| announce(segment.prefix, end.cost.into()));
    let externals =
        router.externals.iter().filter(|_| speaks.externals.has(level)).map(|(prefix, external)| {
            Announcement { external: external.type2 && domain.narrow, ..announce(*prefix, external.metric) }
        });
    stubs.chain(circuits).chain(externals).collect()
}
