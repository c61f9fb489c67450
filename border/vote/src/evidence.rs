//! What is known of one VN's offer for one prefix at one border: a ballot; and the news that change it.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{Millis, SortedSet};

/// A prefix that is voted on, as [`crate::Poll::open`] numbered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrefixId(pub u32);

/// A border at which packets may leave the network. The caller numbers them and keeps their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EgressId(pub u16);

impl fmt::Display for EgressId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "border {}", self.0)
    }
}

/// The borders at which a VN delivers a prefix.
pub type EgressSet = SortedSet<EgressId>;

/// A piece of evidence: how things are from now on. Everything that moves a verdict besides time and configuration is one
/// of these, so a record of them can be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Evidence {
    /// What the kernel would do with a packet for the prefix in the VN's namespace.
    Route {
        /// The prefix.
        prefix: PrefixId,
        /// The VN.
        vn: u8,
        /// The route.
        route: RouteEvidence,
    },
    /// What probes towards the prefix have found.
    Probe {
        /// The prefix.
        prefix: PrefixId,
        /// The VN.
        vn: u8,
        /// The finding.
        probe: ProbeEvidence,
    },
    /// What probes towards a border's own address have found. Where a VN does not reach any border at which a prefix
    /// ought to come out, probes for that prefix count as lost; that it does reach one says nothing of a prefix.
    Border {
        /// The border.
        border: EgressId,
        /// The VN.
        vn: u8,
        /// Probes do not get there.
        lost: bool,
    },
    /// What the controller's verification has found.
    Verification {
        /// The prefix.
        prefix: PrefixId,
        /// The VN.
        vn: u8,
        /// The finding.
        verification: VerificationEvidence,
    },
    /// The controller is away: all that it found is not known any more.
    VerificationAway,
    /// How a VN's engine is doing.
    Engine {
        /// The VN.
        vn: u8,
        /// Its state.
        state: EngineState,
    },
    /// Whether packets can get into the VN here. Without that its routes are of no use.
    Port {
        /// The VN.
        vn: u8,
        /// They can.
        up: bool,
    },
    /// What a converged clone of a VN's engine says: the same engine, with all that it knows worked out ahead of its timers.
    /// So its routes are known to be final for what it has heard, without waiting to see whether they change. An answer
    /// that was asked for before a route last changed says nothing of that route.
    Converged {
        /// The VN.
        vn: u8,
        /// When the question was asked: later by no more than the answer is old.
        asked: Millis,
        /// No work is left, so that routes stay as they are until there is news.
        at_rest: bool,
        /// The prefixes whose routes are about to change.
        pending: SortedSet<PrefixId>,
    },
}

/// One VN's ballot for one prefix: all that is known of its offer, and since when.
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
    /// Since when; of a finding that is not unknown.
    pub probe_since: Millis,
    /// What the controller has found by following the VN's FIBs from node to node.
    pub verification: VerificationEvidence,
    /// Since when; of a finding that is not unknown.
    pub verification_since: Millis,
    /// What a converged clone of the engine says of the route as it is now.
    #[serde(default)]
    pub clone: CloneEvidence,
}

/// What a converged clone of a VN's engine says of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum CloneEvidence {
    /// Nothing, or nothing since the route last changed: only time tells whether it stays.
    #[default]
    Unknown,
    /// It stays as it is.
    Steady {
        /// When the clone was asked.
        asked: Millis,
    },
    /// It is about to change.
    Pending {
        /// When the clone was asked.
        asked: Millis,
    },
}

impl CloneEvidence {
    /// When the clone was asked that says that the route stays.
    pub(crate) const fn steady(self) -> Option<Millis> {
        match self {
            CloneEvidence::Steady { asked } => Some(asked),
            CloneEvidence::Unknown | CloneEvidence::Pending { .. } => None,
        }
    }

    /// Whether the route is about to change.
    pub(crate) const fn is_pending(self) -> bool {
        matches!(self, CloneEvidence::Pending { .. })
    }
}

impl Ballot {
    /// The borders at which this VN delivers the prefix, if any evidence knows: probes first, since they are the data
    /// plane's own word.
    #[must_use]
    pub fn egress(&self) -> Option<&EgressSet> {
        match (&self.probe, &self.verification) {
            (ProbeEvidence::Delivers { egress }, _)
            | (
                _,
                VerificationEvidence::Delivers { egress } | VerificationEvidence::DiffersFromModel { egress },
            ) => Some(egress),
            (ProbeEvidence::Unknown | ProbeEvidence::Lost, _) => None,
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

    /// The kernel's metric of a usable route.
    #[must_use]
    pub const fn metric(&self) -> Option<u32> {
        match self.fib.route {
            RouteEvidence::Usable { metric, .. } => Some(metric),
            RouteEvidence::Missing | RouteEvidence::Unusable { .. } => None,
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
    /// Every next hop's link is down, or the VN's port here is.
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

impl Default for EngineEvidence {
    fn default() -> Self {
        EngineEvidence { state: EngineState::Unknown, since: Millis(0) }
    }
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
        /// The borders at which they do.
        egress: EgressSet,
    },
    /// Probes do not come out, while there is reason to think that they would out of another VN.
    Lost,
}

/// What the controller's verification has found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum VerificationEvidence {
    /// Not verified, or the controller is away.
    #[default]
    Unknown,
    /// The FIBs lead to these borders, and the reference model, where it knows, expects them.
    Delivers {
        /// The borders.
        egress: EgressSet,
    },
    /// The FIBs lead some packets in a circle.
    Loops,
    /// The FIBs drop some packets on the way.
    Dropped,
    /// The FIBs lead to these borders, and the reference model expects others.
    DiffersFromModel {
        /// The borders to which they lead.
        egress: EgressSet,
    },
}

impl VerificationEvidence {
    /// Whether this speaks against the VN.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        !matches!(self, VerificationEvidence::Unknown | VerificationEvidence::Delivers { .. })
    }
}

impl fmt::Display for ProbeEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProbeEvidence::Unknown => f.write_str("unknown"),
            ProbeEvidence::Delivers { egress } => write!(f, "delivers at {egress}"),
            ProbeEvidence::Lost => f.write_str("lost"),
        }
    }
}

impl fmt::Display for VerificationEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VerificationEvidence::Unknown => f.write_str("unknown"),
            VerificationEvidence::Delivers { egress } => write!(f, "delivers at {egress}"),
            VerificationEvidence::Loops => f.write_str("loops"),
            VerificationEvidence::Dropped => f.write_str("dropped"),
            VerificationEvidence::DiffersFromModel { egress } => {
                write!(f, "delivers at {egress}, where the model does not expect it")
            }
        }
    }
}
