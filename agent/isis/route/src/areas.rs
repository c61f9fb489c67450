//! The sets of areas that routers are in, each stored once: all routers of an area name the same.

use std::collections::BTreeMap;

use braid_isis_packet::AreaAddress;
use serde::{Deserialize, Serialize};

/// Names a set of areas in [`Areas`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct AreaSet(u32);

impl AreaSet {
    /// No area at all.
    pub(crate) const NONE: AreaSet = AreaSet(0);
}

/// All sets in use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Areas {
    /// The set and how many routers are in it.
    sets: Vec<(Vec<AreaAddress>, usize)>,
    names: BTreeMap<Vec<AreaAddress>, AreaSet>,
    free: Vec<AreaSet>,
}

impl Areas {
    pub(crate) fn new() -> Areas {
        Areas {
            sets: vec![(Vec::new(), 0)],
            names: BTreeMap::from([(Vec::new(), AreaSet::NONE)]),
            free: Vec::new(),
        }
    }

    pub(crate) fn get(&self, set: AreaSet) -> &[AreaAddress] {
        &self.sets[set.0 as usize].0
    }

    /// The sets, the empty one not among them, that have none of `areas`.
    pub(crate) fn without(&self, areas: &[AreaAddress]) -> Vec<AreaSet> {
        let others = self.names.iter().filter(|(set, _)| !set.is_empty());
        let others = others.filter(|(set, _)| set.iter().all(|area| !areas.contains(area)));
        others.map(|(_, name)| *name).collect()
    }

    /// Moves a router from the set `from` to `areas`, which are sorted; its set now.
    pub(crate) fn exchange(&mut self, from: AreaSet, areas: &[AreaAddress]) -> AreaSet {
        if self.get(from) == areas {
            return from;
        }
        let to = self.names.get(areas).copied().unwrap_or_else(|| self.add(areas));
        self.sets[to.0 as usize].1 += 1;
        if from != AreaSet::NONE {
            self.leave(from);
        }
        to
    }

    fn add(&mut self, areas: &[AreaAddress]) -> AreaSet {
        let set = self.free.pop().unwrap_or_else(|| {
            self.sets.push((Vec::new(), 0));
            AreaSet(u32::try_from(self.sets.len() - 1).expect("fewer sets than routers, which u32 counts"))
        });
        self.sets[set.0 as usize] = (areas.to_vec(), 0);
        self.names.insert(areas.to_vec(), set);
        set
    }

    fn leave(&mut self, set: AreaSet) {
        let (areas, routers) = &mut self.sets[set.0 as usize];
        *routers -= 1;
        if *routers == 0 {
            self.names.remove(&std::mem::take(areas));
            self.free.push(set);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_lives_as_long_as_a_router_is_in_it() {
        let area = |text: &str| vec![text.parse::<AreaAddress>().unwrap()];
        let mut areas = Areas::new();
        let one = areas.exchange(AreaSet::NONE, &area("49.0001"));
        assert_eq!(areas.exchange(AreaSet::NONE, &area("49.0001")), one);
        let two = areas.exchange(one, &area("49.0002"));
        assert_eq!(areas.get(one), area("49.0001"), "the other router is still in it");
        assert_eq!(areas.exchange(one, &[]), AreaSet::NONE);
        let three = areas.exchange(AreaSet::NONE, &area("49.0003"));
        assert_eq!(three, one, "the place of the set that nobody is in is free");
        assert_eq!(areas.get(two), area("49.0002"));
    }
}
