//! Shortest paths with all first hops of equal cost.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use petgraph::{
    Direction,
    algo::dijkstra,
    graph::{DiGraph, NodeIndex},
    visit::{EdgeFiltered, EdgeRef},
};

use super::NextHop;

#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub cost: u32,
    /// The next hops when the edge leaves the root, if they do not depend on the path before.
    pub first: BTreeSet<NextHop>,
}

/// How far something is, and which way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
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
pub(crate) fn keep_best<K: Ord>(table: &mut BTreeMap<K, Reach>, key: K, reach: Reach) {
    match table.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(reach);
        }
        Entry::Occupied(mut entry) => entry.get_mut().merge(reach),
    }
}

/// The ways from `root` to all that it reaches, over vertices for which `transit` holds. Where an edge costs nothing, the vertex it
/// starts from has to come before the one it leads to in the order of `V`.
pub(crate) fn shortest<V: Copy + Ord>(
    graph: &DiGraph<V, Edge>,
    root: NodeIndex,
    transit: impl Fn(V) -> bool,
) -> BTreeMap<NodeIndex, Reach> {
    let passes = |node: NodeIndex| node == root || transit(graph[node]);
    let passable = EdgeFiltered::from_fn(graph, |edge| passes(edge.source()));
    let costs = dijkstra(&passable, root, None, |edge| edge.weight().cost);
    let mut order: Vec<NodeIndex> = costs.keys().copied().collect();
    order.sort_by_key(|node| (costs[node], graph[*node]));
    let mut found = BTreeMap::from([(root, Reach::default())]);
    for node in order.into_iter().filter(|node| *node != root) {
        let mut next_hops = BTreeSet::new();
        for edge in graph.edges_directed(node, Direction::Incoming) {
            let before = edge.source();
            let on_path = costs.get(&before).is_some_and(|cost| cost + edge.weight().cost == costs[&node]);
            if !on_path || !passes(before) {
                continue;
            }
            if before == root {
                next_hops.extend(edge.weight().first.iter().copied());
            } else if let Some(way) = found.get(&before) {
                // Only a network that the root is on itself has a way without a gateway: the gateway is this router.
                next_hops.extend(way.next_hops.iter().flat_map(|hop| match hop.gateway {
                    None => edge.weight().first.clone(),
                    Some(_) => BTreeSet::from([*hop]),
                }));
            }
        }
        found.insert(node, Reach { cost: costs[&node], next_hops });
    }
    found
}
