//! What one virtual network offers for the prefixes that are voted on, made from all its routes. Pure.
//!
//! Of a million routes nearly all go to the poll as they are, which keeps them; here is only what it does not know.

use std::collections::BTreeMap;

use braid_vote::{RouteEvidence, Unusable};
use ipnet::Ipv4Net;

/// What the poll is to hear of a prefix.
pub type Offer = (Ipv4Net, RouteEvidence);

/// What the poll knows.
pub trait Voted {
    /// Whether the prefix is voted on.
    fn is_voted(&self, prefix: Ipv4Net) -> bool;
    /// What it last heard of a prefix that is voted on.
    fn heard(&self, prefix: Ipv4Net) -> RouteEvidence;
}

/// The routes of one virtual network.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// Routes for prefixes that are not voted on.
    strays: BTreeMap<Ipv4Net, RouteEvidence>,
    /// Every route that forwards nothing. It makes all wider prefixes unusable, since it throws part of them away.
    holes: BTreeMap<Ipv4Net, Unusable>,
    /// The route for exactly that prefix, or none, for each prefix that is voted on and has a hole.
    masked: BTreeMap<Ipv4Net, RouteEvidence>,
}

impl Routes {
    /// These are all routes there are. Gives the offers for all prefixes that are voted on.
    pub fn set_all(
        &mut self,
        routes: BTreeMap<Ipv4Net, RouteEvidence>,
        voted: impl Iterator<Item = Ipv4Net>,
    ) -> Vec<Offer> {
        let holes = routes.iter().filter_map(|(prefix, route)| Some((*prefix, hole(route)?)));
        *self = Self { holes: holes.collect(), strays: routes, masked: BTreeMap::new() };
        voted.map(|prefix| (prefix, self.adopt(prefix))).collect()
    }

    /// The prefix is voted on from now on. Gives its offer.
    pub fn adopt(&mut self, prefix: Ipv4Net) -> RouteEvidence {
        let route = self.strays.remove(&prefix).unwrap_or(RouteEvidence::Missing);
        match self.hole_in(prefix) {
            Some(reason) => {
                self.masked.insert(prefix, route);
                RouteEvidence::Unusable { reason }
            }
            None => route,
        }
    }

    /// The prefix is voted on no longer; its last offer was this.
    pub fn abandon(&mut self, prefix: Ipv4Net, offer: RouteEvidence) {
        let route = self.masked.remove(&prefix).unwrap_or(offer);
        if route != RouteEvidence::Missing {
            self.strays.insert(prefix, route);
        }
    }

    /// The route for `prefix` is now this. Gives the offers that this changes.
    pub fn set(&mut self, prefix: Ipv4Net, route: RouteEvidence, voted: &impl Voted) -> Vec<Offer> {
        let before = match hole(&route) {
            Some(reason) => self.holes.insert(prefix, reason),
            None => self.holes.remove(&prefix),
        };
        let holes_changed = before != hole(&route);
        let mut offers = Vec::new();
        if !voted.is_voted(prefix) {
            match route {
                RouteEvidence::Missing => self.strays.remove(&prefix),
                route => self.strays.insert(prefix, route),
            };
        } else if let Some(masked) = self.masked.get_mut(&prefix) {
            *masked = route;
        } else {
            offers.push((prefix, route));
        }
        if holes_changed {
            let wider = (0..prefix.prefix_len()).filter_map(|length| {
                let wider = Ipv4Net::new(prefix.network(), length).ok()?.trunc();
                voted.is_voted(wider).then_some(wider)
            });
            offers.extend(wider.filter_map(|wider| Some((wider, self.reassess(wider, voted)?))));
        }
        offers
    }

    /// The offer for a prefix in or out of which a hole may have come; none if it is as before.
    fn reassess(&mut self, prefix: Ipv4Net, voted: &impl Voted) -> Option<RouteEvidence> {
        match self.hole_in(prefix) {
            Some(reason) => {
                self.masked.entry(prefix).or_insert_with(|| voted.heard(prefix));
                Some(RouteEvidence::Unusable { reason })
            }
            None => self.masked.remove(&prefix),
        }
    }

    fn hole_in(&self, prefix: Ipv4Net) -> Option<Unusable> {
        let last = Ipv4Net::from(prefix.broadcast());
        let mut narrower = self.holes.range(prefix..=last).filter(|(other, _)| **other != prefix);
        narrower.next().map(|(_, reason)| *reason)
    }
}

