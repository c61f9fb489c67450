//! Which fragment says what: an entry stays where it is if it can, so that a change touches few fragments.

use std::collections::BTreeMap;

use super::entry::{Entries, Key, Kind, Value};

/// Fragments that a node can have: the number is one byte of the LSP id (ISO 10589 §7.3.7).
pub const MAX_FRAGMENTS: usize = 256;

/// Entries by fragment. Fragment 0 is always there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assigned {
    /// The entries of each fragment; none is empty but fragment 0 of a node that has nothing to say.
    pub fragments: BTreeMap<u8, Entries>,
    /// How many entries found no room in any fragment.
    pub left_out: usize,
}

/// What has to stand in fragment 0 does not fit into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("fragment 0 needs {needed} bytes for what must stand in it and has {room}")]
pub struct TooSmall {
    /// Bytes of the TLVs that must stand in it.
    pub needed: usize,
    /// Bytes it has for TLVs.
    pub room: usize,
}

/// A fragment that is being filled.
#[derive(Debug, Clone, Default)]
struct Slot {
    entries: Entries,
    bytes: [usize; Kind::COUNT],
    load: usize,
}

impl Slot {
    /// Takes an entry in if it fits; gives it back if not.
    fn push(&mut self, key: Key, value: Value, room: usize) -> Option<(Key, Value)> {
        let kind = key.kind();
        let before = self.bytes[kind as usize];
        let after = before + key.len();
        let load = self.load - kind.load(before) + kind.load(after);
        if load > room || key.len() > kind.room() {
            return Some((key, value));
        }
        self.bytes[kind as usize] = after;
        self.load = load;
        self.entries.insert(key, value);
        None
    }
}

/// Divides `wanted` between fragments of `room` bytes for TLVs, given what the fragments say now.
///
/// When not all fits, what is about this router itself goes first and the rest is counted.
///
/// # Errors
/// When fragment 0 cannot hold what must stand in it.
pub fn assign(said: &BTreeMap<u8, &Entries>, wanted: Entries, room: usize) -> Result<Assigned, TooSmall> {
    let mut base = Slot::default();
    let (pinned, free): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(key, _)| key.pinned());
    let needed = needed(&pinned);
    for (key, value) in pinned {
        if base.push(key, value, room).is_some() {
            return Err(TooSmall { needed, room });
        }
    }
    let mut slots = vec![base.clone()];
    let homeless = keep(&mut slots, said, free, room);
    let left_out = fill(&mut slots, homeless, room);
    if left_out.is_empty() {
        return Ok(finish(slots, 0));
    }
    // Not all has room: what stands in its old place may be in the way of what matters more, so start anew.
    let kept = slots.into_iter().flat_map(|slot| slot.entries).filter(|(key, _)| !key.pinned());
    let mut all: Vec<(Key, Value)> = kept.chain(left_out).collect();
    all.sort_by(|(key, value), (other, than)| {
        (key.is_prefix() && !value.own, key).cmp(&(other.is_prefix() && !than.own, other))
    });
    let mut slots = vec![base];
    let left_out = fill(&mut slots, all, room);
    Ok(finish(slots, left_out.len()))
}

/// Bytes of the TLVs of entries that are to stand together.
fn needed(entries: &[(Key, Value)]) -> usize {
    let mut bytes = BTreeMap::<Kind, usize>::new();
    for (key, _) in entries {
        *bytes.entry(key.kind()).or_default() += key.len();
    }
    bytes.into_iter().map(|(kind, bytes)| kind.load(bytes)).sum()
}

/// Puts entries, in order, where they stand now; gives those that stand nowhere, or do not fit there any more.
fn keep(
    slots: &mut Vec<Slot>,
    said: &BTreeMap<u8, &Entries>,
    entries: Vec<(Key, Value)>,
    room: usize,
) -> Vec<(Key, Value)> {
    let mut homes: Vec<(&Key, u8)> =
        said.iter().flat_map(|(number, entries)| entries.keys().map(|key| (key, *number))).collect();
    // Both are in order, so that one walk finds all.
    homes.sort_unstable();
    let mut homes = homes.into_iter().peekable();
    let mut homeless = Vec::new();
    for (key, value) in entries {
        while homes.next_if(|(home, _)| **home < key).is_some() {}
        let Some((_, home)) = homes.next_if(|(home, _)| **home == key) else {
            homeless.push((key, value));
            continue;
        };
        let home = usize::from(home);
        if slots.len() <= home {
            slots.resize_with(home + 1, Slot::default);
        }
        homeless.extend(slots[home].push(key, value, room));
    }
    homeless
}

