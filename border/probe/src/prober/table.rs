//! The prefixes behind other borders.

use std::{collections::BTreeSet, net::Ipv4Addr};

use braid_proto::VnId;
use ipnet::Ipv4Net;
use rand_pcg::{Pcg32, rand_core::RngCore};

use super::track::Track;

/// Attempts to find an address that is in no more specific prefix.
const ATTEMPTS: u32 = 8;

/// A prefix.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) prefix: Ipv4Net,
    /// The next shorter prefix around it.
    parent: Option<u32>,
    /// The peers to which it is attached, by number. The first one's budget pays for its probes.
    pub(crate) egress: Box<[u32]>,
    /// The virtual network that drives it.
    pub(crate) driver: Option<VnId>,
    /// By number of the virtual network; none until it is first probed.
    tracks: Box<[Track]>,
}

/// All of them, sorted.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
    attached: BTreeSet<Ipv4Net>,
}

impl Entry {
    pub(crate) fn track(&self, vn: usize) -> Option<&Track> {
        self.tracks.get(vn)
    }

    pub(crate) fn track_mut(&mut self, vn: usize, vns: usize) -> &mut Track {
        if self.tracks.is_empty() {
            self.tracks = vec![Track::default(); vns].into();
        }
        &mut self.tracks[vn]
    }

    pub(crate) fn tracks(&self) -> &[Track] {
        &self.tracks
    }
}

impl Table {
    /// Replaces the prefixes; what is known of those that stay is kept. `places` says for each virtual network which number
    /// it had before.
    pub(crate) fn set(
        &mut self,
        mut prefixes: Vec<(Ipv4Net, Box<[u32]>)>,
        attached: BTreeSet<Ipv4Net>,
        places: &[Option<usize>],
    ) {
        prefixes.sort_unstable_by_key(|(prefix, _)| *prefix);
        prefixes.dedup_by_key(|(prefix, _)| *prefix);
        let mut before = std::mem::take(&mut self.entries).into_iter().peekable();
        let mut around: Vec<(u32, Ipv4Net)> = Vec::new();
        self.entries.reserve_exact(prefixes.len());
        for (number, (prefix, egress)) in (0..).zip(prefixes) {
            while before.next_if(|old| old.prefix < prefix).is_some() {}
            let old = before.next_if(|old| old.prefix == prefix);
            let kept = old.as_ref().map_or(&[][..], |old| &old.tracks);
            let moved =
                |place: &Option<usize>| place.and_then(|at| kept.get(at)).cloned().unwrap_or_default();
            let tracks = if kept.is_empty() { [].into() } else { places.iter().map(moved).collect() };
            while around.pop_if(|(_, wide)| !wide.contains(&prefix)).is_some() {}
            let parent = around.last().map(|(number, _)| *number);
            around.push((number, prefix));
            self.entries.push(Entry {
                prefix,
                parent,
                egress,
                driver: old.and_then(|old| old.driver),
                tracks,
            });
        }
        self.attached = attached;
    }

    pub(crate) fn find(&self, prefix: Ipv4Net) -> Option<usize> {
        self.entries.binary_search_by_key(&prefix, |entry| entry.prefix).ok()
    }

    /// The longest of our prefixes around an address.
    fn longest(&self, address: Ipv4Addr) -> Option<usize> {
        let mut at =
            self.entries.partition_point(|entry| entry.prefix.network() <= address).checked_sub(1)?;
        while !self.entries[at].prefix.contains(&address) {
            at = self.entries[at].parent? as usize;
        }
        Some(at)
    }

