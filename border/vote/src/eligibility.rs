//! Which VNs are fit to win at all, and why the others are not.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Ballot, EngineState, RouteEvidence, Unusable};

/// Whether a VN may win the prefix, with the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Eligibility {
    /// A usable route, and no doubt about the engine.
    Eligible,
    /// A usable route that the engine has not confirmed since it started.
    EngineStarting,
    /// A usable route left behind by an engine that does not answer.
    EngineSilent,
    /// A usable route left behind by an engine that has ended.
    EngineGone,
    /// No route.
    NoRoute,
    /// A route that forwards nothing.
    Unusable(Unusable),
}

/// How much a VN may be trusted with the prefix. The winner always comes from the best tier that has a VN in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// Fit to win.
    Eligible,
    /// A stale FIB: better than nothing.
    Stale,
    /// Cannot forward the prefix.
    Useless,
}

impl Eligibility {
    /// Judges one ballot by itself.
    #[must_use]
    pub fn of(ballot: &Ballot) -> Eligibility {
        match &ballot.fib.route {
            RouteEvidence::Missing => Eligibility::NoRoute,
            RouteEvidence::Unusable { reason } => Eligibility::Unusable(*reason),
            RouteEvidence::Usable { next_hops, .. } if next_hops.is_empty() => {
                Eligibility::Unusable(Unusable::NoLiveNextHop)
            }
            RouteEvidence::Usable { .. } => match ballot.engine.state {
                EngineState::Running | EngineState::Unknown => Eligibility::Eligible,
                EngineState::Starting => Eligibility::EngineStarting,
                EngineState::Silent => Eligibility::EngineSilent,
                EngineState::Gone => Eligibility::EngineGone,
            },
        }
    }

    pub(crate) fn tier(self) -> Tier {
        match self {
            Eligibility::Eligible => Tier::Eligible,
            Eligibility::EngineStarting | Eligibility::EngineSilent | Eligibility::EngineGone => Tier::Stale,
            Eligibility::NoRoute | Eligibility::Unusable(_) => Tier::Useless,
        }
    }
}

impl fmt::Display for Eligibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Eligibility::Eligible => "eligible",
            Eligibility::EngineStarting => "engine is starting: route is stale",
            Eligibility::EngineSilent => "engine is silent: route is stale",
            Eligibility::EngineGone => "engine is gone: route is stale",
            Eligibility::NoRoute => "no route",
            Eligibility::Unusable(Unusable::Blackhole) => "route is a blackhole",
            Eligibility::Unusable(Unusable::Unreachable) => "route is unreachable",
            Eligibility::Unusable(Unusable::Prohibited) => "route is prohibited",
            Eligibility::Unusable(Unusable::NoLiveNextHop) => "route has no live next hop",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EngineEvidence, FibEvidence, Millis, NextHop, SortedSet};

    #[test]
    fn a_route_without_a_live_next_hop_is_useless_even_with_a_running_engine() {
        let mut ballot = Ballot {
            fib: FibEvidence {
                route: RouteEvidence::Usable { next_hops: SortedSet::default(), metric: 20 },
                since: Millis(0),
            },
            engine: EngineEvidence { state: EngineState::Running, since: Millis(0) },
            ..Ballot::blank(1)
        };
        assert_eq!(Eligibility::of(&ballot).to_string(), "route has no live next hop");
        assert_eq!(Eligibility::of(&ballot).tier(), Tier::Useless);
        let hop = NextHop { gateway: None, interface: "eth1".into() };
        ballot.fib.route = RouteEvidence::Usable { next_hops: [hop].into_iter().collect(), metric: 20 };
        let tiers = [
            (EngineState::Running, Tier::Eligible),
            (EngineState::Unknown, Tier::Eligible),
            (EngineState::Starting, Tier::Stale),
            (EngineState::Silent, Tier::Stale),
            (EngineState::Gone, Tier::Stale),
        ];
        for (state, tier) in tiers {
            ballot.engine.state = state;
            assert_eq!(Eligibility::of(&ballot).tier(), tier, "{state:?}");
        }
    }
}
