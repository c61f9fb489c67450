//! Which fragment says what: an entry stays where it is if it can, so that a change touches few fragments.

use std::collections::BTreeMap;

use braid_isis_packet::Tlv;
use serde::{Deserialize, Serialize};

use super::{
    entry::{Entries, Key, Kind, Value},
    tlvs,
};

/// Fragments that a node can have: the number is one byte of the LSP id (ISO 10589 §7.3.7).
pub const MAX_FRAGMENTS: usize = 256;

/// What has to stand in fragment 0 does not fit into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("fragment 0 needs {needed} bytes for what must stand in it and has {room}")]
pub struct TooSmall {
    /// Bytes of the TLVs that must stand in it.
    pub needed: usize,
    /// Bytes it has for TLVs.
    pub room: usize,
}

/// Some of a node's fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragments([bool; MAX_FRAGMENTS]);

impl Default for Fragments {
    fn default() -> Self {
        Self([false; MAX_FRAGMENTS])
    }
}

impl Fragments {
    pub fn insert(&mut self, fragment: u8) {
        self.0[usize::from(fragment)] = true;
    }

    pub fn has(&self, fragment: u8) -> bool {
        self.0[usize::from(fragment)]
    }
}

/// An entry in its fragment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Placed {
    key: Key,
    value: Value,
    fragment: u8,
}

/// How full a fragment is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Load {
    /// Bytes of entries by kind.
    bytes: [usize; Kind::COUNT],
    /// Bytes of TLVs.
    total: usize,
}

impl Load {
    /// Counts an entry in if it fits; gives whether it does.
    fn add(&mut self, key: &Key, room: usize) -> bool {
        let kind = key.kind();
        let bytes = self.bytes[kind as usize] + key.len();
        let total = self.total - kind.load(self.bytes[kind as usize]) + kind.load(bytes);
        let fits = total <= room && key.len() <= kind.room();
        if fits {
            self.bytes[kind as usize] = bytes;
            self.total = total;
        }
        fits
    }

    fn take(&mut self, key: &Key) {
        let kind = key.kind();
        let bytes = self.bytes[kind as usize] - key.len();
        self.total = self.total - kind.load(self.bytes[kind as usize]) + kind.load(bytes);
        self.bytes[kind as usize] = bytes;
    }

    fn is_empty(&self) -> bool {
        self.total == 0
    }
}

/// What all fragments of a node say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// By key ascending, each key once.
    entries: Vec<Placed>,
    /// By fragment.
    loads: Vec<Load>,
}

impl Layout {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The fragments that say something, and fragment 0, which is always there.
    pub fn fragments(&self) -> impl Iterator<Item = u8> {
        let others = (1..=u8::MAX).zip(self.loads.iter().skip(1)).filter(|(_, load)| !load.is_empty());
        [0].into_iter().chain(others.map(|(fragment, _)| fragment))
    }

    /// The TLVs of fragments, one for each kind of entry.
    pub fn tlvs(&self, of: &Fragments) -> BTreeMap<u8, Vec<Tlv>> {
        let mut all: Vec<Vec<Tlv>> = vec![Vec::new(); self.loads.len()];
        for Placed { key, value, fragment } in self.entries.iter().filter(|entry| of.has(entry.fragment)) {
            tlvs::push(&mut all[usize::from(*fragment)], key, value);
        }
        (0..=u8::MAX).zip(all).filter(|(fragment, _)| of.has(*fragment)).collect()
    }

    /// The layout of `wanted` in fragments of `room` bytes for TLVs, given where entries stand now, and how many entries found
    /// no room in any fragment. When not all fits, what is about this router itself goes first.
    ///
    /// # Errors
    /// When fragment 0 cannot hold what must stand in it.
    pub fn assign(&self, wanted: Entries, room: usize) -> Result<(Self, usize), TooSmall> {
        let base = pinned(&wanted, room)?;
        let mut loads = vec![base.clone()];
        let mut before = self.entries.iter().peekable();
        let mut homes: Vec<Option<u8>> = Vec::with_capacity(wanted.len());
        for (key, _) in &wanted {
            while before.next_if(|old| old.key < *key).is_some() {}
            let home = before.next_if(|old| old.key == *key).map(|old| old.fragment);
            let stays = home.filter(|home| !key.pinned() && load_of(&mut loads, *home).add(key, room));
            homes.push(if key.pinned() { Some(0) } else { stays });
        }
        let mut filler = Filler::new(&mut loads, room);
        for ((key, _), home) in wanted.iter().zip(&mut homes).filter(|(_, home)| home.is_none()) {
            *home = filler.place(key);
        }
        if homes.contains(&None) {
            // What stands in its old place may be in the way of what matters more, so start anew.
            let is_repeated = |at: usize| wanted[at].0.is_prefix() && !wanted[at].1.own;
            let mut order: Vec<usize> = (0..wanted.len()).filter(|at| !wanted[*at].0.pinned()).collect();
            order.sort_by_key(|at| is_repeated(*at));
            loads = vec![base];
            let mut filler = Filler::new(&mut loads, room);
            for at in order {
                homes[at] = filler.place(&wanted[at].0);
            }
        }
        let left_out = homes.iter().filter(|home| home.is_none()).count();
        let placed = wanted.into_iter().zip(homes);
        let placed =
            placed.filter_map(|((key, value), home)| Some(Placed { key, value, fragment: home? })).collect();
        Ok((Self { entries: placed, loads: trimmed(loads) }, left_out))
    }

