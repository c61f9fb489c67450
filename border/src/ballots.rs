//! What one virtual network offers, as seen from this border: its routes and how its engine fares. Pure.

use std::collections::{BTreeMap, BTreeSet};

use braid_vote::{
    Ballot, EngineEvidence, EngineState, FibEvidence, Millis, ProbeEvidence, RouteEvidence, Unusable,
    VerificationEvidence,
};
use ipnet::Ipv4Net;

/// The evidence on one virtual network.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Whether it has been heard of at all: a FIB snapshot, or the news that there is no such namespace.
    pub heard: bool,
    /// Whether packets can get in, and since when.
    port: (bool, Millis),
    engine: EngineEvidence,
    routes: BTreeMap<Ipv4Net, RouteEvidence>,
    /// For each prefix voted on, what the routes amount to, and since when.
    offers: BTreeMap<Ipv4Net, FibEvidence>,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            heard: false,
            port: (true, Millis(0)),
            engine: EngineEvidence { state: EngineState::Unknown, since: Millis(0) },
            routes: BTreeMap::new(),
            offers: BTreeMap::new(),
        }
    }
}

/// What the routes amount to for all of `prefix`: the route for exactly that prefix, unless a narrower one throws part of
/// it away.
fn offer(routes: &BTreeMap<Ipv4Net, RouteEvidence>, prefix: Ipv4Net) -> RouteEvidence {
    let last = Ipv4Net::from(prefix.broadcast());
    let narrower =
        routes.range(prefix..=last).filter(|(other, _)| prefix.contains(*other) && **other != prefix);
    let hole = narrower.map(|(_, route)| route).find(|route| matches!(route, RouteEvidence::Unusable { .. }));
    hole.or_else(|| routes.get(&prefix)).cloned().unwrap_or(RouteEvidence::Missing)
}

impl Evidence {
    /// The engine's state changed.
    pub fn set_engine(&mut self, state: EngineState, now: Millis) {
        self.engine = EngineEvidence { state, since: now };
    }

    /// Since when its engine has been running, as far as anybody knows; `None` while it is not.
    #[must_use]
    pub fn running_since(&self) -> Option<Millis> {
        matches!(self.engine.state, EngineState::Running | EngineState::Unknown).then_some(self.engine.since)
    }

    /// Packets can, or cannot, get into the virtual network here. Says whether that is news.
    pub fn set_port(&mut self, up: bool, now: Millis) -> bool {
        let news = self.port.0 != up;
        if news {
            self.port = (up, now);
        }
        news
    }

    /// These are all routes there are. Gives the voted prefixes for which something changed.
    pub fn set_routes(
        &mut self,
        routes: BTreeMap<Ipv4Net, RouteEvidence>,
        voted: &BTreeSet<Ipv4Net>,
        now: Millis,
    ) -> Vec<Ipv4Net> {
        self.heard = true;
        self.routes = routes;
        self.offers.retain(|prefix, _| voted.contains(prefix));
        voted.iter().copied().filter(|prefix| self.reassess(*prefix, now)).collect()
    }

    /// The route for `prefix` is now this. Gives the voted prefixes for which that changes something.
    pub fn set_route(
        &mut self,
        prefix: Ipv4Net,
        route: RouteEvidence,
        voted: &BTreeSet<Ipv4Net>,
        now: Millis,
    ) -> Vec<Ipv4Net> {
        if route == RouteEvidence::Missing {
            self.routes.remove(&prefix);
        } else {
            self.routes.insert(prefix, route);
        }
        let around = (0..=prefix.prefix_len()).filter_map(|length| {
            let wider = Ipv4Net::new(prefix.network(), length).ok()?.trunc();
            voted.contains(&wider).then_some(wider)
        });
        around.filter(|prefix| self.reassess(*prefix, now)).collect()
    }

    /// The prefixes voted on changed.
    pub fn set_voted(&mut self, voted: &BTreeSet<Ipv4Net>, now: Millis) {
        self.offers.retain(|prefix, _| voted.contains(prefix));
        for prefix in voted {
            self.reassess(*prefix, now);
        }
    }

    fn reassess(&mut self, prefix: Ipv4Net, now: Millis) -> bool {
        let route = offer(&self.routes, prefix);
        match self.offers.get(&prefix) {
            Some(known) if known.route == route => false,
            _ => {
                self.offers.insert(prefix, FibEvidence { route, since: now });
                true
            }
        }
    }

    /// The ballot of virtual network `vn` for `prefix`.
    #[must_use]
    pub fn ballot(&self, vn: u8, prefix: Ipv4Net) -> Ballot {
        let nothing = FibEvidence { route: RouteEvidence::Missing, since: Millis(0) };
        let mut fib = self.offers.get(&prefix).cloned().unwrap_or(nothing);
        let (port_up, since) = self.port;
        if !port_up && matches!(fib.route, RouteEvidence::Usable { .. }) {
            // The best route is of no use to a packet that cannot get in.
            fib = FibEvidence { route: RouteEvidence::Unusable { reason: Unusable::NoLiveNextHop }, since };
        }
        fib.since = fib.since.max(since);
        Ballot {
            vn,
            fib,
            engine: self.engine,
            probe: ProbeEvidence::Unknown,
            verification: VerificationEvidence::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use braid_vote::SortedSet;

    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    fn usable() -> RouteEvidence {
        RouteEvidence::Usable { next_hops: SortedSet::default(), metric: 20 }
    }

    #[test]
    fn a_hole_in_a_prefix_makes_all_of_it_unusable() {
        let voted = [net("198.18.1.0/24"), net("198.18.2.0/24")].into();
        let mut evidence = Evidence::default();
        evidence.set_routes([(net("198.18.1.0/24"), usable())].into(), &voted, Millis(1));
        let hole = RouteEvidence::Unusable { reason: Unusable::Blackhole };
        let changed = evidence.set_route(net("198.18.1.10/32"), hole.clone(), &voted, Millis(2));
        assert_eq!(changed, [net("198.18.1.0/24")]);
        assert_eq!(
            evidence.ballot(1, net("198.18.1.0/24")).fib,
            FibEvidence { route: hole, since: Millis(2) }
        );

        let changed = evidence.set_route(net("198.18.1.10/32"), RouteEvidence::Missing, &voted, Millis(3));
        assert_eq!(changed, [net("198.18.1.0/24")]);
        assert_eq!(evidence.ballot(1, net("198.18.1.0/24")).fib.route, usable());
    }

    #[test]
    fn the_age_of_evidence_is_that_of_its_last_change() {
        let voted = [net("198.18.1.0/24")].into();
        let mut evidence = Evidence::default();
        evidence.set_routes([(net("198.18.1.0/24"), usable())].into(), &voted, Millis(1));
        assert_eq!(evidence.set_route(net("198.18.1.0/24"), usable(), &voted, Millis(9)), []);
        assert_eq!(evidence.set_route(net("198.18.7.0/24"), usable(), &voted, Millis(9)), []);
        assert_eq!(evidence.ballot(1, net("198.18.1.0/24")).fib.since, Millis(1));
    }
}
