//! Evaluation: the outcomes of one atom after some nodes' next hops changed.

use crate::{
    DropReason, NodeId,
    actions::{Actions, Meaning},
    atoms::{Cell, Interest},
    outcomes::{Outcomes, fate},
    topology::Graph,
};

/// What evaluation of one atom works with.
pub(crate) struct Evaluation<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) actions: &'a Actions,
    pub(crate) interest: &'a Interest,
    pub(crate) cells: &'a mut [Cell],
    pub(crate) outcomes: &'a mut Outcomes,
    pub(crate) scratch: &'a mut Scratch,
}

/// Working memory, kept from one evaluation to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The nodes whose outcome the last evaluation changed.
    pub(crate) changed: Vec<u16>,
    marks: Vec<Mark>,
    round: u32,
    list: Vec<u16>,
    frames: Vec<(u16, u32)>,
    stack: Vec<u16>,
    fates: Vec<u32>,
    outcomes: Vec<u32>,
}

/// A node's part in an evaluation; void unless `round` is the present one.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    round: u32,
    /// The order of first visit, from 1; 0 is not visited yet.
    index: u32,
    low: u32,
    /// The number of its component, from 1; 0 while it has none.
    component: u32,
}

impl Scratch {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { marks: vec![Mark::default(); nodes], ..Self::default() }
    }

    fn begin(&mut self) {
        if self.round == u32::MAX {
            self.marks.fill(Mark::default());
            self.round = 0;
        }
        self.round += 1;
        self.list.clear();
    }

    /// Puts a node on the list, unless it is there.
    fn reach(&mut self, node: NodeId) {
        let mark = &mut self.marks[node.index()];
        if mark.round != self.round {
            *mark = Mark { round: self.round, ..Mark::default() };
            self.list.push(node.0);
        }
    }
}

