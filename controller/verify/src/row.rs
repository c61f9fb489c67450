//! A row: what every node does about one prefix.

/// Numbers by node, most of them none: a sorted list while few, an array when many.
#[derive(Debug, Default)]
pub(crate) struct Row {
    cells: Cells,
    len: usize,
}

#[derive(Debug)]
enum Cells {
    Few(Vec<(u16, u32)>),
    Many(Box<[u32]>),
}

impl Default for Cells {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

const NONE: u32 = u32::MAX;

impl Row {
    pub(crate) fn get(&self, node: u16) -> Option<u32> {
        match &self.cells {
            Cells::Few(list) => {
                list.binary_search_by_key(&node, |cell| cell.0).ok().map(|position| list[position].1)
            }
            Cells::Many(array) => Some(array[usize::from(node)]).filter(|value| *value != NONE),
        }
    }

    /// Sets one of `nodes` cells; returns what it was.
    pub(crate) fn set(&mut self, node: u16, value: Option<u32>, nodes: usize) -> Option<u32> {
        let before = match &mut self.cells {
            Cells::Few(list) => match (list.binary_search_by_key(&node, |cell| cell.0), value) {
                (Ok(at), Some(value)) => Some(std::mem::replace(&mut list[at].1, value)),
                (Ok(at), None) => Some(list.remove(at).1),
                (Err(at), Some(value)) => {
                    list.insert(at, (node, value));
                    None
                }
                (Err(_), None) => None,
            },
            Cells::Many(array) => {
                Some(std::mem::replace(&mut array[usize::from(node)], value.unwrap_or(NONE)))
                    .filter(|value| *value != NONE)
            }
        };
        self.len = self.len + usize::from(value.is_some()) - usize::from(before.is_some());
        // A gap between the two bounds, so that a route that comes and goes does not turn the row over each time.
        match &self.cells {
            Cells::Few(_) if self.len > nodes / 4 + 8 => {
                let mut array = vec![NONE; nodes].into_boxed_slice();
                self.iter().for_each(|(node, value)| array[usize::from(node)] = value);
                self.cells = Cells::Many(array);
            }
            Cells::Many(_) if self.len < nodes / 8 => self.cells = Cells::Few(self.iter().collect()),
            _ => {}
        }
        before
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn iter(&self) -> impl Iterator<Item = (u16, u32)> {
        let (few, many) = match &self.cells {
            Cells::Few(list) => (&list[..], &[][..]),
            Cells::Many(array) => (&[][..], &array[..]),
        };
        let many = (0_u16..).zip(many.iter().copied()).filter(|(_, value)| *value != NONE);
        few.iter().copied().chain(many)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_the_same_whichever_way_it_is_kept() {
        const NODES: usize = 100;
        let mut row = Row::default();
        for node in (0..100).rev() {
            assert_eq!(row.set(node, Some(u32::from(node) * 2), NODES), None);
            assert_eq!(row.len(), 100 - usize::from(node));
            assert!((0..100).all(|other| row.get(other) == (other >= node).then_some(u32::from(other) * 2)));
        }
        assert!(matches!(row.cells, Cells::Many(_)));
        for node in 0..100 {
            assert_eq!(row.set(node, None, NODES), Some(u32::from(node) * 2));
            assert_eq!(row.set(node, None, NODES), None);
            assert!((0..100).all(|other| row.get(other) == (other > node).then_some(u32::from(other) * 2)));
        }
        assert!(matches!(row.cells, Cells::Few(_)));
        assert_eq!(row.len(), 0);
    }
}