/// Puts entries into the first fragment with room; gives those that no fragment has room for.
fn fill(slots: &mut Vec<Slot>, entries: Vec<(Key, Value)>, room: usize) -> Vec<(Key, Value)> {
    let mut left_out = Vec::new();
    // Where an entry of this shape last found room: fragments before it are full for its like.
    let mut first = BTreeMap::<(Kind, usize), usize>::new();
    'entries: for (mut key, mut value) in entries {
        let first = first.entry((key.kind(), key.len())).or_default();
        for number in *first..MAX_FRAGMENTS {
            *first = number;
            if number == slots.len() {
                slots.push(Slot::default());
            }
            match slots[number].push(key, value, room) {
                None => continue 'entries,
                Some(back) => (key, value) = back,
            }
            if slots[number].entries.is_empty() && number > 0 {
                break;
            }
        }
        left_out.push((key, value));
    }
    left_out
}

fn finish(slots: Vec<Slot>, left_out: usize) -> Assigned {
    let fragments = (0..=u8::MAX)
        .zip(slots)
        .filter(|(number, slot)| *number == 0 || !slot.entries.is_empty())
        .map(|(number, slot)| (number, slot.entries))
        .collect();
    Assigned { fragments, left_out }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use braid_isis_packet::{Authentication, Level, Lsp, LspFlags, NewLsp, SystemId};
    use ipnet::Ipv4Net;
    use proptest::prelude::*;

    use super::*;
    use crate::origination::tlvs::tlvs;

    fn prefix(number: u32) -> Key {
        Key::WidePrefix(Ipv4Net::new(Ipv4Addr::from(0x0a00_0000 + (number << 8)), 24).expect("24 bits"))
    }

    fn neighbour(number: u8) -> Key {
        Key::WideNeighbour(SystemId([0, 0, 0, 0, 1, number]).node())
    }

    fn repeated(keys: impl IntoIterator<Item = Key>) -> Entries {
        keys.into_iter().map(|key| (key, Value::default())).collect()
    }

    fn again(assigned: &Assigned) -> BTreeMap<u8, &Entries> {
        assigned.fragments.iter().map(|(number, entries)| (*number, entries)).collect()
    }

    /// The size of the real PDU, which the estimate must never fall short of.
    fn size(entries: &Entries) -> usize {
        let new = NewLsp {
            level: Level::Two,
            id: SystemId::default().node().fragment(0),
            sequence: 1,
            lifetime: 1200,
            flags: LspFlags::new(Level::Two),
        };
        Lsp::build(&new, &tlvs(entries), &Authentication::None).expect("fits").bytes().len() - 27
    }

    #[test]
    fn a_change_touches_one_fragment() {
        let wanted = repeated((0..600).map(prefix));
        let first = assign(&BTreeMap::new(), wanted.clone(), 1400).expect("room");
        assert!(first.fragments.len() > 3);
        // A new prefix goes where there is room, all others stay.
        let mut more = wanted.clone();
        more.insert(prefix(1000), Value::default());
        let second = assign(&again(&first), more, 1400).expect("room");
        let differing =
            second.fragments.iter().filter(|(number, entries)| first.fragments.get(number) != Some(entries));
        assert_eq!(differing.count(), 1);
        // One from the first fragment goes, and its room is not filled up from the others.
        let mut less = wanted;
        less.remove(&prefix(0));
        let third = assign(&again(&first), less, 1400).expect("room");
        let differing =
            third.fragments.iter().filter(|(number, entries)| first.fragments.get(number) != Some(entries));
        assert_eq!(differing.map(|(number, _)| *number).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_smaller_mtu_moves_only_what_has_no_room() {
        let wanted = repeated((0..300).map(prefix));
        let large = assign(&BTreeMap::new(), wanted.clone(), 1400).expect("room");
        let small = assign(&again(&large), wanted.clone(), 700).expect("room");
        assert_eq!(small.left_out, 0);
        for (number, entries) in &small.fragments {
            assert!(size(entries) <= 700, "fragment {number} has {} bytes", size(entries));
        }
        assert_eq!(small.fragments.values().flat_map(BTreeMap::keys).count(), 300);
    }

    #[test]
    fn what_must_stand_in_fragment_0_gets_room_there() {
        let full = assign(&BTreeMap::new(), repeated((0..160).map(prefix)), 1400).expect("room");
        let mut wanted = repeated((0..160).map(prefix));
        wanted.insert(Key::Name("a".repeat(255)), Value::default());
        let named = assign(&again(&full), wanted, 1400).expect("room");
        assert!(named.fragments[&0].contains_key(&Key::Name("a".repeat(255))));
        assert_eq!(named.fragments.values().flat_map(BTreeMap::keys).count(), 161);
    }

    #[test]
    fn too_small_a_fragment_0_is_an_error() {
        let mut wanted = repeated([Key::Protocols]);
        wanted.insert(Key::Name("a".repeat(200)), Value::default());
        assert_eq!(assign(&BTreeMap::new(), wanted, 150), Err(TooSmall { needed: 205, room: 150 }));
    }

    #[test]
    fn when_all_256_fragments_are_full_adjacencies_go_before_prefixes_from_elsewhere() {
        // Each fragment has room for five prefixes or three neighbours.
        let flood = assign(&BTreeMap::new(), repeated((0..2000).map(prefix)), 45).expect("room");
        assert_eq!(flood.fragments.len(), MAX_FRAGMENTS);
        assert_eq!(flood.left_out, 2000 - 5 * 256);
        let mut wanted = repeated((0..2000).map(prefix));
        wanted.extend((0..6).map(|number| (neighbour(number), Value { own: true, ..Value::default() })));
        let urgent = assign(&again(&flood), wanted, 45).expect("room");
        let neighbours = urgent
            .fragments
            .values()
            .flat_map(BTreeMap::keys)
            .filter(|key| matches!(key, Key::WideNeighbour(_)));
        assert_eq!(neighbours.count(), 6);
        // Two fragments with three neighbours each have room for one more prefix.
        assert_eq!(urgent.left_out, 2006 - 6 - 5 * 254 - 2);
    }

    fn any_key() -> impl Strategy<Value = Key> {
        prop_oneof![
            (0u32.., 0u8..=32).prop_map(|(bits, length)| {
                Key::WidePrefix(Ipv4Net::new(bits.into(), length).expect("at most 32").trunc())
            }),
            (0u32.., 0u8..=32).prop_map(|(bits, length)| {
                Key::NarrowPrefix(Ipv4Net::new(bits.into(), length).expect("at most 32").trunc())
            }),
            any::<[u8; 6]>().prop_map(|system| Key::WideNeighbour(SystemId(system).node())),
            any::<[u8; 6]>().prop_map(|system| Key::NarrowNeighbour(SystemId(system).pseudonode(1))),
            any::<u32>().prop_map(|address| Key::Address(address.into())),
            Just(Key::Name("denver".to_owned())),
            Just(Key::Protocols),
        ]
    }

    proptest! {
        #[test]
        fn every_entry_is_said_once_and_every_fragment_fits(
            steps in prop::collection::vec(prop::collection::btree_map(any_key(), Just(Value::default()), 0..120), 1..4),
            room in 300usize..1500,
        ) {
            let mut assigned = Assigned::default();
            for wanted in steps {
                // The names, all in fragment 0, may be more than it holds.
                let Ok(next) = assign(&again(&assigned), wanted.clone(), room) else { continue };
                prop_assert_eq!(next.left_out, 0);
                let mut all = Entries::new();
                for (number, entries) in &next.fragments {
                    prop_assert!(*number == 0 || !entries.is_empty());
                    prop_assert!(size(entries) <= room);
                    for (key, value) in entries {
                        prop_assert!(all.insert(key.clone(), *value).is_none(), "{:?} is said twice", key);
                    }
                }
                prop_assert_eq!(all, wanted);
                assigned = next;
            }
        }
    }
}
