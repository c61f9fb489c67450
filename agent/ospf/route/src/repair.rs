//! Shortest paths repaired after link changes, in the manner of Ramalingam and Reps: only vertices whose distance or next
//! hops change, and their neighbours, are looked at.
//!
//! Three steps: what has lost every shortest way (in the order of old distances); new distances for these and for what has
//! gained a shorter way (Dijkstra's algorithm among them); next hops, outwards, as long as they change.
//!
//! It asks that routers' links cost something: with cycles of cost 0 vertices could keep one another in the tree.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{
    exits::{Exits, Surroundings},
    graph::{Change, Graph},
    hops::{EMPTY, HopSets, HopsId},
    spf::{Tree, UNREACHABLE},
};

/// What a repair did.
pub struct Repair {
    /// The vertices whose distance or next hops differ now.
    pub changed: Vec<u32>,
    /// How many vertices were looked at.
    pub visited: u32,
}

struct Work<'a> {
    graph: &'a Graph,
    exits: &'a Exits,
    tree: &'a mut Tree,
    /// Old distances of all vertices whose distance was touched, in order of being touched.
    touched: Vec<(u32, u32)>,
    is_touched: Vec<bool>,
    visited: u32,
}

/// Repairs `tree`. `reseeded` are vertices whose first hop may differ though no cost does.
///
/// Gives up, with the tree spoilt, when it touches so much that starting afresh is cheaper.
pub fn repair(
    graph: &Graph,
    exits: &Exits,
    around: &Surroundings<'_>,
    sets: &mut HopSets,
    tree: &mut Tree,
    (changes, reseeded): (&[Change], &[u32]),
) -> Option<Repair> {
    tree.grow(graph.bound());
    let bound = graph.bound();
    let mut work =
        Work { graph, exits, tree, touched: Vec::new(), is_touched: vec![false; bound], visited: 0 };
    let limit = 64 + bound / 3;
    let lost = work.lost(changes, limit)?;
    work.distances(changes, &lost, limit)?;
    let mut seeds: Vec<u32> =
        changes.iter().map(|change| change.to).chain(reseeded.iter().copied()).collect();
    for (vertex, old) in &work.touched {
        seeds.push(*vertex);
        if work.tree.distance[*vertex as usize] != *old {
            seeds.extend(graph.edges(*vertex).iter().map(|edge| edge.to));
        }
    }
    let rehopped = work.next_hops(&seeds, around, sets);
    let mut changed: Vec<u32> = work
        .touched
        .iter()
        .filter(|(vertex, old)| work.tree.distance[*vertex as usize] != *old)
        .map(|(vertex, _)| *vertex)
        .chain(rehopped)
        .collect();
    changed.sort_unstable();
    changed.dedup();
    Some(Repair { changed, visited: work.visited })
}

