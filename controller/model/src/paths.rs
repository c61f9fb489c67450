//! Shortest paths over the links that are up.

use std::sync::Arc;

use petgraph::{
    Direction,
    algo::dijkstra,
    graph::{DiGraph, EdgeIndex, NodeIndex},
    visit::{EdgeFiltered, EdgeRef, Reversed},
};

use crate::expected::NextHop;

/// One direction of a link.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    /// The link's number.
    pub(crate) link: u16,
    pub(crate) metric: u32,
    pub(crate) next_hop: NextHop,
}

/// All links of a virtual network, each once per direction.
pub(crate) type Graph = DiGraph<(), Hop>;

/// An owner's distance from every node; `None` for those that cannot reach it.
type Distances = Arc<[Option<u32>]>;

/// The distances of all owners of prefixes for one set of live links. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    /// By edge: whether it is up.
    live: Arc<[bool]>,
    /// By owner, in the order in which they were given.
    distances: Vec<Distances>,
}

impl Paths {
    pub(crate) fn new(graph: &Graph, owners: &[NodeIndex], live: Arc<[bool]>) -> Self {
        let distances = owners.iter().map(|owner| distances(graph, *owner, &live)).collect();
        Self { live, distances }
    }

    /// The edges that are up in one of the two and down in the other.
    pub(crate) fn flipped(&self, live: &[bool]) -> Vec<EdgeIndex> {
        let pairs = self.live.iter().zip(live).enumerate();
        pairs.filter(|(_, (before, after))| before != after).map(|(edge, _)| EdgeIndex::new(edge)).collect()
    }

    /// The same with other live links, and for each owner whether it had to be computed anew. `owners` are those of `new`,
    /// `flipped` is what changes.
    pub(crate) fn with_live(
        &self,
        graph: &Graph,
        owners: &[NodeIndex],
        live: Arc<[bool]>,
        flipped: &[EdgeIndex],
    ) -> (Self, Vec<bool>) {
        let touched: Vec<bool> = self.distances.iter().map(|d| self.touches(graph, d, flipped)).collect();
        let distances = self.distances.iter().zip(owners).zip(&touched).map(|((old, owner), touched)| {
            if *touched { distances(graph, *owner, &live) } else { Arc::clone(old) }
        });
        (Self { distances: distances.collect(), live }, touched)
    }

    /// Whether distances may be others once these edges have changed sides: an edge that goes down may have been part of a
    /// shortest path, or one that comes up is a shorter way.
    fn touches(&self, graph: &Graph, distances: &Distances, flipped: &[EdgeIndex]) -> bool {
        flipped.iter().any(|edge| {
            let Some((from, to)) = graph.edge_endpoints(*edge) else { return false };
            let Some(over) = distances[to.index()].map(|d| d + graph[*edge].metric) else { return false };
            let now = distances[from.index()];
            if self.live[edge.index()] { now == Some(over) } else { now.is_none_or(|now| over < now) }
        })
    }

    /// The distance from a node to an owner, by the owner's place.
    pub(crate) fn to(&self, owner: usize, from: NodeIndex) -> Option<u32> {
        self.distances[owner][from.index()]
    }

    /// The distance from a node to the nearest of some owners.
    pub(crate) fn nearest(&self, owners: &[usize], from: NodeIndex) -> Option<u32> {
        owners.iter().filter_map(|owner| self.to(*owner, from)).min()
    }

    /// The edges that begin a shortest path from a node to the nearest of some owners.
    pub(crate) fn first_hops<'a>(
        &'a self,
        graph: &'a Graph,
        owners: &'a [usize],
        from: NodeIndex,
    ) -> impl Iterator<Item = EdgeIndex> + 'a {
        let distance = self.nearest(owners, from);
        graph
            .edges_directed(from, Direction::Outgoing)
            .filter(move |edge| {
                let beyond = self.nearest(owners, edge.target());
                self.live[edge.id().index()]
                    && distance.is_some()
                    && beyond.map(|d| d + edge.weight().metric) == distance
            })
            .map(|edge| edge.id())
    }
}

fn distances(graph: &Graph, owner: NodeIndex, live: &[bool]) -> Distances {
    let towards_owner = Reversed(graph);
    let up = EdgeFiltered::from_fn(towards_owner, |edge| live[edge.id().index()]);
    let found = dijkstra(&up, owner, None, |edge| edge.weight().metric);
    graph.node_indices().map(|node| found.get(&node).copied()).collect()
}
