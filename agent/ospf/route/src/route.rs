//! What goes in and comes out: settings, hints, next hops, routes and differences.

use std::{fmt, net::Ipv4Addr, sync::Arc};

use braid_ospf_packet::{AreaId, LsaKey, RouterFlags, RouterId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// Where an LSA is flooded, and therefore in which part of the database it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Domain {
    /// One area: types 1, 2, 3, 4 and 7.
    Area(AreaId),
    /// The whole autonomous system: type 5.
    As,
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Area(area) => write!(f, "area {area}"),
            Self::As => f.write_str("AS"),
        }
    }
}

/// Choices that hold for the whole computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// At most so many next hops per route, 1 to 64 (other values are brought into the range): the smallest ones.
    pub max_paths: usize,
    /// RFC1583Compatibility of RFC 2328 §16.4.1 and Appendix C.1; must be equal on all routers.
    pub rfc1583: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_paths: 16, rfc1583: false }
    }
}

/// What an attached area carries (RFC 2328 §3.6, RFC 3101).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AreaKind {
    /// AS-external LSAs are flooded here.
    Normal,
    /// No externals.
    Stub,
    /// Type 7 externals.
    Nssa {
        /// Whether an area border router imports summaries; without them it ignores type 7 defaults (RFC 3101 §2.5 (3)).
        summaries: bool,
    },
}

/// One way out of this router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NextHop {
    /// Which interface: the Link Data of our own router-LSA's link, so its address, or its index as `0.x.y.z` when it is
    /// unnumbered. For an own stub network: our numbered address inside it, else the network's address.
    pub out: Ipv4Addr,
    /// The neighbour's address; none when the destination is on the link.
    pub gateway: Option<Ipv4Addr>,
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gateway {
            Some(gateway) => write!(f, "{gateway} from {}", self.out),
            None => write!(f, "on link at {}", self.out),
        }
    }
}

/// Path types in order of preference (RFC 2328 §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PathKind {
    /// Inside an attached area.
    IntraArea,
    /// By way of an area border router.
    InterArea,
    /// External, metrics comparable with ours (E1).
    External1,
    /// External, metric beyond comparison with ours (E2).
    External2,
}

impl fmt::Display for PathKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IntraArea => "intra-area",
            Self::InterArea => "inter-area",
            Self::External1 => "external-1",
            Self::External2 => "external-2",
        })
    }
}

/// The best paths to a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The path type.
    pub kind: PathKind,
    /// The associated area; none for externals.
    pub area: Option<AreaId>,
    /// Distance; for type 2 externals that to the ASBR or forwarding address.
    pub cost: u32,
    /// The advertised metric of a type 2 external, else 0.
    pub type2_cost: u32,
    /// The external route tag, else 0.
    pub tag: u32,
    /// At least one, sorted, at most [`Settings::max_paths`].
    pub next_hops: Arc<[NextHop]>,
    /// Evidence: the LSA that describes the destination (the least key among equals). Its advertising router is the border
    /// router or ASBR.
    pub origin: LsaKey,
}

impl Route {
    /// Whether a kernel or a summary could not tell them apart: all but the origin is equal.
    pub fn same_path(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.area == other.area
            && self.cost == other.cost
            && self.type2_cost == other.type2_cost
            && self.tag == other.tag
            && self.next_hops == other.next_hops
    }
}

/// A difference that a kernel or a summary would see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteChange {
    /// The destination.
    pub prefix: Ipv4Net,
    /// What was there.
    pub old: Option<Route>,
    /// What is there now.
    pub new: Option<Route>,
}

/// A routing table entry of type "router" (RFC 2328 §11): an area border router or an ASBR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterRoute {
    /// The router.
    pub router: RouterId,
    /// Its bits; for an inter-area path just E.
    pub flags: RouterFlags,
    /// Intra-area or inter-area.
    pub kind: PathKind,
    /// The associated area.
    pub area: AreaId,
    /// Distance.
    pub cost: u32,
    /// As in [`Route::next_hops`].
    pub next_hops: Arc<[NextHop]>,
}

/// A hint: who is on an own link and where its hellos come from. Without hints addresses come from the neighbours' LSAs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Neighbour {
    /// The link's area.
    pub area: AreaId,
    /// The link, as in [`NextHop::out`].
    pub out: Ipv4Addr,
    /// Who is there.
    pub router: RouterId,
    /// Its address on the link.
    pub address: Ipv4Addr,
}

/// A configured virtual link (RFC 2328 §15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VirtualLink {
    /// The area that it runs through; not the backbone.
    pub transit: AreaId,
    /// The area border router at its other end.
    pub endpoint: RouterId,
}

/// How a virtual link stands when its endpoint can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualLinkState {
    /// The link's cost: the intra-area distance to the endpoint.
    pub cost: u32,
    /// Our interface address towards it, and the link's Link Data; `0.x.y.z` when unnumbered.
    pub out: Ipv4Addr,
    /// The endpoint's address, where packets for it go; none when its LSA holds no address.
    pub address: Option<Ipv4Addr>,
}

/// What waits for [`crate::Routing::compute`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Links between routers changed: shortest paths are to be computed.
    pub topology: bool,
    /// Only destinations changed.
    pub prefixes: bool,
}

impl Pending {
    /// Whether there is anything to do.
    pub const fn any(self) -> bool {
        self.topology || self.prefixes
    }
}

/// How much one computation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Areas whose shortest paths were computed from scratch.
    pub full_spf: u32,
    /// Areas whose shortest paths were repaired.
    pub incremental_spf: u32,
    /// Vertices looked at by both.
    pub vertices: u32,
    /// Prefixes whose best path was chosen anew.
    pub prefixes: u32,
}

/// What one computation found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Each prefix once, in order, only real differences.
    pub changes: Vec<RouteChange>,
    /// For logs, counters and tests.
    pub work: Work,
}
