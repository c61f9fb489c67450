//! Numbers of nodes and links: given once, kept for good.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use braid_proto::NodeName;
use braid_topology::{Endpoint, Link, Topology};
use serde::{Deserialize, Serialize};

use crate::{
    error::LayoutError,
    pool::{Bound, Pool},
};

/// The numbers of a network's nodes and links, from which all its addresses and VNIs follow.
///
/// A number stays with its item while that is in the topology. The number of a removed item is kept for its return, and
/// goes to another item only when no fresh number is left, the longest removed first. A link is known by its unordered pair
/// of endpoints: moving it to another interface makes it another link.
///
/// Serializes to an object with `version`; a stored one of another version, or one that contradicts itself, does not
/// deserialize.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Allocation {
    nodes: Numbers,
    links: Numbers,
}

/// An allocation as stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    nodes: Numbers,
    links: Numbers,
}

impl Allocation {
    /// The version of the stored form.
    pub const VERSION: u32 = 1;

    /// Gives numbers to what is new in `topology`, and retires those of what has left it.
    ///
    /// # Errors
    /// When a pool is exhausted, or too small for a number that is kept. The allocation is then as before.
    pub fn update(&mut self, topology: &Topology) -> Result<(), LayoutError> {
        let addressing = &topology.addressing;
        let node_bound = Bound::node(addressing);
        let nodes = topology
            .nodes
            .iter()
            .map(|n| Wanted { key: n.name.to_string(), bound: node_bound })
            .collect::<Vec<_>>();
        let (with_underlay, without_underlay) =
            (Bound::link(addressing, true), Bound::link(addressing, false));
        let mut links = topology
            .links
            .iter()
            .map(|l| Wanted {
                key: link_key(l),
                bound: if l.addresses.is_none() { with_underlay } else { without_underlay },
            })
            .collect::<Vec<_>>();
        // Those with the least choice first; else in file order.
        links.sort_by_key(|link| link.bound.highest());
        for vn in &topology.vns {
            Pool::ports(addressing).first(vn.id.into(), &|| format!("virtual network `{}`", vn.name))?;
        }

        let mut next = self.clone();
        next.nodes.update("node", &nodes)?;
        next.links.update("link", &links)?;
        *self = next;
        Ok(())
    }

    /// The node's number, from 1, if it has one.
    #[must_use]
    pub fn node_number(&self, node: &NodeName) -> Option<u32> {
        self.nodes.live.get(node.as_str()).copied()
    }

    /// The link's number, 1 to 65535, if it has one.
    #[must_use]
    pub fn link_number(&self, link: &Link) -> Option<u16> {
        self.links.live.get(&link_key(link)).and_then(|n| u16::try_from(*n).ok())
    }
}

/// The link's identity: its endpoints, the lower first, however the file spells it.
pub(crate) fn link_key(link: &Link) -> String {
    let show = |end: &Endpoint| format!("{}:{}", end.node, end.interface);
    let (low, high) = if link.a <= link.b { (&link.a, &link.b) } else { (&link.b, &link.a) };
    format!("{} -- {}", show(low), show(high))
}

/// An item that needs a number.
struct Wanted {
    key: String,
    bound: Bound,
}

/// Numbers of one kind of item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
struct Numbers {
    live: BTreeMap<String, u32>,
    /// The longest removed first.
    retired: VecDeque<Retired>,
}

/// The number of a removed item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Retired {
    key: String,
    number: u32,
}

impl Numbers {
    fn update(&mut self, kind: &str, wanted: &[Wanted]) -> Result<(), LayoutError> {
        let item = |key: &str| format!("{kind} `{key}`");
        self.retire_absent(wanted);
        self.revive(wanted);

        let mut used: HashSet<u32> =
            self.live.values().copied().chain(self.retired.iter().map(|r| r.number)).collect();
        let mut lowest = 1;
        for Wanted { key, bound } in wanted {
            if let Some(&number) = self.live.get(key) {
                if !bound.holds(number) {
                    return Err(bound.exceeded(number, item(key)));
                }
                continue;
            }
            while used.contains(&lowest) {
                lowest += 1;
            }
            let number = if bound.holds(lowest) {
                lowest
            } else {
                let oldest = self.retired.iter().position(|r| bound.holds(r.number));
                let oldest = oldest.and_then(|index| self.retired.remove(index));
                oldest.ok_or_else(|| bound.exhausted(item(key)))?.number
            };
            used.insert(number);
            self.live.insert(key.clone(), number);
        }
        Ok(())
    }

