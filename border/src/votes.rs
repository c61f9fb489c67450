//! All verdicts as they are told: cheap to keep, to share and to compare, however many there are, while few change.

use std::{collections::BTreeMap, sync::Arc};

use braid_proto::v1;
use ipnet::Ipv4Net;

/// Parts that are shared as long as nothing in them changes.
const PARTS: usize = 1024;

type Part = BTreeMap<Ipv4Net, v1::Vote>;

/// Verdicts by prefix. A clone shares all that does not change afterwards.
#[derive(Debug, Clone)]
pub struct Votes(Vec<Arc<Part>>);

impl Default for Votes {
    fn default() -> Self {
        let empty = Arc::default();
        Self(vec![empty; PARTS])
    }
}

impl PartialEq for Votes {
    fn eq(&self, other: &Self) -> bool {
        self.parts(other).all(|(here, there)| here == there)
    }
}

impl FromIterator<(Ipv4Net, v1::Vote)> for Votes {
    fn from_iter<I: IntoIterator<Item = (Ipv4Net, v1::Vote)>>(votes: I) -> Self {
        let mut all = Self::default();
        for (prefix, vote) in votes {
            all.set(prefix, Some(vote));
        }
        all
    }
}

/// Neighbouring prefixes are in different parts, so that all parts are about as large.
fn place(prefix: Ipv4Net) -> usize {
    let bits = u32::from(prefix.network()).wrapping_add(u32::from(prefix.prefix_len()));
    (bits.wrapping_mul(0x9e37_79b1) >> 22) as usize % PARTS
}

impl Votes {
    /// This is the verdict on a prefix now; none: it is not voted on.
    pub fn set(&mut self, prefix: Ipv4Net, vote: Option<v1::Vote>) {
        let part = &mut self.0[place(prefix)];
        if part.get(&prefix) == vote.as_ref() {
            return;
        }
        let part = Arc::make_mut(part);
        match vote {
            Some(vote) => part.insert(prefix, vote),
            None => part.remove(&prefix),
        };
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Ipv4Net, &v1::Vote)> {
        self.0.iter().flat_map(|part| part.iter().map(|(prefix, vote)| (*prefix, vote)))
    }

    /// The parts that are not shared with another.
    fn parts<'v>(&'v self, other: &'v Self) -> impl Iterator<Item = (&'v Part, &'v Part)> {
        let pairs = self.0.iter().zip(&other.0).filter(|(here, there)| !Arc::ptr_eq(here, there));
        pairs.map(|(here, there)| (&**here, &**there))
    }

    /// The verdicts that are not in `before` like this.
    pub fn news<'v>(&'v self, before: &'v Self) -> impl Iterator<Item = &'v v1::Vote> {
        self.parts(before).flat_map(|(now, before)| {
            now.iter().filter(|(prefix, vote)| before.get(*prefix) != Some(vote)).map(|(_, vote)| vote)
        })
    }

    /// The prefixes of `before` that are voted on no longer.
    pub fn gone<'v>(&'v self, before: &'v Self) -> impl Iterator<Item = Ipv4Net> {
        self.parts(before)
            .flat_map(|(now, before)| before.keys().filter(|prefix| !now.contains_key(prefix)).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_all_lengths_spread_over_the_parts() {
        for (base, shift, length) in [(0x0a00_0000_u32, 8, 24_u8), (0xc612_0000, 0, 32), (0, 16, 16)] {
            let mut sizes = vec![0_usize; PARTS];
            for n in 0..32_768_u32 {
                let prefix = Ipv4Net::new((base + (n << shift)).into(), length).unwrap();
                sizes[place(prefix)] += 1;
            }
            let largest = sizes.iter().max().unwrap();
            assert!(*largest < 200, "/{length}: {largest}");
        }
    }

    #[test]
    fn a_clone_is_what_it_was_and_shares_what_stays() {
        let prefix = |n: u8| format!("198.18.{n}.0/24").parse().unwrap();
        let vote = |winner: &str| v1::Vote { winner: Some(winner.to_owned()), ..v1::Vote::default() };
        let mut votes: Votes = (0..100).map(|n| (prefix(n), vote("red"))).collect();
        let before = votes.clone();
        assert_eq!(votes.parts(&before).count(), 0);
        votes.set(prefix(1), Some(vote("red")));
        assert_eq!(votes.parts(&before).count(), 0, "nothing changed");
        votes.set(prefix(1), Some(vote("green")));
        votes.set(prefix(2), None);
        assert_eq!(votes.parts(&before).count(), 2);
        assert_eq!(votes.news(&before).collect::<Vec<_>>(), [&vote("green")]);
        assert_eq!(votes.gone(&before).collect::<Vec<_>>(), [prefix(2)]);
        assert_eq!((before.iter().count(), votes.iter().count()), (100, 99));
        assert!(votes != before && before == (0..100).map(|n| (prefix(n), vote("red"))).collect());
    }
}