    /// Some address of the prefix that no longer prefix takes away, so that it is this one which is probed. `None` where
    /// there seems to be none.
    pub(crate) fn address(&self, number: usize, random: &mut Pcg32) -> Option<Ipv4Addr> {
        let prefix = self.entries.get(number)?.prefix;
        let host_bits = 32 - u32::from(prefix.prefix_len());
        let hosts = 1_u64 << host_bits;
        // Not the network's address, nor that of all, where it has them (RFC 3021 for /31).
        let (first, count) = if host_bits < 2 { (0, hosts) } else { (1, hosts - 2) };
        (0..ATTEMPTS).find_map(|_| {
            let host = first + u64::from(random.next_u32()) % count;
            let address = Ipv4Addr::from(u32::from(prefix.network()) | host as u32);
            (self.longest(address) == Some(number) && !self.is_ours(prefix, address)).then_some(address)
        })
    }

    /// Whether a prefix inside this one, with the address in it, is attached here.
    fn is_ours(&self, prefix: Ipv4Net, address: Ipv4Addr) -> bool {
        let mut inside = self.attached.range(prefix..).take_while(|ours| prefix.contains(*ours));
        inside.any(|ours| ours.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_pcg::rand_core::SeedableRng;

    use super::*;

    fn table(prefixes: &[Ipv4Net]) -> Table {
        let mut table = Table::default();
        table.set(prefixes.iter().map(|p| (*p, [].into())).collect(), BTreeSet::new(), &[]);
        table
    }

    fn nets() -> impl Strategy<Value = Vec<Ipv4Net>> {
        let net = (any::<u32>(), 4..=32u8)
            .prop_map(|(bits, len)| Ipv4Net::new((bits & 0x0f0f_0003).into(), len).unwrap().trunc());
        prop::collection::vec(net, 1..40)
    }

    proptest! {
        #[test]
        fn the_longest_match_is_the_one_that_a_search_finds(nets in nets(), bits in any::<u32>()) {
            let table = table(&nets);
            let address = Ipv4Addr::from(bits & 0x0f0f_0003);
            let longest = nets.iter().filter(|net| net.contains(&address)).max_by_key(|net| net.prefix_len());
            prop_assert_eq!(table.longest(address).map(|at| table.entries[at].prefix), longest.copied());
        }

        #[test]
        fn an_address_to_probe_belongs_to_its_prefix_alone(nets in nets(), seed in any::<u64>()) {
            let table = table(&nets);
            let mut random = Pcg32::seed_from_u64(seed);
            for (number, entry) in table.entries.iter().enumerate() {
                if let Some(address) = table.address(number, &mut random) {
                    prop_assert!(entry.prefix.contains(&address));
                    let longer = |net: &&Ipv4Net| net.prefix_len() > entry.prefix.prefix_len();
                    prop_assert!(!nets.iter().filter(longer).any(|net| net.contains(&address)));
                }
            }
        }
    }

    #[test]
    fn addresses_spread_over_the_prefix_and_keep_off_what_is_attached_here() {
        let mut table = Table::default();
        let ours: Ipv4Net = "198.18.5.0/25".parse().unwrap();
        let wide = ("198.18.5.0/24".parse().unwrap(), [].into());
        table.set(vec![wide], [ours].into(), &[]);
        let mut random = Pcg32::seed_from_u64(1);
        let seen: BTreeSet<_> = (0..1000).filter_map(|_| table.address(0, &mut random)).collect();
        assert!(seen.len() > 100, "the members of an ECMP group are told apart by addresses: {}", seen.len());
        assert!(seen.iter().all(|address| !ours.contains(address) && address.octets()[3] != 255));
    }

    #[test]
    fn what_is_known_stays_with_its_prefix_and_virtual_network() {
        let prefix: Ipv4Net = "198.18.5.0/24".parse().unwrap();
        let mut table = table(&[prefix]);
        table.entries[0].track_mut(1, 2).doubt();
        let around = ("198.18.0.0/16".parse().unwrap(), [].into());
        // A virtual network is added in front: the second is the third now.
        table.set(vec![(prefix, [].into()), around], BTreeSet::new(), &[None, Some(0), Some(1)]);
        assert!(table.entries[0].tracks().is_empty());
        assert!(table.entries[1].track(2).unwrap().is_doubted());
        assert!(!table.entries[1].track(1).unwrap().is_doubted());
    }
}
