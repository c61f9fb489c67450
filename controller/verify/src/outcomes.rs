//! Outcomes as numbers: interned sets of fates.

use std::sync::{Arc, OnceLock};

use crate::{DropReason, NodeId, Verdict, interner::Interner};

const TAG: u32 = 28;
const MASK: u32 = 0xf << TAG;
const EGRESS: u32 = 0 << TAG;
const DROP: u32 = 1 << TAG;
const LOOP: u32 = 2 << TAG;
const UNKNOWN: u32 = 3 << TAG;
/// Parts of the prefix fare differently.
pub(crate) const PARTIAL: u32 = 4 << TAG;

/// What may become of a packet: one thing out of an outcome.
pub(crate) mod fate {
    use super::{DROP, DropReason, EGRESS, NodeId, UNKNOWN};

    pub(crate) fn egress(node: NodeId) -> u32 {
        EGRESS | u32::from(node.0)
    }

    pub(crate) fn drop(node: NodeId, reason: DropReason) -> u32 {
        DROP | u32::from(node.0) << 4 | reason as u32
    }

    pub(crate) fn unknown(node: NodeId) -> u32 {
        UNKNOWN | u32::from(node.0)
    }
}

/// The outcomes in use, and the loops that they speak of.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    sets: Interner,
    /// By number, once somebody asked.
    verdicts: Vec<OnceLock<Arc<Verdict>>>,
    loops: Interner,
}

impl Outcomes {
    /// The number of an outcome, held once more. `fates` are sorted here and lose their doubles.
    pub(crate) fn hold(&mut self, fates: &mut Vec<u32>) -> u32 {
        if fates.len() > 1 {
            fates.sort_unstable();
            fates.dedup();
        }
        let (id, new) = self.sets.hold(fates);
        if new {
            for fate in fates.iter().filter(|fate| **fate & MASK == LOOP) {
                self.loops.hold_again(fate & !LOOP, 1);
            }
            if self.verdicts.len() <= id as usize {
                self.verdicts.resize_with(id as usize + 1, OnceLock::new);
            }
        }
        id
    }

    pub(crate) fn hold_again(&mut self, id: u32, times: u32) {
        self.sets.hold_again(id, times);
    }

    pub(crate) fn release(&mut self, id: u32) {
        let Some(fates) = self.sets.release(id) else { return };
        self.verdicts[id as usize].take();
        for fate in fates.iter().filter(|fate| **fate & MASK == LOOP) {
            self.loops.release(fate & !LOOP);
        }
    }

    /// The fate of entering a loop: its nodes in order, the smallest first. To be [let go](Self::release_loop) once an outcome
    /// holds it.
    pub(crate) fn hold_loop(&mut self, nodes: &[u32]) -> u32 {
        LOOP | self.loops.hold(nodes).0
    }

    pub(crate) fn release_loop(&mut self, fate: u32) {
        self.loops.release(fate & !LOOP);
    }

    pub(crate) fn fates(&self, id: u32) -> &[u32] {
        self.sets.get(id)
    }

    /// The outcome in words.
    pub(crate) fn verdict(&self, id: u32) -> Arc<Verdict> {
        let verdict = &self.verdicts[id as usize];
        verdict.get_or_init(|| Arc::new(self.describe(self.sets.get(id)))).clone()
    }

    /// Sorted fates in words.
    pub(crate) fn describe(&self, fates: &[u32]) -> Verdict {
        let mut verdict = Verdict::default();
        for fate in fates {
            let node = NodeId(*fate as u16);
            match fate & MASK {
                EGRESS => verdict.egress.push(node),
                DROP => {
                    let node = NodeId((fate >> 4) as u16);
                    verdict.drops.push((node, DropReason::ALL[(fate & 0xf) as usize]));
                }
                LOOP => {
                    let nodes = self.loops.get(fate & !LOOP);
                    verdict.loops.push(nodes.iter().map(|node| NodeId(*node as u16)).collect());
                }
                UNKNOWN => verdict.unknown.push(node),
                _ => verdict.partial = true,
            }
        }
        verdict.loops.sort_unstable();
        verdict
    }

    /// How many outcomes and loops there are.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.sets.len(), self.loops.len())
    }
}
