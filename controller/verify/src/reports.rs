//! Reports: the verdicts as last told, and those that may have changed since.

use crate::NodeId;

/// How long a list of doubts keeps its memory.
const KEPT: usize = 1 << 16;

/// The verdict last reported for every prefix of interest and border.
#[derive(Debug)]
pub(crate) struct Reports {
    borders: Vec<NodeId>,
    /// A node's place among the borders.
    place: Vec<Option<u16>>,
    /// Outcomes, by interest and then border.
    reported: Vec<u32>,
    /// A bit for each of `reported`.
    doubtful: Vec<u64>,
    list: Vec<usize>,
}

impl Reports {
    /// The reports of `interests` prefixes at `borders`, each with the outcome it has at first, over `nodes` nodes.
    pub(crate) fn new(nodes: usize, borders: impl Iterator<Item = (NodeId, u32)>, interests: usize) -> Self {
        let (borders, first): (Vec<NodeId>, Vec<u32>) = borders.unzip();
        let mut place = vec![None; nodes];
        for (at, border) in (0..).zip(&borders) {
            place[border.index()] = Some(at);
        }
        let reported = first.repeat(interests);
        Self { place, doubtful: vec![0; reported.len().div_ceil(64)], reported, borders, list: Vec::new() }
    }

    /// All outcomes held here.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = u32> {
        self.reported.iter().copied()
    }

    /// The outcome of an interest at a node may have changed.
    pub(crate) fn mark(&mut self, interest: u32, node: u16) {
        let Some(place) = self.place[usize::from(node)] else { return };
        let at = interest as usize * self.borders.len() + usize::from(place);
        let (word, bit) = (&mut self.doubtful[at / 64], 1 << (at % 64));
        if *word & bit == 0 {
            *word |= bit;
            self.list.push(at);
        }
    }

    /// Calls `judge` for every verdict that may have changed, with its interest, its border and what was last reported.
    pub(crate) fn drain(&mut self, mut judge: impl FnMut(u32, NodeId, &mut u32)) {
        for at in self.list.drain(..) {
            self.doubtful[at / 64] &= !(1 << (at % 64));
            let (interest, place) = (at / self.borders.len(), at % self.borders.len());
            judge(interest as u32, self.borders[place], &mut self.reported[at]);
        }
        // The first FIBs put everything on the list, and never again.
        self.list.shrink_to(KEPT);
    }
}
