//! The shortest paths from this router to all nodes of a level, kept through changes.
//!
//! ISO 10589 §C.2 computes them from nothing each time. Here the last result stands, and a change of edges costs what it
//! moves: nodes that lose the edge over which their distance came lose it with all that hang below them in the tree, and
//! look for the best way that is left; nodes that an edge brings nearer go on from there; one run of Dijkstra's algorithm
//! settles both. Then next hops flow along the edges of shortest paths, nearest nodes first, as far as they change.

use std::{cmp::Reverse, collections::BinaryHeap};

use serde::{Deserialize, Serialize};

use crate::{
    hops::{HopSet, HopSets},
    links::{Links, NodeIndex, UNUSABLE},
    queue::Queue,
};

/// The distance of a node that cannot be reached.
pub(crate) const NOWHERE: u32 = u32::MAX;
/// Stands for this router as an end of an edge. It is never on the way between others, so it has no links.
pub(crate) const ROOT: NodeIndex = u32::MAX;
const NO_PARENT: NodeIndex = u32::MAX - 1;

/// A change of the weight of an edge. The same one may be told twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) from: NodeIndex,
    pub(crate) to: NodeIndex,
    pub(crate) old: u32,
    pub(crate) new: u32,
}

/// An edge from this router to a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct First {
    pub(crate) node: NodeIndex,
    /// The least metric of the adjacencies to it.
    pub(crate) weight: u32,
    /// The adjacencies of that metric.
    pub(crate) hops: HopSet,
}

/// Distances and next hops of all nodes of a level.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tree {
    distance: Vec<u32>,
    /// One node before on a shortest path, of possibly several: with these, edges of weight zero make no cycle.
    parent: Vec<NodeIndex>,
    hops: Vec<HopSet>,
    /// By node, ascending.
    first: Vec<First>,
    /// No path is longer.
    bound: u32,
}

/// What an update did.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// The nodes whose distance or next hops differ now, each once.
    pub(crate) nodes: Vec<NodeIndex>,
    /// How many nodes were looked at.
    pub(crate) visited: usize,
}

impl Tree {
    pub(crate) fn new(bound: u32) -> Tree {
        Tree { bound, ..Tree::default() }
    }

    /// Gives the next node a place; it is `distance` away.
    pub(crate) fn push_node(&mut self, distance: u32) {
        self.distance.push(distance);
        self.parent.push(NO_PARENT);
        self.hops.push(HopSet::NONE);
    }

    pub(crate) fn distance(&self, node: NodeIndex) -> u32 {
        self.distance[node as usize]
    }

    pub(crate) fn hops(&self, node: NodeIndex) -> HopSet {
        self.hops[node as usize]
    }

    /// All sets of next hops that are in use.
    pub(crate) fn sets(&self) -> impl Iterator<Item = HopSet> {
        self.hops.iter().copied().chain(self.first.iter().map(|first| first.hops))
    }

    pub(crate) fn first(&self) -> &[First] {
        &self.first
    }

    /// How many nodes have a place.
    pub(crate) fn places(&self) -> usize {
        self.distance.len()
    }

    /// Forgets all paths. This router stays where it is.
    pub(crate) fn clear(&mut self) {
        for (distance, parent) in self.distance.iter_mut().zip(&mut self.parent) {
            if *parent != NO_PARENT {
                (*distance, *parent) = (NOWHERE, NO_PARENT);
            }
        }
        self.hops.fill(HopSet::NONE);
        self.first.clear();
    }

    /// Follows `changes`, which `links` has already, and the edges `first` from this router, by node ascending.
    pub(crate) fn update(
        &mut self,
        links: &Links,
        mut changes: Vec<Change>,
        first: Vec<First>,
        sets: &mut HopSets,
    ) -> Moved {
        self.change_first(first, &mut changes);
        let mut run = Run {
            old: Vec::new(),
            seen: vec![0; self.distance.len()],
            settled: Vec::new(),
            queue: Queue::new(),
        };
        self.cut(links, &changes, &mut run);
        self.shorten(&changes, &mut run);
        self.settle(links, &mut run);
        let mut moved = Moved { nodes: Vec::new(), visited: run.old.len() };
        for &(node, old) in &run.old {
            if self.distance(node) != old {
                run.seen[node as usize] |= MOVED;
                moved.nodes.push(node);
            }
        }
        let dirty = self.unsure_of_hops(links, &changes, &moved.nodes, &run.settled, &mut run.seen);
        self.spread_hops(links, dirty, &mut run.seen, sets, &mut moved);
        moved
    }

    /// Takes over `first`, and tells what changes. A neighbour of which only the next hops differ gives a change of
    /// equal weights, so that it is looked at.
    fn change_first(&mut self, first: Vec<First>, changes: &mut Vec<Change>) {
        for edge in &self.first {
            let new = find(&first, edge.node);
            if new != Some(edge) {
                let new = new.map_or(UNUSABLE, |new| new.weight);
                changes.push(Change { from: ROOT, to: edge.node, old: edge.weight, new });
            }
        }
        for edge in first.iter().filter(|edge| find(&self.first, edge.node).is_none()) {
            changes.push(Change { from: ROOT, to: edge.node, old: UNUSABLE, new: edge.weight });
        }
        self.first = first;
    }

