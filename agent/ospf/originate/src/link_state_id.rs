//! Link state ids of prefixes that share a network address (RFC 2328 appendix E).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// A link state id for each prefix, none twice; those for which none is left are missing.
///
/// The least specific prefix of an address has the address itself, the others have their host bits set, as appendix E
/// has it. What it leaves open is decided here: host routes come first, since they have one possible id only, and where
/// both usual ids are taken, any other within the prefix serves.
pub(crate) fn link_state_ids(prefixes: impl IntoIterator<Item = Ipv4Net>) -> BTreeMap<Ipv4Net, Ipv4Addr> {
    let mut sorted: Vec<Ipv4Net> = prefixes.into_iter().map(|prefix| prefix.trunc()).collect();
    sorted.sort_unstable_by_key(|prefix| (prefix.prefix_len() != 32, prefix.prefix_len(), prefix.addr()));
    sorted.dedup();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeMap::new();
    for prefix in sorted {
        let (first, last) = (prefix.network().to_bits(), prefix.broadcast().to_bits());
        let candidates = [first, last].into_iter().chain((first..last).rev());
        if let Some(id) = candidates.map(Ipv4Addr::from_bits).find(|id| !taken.contains(id)) {
            taken.insert(id);
            ids.insert(prefix, id);
        }
    }
    ids
}

/// The ids that another router most likely uses for the prefix.
pub(crate) fn usual_ids(prefix: &Ipv4Net) -> [Ipv4Addr; 2] {
    [prefix.network(), prefix.broadcast()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(prefixes: &[&str]) -> Vec<(String, String)> {
        link_state_ids(prefixes.iter().map(|p| p.parse().unwrap()))
            .into_iter()
            .map(|(prefix, id)| (prefix.to_string(), id.to_string()))
            .collect()
    }

    fn pair(prefix: &str, id: &str) -> (String, String) {
        (prefix.into(), id.into())
    }

    #[test]
    fn appendix_e_sets_the_host_bits_of_the_more_specific() {
        // The appendix's own example: 10.0.0.0 with three masks.
        assert_eq!(
            ids(&["10.0.0.0/24", "10.0.0.0/8", "10.0.0.0/16"]),
            [
                pair("10.0.0.0/8", "10.0.0.0"),
                pair("10.0.0.0/16", "10.0.255.255"),
                pair("10.0.0.0/24", "10.0.0.255")
            ]
        );
    }

    #[test]
    fn host_routes_push_others_aside() {
        assert_eq!(
            ids(&["10.0.0.0/24", "10.0.0.0/32", "10.0.0.255/32"]),
            [
                pair("10.0.0.0/24", "10.0.0.254"),
                pair("10.0.0.0/32", "10.0.0.0"),
                pair("10.0.0.255/32", "10.0.0.255")
            ]
        );
        // Two host routes use up a /31: it cannot be announced.
        assert_eq!(ids(&["10.0.0.0/31", "10.0.0.0/32", "10.0.0.1/32"]).len(), 2);
    }

    #[test]
    fn the_default_route_is_a_prefix_like_others() {
        assert_eq!(
            ids(&["0.0.0.0/0", "0.0.0.0/8"]),
            [pair("0.0.0.0/0", "0.0.0.0"), pair("0.0.0.0/8", "0.255.255.255")]
        );
    }

    proptest! {
        #[test]
        fn ids_are_unique_and_inside_their_prefix(
            prefixes in proptest::collection::vec((0_u32..64, 24_u8..=32), 0..40)
        ) {
            let prefixes: Vec<Ipv4Net> = prefixes
                .into_iter()
                .map(|(host, length)| Ipv4Net::new(Ipv4Addr::from_bits(0x0a00_0000 + host), length).unwrap().trunc())
                .collect();
            let ids = link_state_ids(prefixes.iter().copied());
            let unique: BTreeSet<_> = ids.values().collect();
            prop_assert_eq!(unique.len(), ids.len());
            for (prefix, id) in &ids {
                prop_assert!(prefix.contains(id));
            }
            for prefix in prefixes {
                // Only prefixes filled by more specific ones go without.
                prop_assert!(ids.contains_key(&prefix) || prefix.hosts().all(|host| ids.values().any(|id| *id == host)));
            }
        }
    }
}