fn hole(route: &RouteEvidence) -> Option<Unusable> {
    match route {
        RouteEvidence::Unusable { reason } => Some(*reason),
        RouteEvidence::Missing | RouteEvidence::Usable { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use braid_vote::{NextHop, SortedSet};
    use proptest::prelude::*;

    use super::*;

    /// A poll that keeps the last offers.
    #[derive(Default)]
    struct Heard(BTreeMap<Ipv4Net, RouteEvidence>);

    impl Heard {
        fn hear(&mut self, offers: Vec<Offer>) -> Vec<Ipv4Net> {
            let prefixes = offers.iter().map(|(prefix, _)| *prefix).collect();
            self.0.extend(offers);
            prefixes
        }
    }

    impl Voted for Heard {
        fn is_voted(&self, prefix: Ipv4Net) -> bool {
            self.0.contains_key(&prefix)
        }

        fn heard(&self, prefix: Ipv4Net) -> RouteEvidence {
            self.0[&prefix].clone()
        }
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    fn usable() -> RouteEvidence {
        let hop = NextHop { gateway: None, interface: "eth1".into() };
        RouteEvidence::Usable { next_hops: SortedSet::from(vec![hop]), metric: 20 }
    }

    #[test]
    fn a_hole_in_a_prefix_makes_all_of_it_unusable() {
        let (wide, narrow) = (net("198.18.1.0/24"), net("198.18.1.10/32"));
        let (mut routes, mut heard) = (Routes::default(), Heard::default());
        heard.hear(routes.set_all([(wide, usable())].into(), [wide].into_iter()));
        let hole = RouteEvidence::Unusable { reason: Unusable::Blackhole };
        let offers = routes.set(narrow, hole.clone(), &heard);
        assert_eq!(heard.hear(offers), [wide]);
        assert_eq!(heard.heard(wide), hole);
        // What the route itself does meanwhile shows when the hole is gone.
        assert_eq!(routes.set(wide, RouteEvidence::Missing, &heard), []);
        assert_eq!(routes.set(wide, usable(), &heard), []);
        let offers = routes.set(narrow, RouteEvidence::Missing, &heard);
        assert_eq!(heard.hear(offers), [wide]);
        assert_eq!(heard.heard(wide), usable());
    }

    /// The offer by definition.
    fn offer(routes: &BTreeMap<Ipv4Net, RouteEvidence>, prefix: Ipv4Net) -> RouteEvidence {
        let narrower = routes.iter().filter(|(other, _)| prefix.contains(*other) && **other != prefix);
        let hole = narrower.map(|(_, route)| route).find(|route| hole(route).is_some());
        hole.or_else(|| routes.get(&prefix)).cloned().unwrap_or(RouteEvidence::Missing)
    }

    proptest! {
        #[test]
        fn offers_follow_routes_whatever_happens(
            start in prop::collection::btree_set((0..4_u32, 24..=28_u8), 0..6),
            happens in prop::collection::vec(((0..4_u32, 24..=28_u8), 0..5_u8), 0..60),
        ) {
            let at = |(part, length): (u32, u8)| {
                Ipv4Net::new((0xc612_0100 + (part << 5)).into(), length).unwrap().trunc()
            };
            let voted: BTreeSet<Ipv4Net> = start.into_iter().map(at).collect();
            let (mut routes, mut heard, mut model) = (Routes::default(), Heard::default(), BTreeMap::new());
            heard.hear(routes.set_all(BTreeMap::new(), voted.into_iter()));
            for (place, what) in happens {
                let prefix = at(place);
                let route = match what {
                    0 => RouteEvidence::Missing,
                    1 => RouteEvidence::Unusable { reason: Unusable::Blackhole },
                    2 => usable(),
                    // The prefix comes to the vote, or leaves it.
                    3 if !heard.is_voted(prefix) => {
                        let offer = routes.adopt(prefix);
                        heard.hear(vec![(prefix, offer)]);
                        continue;
                    }
                    _ => {
                        if let Some(offer) = heard.0.remove(&prefix) {
                            routes.abandon(prefix, offer);
                        }
                        continue;
                    }
                };
                match &route {
                    RouteEvidence::Missing => model.remove(&prefix),
                    route => model.insert(prefix, route.clone()),
                };
                let offers = routes.set(prefix, route, &heard);
                heard.hear(offers);
                for (prefix, heard) in &heard.0 {
                    prop_assert_eq!(heard, &offer(&model, *prefix), "{}", prefix);
                }
            }
        }
    }
}