    /// Takes the distance from all nodes that hang below an edge that became longer, and gives them the best that those
    /// around them offer.
    fn cut(&mut self, links: &Links, changes: &[Change], run: &mut Run) {
        let mut lost: Vec<NodeIndex> = Vec::new();
        for change in changes.iter().filter(|change| change.new > change.old) {
            let node = change.to;
            if self.parent[node as usize] == change.from && run.mark(node, self.distance(node)) {
                lost.push(node);
            }
        }
        let mut next = 0;
        while let Some(&node) = lost.get(next) {
            next += 1;
            for link in links.of(node) {
                let below = self.parent[link.peer as usize] == node;
                if below && run.mark(link.peer, self.distance(link.peer)) {
                    lost.push(link.peer);
                }
            }
        }
        for &node in &lost {
            self.distance[node as usize] = NOWHERE;
            self.parent[node as usize] = NO_PARENT;
        }
        for &node in &lost {
            if let Some(edge) = find(&self.first, node) {
                self.offer(node, ROOT, edge.weight, run);
            }
            for link in links.of(node) {
                self.offer(node, link.peer, self.distance(link.peer).saturating_add(link.back), run);
            }
        }
    }

    /// Offers the ways over edges that became shorter.
    fn shorten(&mut self, changes: &[Change], run: &mut Run) {
        for change in changes.iter().filter(|change| change.new < change.old) {
            let start = if change.from == ROOT { 0 } else { self.distance(change.from) };
            self.offer(change.to, change.from, start.saturating_add(change.new), run);
        }
    }

    /// Dijkstra's algorithm from all that is in the queue.
    fn settle(&mut self, links: &Links, run: &mut Run) {
        while let Some((distance, node)) = run.queue.pop() {
            if distance != self.distance(node) {
                continue;
            }
            run.settled.push(node);
            for link in links.of(node) {
                self.offer(link.peer, node, distance.saturating_add(link.out), run);
            }
        }
    }

    /// Lets `node` take the way over `parent` if it is shorter than the one that it has.
    fn offer(&mut self, node: NodeIndex, parent: NodeIndex, distance: u32, run: &mut Run) {
        let old = self.distance(node);
        if distance < old && distance <= self.bound {
            run.mark(node, old);
            self.distance[node as usize] = distance;
            self.parent[node as usize] = parent;
            run.queue.push(distance, node);
        }
    }

    /// The nodes whose next hops may differ, with their distance, nearest first: those that moved and those around
    /// them, and the ends of changed edges. Nodes out of reach have none.
    fn unsure_of_hops(
        &mut self,
        links: &Links,
        changes: &[Change],
        moved: &[NodeIndex],
        settled: &[NodeIndex],
        seen: &mut [u8],
    ) -> Vec<(u32, NodeIndex)> {
        let mut dirty: Vec<(u32, NodeIndex)> = Vec::with_capacity(settled.len() + changes.len());
        let mut add = |node: NodeIndex| {
            let distance = self.distance[node as usize];
            if distance != NOWHERE && seen[node as usize] & QUEUED == 0 {
                seen[node as usize] |= QUEUED;
                dirty.push((distance, node));
            }
        };
        for &node in settled {
            add(node);
        }
        for link in moved.iter().flat_map(|node| links.of(*node)) {
            add(link.peer);
        }
        for change in changes {
            add(change.to);
        }
        for &node in moved {
            if self.distance(node) == NOWHERE {
                self.hops[node as usize] = HopSet::NONE;
            }
        }
        // Those that were settled come in this order already, which this sort makes use of.
        dirty.sort_by_key(|(distance, _)| *distance);
        dirty
    }

    /// Computes the next hops of `dirty` and of all that inherit from one whose next hops change.
    fn spread_hops(
        &mut self,
        links: &Links,
        dirty: Vec<(u32, NodeIndex)>,
        seen: &mut [u8],
        sets: &mut HopSets,
        moved: &mut Moved,
    ) {
        let mut dirty = dirty.into_iter().peekable();
        let mut heirs: BinaryHeap<Reverse<(u32, NodeIndex)>> = BinaryHeap::new();
        let mut batch: Vec<(NodeIndex, HopSet)> = Vec::new();
        loop {
            let distance = match (dirty.peek(), heirs.peek()) {
                (Some(next), Some(heir)) => next.0.min(heir.0.0),
                (Some(next), None) => next.0,
                (None, Some(heir)) => heir.0.0,
                (None, None) => break,
            };
            batch.clear();
            while let Some((_, node)) = dirty.next_if(|next| next.0 == distance) {
                batch.push((node, self.hops(node)));
            }
            while let Some(Reverse((_, node))) = heirs.peek().copied().filter(|heir| heir.0.0 == distance) {
                heirs.pop();
                batch.push((node, self.hops(node)));
            }
            if links.has_zeros() {
                self.spread_level(links, &mut batch, seen, sets);
            } else {
                for &(node, _) in &batch {
                    self.hops[node as usize] = self.inherited(links, node, sets, |_| false);
                }
            }
            moved.visited += batch.len();
            for &(node, old) in batch.iter().filter(|(node, old)| self.hops(*node) != *old) {
                if seen[node as usize] & MOVED == 0 {
                    seen[node as usize] |= MOVED;
                    moved.nodes.push(node);
                }
                debug_assert_ne!(
                    self.hops(node),
                    HopSet::NONE,
                    "node {node}, before {old:?}: reached over nobody"
                );
                for link in links.of(node) {
                    if seen[link.peer as usize] & QUEUED != 0 || link.out == 0 {
                        continue;
                    }
                    let beyond = self.distance(link.peer);
                    if distance.checked_add(link.out) == Some(beyond) {
                        seen[link.peer as usize] |= QUEUED;
                        heirs.push(Reverse((beyond, link.peer)));
                    }
                }
            }
        }
    }

