//! The FIBs of all nodes of a VN: prefix by prefix, a row of actions.

use hashbrown::HashMap;
use ipnet::Ipv4Net;

use crate::row::Row;

/// The prefixes with a route on some node, and every node's action for them.
#[derive(Debug)]
pub(crate) struct Table {
    index: HashMap<u64, u32>,
    entries: Vec<(Ipv4Net, Row)>,
    free: Vec<u32>,
    /// How many prefixes there are of each length.
    lengths: [u32; 33],
    /// The lengths there are, as bits: prefixes of length n at bit n.
    present: u64,
    routes: usize,
}

impl Default for Table {
    fn default() -> Self {
        let (index, entries, free) = (HashMap::new(), Vec::new(), Vec::new());
        Self { index, entries, free, lengths: [0; 33], present: 0, routes: 0 }
    }
}

fn key(address: u32, length: u8) -> u64 {
    let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
    u64::from(address & mask) << 8 | u64::from(length)
}

/// The first address of a prefix, and the one after its last.
pub(crate) fn range(prefix: Ipv4Net) -> (u64, u64) {
    let low = u64::from(u32::from(prefix.network()));
    (low, low + (1 << (32 - prefix.prefix_len())))
}

impl Table {
    /// Sets a route of a node. Returns what it was, and whether the prefix has come into being by it.
    pub(crate) fn set(
        &mut self,
        prefix: Ipv4Net,
        node: u16,
        value: Option<u32>,
        nodes: usize,
    ) -> (Option<u32>, bool) {
        let key = key(prefix.network().into(), prefix.prefix_len());
        let (id, new) = match self.index.get(&key) {
            Some(id) => (*id, false),
            None if value.is_none() => return (None, false),
            None => (self.add(key, prefix.trunc()), true),
        };
        let row = &mut self.entries[id as usize].1;
        let before = row.set(node, value, nodes);
        self.routes = self.routes + usize::from(value.is_some()) - usize::from(before.is_some());
        (before, new)
    }

    fn add(&mut self, key: u64, prefix: Ipv4Net) -> u32 {
        let id = match self.free.pop() {
            Some(id) => {
                self.entries[id as usize] = (prefix, Row::default());
                id
            }
            None => {
                self.entries.push((prefix, Row::default()));
                self.entries.len() as u32 - 1
            }
        };
        self.index.insert(key, id);
        self.lengths[usize::from(prefix.prefix_len())] += 1;
        self.present |= 1 << prefix.prefix_len();
        id
    }

    /// Forgets a prefix that no node has a route for; returns whether it did.
    pub(crate) fn remove_if_empty(&mut self, prefix: Ipv4Net) -> bool {
        let key = key(prefix.network().into(), prefix.prefix_len());
        let Some(id) = self.index.get(&key).copied() else { return false };
        let row = &mut self.entries[id as usize].1;
        if row.len() > 0 {
            return false;
        }
        *row = Row::default();
        self.index.remove(&key);
        self.free.push(id);
        let count = &mut self.lengths[usize::from(prefix.prefix_len())];
        *count -= 1;
        if *count == 0 {
            self.present &= !(1 << prefix.prefix_len());
        }
        true
    }

    /// A node's action for an address: that of its longest prefix.
    pub(crate) fn longest_match(&self, address: u32, node: u16) -> Option<u32> {
        let mut lengths = self.present;
        while lengths != 0 {
            let length = 63 - lengths.leading_zeros();
            lengths &= !(1 << length);
            if let Some(id) = self.index.get(&key(address, length as u8))
                && let Some(value) = self.entries[*id as usize].1.get(node)
            {
                return Some(value);
            }
        }
        None
    }

    /// All routes of a node, in no order.
    pub(crate) fn routes_of(&self, node: u16) -> impl Iterator<Item = (Ipv4Net, u32)> {
        self.entries.iter().filter_map(move |(prefix, row)| row.get(node).map(|value| (*prefix, value)))
    }

    /// How many prefixes and routes there are.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.index.len(), self.routes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_of_a_node_wins_whatever_others_have() {
        let mut table = Table::default();
        let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
        for (prefix, node, value) in [("0.0.0.0/0", 0, 1), ("10.0.0.0/8", 0, 2), ("10.1.0.0/16", 1, 3)] {
            assert_eq!(table.set(net(prefix), node, Some(value), 4), (None, true));
        }
        let address = u32::from(std::net::Ipv4Addr::new(10, 1, 2, 3));
        assert_eq!(table.longest_match(address, 0), Some(2));
        assert_eq!(table.longest_match(address, 1), Some(3));
        assert_eq!(table.longest_match(address, 2), None);
        assert_eq!(table.longest_match(0, 0), Some(1));
        assert!(!table.remove_if_empty(net("10.0.0.0/8")));
        assert_eq!(table.set(net("10.0.0.0/8"), 0, None, 4), (Some(2), false));
        assert!(table.remove_if_empty(net("10.0.0.0/8")));
        assert_eq!(table.longest_match(address, 0), Some(1));
        assert_eq!(table.len(), (2, 2));
        assert_eq!(range(net("0.0.0.0/0")), (0, 1 << 32));
    }
}
