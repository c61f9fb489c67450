//! Interned next-hop sets: a vertex or prefix holds four bytes, and sets are compared by number.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::route::NextHop;

/// The number of a set in [`HopSets`].
pub type HopsId = u32;

/// The empty set.
pub const EMPTY: HopsId = 0;

/// Below this many sets nothing is collected.
const KEPT: usize = 1024;

/// All sets in use. Each is sorted, without duplicates, and holds the `max_paths` least of its members. That is
/// harmless to unions: the least of a union are among the least of its parts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HopSets {
    sets: Vec<Arc<[NextHop]>>,
    ids: BTreeMap<Arc<[NextHop]>, HopsId>,
    unions: BTreeMap<(HopsId, HopsId), HopsId>,
    max_paths: usize,
    collect_at: usize,
}

impl HopSets {
    pub fn new(max_paths: usize) -> Self {
        let empty: Arc<[NextHop]> = Arc::new([]);
        Self {
            sets: vec![empty.clone()],
            ids: BTreeMap::from([(empty, EMPTY)]),
            unions: BTreeMap::new(),
            max_paths: max_paths.clamp(1, 64),
            collect_at: KEPT,
        }
    }

    pub fn get(&self, id: HopsId) -> &Arc<[NextHop]> {
        &self.sets[id as usize]
    }

    pub fn intern(&mut self, mut hops: Vec<NextHop>) -> HopsId {
        hops.sort_unstable();
        hops.dedup();
        hops.truncate(self.max_paths);
        if let Some(id) = self.ids.get(hops.as_slice()) {
            return *id;
        }
        let id = self.sets.len() as HopsId;
        let hops: Arc<[NextHop]> = hops.into();
        self.sets.push(hops.clone());
        self.ids.insert(hops, id);
        id
    }

    pub fn union(&mut self, a: HopsId, b: HopsId) -> HopsId {
        if a == b || b == EMPTY {
            return a;
        }
        if a == EMPTY {
            return b;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(id) = self.unions.get(&pair) {
            return *id;
        }
        let merged = self.get(a).iter().chain(self.get(b).iter()).copied().collect();
        let id = self.intern(merged);
        self.unions.insert(pair, id);
        id
    }

    /// Whether enough has gathered for [`Self::collect`].
    pub fn is_due(&self) -> bool {
        self.sets.len() + self.unions.len() > self.collect_at
    }

    /// Drops the sets that no one uses any more; `users` are all numbers in use, which are rewritten.
    pub fn collect<'a>(&mut self, users: impl Iterator<Item = &'a mut HopsId>) {
        let mut kept = Self::new(self.max_paths);
        let mut renamed = vec![HopsId::MAX; self.sets.len()];
        for user in users {
            let slot = &mut renamed[*user as usize];
            if *slot == HopsId::MAX {
                *slot = kept.intern(self.get(*user).to_vec());
            }
            *user = *slot;
        }
        kept.collect_at = (kept.sets.len() * 4).max(KEPT);
        *self = kept;
    }

    /// How many sets there are, the empty one included.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    pub fn memory(&self) -> usize {
        let members: usize = self.sets.iter().map(|set| set.len() * size_of::<NextHop>() + 16).sum();
        members + self.sets.len() * 52 + self.unions.len() * 20
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn hop(last: u8) -> NextHop {
        NextHop { out: Ipv4Addr::new(10, 0, 0, last), gateway: None }
    }

    /// Equal sets are one set, unions are limited to the least members, and what is unused goes.
    #[test]
    fn sets_are_shared_limited_and_collected() {
        let mut sets = HopSets::new(2);
        let low = sets.intern(vec![hop(2), hop(1), hop(2)]);
        assert_eq!(low, sets.intern(vec![hop(1), hop(2)]));
        let mut high = sets.intern(vec![hop(3)]);
        assert_eq!(sets.union(low, high), low);
        assert_eq!(sets.union(EMPTY, high), high);

        sets.collect([&mut high].into_iter());
        assert_eq!(sets.len(), 2);
        assert_eq!(sets.get(high).as_ref(), &[hop(3)]);
    }
}