    fn retire_absent(&mut self, wanted: &[Wanted]) {
        let present: HashSet<&str> = wanted.iter().map(|w| w.key.as_str()).collect();
        let absent = self.live.extract_if(.., |key, _| !present.contains(key.as_str()));
        self.retired.extend(absent.map(|(key, number)| Retired { key, number }));
    }

    /// Gives items that return their old numbers, where the pool still holds them.
    fn revive(&mut self, wanted: &[Wanted]) {
        let bounds: BTreeMap<&str, Bound> = wanted.iter().map(|w| (w.key.as_str(), w.bound)).collect();
        let live = &mut self.live;
        self.retired.retain(|retired| match bounds.get(retired.key.as_str()) {
            None => true,
            Some(bound) => {
                if bound.holds(retired.number) {
                    live.insert(retired.key.clone(), retired.number);
                }
                false
            }
        });
    }

    /// Checks numbers that come from a store.
    fn check(&self, kind: &str, highest: u32) -> Result<(), LayoutError> {
        let damaged = |reason: String| Err(LayoutError::AllocationDamaged { reason });
        let mut seen = BTreeSet::new();
        let retired = self.retired.iter().map(|r| (&r.key, r.number));
        let mut keys = HashSet::new();
        for (key, number) in self.live.iter().map(|(key, number)| (key, *number)).chain(retired) {
            if !(1..=highest).contains(&number) {
                return damaged(format!("{kind} `{key}` has number {number}, outside 1 to {highest}"));
            }
            if !seen.insert(number) {
                return damaged(format!("{kind} `{key}` has number {number}, as has another one"));
            }
            if !keys.insert(key) {
                return damaged(format!("{kind} `{key}` has two numbers"));
            }
        }
        Ok(())
    }
}

impl TryFrom<Stored> for Allocation {
    type Error = LayoutError;
    fn try_from(stored: Stored) -> Result<Self, LayoutError> {
        if stored.version != Self::VERSION {
            return Err(LayoutError::AllocationVersion { found: stored.version, known: Self::VERSION });
        }
        stored.nodes.check("node", u32::MAX - 1)?;
        stored.links.check("link", u16::MAX.into())?;
        Ok(Self { nodes: stored.nodes, links: stored.links })
    }
}