impl Evaluation<'_> {
    /// Re-evaluates after `node` alone has a new action.
    pub(crate) fn node_changed(&mut self, node: NodeId) {
        self.scratch.changed.clear();
        // Most changes lead to the same end by another way: then nobody upstream need be asked. What the node reads from its
        // next hops is true only while they do not depend on it, so it must not be on a loop now.
        let now = self.hold_outcome(&[node.0], None);
        self.outcomes.release(now);
        if now == self.cells[node.index()].outcome && !self.is_on_loop(node) {
            return;
        }
        self.evaluate(&[node.0]);
    }

    /// Re-evaluates after the next hops of all of `nodes` changed.
    pub(crate) fn nodes_changed(&mut self, nodes: &[u16]) {
        self.scratch.changed.clear();
        self.evaluate(nodes);
    }

    fn is_on_loop(&mut self, node: NodeId) -> bool {
        self.scratch.begin();
        let mut next = Some(node.0);
        let mut done = 0;
        while let Some(at) = next {
            for interface in self.actions.next_hops(self.cells[usize::from(at)].action) {
                match self.graph.across(*interface) {
                    Some(peer) if peer == node => return true,
                    Some(peer) => self.scratch.reach(peer),
                    None => {}
                }
            }
            next = self.scratch.list.get(done).copied();
            done += 1;
        }
        false
    }

    /// Evaluates all nodes from which a packet may come by `seeds`; no other node's outcome can have changed. Tarjan's
    /// algorithm yields the strongly connected components of these nodes with those downstream first, and a component's
    /// outcome is the union of what leaves it, and a loop if it has one.
    fn evaluate(&mut self, seeds: &[u16]) {
        self.scratch.begin();
        seeds.iter().for_each(|node| self.scratch.reach(NodeId(*node)));
        let mut done = 0;
        while let Some(node) = self.scratch.list.get(done).copied() {
            done += 1;
            for interface in self.graph.interfaces_of(NodeId(node)) {
                let (back, peer) = self.graph.peer(interface);
                let sends = self.actions.next_hops(self.cells[peer.index()].action).contains(&back);
                if sends && self.graph.across(back).is_some() {
                    self.scratch.reach(peer);
                }
            }
        }
        let mut visited = 0;
        for position in 0..done {
            let node = self.scratch.list[position];
            if self.scratch.marks[usize::from(node)].index == 0 {
                self.visit(node, &mut visited);
            }
        }
    }

    fn visit(&mut self, root: u16, visited: &mut u32) {
        self.enter(root, visited);
        while let Some((node, edge)) = self.scratch.frames.last_mut() {
            let at = usize::from(*node);
            let next_hops = self.actions.next_hops(self.cells[at].action);
            if let Some(interface) = next_hops.get(*edge as usize) {
                *edge += 1;
                let Some(peer) = self.graph.across(*interface) else { continue };
                let mark = self.scratch.marks[peer.index()];
                if mark.round != self.scratch.round {
                    continue;
                }
                if mark.index == 0 {
                    self.enter(peer.0, visited);
                } else if mark.component == 0 {
                    let low = &mut self.scratch.marks[at].low;
                    *low = mark.index.min(*low);
                }
                continue;
            }
            self.scratch.frames.pop();
            let Mark { index, low, .. } = self.scratch.marks[at];
            if low == index {
                self.complete(at as u16, index);
            } else if let Some((parent, _)) = self.scratch.frames.last() {
                let parent = &mut self.scratch.marks[usize::from(*parent)];
                parent.low = low.min(parent.low);
            }
        }
    }

    fn enter(&mut self, node: u16, visited: &mut u32) {
        *visited += 1;
        let mark = &mut self.scratch.marks[usize::from(node)];
        (mark.index, mark.low) = (*visited, *visited);
        self.scratch.frames.push((node, 0));
        self.scratch.stack.push(node);
    }

    /// Takes the component that `root` was the first of from the stack, and sets its outcome.
    fn complete(&mut self, root: u16, component: u32) {
        let mut stack = std::mem::take(&mut self.scratch.stack);
        let first = stack.iter().rposition(|node| *node == root).unwrap_or(0);
        let members = &stack[first..];
        for node in members {
            self.scratch.marks[usize::from(*node)].component = component;
        }
        let cyclic = members.len() > 1 || self.hops(root).any(|peer| peer.0 == root);
        let outcome = self.hold_outcome(members, cyclic.then_some(component));
        for node in members {
            let cell = &mut self.cells[usize::from(*node)];
            if cell.outcome != outcome {
                self.outcomes.hold_again(outcome, 1);
                self.outcomes.release(cell.outcome);
                cell.outcome = outcome;
                self.scratch.changed.push(*node);
            }
        }
        self.outcomes.release(outcome);
        stack.truncate(first);
        self.scratch.stack = stack;
    }

    /// The union of what becomes of packets at `members`, where it does not come back to their component, if they loop in one.
    fn hold_outcome(&mut self, members: &[u16], component: Option<u32>) -> u32 {
        let mut fates = std::mem::take(&mut self.scratch.fates);
        let mut outcomes = std::mem::take(&mut self.scratch.outcomes);
        for node in members.iter().copied().map(NodeId) {
            match self.actions.get(self.cells[node.index()].action) {
                Meaning::Unknown => fates.push(fate::unknown(node)),
                Meaning::Local => fates.push(fate::egress(node)),
                Meaning::Deliver if self.interest.is_attached_at(node) => fates.push(fate::egress(node)),
                Meaning::Deliver => fates.push(fate::drop(node, DropReason::NotAttached)),
                Meaning::Drop(reason) => fates.push(fate::drop(node, reason)),
                Meaning::Forward(interfaces) => {
                    for interface in interfaces {
                        let Some(peer) = self.graph.across(*interface) else {
                            fates.push(fate::drop(node, DropReason::DeadNextHop));
                            continue;
                        };
                        let outcome = self.cells[peer.index()].outcome;
                        if !self.is_in(peer, component) && !outcomes.contains(&outcome) {
                            outcomes.push(outcome);
                        }
                    }
                }
            }
        }
        let entered = component.map(|component| {
            let nodes = self.representative(members, component);
            self.outcomes.hold_loop(&nodes)
        });
        fates.extend(entered);
        let held = match (&fates[..], &outcomes[..]) {
            ([], [same]) => {
                self.outcomes.hold_again(*same, 1);
                *same
            }
            _ => {
                outcomes.iter().for_each(|outcome| fates.extend_from_slice(self.outcomes.fates(*outcome)));
                self.outcomes.hold(&mut fates)
            }
        };
        entered.into_iter().for_each(|fate| self.outcomes.release_loop(fate));
        fates.clear();
        outcomes.clear();
        (self.scratch.fates, self.scratch.outcomes) = (fates, outcomes);
        held
    }

    /// One loop of a component, the same whichever change made it: go to the smallest next hop, from the smallest node on,
    /// until a node comes again.
    fn representative(&self, members: &[u16], component: u32) -> Vec<u32> {
        let mut way: Vec<u32> = Vec::new();
        let mut at = members.iter().min().copied();
        while let Some(node) = at {
            if let Some(start) = way.iter().position(|passed| *passed == u32::from(node)) {
                way.drain(..start);
                break;
            }
            way.push(node.into());
            at = self.hops(node).filter(|peer| self.is_in(*peer, Some(component))).map(|peer| peer.0).min();
        }
        let smallest = way.iter().enumerate().min_by_key(|(_, node)| **node);
        let smallest = smallest.map_or(0, |(position, _)| position);
        way.rotate_left(smallest);
        way
    }

    fn hops(&self, node: u16) -> impl Iterator<Item = NodeId> {
        let next_hops = self.actions.next_hops(self.cells[usize::from(node)].action);
        next_hops.iter().filter_map(|interface| self.graph.across(*interface))
    }

    fn is_in(&self, node: NodeId, component: Option<u32>) -> bool {
        let mark = &self.scratch.marks[node.index()];
        component.is_some_and(|component| mark.round == self.scratch.round && mark.component == component)
    }
}
