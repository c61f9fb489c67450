//! What is known of one VN's offer for one prefix at one border: a ballot.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{Millis, SortedSet};

/// One VN's ballot for one prefix: all the evidence that the border holds on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// The VN's id.
    pub vn: u8,
    /// What the kernel would do with a packet in that VN's namespace.
    pub fib: FibEvidence,
    /// How the VN's engine is doing on this node.
    pub engine: EngineEvidence,
    /// What probes sent into the VN have found.
    pub probe: ProbeEvidence,
    /// What the controller has found by following the VN's FIBs from node to node.
    pub verification: VerificationEvidence,
}

impl Ballot {
    /// The ballot of a VN of which nothing is known.
    #[must_use]
    pub const fn blank(vn: u8) -> Ballot {
        Ballot {
            vn,
            fib: FibEvidence { route: RouteEvidence::Missing, since: Millis(0) },
            engine: EngineEvidence { state: EngineState::Unknown, since: Millis(0) },
            probe: ProbeEvidence::Unknown,
            verification: VerificationEvidence::Unknown,
        }
    }

    /// The borders at which this VN delivers the prefix, if any evidence knows: probes first, since they are the data
    /// plane's own word.
    #[must_use]
    pub fn egress(&self) -> Option<&SortedSet<String>> {
        match (&self.probe, &self.verification) {
            (ProbeEvidence::Delivers { egress }, _) | (_, VerificationEvidence::Delivers { egress }) => {
                Some(egress)
            }
            (ProbeEvidence::Unknown, VerificationEvidence::Unknown) => None,
        }
    }

    /// The live next hops of a usable route; empty where there is none.
    #[must_use]
    pub fn next_hops(&self) -> &[NextHop] {
        match &self.fib.route {
            RouteEvidence::Usable { next_hops, .. } => next_hops,
            RouteEvidence::Missing | RouteEvidence::Unusable { .. } => &[],
        }
    }

    /// Since when both the route and a running engine have been what they are now.
    pub(crate) fn stable_since(&self) -> Millis {
        match self.engine.state {
            EngineState::Unknown => self.fib.since,
            _ => self.fib.since.max(self.engine.since),
        }
    }
}

/// The kernel's route for the prefix in a VN's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FibEvidence {
    /// What the kernel holds.
    pub route: RouteEvidence,
    /// Since when it has been exactly this.
    pub since: Millis,
}

/// What a VN's FIB holds for the prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum RouteEvidence {
    /// No route.
    Missing,
    /// A route that forwards nothing.
    Unusable {
        /// Why not.
        reason: Unusable,
    },
    /// A route that forwards.
    Usable {
        /// The live next hops; with none, the route counts as [`Unusable::NoLiveNextHop`].
        next_hops: SortedSet<NextHop>,
        /// The kernel's metric. Engines number it each in their own way, so it is shown and never compared.
        metric: u32,
    },
}

/// Why a route forwards nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unusable {
    /// The kernel drops silently.
    Blackhole,
    /// The kernel drops and answers "unreachable".
    Unreachable,
    /// The kernel drops and answers "prohibited".
    Prohibited,
    /// Every next hop's link is down.
    NoLiveNextHop,
}

/// One next hop as seen inside a virtual router. Addresses and interface names are the same in every VN, so next hops
/// compare directly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NextHop {
    /// The neighbour's address; none on a route straight to a device.
    pub gateway: Option<IpAddr>,
    /// The interface in the virtual router's namespace.
    pub interface: String,
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(gateway) = self.gateway {
            write!(f, "via {gateway} ")?;
        }
        write!(f, "dev {}", self.interface)
    }
}

/// How a VN's engine is doing on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineEvidence {
    /// The state.
    pub state: EngineState,
    /// Since when; not looked at while the state is unknown.
    pub since: Millis,
}

/// The state of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineState {
    /// Its processes live and its control socket answers.
    Running,
    /// It was started and does not answer yet.
    Starting,
    /// A process of it has ended.
    Gone,
    /// Its processes live, its control socket does not answer.
    Silent,
    /// Nobody has told (the agent is away): no reason to doubt it.
    Unknown,
}

/// What probes have found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ProbeEvidence {
    /// No answer to judge by.
    #[default]
    Unknown,
    /// Probes come out of the VN.
    Delivers {
        /// Names of the borders at which they do.
        egress: SortedSet<String>,
    },
}

/// What the controller's verification has found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum VerificationEvidence {
    /// Not verified, or the controller is away.
    #[default]
    Unknown,
    /// The FIBs lead to a border that owns the prefix.
    Delivers {
        /// Names of the borders to which they lead.
        egress: SortedSet<String>,
    },
}
