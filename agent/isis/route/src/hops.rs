//! Sets of next hops, each stored once: ten thousand nodes behind four neighbours share a handful of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{NextHop, NextHops};

/// Names a set in [`HopSets`]. Equal sets have equal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct HopSet(u32);

impl HopSet {
    /// The empty set.
    pub(crate) const NONE: HopSet = HopSet(0);
}

/// All sets in use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HopSets {
    limit: usize,
    sets: Vec<NextHops>,
    names: BTreeMap<NextHops, HopSet>,
    unions: BTreeMap<(HopSet, HopSet), HopSet>,
    free: Vec<HopSet>,
    /// Sets that were in use when it was last tidied up.
    live: usize,
}

impl HopSets {
    /// Sets hold at most `limit` next hops: the least ones. As the least of a union are the least of the unions of the
    /// least, it does not matter where in a computation a set is cut.
    pub(crate) fn new(limit: usize) -> HopSets {
        let none = NextHops::from(Vec::new());
        HopSets {
            limit,
            sets: vec![none.clone()],
            names: BTreeMap::from([(none, HopSet::NONE)]),
            unions: BTreeMap::new(),
            free: Vec::new(),
            live: 1,
        }
    }

    pub(crate) fn get(&self, set: HopSet) -> &NextHops {
        &self.sets[set.0 as usize]
    }

    pub(crate) fn name(&mut self, mut hops: Vec<NextHop>) -> HopSet {
        hops.sort_unstable();
        hops.dedup();
        hops.truncate(self.limit);
        let hops = NextHops::from(hops);
        if let Some(&set) = self.names.get(&hops) {
            return set;
        }
        let set = self.free.pop().unwrap_or_else(|| {
            self.sets.push(hops.clone());
            HopSet(u32::try_from(self.sets.len() - 1).expect("fewer sets than nodes, which u32 counts"))
        });
        self.sets[set.0 as usize] = hops.clone();
        self.names.insert(hops, set);
        set
    }

    pub(crate) fn union(&mut self, a: HopSet, b: HopSet) -> HopSet {
        if a == b || b == HopSet::NONE {
            return a;
        }
        if a == HopSet::NONE {
            return b;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(&known) = self.unions.get(&pair) {
            return known;
        }
        let union = self.name([&**self.get(a), &**self.get(b)].concat());
        self.unions.insert(pair, union);
        union
    }

    /// Whether so many sets came since the last [`tidy`](Self::tidy) that it pays again.
    pub(crate) fn is_untidy(&self) -> bool {
        self.names.len() + self.unions.len() > 4 * self.live + 256
    }

    /// Forgets all sets but those `in_use`.
    pub(crate) fn tidy(&mut self, in_use: impl Iterator<Item = HopSet>) {
        let mut used = vec![false; self.sets.len()];
        used[0] = true;
        for set in in_use {
            used[set.0 as usize] = true;
        }
        self.names.retain(|_, set| used[set.0 as usize]);
        self.unions.clear();
        self.free.clear();
        for (number, hops) in (0..).zip(&mut self.sets) {
            if !used[number as usize] {
                *hops = NextHops::from(Vec::new());
                self.free.push(HopSet(number));
            }
        }
        self.live = self.names.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(circuit: u32) -> NextHop {
        NextHop { circuit, gateway: None }
    }

    #[test]
    fn a_union_is_a_set_of_at_most_the_limit_in_any_order() {
        let mut sets = HopSets::new(2);
        let [a, b, c] = [1, 2, 3].map(|circuit| sets.name(vec![hop(circuit)]));
        let (ab, bc) = (sets.union(a, b), sets.union(b, c));
        assert_eq!(sets.union(ab, c), sets.union(bc, a));
        assert_eq!(**sets.get(sets.names[&NextHops::from(vec![hop(1), hop(2)])]), [hop(1), hop(2)]);
        assert_eq!(sets.union(a, HopSet::NONE), a);
    }

    #[test]
    fn forgotten_sets_give_their_names_to_new_ones_and_leave_the_others_alone() {
        let mut sets = HopSets::new(8);
        let kept = sets.name(vec![hop(1)]);
        for circuit in 2..1000 {
            sets.name(vec![hop(circuit)]);
        }
        assert!(sets.is_untidy());
        sets.tidy([kept].into_iter());
        assert!(!sets.is_untidy());
        let new = sets.name(vec![hop(5000)]);
        assert_eq!((&**sets.get(kept), &**sets.get(new)), (&[hop(1)][..], &[hop(5000)][..]));
        assert_eq!(sets.sets.len(), 1000);
    }
}