impl Work<'_> {
    fn touch(&mut self, vertex: u32, distance: u32) {
        let place = &mut self.tree.distance[vertex as usize];
        if !std::mem::replace(&mut self.is_touched[vertex as usize], true) {
            self.touched.push((vertex, *place));
        }
        *place = distance;
    }

    fn distance(&self, vertex: u32) -> u32 {
        self.tree.distance[vertex as usize]
    }

    /// The distances that a vertex gets by way of its neighbours, with each neighbour.
    fn offers(&self, vertex: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.graph.edges(vertex).iter().filter_map(move |edge| {
            let distance = self.distance(edge.to);
            if distance == UNREACHABLE {
                return None;
            }
            Some((edge.to, distance.saturating_add(self.graph.cost(edge.to, vertex)?)))
        })
    }

    /// The vertices that no unaffected neighbour holds at their old distance. They are set out of reach.
    fn lost(&mut self, changes: &[Change], limit: usize) -> Option<Vec<u32>> {
        let mut lost = Vec::new();
        let mut suspects: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
        for change in changes {
            let (from, to) = (self.distance(change.from), self.distance(change.to));
            let Some(old) = change.old else { continue };
            let rises = change.new.is_none_or(|new| new > old);
            if rises && to != UNREACHABLE && from.saturating_add(old) == to {
                suspects.push(Reverse((to, change.to)));
            }
        }
        while let Some(Reverse((distance, vertex))) = suspects.pop() {
            self.visited += 1;
            if self.distance(vertex) == UNREACHABLE
                || self.exits.root == Some(vertex)
                || self.offers(vertex).any(|(_, offer)| offer <= distance)
            {
                continue;
            }
            self.touch(vertex, UNREACHABLE);
            lost.push(vertex);
            if lost.len() > limit {
                return None;
            }
            for edge in self.graph.edges(vertex) {
                let to = self.distance(edge.to);
                if to != UNREACHABLE && distance.saturating_add(edge.cost) <= to {
                    suspects.push(Reverse((to, edge.to)));
                }
            }
        }
        Some(lost)
    }

    fn distances(&mut self, changes: &[Change], lost: &[u32], limit: usize) -> Option<()> {
        let mut candidates: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
        // the best offers of the vertices that stayed, all taken before any is used
        for vertex in lost {
            if let Some(best) = self.offers(*vertex).map(|(_, offer)| offer).min() {
                candidates.push(Reverse((best, *vertex)));
            }
        }
        for change in changes {
            let from = self.distance(change.from);
            if let (Some(new), true) = (change.new, from != UNREACHABLE) {
                candidates.push(Reverse((from.saturating_add(new), change.to)));
            }
        }
        while let Some(Reverse((distance, vertex))) = candidates.pop() {
            if distance >= self.distance(vertex) {
                continue;
            }
            self.visited += 1;
            self.touch(vertex, distance);
            if self.touched.len() > limit {
                return None;
            }
            for edge in self.graph.edges(vertex) {
                let distance = distance.saturating_add(edge.cost);
                if distance < self.distance(edge.to) {
                    candidates.push(Reverse((distance, edge.to)));
                }
            }
        }
        Some(())
    }

    /// Mends the next hops of the seeds and of whatever inherits a difference. Returns those that changed.
    fn next_hops(&mut self, seeds: &[u32], around: &Surroundings<'_>, sets: &mut HopSets) -> Vec<u32> {
        let mut changed = Vec::new();
        let mut queued = vec![false; self.graph.bound()];
        let mut queue: BinaryHeap<Reverse<(u32, bool, u32)>> = BinaryHeap::new();
        let entry =
            |vertex: u32, distance: u32| Reverse((distance, !self.graph.id(vertex).is_network(), vertex));
        for seed in seeds {
            if !std::mem::replace(&mut queued[*seed as usize], true) {
                queue.push(entry(*seed, self.distance(*seed)));
            }
        }
        while let Some(Reverse((distance, _, vertex))) = queue.pop() {
            self.visited += 1;
            let hops = self.hops_of(vertex, distance, around, sets);
            if std::mem::replace(&mut self.tree.hops[vertex as usize], hops) == hops {
                continue;
            }
            changed.push(vertex);
            for edge in self.graph.edges(vertex) {
                let tight = distance.saturating_add(edge.cost) == self.tree.distance[edge.to as usize];
                if tight && !std::mem::replace(&mut queued[edge.to as usize], true) {
                    queue.push(entry(edge.to, self.tree.distance[edge.to as usize]));
                }
            }
        }
        changed
    }

    fn hops_of(&self, vertex: u32, distance: u32, around: &Surroundings<'_>, sets: &mut HopSets) -> HopsId {
        if distance == UNREACHABLE || self.exits.root == Some(vertex) {
            return EMPTY;
        }
        let mut hops = EMPTY;
        for (parent, offer) in self.offers(vertex) {
            if offer == distance {
                let inherited = self.tree.hops[parent as usize];
                let more = self.exits.via(parent, inherited, vertex, self.graph, around, sets);
                hops = sets.union(hops, more);
            }
        }
        hops
    }
}