impl From<Allocation> for Stored {
    fn from(allocation: Allocation) -> Stored {
        Stored { version: Allocation::VERSION, nodes: allocation.nodes, links: allocation.links }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{network, node_name};

    fn updated(mut allocation: Allocation, topology: &Topology) -> Allocation {
        allocation.update(topology).unwrap();
        allocation
    }

    fn node_numbers(allocation: &Allocation, names: &[&str]) -> Vec<Option<u32>> {
        names.iter().map(|name| allocation.node_number(&node_name(name))).collect()
    }

    #[test]
    fn the_first_allocation_counts_in_file_order() {
        let topology = network(&["b", "c", "a"], &["b:eth1 c:eth1", "a:eth1 c:eth2"]);
        let allocation = updated(Allocation::default(), &topology);
        assert_eq!(node_numbers(&allocation, &["b", "c", "a"]), [Some(1), Some(2), Some(3)]);
        assert_eq!(allocation.link_number(&topology.links[1]), Some(2));
    }

    #[test]
    fn a_link_spelt_the_other_way_round_is_the_same_link() {
        let before = network(&["a", "b"], &["a:eth1 b:eth1", "a:eth2 b:eth2"]);
        let after = network(&["b", "a"], &["b:eth2 a:eth2", "b:eth1 a:eth1"]);
        let first = updated(Allocation::default(), &before);
        assert_eq!(updated(first.clone(), &after), first);
    }

    #[test]
    fn a_removed_number_waits_for_its_item_to_return() {
        // Goal: b's number is not given to d while fresh ones are left, and b has it again on return.
        let allocation = updated(Allocation::default(), &network(&["a", "b", "c"], &[]));
        let allocation = updated(allocation, &network(&["a", "c", "d"], &[]));
        assert_eq!(node_numbers(&allocation, &["a", "b", "c", "d"]), [Some(1), None, Some(3), Some(4)]);
        let allocation = updated(allocation, &network(&["d", "c", "b", "a"], &[]));
        assert_eq!(node_numbers(&allocation, &["a", "b", "c", "d"]), [Some(1), Some(2), Some(3), Some(4)]);
    }

    #[test]
    fn an_exhausted_pool_reuses_the_longest_removed_number_first_and_then_fails() {
        // A /30 holds loopbacks 1 to 3.
        let small = |nodes: &[&str]| {
            let mut topology = network(nodes, &[]);
            topology.addressing.loopbacks = "10.0.0.0/30".parse().unwrap();
            topology
        };
        let allocation = updated(Allocation::default(), &small(&["a", "b", "c"]));
        let allocation = updated(allocation, &small(&["a", "c"]));
        let allocation = updated(allocation, &small(&["c"]));
        let mut allocation = updated(allocation, &small(&["c", "d"]));
        assert_eq!(node_numbers(&allocation, &["c", "d"]), [Some(3), Some(2)], "b left before a");

        let before = allocation.clone();
        let error = allocation.update(&small(&["c", "d", "e", "f"])).unwrap_err();
        let expected = "no number is left for node `f`: pool `loopbacks` (10.0.0.0/30) has room for 3; give it a shorter prefix";
        assert_eq!(error.to_string(), expected);
        assert_eq!(allocation, before, "a failed update changes nothing");
    }

    #[test]
    fn another_pool_keeps_the_numbers_and_too_small_a_pool_is_refused() {
        let mut topology = network(&["a", "b"], &["a:eth1 b:eth1", "a:eth2 b:eth2"]);
        let mut allocation = updated(Allocation::default(), &topology);
        let before = allocation.clone();
        topology.addressing.links = "10.9.0.0/24".parse().unwrap();
        allocation.update(&topology).unwrap();
        assert_eq!(allocation, before);

        topology.addressing.links = "10.9.0.0/30".parse().unwrap();
        let error = allocation.update(&topology).unwrap_err().to_string();
        assert!(error.starts_with("link `a:eth2 -- b:eth2` has number 2, and pool `links`"), "{error}");
    }

    #[test]
    fn links_with_addresses_of_their_own_take_none_from_the_underlay_pool() {
        let mut topology = network(&["a", "b"], &["a:eth1 b:eth1"]);
        topology.addressing.underlay = "10.0.0.0/31".parse().unwrap();
        assert!(matches!(
            Allocation::default().update(&topology),
            Err(LayoutError::PoolExhausted { pool: "underlay", .. })
        ));
        topology.links[0].addresses = Some(("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()));
        assert_eq!(Allocation::default().update(&topology), Ok(()));

        // A link that does need that pool has the first choice of numbers.
        topology.links.push(crate::testing::link("a:eth2 b:eth2"));
        topology.addressing.underlay = "10.0.0.0/30".parse().unwrap();
        let allocation = updated(Allocation::default(), &topology);
        assert_eq!(allocation.link_number(&topology.links[1]), Some(1));
    }

    #[test]
    fn the_65536th_link_is_one_too_many() {
        let mut addressing = network(&[], &[]).addressing;
        addressing.links = "10.0.0.0/8".parse().unwrap();
        let bound = Bound::link(&addressing, false);
        let wanted: Vec<_> = (0..=65535).map(|key: u32| Wanted { key: key.to_string(), bound }).collect();
        let mut numbers = Numbers::default();
        numbers.update("link", &wanted[..65535]).unwrap();
        assert_eq!(numbers.live["65534"], 65535);
        let error = numbers.update("link", &wanted).unwrap_err();
        assert_eq!(error, LayoutError::TooManyLinks { item: "link `65535`".into() });
    }

    #[test]
    fn a_stored_allocation_reads_back_and_a_damaged_one_does_not() {
        let allocation = updated(Allocation::default(), &network(&["a", "b", "c"], &["a:eth1 b:eth1"]));
        let allocation = updated(allocation, &network(&["b", "c"], &[]));
        let text = serde_json::to_string(&allocation).unwrap();
        let expected = r#"{"version":1,"nodes":{"live":{"b":2,"c":3},"retired":[{"key":"a","number":1}]},"#;
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(serde_json::from_str::<Allocation>(&text).unwrap(), allocation);

        for (good, bad, why) in [
            (r#""version":1"#, r#""version":2"#, "has version 2, this braid reads version 1"),
            (r#""b":2"#, r#""b":3"#, "node `c` has number 3, as has another one"),
            (r#""b":2"#, r#""a":2"#, "node `a` has two numbers"),
            (r#""b":2"#, r#""b":0"#, "node `b` has number 0, outside 1 to"),
        ] {
            let error = serde_json::from_str::<Allocation>(&text.replace(good, bad)).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    /// A topology of those of 12 nodes and of 24 links of which a bit is set. Each pair of neighbours has two links.
    fn subset(nodes: u16, links: u32, loopbacks: &str) -> Topology {
        let name = |index: usize| format!("n{index}");
        let names: Vec<_> = (0..12).filter(|i| nodes >> i & 1 == 1).map(name).collect();
        let texts: Vec<_> = (0..24_usize)
            .filter(|i| links >> i & 1 == 1)
            .map(|i| format!("{}:eth{i} {}:eth{i}", name(i / 2), name((i / 2 + 1) % 12)))
            .collect();
        let mut topology = network(
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
            &texts.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        topology.addressing.loopbacks = loopbacks.parse().unwrap();
        topology
    }

    proptest! {
        #[test]
        fn with_room_no_number_ever_changes_hands(edits in prop::collection::vec((0..1_u16 << 12, 0..1_u32 << 24), 1..20)) {
            let mut allocation = Allocation::default();
            let (mut nodes, mut links) = (BTreeMap::new(), BTreeMap::new());
            for (node_bits, link_bits) in edits {
                let topology = subset(node_bits, link_bits, "10.0.0.0/24");
                allocation.update(&topology).unwrap();
                for node in &topology.nodes {
                    let number = allocation.node_number(&node.name).unwrap();
                    prop_assert_eq!(&node.name, nodes.entry(number).or_insert(node.name.clone()));
                }
                for link in &topology.links {
                    let number = allocation.link_number(link).unwrap();
                    prop_assert_eq!(&link_key(link), links.entry(number).or_insert(link_key(link)));
                }
            }
            // One number each: no item ever got a second one.
            prop_assert_eq!(nodes.len(), nodes.values().collect::<BTreeSet<_>>().len());
            prop_assert_eq!(links.len(), links.values().collect::<BTreeSet<_>>().len());
        }

        #[test]
        fn without_room_what_stays_keeps_its_number_and_numbers_are_unique(
            edits in prop::collection::vec(0..1_u16 << 12, 1..20)
        ) {
            // A /29 has room for 7 of the 12 nodes.
            let mut allocation = Allocation::default();
            for bits in edits {
                let topology = subset(bits, 0, "10.0.0.0/29");
                let before = allocation.clone();
                let result = allocation.update(&topology);
                prop_assert_eq!(result.is_ok(), topology.nodes.len() <= 7);
                if result.is_err() {
                    prop_assert_eq!(&allocation, &before);
                    continue;
                }
                let numbers: BTreeSet<_> =
                    topology.nodes.iter().filter_map(|n| allocation.node_number(&n.name)).collect();
                prop_assert_eq!(numbers.len(), topology.nodes.len());
                prop_assert!(numbers.iter().all(|n| (1..=7).contains(n)));
                for node in &topology.nodes {
                    if let Some(number) = before.node_number(&node.name) {
                        prop_assert_eq!(allocation.node_number(&node.name), Some(number));
                    }
                }
                let stored = serde_json::to_string(&allocation).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Allocation>(&stored).unwrap(), &allocation);
            }
        }
    }
}
