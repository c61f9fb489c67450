//! Shortest paths from scratch (RFC 2328 §16.1): the fall-back, and the oracle of [`crate::repair`].

use std::{cmp::Reverse, collections::BinaryHeap};

use serde::{Deserialize, Serialize};

use crate::{
    exits::{Exits, Surroundings},
    graph::{Graph, push},
    hops::{EMPTY, HopSets, HopsId},
};

/// The distance of what cannot be reached.
pub const UNREACHABLE: u32 = u32::MAX;

/// Distances and next hops, by vertex number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    pub distance: Vec<u32>,
    pub hops: Vec<HopsId>,
}

impl Tree {
    /// Makes place for vertices that are new.
    pub fn grow(&mut self, bound: usize) {
        while self.distance.len() < bound {
            push(&mut self.distance, UNREACHABLE);
            push(&mut self.hops, EMPTY);
        }
    }

    /// Whether a vertex has a way that can be used: it is the root, or there is a next hop. (There is none while a virtual
    /// link's endpoint cannot be reached.)
    pub fn reaches(&self, vertex: u32, exits: &Exits) -> bool {
        self.distance.get(vertex as usize).is_some_and(|distance| *distance != UNREACHABLE)
            && (self.hops[vertex as usize] != EMPTY || exits.root == Some(vertex))
    }
}

/// The order in which vertices of equal distance join the tree: networks before routers. Among these the order matters
/// only when routers have links of cost 0; then it is that of their identities, so that it does not depend on history.
struct Order(Option<Ranks>);

struct Ranks {
    rank: Vec<u32>,
    vertex: Vec<u32>,
}

const ROUTER: u32 = 1 << 31;

impl Order {
    fn new(graph: &Graph) -> Self {
        if !graph.has_zero_links() {
            return Self(None);
        }
        let vertex: Vec<u32> = graph.vertices().map(|(_, vertex)| vertex).collect();
        let mut rank = vec![0; graph.bound()];
        for (at, vertex) in vertex.iter().enumerate() {
            rank[*vertex as usize] = at as u32;
        }
        Self(Some(Ranks { rank, vertex }))
    }

    fn key(&self, distance: u32, vertex: u32, graph: &Graph) -> u64 {
        let low = match &self.0 {
            Some(ranks) => ranks.rank[vertex as usize],
            None if graph.id(vertex).is_network() => vertex,
            None => vertex | ROUTER,
        };
        u64::from(distance) << 32 | u64::from(low)
    }

    fn vertex(&self, key: u64) -> u32 {
        let low = key as u32;
        match &self.0 {
            Some(ranks) => ranks.vertex[low as usize],
            None => low & !ROUTER,
        }
    }
}

/// Computes the whole tree. Returns it with the number of vertices in it.
pub fn full(graph: &Graph, exits: &Exits, around: &Surroundings<'_>, sets: &mut HopSets) -> (Tree, u32) {
    let bound = graph.bound();
    let mut tree = Tree { distance: vec![UNREACHABLE; bound], hops: vec![EMPTY; bound] };
    let Some(root) = exits.root else { return (tree, 0) };
    let order = Order::new(graph);
    let mut settled = vec![false; bound];
    let mut candidates = BinaryHeap::new();
    let mut count = 0;
    tree.distance[root as usize] = 0;
    candidates.push(Reverse(order.key(0, root, graph)));
    while let Some(Reverse(key)) = candidates.pop() {
        let vertex = order.vertex(key);
        if std::mem::replace(&mut settled[vertex as usize], true) {
            continue;
        }
        count += 1;
        let (here, inherited) = (tree.distance[vertex as usize], tree.hops[vertex as usize]);
        for edge in graph.edges(vertex) {
            let to = edge.to as usize;
            let distance = here.saturating_add(edge.cost);
            // at equal cost of zero links a settled vertex keeps what it has: RFC 2328 §16.1 (2c)
            if distance > tree.distance[to] || distance == UNREACHABLE || settled[to] {
                continue;
            }
            let hops = exits.via(vertex, inherited, edge.to, graph, around, sets);
            if distance < tree.distance[to] {
                tree.distance[to] = distance;
                tree.hops[to] = hops;
                candidates.push(Reverse(order.key(distance, edge.to, graph)));
            } else {
                tree.hops[to] = sets.union(tree.hops[to], hops);
            }
        }
    }
    (tree, count)
}