    /// The next hops of nodes at one distance where edges of weight zero may lead from one to the other, perhaps in a
    /// circle. All that an edge of zero leads to from the batch joins it; each then takes what comes from nearer nodes,
    /// and passes that on until nothing is new. What stays out of the batch depends on nothing in it.
    fn spread_level(
        &mut self,
        links: &Links,
        batch: &mut Vec<(NodeIndex, HopSet)>,
        seen: &mut [u8],
        sets: &mut HopSets,
    ) {
        for &(node, _) in batch.iter() {
            seen[node as usize] |= IN_BATCH;
        }
        let mut next = 0;
        while let Some(&(node, _)) = batch.get(next) {
            next += 1;
            for peer in level_peers(&self.distance, links, node) {
                if seen[peer as usize] & IN_BATCH == 0 {
                    seen[peer as usize] |= IN_BATCH | QUEUED;
                    batch.push((peer, self.hops(peer)));
                }
            }
        }
        for &(node, _) in batch.iter() {
            self.hops[node as usize] =
                self.inherited(links, node, sets, |peer| seen[peer as usize] & IN_BATCH != 0);
        }
        let mut giving: Vec<NodeIndex> = batch.iter().map(|(node, _)| *node).collect();
        while let Some(node) = giving.pop() {
            for peer in level_peers(&self.distance, links, node) {
                let union = sets.union(self.hops(peer), self.hops(node));
                if union != self.hops(peer) {
                    self.hops[peer as usize] = union;
                    giving.push(peer);
                }
            }
        }
        for &(node, _) in batch.iter() {
            seen[node as usize] &= !IN_BATCH;
        }
    }

    /// The union of the next hops of all that are before `node` on a shortest path, but for edges of weight zero from
    /// those `left_out`.
    fn inherited(
        &self,
        links: &Links,
        node: NodeIndex,
        sets: &mut HopSets,
        left_out: impl Fn(NodeIndex) -> bool,
    ) -> HopSet {
        let distance = self.distance(node);
        let own = find(&self.first, node).filter(|first| first.weight == distance);
        let mut hops = own.map_or(HopSet::NONE, |first| first.hops);
        for link in links.of(node) {
            let before = distance.checked_sub(link.back) == Some(self.distance(link.peer));
            if before && !(link.back == 0 && left_out(link.peer)) {
                hops = sets.union(hops, self.hops(link.peer));
            }
        }
        hops
    }
}

/// Its distance was looked at, and noted.
const NOTED: u8 = 1;
/// It is among those that moved.
const MOVED: u8 = 2;
/// It waits for its next hops, or had its turn.
const QUEUED: u8 = 4;
/// Its next hops are being computed together with others at its distance.
const IN_BATCH: u8 = 8;

/// The state of one update.
struct Run {
    /// The distances before, of all nodes whose distance was touched.
    old: Vec<(NodeIndex, u32)>,
    /// Marks by node.
    seen: Vec<u8>,
    /// The nodes that have their final distance, nearest first.
    settled: Vec<NodeIndex>,
    queue: Queue,
}

impl Run {
    /// Notes the distance of `node` before it is touched; whether that is the first time.
    fn mark(&mut self, node: NodeIndex, distance: u32) -> bool {
        let seen = &mut self.seen[node as usize];
        let new = *seen & NOTED == 0;
        if new {
            *seen |= NOTED;
            self.old.push((node, distance));
        }
        new
    }
}

fn find(first: &[First], node: NodeIndex) -> Option<&First> {
    first.binary_search_by_key(&node, |first| first.node).ok().map(|at| &first[at])
}

/// The nodes at the distance of `node` to which an edge of weight zero leads from it.
fn level_peers(distances: &[u32], links: &Links, node: NodeIndex) -> impl Iterator<Item = NodeIndex> {
    let distance = distances[node as usize];
    let zeros = links.of(node).iter().filter(|link| link.out == 0).map(|link| link.peer);
    zeros.filter(move |peer| distances[*peer as usize] == distance)
}
