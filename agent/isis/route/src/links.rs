//! The edges of a level's graph as the shortest paths see them, in one array.

use serde::{Deserialize, Serialize};

/// A node by its place in the tables of its level.
pub(crate) type NodeIndex = u32;

/// The weight of an edge that must not be used.
pub(crate) const UNUSABLE: u32 = u32::MAX;

/// A connection of one node to another that lists it too, with both directions: whoever goes through the edges of a
/// node has those that lead to it at hand as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The other node.
    pub(crate) peer: NodeIndex,
    /// Weight from the node to the peer, or [`UNUSABLE`].
    pub(crate) out: u32,
    /// Weight from the peer to the node, or [`UNUSABLE`].
    pub(crate) back: u32,
}

impl Link {
    fn reversed(self, node: NodeIndex) -> Link {
        Link { peer: node, out: self.back, back: self.out }
    }
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Span {
    start: u32,
    length: u32,
    room: u32,
}

impl Span {
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.length) as usize
    }
}

/// The links of all nodes: a compressed sparse row whose rows can grow. A row that outgrows its room moves to the end;
/// when half of the array is holes, it is packed again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Links {
    array: Vec<Link>,
    spans: Vec<Span>,
    holes: usize,
    /// Edges of weight zero: while there are none, equal distances need no second look.
    zeros: usize,
}

impl Links {
    /// Gives the next node a row.
    pub(crate) fn push_node(&mut self) {
        self.spans.push(Span::default());
    }

    /// The links of `node`, by peer ascending.
    pub(crate) fn of(&self, node: NodeIndex) -> &[Link] {
        &self.array[self.spans[node as usize].range()]
    }

    /// Whether any edge has the weight zero.
    pub(crate) fn has_zeros(&self) -> bool {
        self.zeros > 0
    }

    /// Replaces the row of `node`; the rows of the peers are the caller's to keep in step.
    pub(crate) fn replace(&mut self, node: NodeIndex, row: &[Link]) {
        let span = self.spans[node as usize];
        self.zeros -= count_zeros(self.of(node));
        self.zeros += count_zeros(row);
        let length = u32::try_from(row.len()).expect("a node has fewer links than there are nodes");
        if length <= span.room {
            let span = Span { length, ..span };
            self.array[span.range()].copy_from_slice(row);
            self.spans[node as usize] = span;
            return;
        }
        self.holes += span.room as usize;
        let start = u32::try_from(self.array.len()).expect("links are fewer than the bytes of their LSPs");
        self.array.extend_from_slice(row);
        self.spans[node as usize] = Span { start, length, room: length };
        if self.holes > self.array.len() / 2 + 64 {
            self.pack();
        }
    }

    /// Puts `link`, which is the row of `node`'s, into the row of its peer; takes it out there if it is `None`.
    pub(crate) fn mirror(&mut self, node: NodeIndex, peer: NodeIndex, link: Option<Link>) {
        let mut row = self.of(peer).to_vec();
        match (row.binary_search_by_key(&node, |link| link.peer), link) {
            (Ok(at), Some(link)) => row[at] = link.reversed(node),
            (Ok(at), None) => drop(row.remove(at)),
            (Err(at), Some(link)) => row.insert(at, link.reversed(node)),
            (Err(_), None) => return,
        }
        self.replace(peer, &row);
    }

    fn pack(&mut self) {
        let mut packed = Vec::with_capacity(self.array.len() - self.holes);
        for span in &mut self.spans {
            let start = u32::try_from(packed.len()).expect("packing makes it shorter");
            packed.extend_from_slice(&self.array[span.range()]);
            *span = Span { start, length: span.length, room: span.length };
        }
        self.array = packed;
        self.holes = 0;
    }
}

fn count_zeros(row: &[Link]) -> usize {
    row.iter().filter(|link| link.out == 0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_grow_shrink_and_stay_apart_and_holes_are_bounded() {
        let mut links = Links::default();
        for _ in 0..10 {
            links.push_node();
        }
        for round in 0..500_u32 {
            let node = round % 10;
            let row: Vec<Link> =
                (0..round % 7).map(|peer| Link { peer: peer * 11, out: round, back: node }).collect();
            links.replace(node, &row);
            assert_eq!(links.of(node), row);
        }
        for node in 0..10 {
            assert!(links.of(node).iter().all(|link| link.back == node && link.out % 10 == node));
        }
        assert!(links.array.len() < 300, "{} places for {} links", links.array.len(), 30);
    }

    #[test]
    fn a_mirrored_link_is_the_same_seen_from_the_other_side() {
        let mut links = Links::default();
        links.push_node();
        links.push_node();
        let link = Link { peer: 1, out: 0, back: UNUSABLE };
        links.replace(0, &[link]);
        links.mirror(0, 1, Some(link));
        assert_eq!(links.of(1), [Link { peer: 0, out: UNUSABLE, back: 0 }]);
        assert!(links.has_zeros());
        links.replace(0, &[]);
        links.mirror(0, 1, None);
        assert!(links.of(1).is_empty() && !links.has_zeros());
    }
}