    /// The fragments that do not say the same as in the layout `before`.
    pub fn differences(&self, before: &Self) -> Fragments {
        let mut touched = Fragments::default();
        let mut old = before.entries.iter().peekable();
        for entry in &self.entries {
            while let Some(gone) = old.next_if(|old| old.key < entry.key) {
                touched.insert(gone.fragment);
            }
            let was = old.next_if(|old| old.key == entry.key);
            if was != Some(entry) {
                touched.insert(entry.fragment);
                was.iter().for_each(|was| touched.insert(was.fragment));
            }
        }
        old.for_each(|gone| touched.insert(gone.fragment));
        touched
    }

    /// Makes single entries say something else, or nothing; `changes` are in the order of their keys, none of which has a fixed
    /// place. Leads to what [`Self::assign`] leads to, and gives the fragments it touched. `None`, and nothing done, if not all
    /// fits.
    pub fn patch(&mut self, changes: Vec<(Key, Option<Value>)>, room: usize) -> Option<Fragments> {
        let mut loads = self.loads.clone();
        let (mut changed, mut gone, mut new) = (Vec::new(), Vec::new(), Entries::new());
        for (key, value) in changes {
            match (self.entries.binary_search_by(|entry| entry.key.cmp(&key)), value) {
                (Ok(at), Some(value)) if self.entries[at].value != value => changed.push((at, value)),
                (Ok(at), None) => {
                    load_of(&mut loads, self.entries[at].fragment).take(&key);
                    gone.push(at);
                }
                (Err(_), Some(value)) => new.push((key, value)),
                _ => {}
            }
        }
        let mut filler = Filler::new(&mut loads, room);
        let place = |(key, value): (Key, Value)| Some(Placed { fragment: filler.place(&key)?, key, value });
        let new: Vec<Placed> = new.into_iter().map(place).collect::<Option<_>>()?;

        let mut touched = Fragments::default();
        new.iter().for_each(|entry| touched.insert(entry.fragment));
        for (at, value) in changed {
            self.entries[at].value = value;
            touched.insert(self.entries[at].fragment);
        }
        gone.iter().for_each(|at| touched.insert(self.entries[*at].fragment));
        if !gone.is_empty() {
            let (mut gone, mut next) = (gone.into_iter().peekable(), 0);
            self.entries.retain(|_| {
                let at = next;
                next += 1;
                gone.next_if_eq(&at).is_none()
            });
        }
        if !new.is_empty() {
            // Two runs in order, of which this sort makes one.
            self.entries.extend(new);
            self.entries.sort_by(|entry, other| entry.key.cmp(&other.key));
        }
        self.loads = trimmed(loads);
        Some(touched)
    }
}

/// The load of fragment 0 with what must stand in it.
fn pinned(wanted: &Entries, room: usize) -> Result<Load, TooSmall> {
    let mut load = Load::default();
    let keys = || wanted.iter().map(|(key, _)| key).filter(|key| key.pinned());
    if keys().all(|key| load.add(key, room)) {
        return Ok(load);
    }
    let mut bytes = BTreeMap::<Kind, usize>::new();
    for key in keys() {
        *bytes.entry(key.kind()).or_default() += key.len();
    }
    Err(TooSmall { needed: bytes.into_iter().map(|(kind, bytes)| kind.load(bytes)).sum(), room })
}

fn load_of(loads: &mut Vec<Load>, fragment: u8) -> &mut Load {
    let fragment = usize::from(fragment);
    if loads.len() <= fragment {
        loads.resize_with(fragment + 1, Load::default);
    }
    &mut loads[fragment]
}

