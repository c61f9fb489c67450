//! Which VNs are fit to win at all, and why the others are not.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    EngineState, Policy, Unusable,
    cell::{Cell, Finding},
};

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
    /// A usable route that leads where the reference model does not expect it, under a policy with `verified`.
    Misdirected,
    /// A usable route, but probes sent into the VN do not come out.
    ProbesLost,
    /// A usable route that some node further on sends back: verified.
    Loops,
    /// A usable route, but some node further on drops packets: verified.
    Dropped,
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
    /// Leads to the wrong border, as far as can be told.
    Misdirected,
    /// Seems to deliver nothing: still better than no route.
    Failing,
    /// Cannot forward the prefix.
    Useless,
}

impl Eligibility {
    /// Judges one ballot by itself. `lost`: probes do not get through.
    pub(crate) fn of(
        cell: &Cell,
        port_up: bool,
        engine: EngineState,
        lost: bool,
        policy: &Policy,
    ) -> Eligibility {
        if cell.route.next_hops().is_none() {
            return cell.route.reason().map_or(Eligibility::NoRoute, Eligibility::Unusable);
        }
        match cell.verification {
            _ if !port_up => Eligibility::Unusable(Unusable::NoLiveNextHop),
            _ if lost => Eligibility::ProbesLost,
            Finding::LOOPS => Eligibility::Loops,
            Finding::DROPPED => Eligibility::Dropped,
            finding if policy.verified && finding.differs_from_model() => Eligibility::Misdirected,
            _ => match engine {
                EngineState::Running | EngineState::Unknown => Eligibility::Eligible,
                EngineState::Starting => Eligibility::EngineStarting,
                EngineState::Silent => Eligibility::EngineSilent,
                EngineState::Gone => Eligibility::EngineGone,
            },
        }
    }

    pub(crate) const fn tier(self) -> Tier {
        match self {
            Eligibility::Eligible => Tier::Eligible,
            Eligibility::EngineStarting | Eligibility::EngineSilent | Eligibility::EngineGone => Tier::Stale,
            Eligibility::Misdirected => Tier::Misdirected,
            Eligibility::ProbesLost | Eligibility::Loops | Eligibility::Dropped => Tier::Failing,
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
            Eligibility::Misdirected => "verified: delivers where the reference model does not expect it",
            Eligibility::ProbesLost => "probes are lost",
            Eligibility::Loops => "verified: loops",
            Eligibility::Dropped => "verified: dropped on the way",
            Eligibility::NoRoute => "no route",
            Eligibility::Unusable(Unusable::Blackhole) => "route is a blackhole",
            Eligibility::Unusable(Unusable::Unreachable) => "route is unreachable",
            Eligibility::Unusable(Unusable::Prohibited) => "route is prohibited",
            Eligibility::Unusable(Unusable::NoLiveNextHop) => "route has no live next hop",
        })
    }
}
