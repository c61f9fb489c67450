//! One level: its graph and the shortest paths through it.

use braid_isis_packet::{LanId, MAX_PATH_METRIC, SystemId};
use serde::{Deserialize, Serialize};

use crate::{
    Adjacency, MetricStyle, PathKind,
    graph::{Graph, ME},
    hops::{HopSet, HopSets},
    links::NodeIndex,
    prefixes::Best,
    tree::{Moved, NOWHERE, Tree},
};

/// No path is longer where all metrics are narrow (ISO 10589 §7.2.6, MaxPathMetric).
const MAX_NARROW_PATH_METRIC: u32 = 1023;

/// A level's graph and tree, whose places are those of the same nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Topology {
    pub(crate) graph: Graph,
    tree: Tree,
    adjacencies: Vec<Adjacency>,
    /// Whether adjacencies or nodes differ from those that the tree was computed from.
    stale: bool,
    bound: u32,
}

impl Topology {
    pub(crate) fn new(me: SystemId, style: MetricStyle) -> Topology {
        let bound = match style {
            MetricStyle::Narrow => MAX_NARROW_PATH_METRIC,
            MetricStyle::Wide | MetricStyle::Both => MAX_PATH_METRIC,
        };
        let mut tree = Tree::new(bound);
        tree.push_node(0);
        Topology { graph: Graph::new(me), tree, adjacencies: Vec::new(), stale: false, bound }
    }

    /// The place of the node `id`, now made if it had none.
    pub(crate) fn place(&mut self, id: LanId) -> NodeIndex {
        let node = self.graph.place(id);
        if self.tree.places() < self.graph.places() {
            self.tree.push_node(NOWHERE);
        }
        node
    }

    pub(crate) fn set_adjacencies(&mut self, adjacencies: Vec<Adjacency>) {
        if self.adjacencies != adjacencies {
            self.adjacencies = adjacencies;
            self.stale = true;
        }
    }

    /// Whether shortest paths may differ from what was computed.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale || self.graph.is_dirty()
    }

    /// Brings the shortest paths up to date.
    pub(crate) fn update(&mut self, sets: &mut HopSets) -> Moved {
        self.stale = false;
        let changes = self.graph.refresh();
        let first = self.graph.first_edges(&self.adjacencies, sets);
        if changes.is_empty() && first == self.tree.first() {
            return Moved::default();
        }
        self.tree.update(self.graph.links(), changes, first, sets)
    }

    /// Computes all shortest paths from nothing.
    pub(crate) fn recompute(&mut self, sets: &mut HopSets) -> Moved {
        self.graph.refresh();
        self.stale = false;
        self.tree.clear();
        let first = self.graph.first_edges(&self.adjacencies, sets);
        self.tree.update(self.graph.links(), Vec::new(), first, sets)
    }

    /// The metric of the shortest path to a node that counts.
    pub(crate) fn distance(&self, node: NodeIndex) -> Option<u32> {
        let distance = self.tree.distance(node);
        (distance != NOWHERE && self.graph.is_present(node)).then_some(distance)
    }

    /// The metric of a prefix that a node at `distance` announces with `metric`, if that is not too far.
    pub(crate) fn total(&self, distance: u32, metric: u32) -> Option<u32> {
        distance.checked_add(metric).filter(|total| *total <= self.bound)
    }

    pub(crate) fn hops(&self, node: NodeIndex) -> HopSet {
        self.tree.hops(node)
    }

    pub(crate) fn sets(&self) -> impl Iterator<Item = HopSet> {
        self.tree.sets()
    }

    /// The other nodes that are reached.
    pub(crate) fn reached(&self) -> impl Iterator<Item = NodeIndex> {
        self.graph.nodes().filter(|node| *node != ME && self.distance(*node).is_some())
    }

    /// The way to the nearest attached routers: the default route of an area (ISO 10589 §7.2.9.1). One that is
    /// overloaded is no way out.
    pub(crate) fn nearest_attached(&self, sets: &mut HopSets) -> Option<Best> {
        let reached =
            self.graph.attached().filter_map(|node| Some((self.distance(node)?, self.graph.id(node), node)));
        let (metric, _, node) = reached.min()?;
        let alike = self.graph.attached().filter(|other| self.distance(*other) == Some(metric));
        let hops = alike.fold(HopSet::NONE, |hops, node| sets.union(hops, self.hops(node)));
        Some(Best { kind: PathKind::Attached, fragment: 0, node, metric, hops })
    }
}
