//! What a router knows of itself when it originates: areas, interfaces, neighbours, external routes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use braid_ospf_packet::{AreaId, Lsa, LsaKey, RouterId};
use braid_ospf_route::{Domain, Routing};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// Everything that decides what a router says of itself, at one moment.
#[derive(Clone, Copy)]
pub struct Local<'a> {
    /// The router's own id: the advertising router of all that is originated.
    pub router_id: RouterId,
    /// The attached areas, each once, in any order. A router with virtual links has the backbone among them.
    pub areas: &'a [AreaView],
    /// All interfaces, also those that are down.
    pub interfaces: &'a [InterfaceView],
    /// The configured virtual links, also those that are down.
    pub virtual_links: &'a [VirtualLinkView],
    /// Routes that this router brings into OSPF.
    pub externals: &'a BTreeMap<Ipv4Net, External>,
    /// Whether transit traffic shall keep away (RFC 6987).
    pub stub_router: StubRouter,
    /// The routes of the last finished computation; summaries and translations follow from them.
    pub routing: &'a Routing,
    /// The link-state database, for the LSAs of others that bear on our own.
    pub database: &'a dyn Database,
}

/// The questions to the link-state database that origination has.
pub trait Database {
    /// The LSA of that key, unless there is none or it is being flushed (MaxAge).
    fn lsa(&self, domain: Domain, key: &LsaKey) -> Option<Lsa>;
    /// All type-7 LSAs of an area that are not being flushed, our own among them or not.
    fn nssa(&self, area: AreaId) -> Vec<Lsa>;
}

/// An attached area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaView {
    /// The area's id.
    pub id: AreaId,
    /// What the area lets in.
    pub kind: AreaType,
    /// Ranges by which the area's networks are summed up in other areas (RFC 2328 §C.2).
    pub ranges: BTreeMap<Ipv4Net, Range>,
    /// We lost the translator election of this NSSA less than TranslatorStabilityInterval ago, so we go on
    /// translating (RFC 3101 §3.1). False anywhere else.
    pub translating_still: bool,
}

/// What an area lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AreaType {
    /// An ordinary area, the backbone included.
    #[default]
    Normal,
    /// No AS-external routes; border routers originate a default (RFC 2328 §3.6).
    Stub {
        /// Metric of that default, below 2^24 - 1.
        default_cost: u32,
        /// Let other areas' summaries in; false makes the area totally stubby.
        summaries: bool,
    },
    /// A not-so-stubby area (RFC 3101).
    Nssa {
        /// Metric of the default that border routers originate, below 2^24 - 1.
        default_cost: u32,
        /// Let other areas' summaries in; if false, border routers originate a default as a summary.
        summaries: bool,
        /// This router's part in the translation of type 7 to type 5.
        translate: Translate,
        /// As a border router, originate a type-7 default (only where summaries are let in).
        default_route: bool,
        /// Type-7 address ranges: how translated routes are summed up. No value: the range is hidden; else the
        /// external route tag of its type-5 LSA.
        external_ranges: BTreeMap<Ipv4Net, Option<u32>>,
    },
}

impl AreaType {
    /// AS-external LSAs are flooded in the area.
    #[must_use]
    pub fn takes_externals(&self) -> bool {
        matches!(self, Self::Normal)
    }

    /// The area is an NSSA.
    #[must_use]
    pub fn is_nssa(&self) -> bool {
        matches!(self, Self::Nssa { .. })
    }

    /// Summaries of other areas' networks are let in.
    #[must_use]
    pub fn takes_summaries(&self) -> bool {
        match self {
            Self::Normal => true,
            Self::Stub { summaries, .. } | Self::Nssa { summaries, .. } => *summaries,
        }
    }
}

/// NSSATranslatorRole (RFC 3101 §D), with a third choice for those who never want it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Translate {
    /// Translate if elected: no border router always translates, and none has a higher router id.
    #[default]
    Candidate,
    /// Always translate, and say so by the Nt bit.
    Always,
    /// Never translate.
    Never,
}

/// An area address range (RFC 2328 §C.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Announce one summary for the range; false hides the networks within it from other areas.
    pub advertise: bool,
    /// Metric of the summary; by default the largest one among the networks within.
    pub cost: Option<u32>,
}

/// An interface, as far as LSAs depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceView {
    /// The area that it belongs to.
    pub area: AreaId,
    /// Own address with the prefix length of the network; when unnumbered, the address borrowed for packets.
    pub address: Ipv4Net,
    /// On an unnumbered point-to-point interface its index (below 2^24), which then stands in the LSA for the address.
    pub unnumbered: Option<u32>,
    /// Further networks behind this interface, with the metric to announce each with.
    pub prefixes: BTreeMap<Ipv4Net, u16>,
    /// The kind of network.
    pub network: Network,
    /// No hellos are sent, so it is a stub network for good.
    pub passive: bool,
    /// Output cost, 1..=65535; on a loopback also 0, as RFC 2328 §12.4.1 has it.
    pub cost: u16,
    /// State of the interface state machine.
    pub state: InterfaceState,
    /// Address of the designated router, 0.0.0.0 if there is none.
    pub designated_router: Ipv4Addr,
    /// The neighbours heard on it; empty on passive interfaces and loopbacks.
    pub neighbours: Vec<NeighbourView>,
}

/// The kind of network that an interface attaches to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// Two routers, no designated router.
    #[default]
    PointToPoint,
    /// Many routers and a designated one.
    Broadcast,
    /// A network inside the router: its address is announced as a host route.
    Loopback,
}

/// State of an interface (RFC 2328 §9.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InterfaceState {
    /// Not usable.
    #[default]
    Down,
    /// Looped back, or a loopback by kind.
    Loopback,
    /// Listening for an elected designated router.
    Waiting,
    /// Up on a point-to-point network or virtual link.
    PointToPoint,
    /// Up on a broadcast network, neither designated router nor backup.
    DrOther,
    /// The backup designated router.
    Backup,
    /// The designated router.
    Dr,
}

/// A neighbour on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourView {
    /// Its router id.
    pub router_id: RouterId,
    /// The source address of its hellos.
    pub address: Ipv4Addr,
    /// Fully adjacent; also while we help its graceful restart (RFC 3623 §3.1).
    pub full: bool,
}

/// A virtual link (RFC 2328 §15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualLinkView {
    /// The area that it crosses.
    pub transit: AreaId,
    /// The router at the other end.
    pub endpoint: RouterId,
    /// Own interface address in the transit area towards the other end, when the link is up.
    pub address: Option<Ipv4Addr>,
    /// Cost of the path through the transit area; a link costlier than 65535 cannot be described and counts as down.
    pub cost: u32,
    /// Fully adjacent with the endpoint.
    pub full: bool,
}

/// A route that this router brings into OSPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// Metric, below 2^24 - 1; a larger one means unreachable and is not announced.
    pub metric: u32,
    /// Type 2: larger than any metric inside the AS, and not added to it.
    pub type2: bool,
    /// External route tag: carried, not interpreted.
    pub tag: u32,
    /// Where packets should rather be sent than to this router. Announced as long as OSPF itself reaches the address.
    pub forwarding: Option<Ipv4Addr>,
}

/// How much of a stub router this one is (RFC 6987).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StubRouter {
    /// An ordinary router.
    #[default]
    Off,
    /// Links to other routers cost MaxLinkMetric: only what ends here is routed here.
    Links,
    /// Summaries and externals are raised as well, to [`crate::DRAINED_METRIC`], so that other borders are preferred.
    All,
}