/// Without empty fragments at the end.
fn trimmed(mut loads: Vec<Load>) -> Vec<Load> {
    let used = loads.iter().rposition(|load| !load.is_empty()).map_or(0, |last| last + 1);
    loads.truncate(used);
    loads
}

/// Puts entries into the first fragment with room.
struct Filler<'a> {
    loads: &'a mut Vec<Load>,
    room: usize,
    /// Where an entry of this shape last found room: fragments before it are full for its like.
    first: BTreeMap<(Kind, usize), usize>,
}

impl<'a> Filler<'a> {
    fn new(loads: &'a mut Vec<Load>, room: usize) -> Self {
        Self { loads, room, first: BTreeMap::new() }
    }

    /// The fragment that took it in.
    fn place(&mut self, key: &Key) -> Option<u8> {
        let first = self.first.entry((key.kind(), key.len())).or_default();
        while let Ok(fragment) = u8::try_from(*first) {
            let load = load_of(self.loads, fragment);
            if load.add(key, self.room) {
                return Some(fragment);
            }
            if load.is_empty() && fragment > 0 {
                return None;
            }
            *first += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use braid_isis_packet::{Authentication, Level, Lsp, LspFlags, NewLsp, SystemId};
    use ipnet::Ipv4Net;
    use proptest::prelude::*;

    use super::*;

    fn prefix(number: u32) -> Key {
        Key::WidePrefix(Ipv4Net::new(Ipv4Addr::from(0x0a00_0000 + (number << 8)), 24).expect("24 bits"))
    }

    fn neighbour(number: u8) -> Key {
        Key::WideNeighbour(SystemId([0, 0, 0, 0, 1, number]).node())
    }

    fn repeated(keys: impl IntoIterator<Item = Key>) -> Entries {
        let entries: BTreeMap<Key, Value> = keys.into_iter().map(|key| (key, Value::default())).collect();
        entries.into_iter().collect()
    }

    /// A layout that follows another, and how many entries it left out.
    fn after(before: &Layout, keys: impl IntoIterator<Item = Key>, room: usize) -> (Layout, usize) {
        before.assign(repeated(keys), room).expect("room")
    }

    fn differing(layout: &Layout, before: &Layout) -> Vec<u8> {
        let touched = layout.differences(before);
        (0..=u8::MAX).filter(|fragment| touched.has(*fragment)).collect()
    }

    /// The sizes of the real PDUs, of which the estimate must never fall short.
    fn sizes(layout: &Layout) -> Vec<usize> {
        let new = NewLsp {
            level: Level::Two,
            id: SystemId::default().node().fragment(0),
            sequence: 1,
            lifetime: 1200,
            flags: LspFlags::new(Level::Two),
        };
        let all = Fragments([true; MAX_FRAGMENTS]);
        let size =
            |tlvs: Vec<Tlv>| Lsp::build(&new, &tlvs, &Authentication::None).expect("fits").bytes().len() - 27;
        layout.tlvs(&all).into_values().map(size).collect()
    }

    #[test]
    fn a_change_touches_one_fragment() {
        let (first, _) = after(&Layout::default(), (0..600).map(prefix), 1400);
        assert!(first.fragments().count() > 3);
        // A new prefix goes where there is room, all others stay.
        let (second, _) = after(&first, (0..600).chain([1000]).map(prefix), 1400);
        assert_eq!(differing(&second, &first).len(), 1);
        // One from the first fragment goes, and its room is not filled up from the others.
        let (third, _) = after(&first, (1..600).map(prefix), 1400);
        assert_eq!(differing(&third, &first), [0]);
    }

    #[test]
    fn a_smaller_mtu_moves_only_what_has_no_room() {
        let (large, _) = after(&Layout::default(), (0..300).map(prefix), 1400);
        let (small, left_out) = after(&large, (0..300).map(prefix), 700);
        assert_eq!((left_out, small.len()), (0, 300));
        assert!(sizes(&small).iter().all(|size| *size <= 700), "{:?}", sizes(&small));
        let stay = small.entries.iter().zip(&large.entries).filter(|(now, before)| now == before).count();
        assert!(stay > 150, "{stay} stay in their fragment");
    }

    #[test]
    fn what_must_stand_in_fragment_0_gets_room_there() {
        let (full, _) = after(&Layout::default(), (0..160).map(prefix), 1400);
        let name = Key::Name("a".repeat(255));
        let (named, left_out) = after(&full, (0..160).map(prefix).chain([name.clone()]), 1400);
        let home = named.entries.iter().find(|entry| entry.key == name).map(|entry| entry.fragment);
        assert_eq!((home, left_out, named.len()), (Some(0), 0, 161));
    }

    #[test]
    fn too_small_a_fragment_0_is_an_error() {
        let wanted = repeated([Key::Protocols, Key::Name("a".repeat(200))]);
        assert_eq!(Layout::default().assign(wanted, 150), Err(TooSmall { needed: 205, room: 150 }));
    }

    #[test]
    fn when_all_256_fragments_are_full_adjacencies_go_before_prefixes_from_elsewhere() {
        // Each fragment has room for five prefixes or three neighbours.
        let (mut flood, left_out) = after(&Layout::default(), (0..2000).map(prefix), 45);
        assert_eq!((flood.fragments().count(), left_out), (MAX_FRAGMENTS, 2000 - 5 * 256));
        assert_eq!(
            flood.patch(vec![(prefix(5000), Some(Value::default()))], 45),
            None,
            "no room for one more"
        );
        let own = Value { own: true, ..Value::default() };
        let mut wanted: Entries = (0..6).map(|number| (neighbour(number), own)).collect();
        wanted.extend(repeated((0..2000).map(prefix)));
        let (urgent, left_out) = flood.assign(wanted, 45).expect("room");
        let neighbours =
            urgent.entries.iter().filter(|entry| matches!(entry.key, Key::WideNeighbour(_))).count();
        assert_eq!(neighbours, 6);
        // Two fragments with three neighbours each have room for one more prefix.
        assert_eq!(left_out, 2006 - 6 - 5 * 254 - 2);
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

    /// Few of them, so that steps change what others have said.
    fn any_single() -> impl Strategy<Value = Key> {
        prop_oneof![
            (0..400_u32).prop_map(prefix),
            (0..40_u8).prop_map(neighbour),
            (0..400_u32).prop_map(|number| {
                Key::NarrowExternal(Ipv4Net::new((number << 16).into(), 16).expect("at most 32"))
            }),
        ]
    }

    fn any_value() -> impl Strategy<Value = Option<Value>> {
        let value = (0..3_u32).prop_map(|metric| Value { metric, ..Value::default() });
        prop::option::weighted(0.7, value)
    }

    proptest! {
        #[test]
        fn every_entry_is_said_once_and_every_fragment_fits(
            steps in prop::collection::vec(prop::collection::btree_map(any_key(), Just(Value::default()), 0..120), 1..4),
            room in 300usize..1500,
        ) {
            let mut layout = Layout::default();
            for wanted in steps {
                let wanted: Entries = wanted.into_iter().collect();
                // The names, all in fragment 0, may be more than it holds.
                let Ok((next, left_out)) = layout.assign(wanted.clone(), room) else { continue };
                prop_assert_eq!(left_out, 0);
                prop_assert!(sizes(&next).iter().all(|size| *size <= room));
                let all: Entries = next.entries.iter().map(|entry| (entry.key.clone(), entry.value)).collect();
                prop_assert_eq!(all, wanted);
                let used: std::collections::BTreeSet<u8> =
                    next.entries.iter().map(|entry| entry.fragment).chain([0]).collect();
                prop_assert!(next.fragments().eq(used));
                layout = next;
            }
        }

        /// A router that looks at single entries says what one says that looks at all, in the same fragments, and touches
        /// no others.
        #[test]
        fn patches_lead_to_what_a_whole_assignment_leads_to(
            steps in prop::collection::vec(prop::collection::btree_map(any_single(), any_value(), 0..60), 1..12),
            room in 60usize..600,
        ) {
            let mut layout = Layout::default();
            let mut wanted = BTreeMap::<Key, Value>::new();
            for changes in steps {
                for (key, value) in &changes {
                    match value {
                        Some(value) => wanted.insert(key.clone(), *value),
                        None => wanted.remove(key),
                    };
                }
                let (whole, left_out) =
                    layout.assign(wanted.clone().into_iter().collect(), room).expect("nothing is pinned");
                let before = layout.clone();
                match layout.patch(changes.into_iter().collect(), room) {
                    Some(touched) => {
                        prop_assert_eq!(&layout, &whole);
                        prop_assert_eq!(touched, whole.differences(&before));
                    }
                    None => {
                        prop_assert_eq!(&layout, &before);
                        prop_assert!(left_out > 0 || whole.fragments().count() > 200, "there was room");
                        return Ok(());
                    }
                }
            }
        }
    }
}
