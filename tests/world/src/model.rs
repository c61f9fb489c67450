//! A network as a person would draw it, with its OSPF areas.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
};

use ipnet::Ipv4Net;

/// An area's id.
pub type Area = Ipv4Addr;
/// The area that joins all others.
pub const BACKBONE: Area = Ipv4Addr::UNSPECIFIED;
/// MaxLinkMetric (RFC 6987 §2).
pub(crate) const MAX_LINK_METRIC: u16 = u16::MAX;

/// Which router of [`World::routers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterIndex(pub usize);

impl fmt::Display for RouterIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// Which segment of [`World::segments`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentIndex(pub usize);

/// An interface of a router, which has one at most on each segment. Shown as `seg3` or `stub0`, fit for a kernel's interface name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interface {
    /// On a segment.
    Segment(SegmentIndex),
    /// Of an attached prefix: the index into [`Router::stubs`].
    Stub(usize),
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Interface::Segment(SegmentIndex(n)) => write!(f, "seg{n}"),
            Interface::Stub(n) => write!(f, "stub{n}"),
        }
    }
}

/// A network of routers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct World {
    /// The routers.
    pub routers: Vec<Router>,
    /// What joins them.
    pub segments: Vec<Segment>,
    /// Every area with its kind.
    pub areas: BTreeMap<Area, AreaKind>,
    /// Links of the backbone through other areas.
    pub virtual_links: Vec<VirtualLink>,
}

/// A router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// Its id, unique in the world.
    pub id: Ipv4Addr,
    /// Whether its process runs. While it does not, its links keep their carrier.
    pub up: bool,
    /// Attached prefixes, each on a passive interface of its own, which has the prefix's first host address.
    pub stubs: Vec<Stub>,
    /// What it announces from outside, by prefix.
    pub externals: BTreeMap<Ipv4Net, External>,
    /// How it condenses areas if it is an area border router (RFC 2328 appendix C.2).
    pub ranges: Vec<AreaRange>,
    /// Whether it asks not to be used for transit (RFC 6987).
    pub stub_router: bool,
}

/// A prefix attached to a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stub {
    /// The prefix.
    pub prefix: Ipv4Net,
    /// The area it belongs to.
    pub area: Area,
    /// Cost of its interface.
    pub cost: u16,
}

impl Stub {
    /// The router's address on it, with the prefix's length.
    #[must_use]
    pub fn address(&self) -> Ipv4Net {
        let host = self.prefix.hosts().next().unwrap_or_else(|| self.prefix.addr());
        Ipv4Net::new_assert(host, self.prefix.prefix_len())
    }
}

/// A route from outside (RFC 2328 §12.4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct External {
    /// Its metric, below LSInfinity.
    pub metric: u32,
    /// Whether that is of type 2: larger than any cost within.
    pub type2: bool,
    /// The external route tag.
    pub tag: u32,
    /// The host on one of the router's broadcast segments to which packets really go; it is no router of the world.
    pub forwarding: Option<Ipv4Addr>,
}

/// An address range of an area, as an area border router announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AreaRange {
    /// The area condensed.
    pub area: Area,
    /// The range.
    pub prefix: Ipv4Net,
    /// Announced, or hidden.
    pub advertise: bool,
}

/// What joins routers: a cable or a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The area it belongs to.
    pub area: Area,
    /// Its kind.
    pub kind: SegmentKind,
    /// Its prefix: a /31 or /30 between two, wider for several.
    pub prefix: Ipv4Net,
    /// The routers on it, each once.
    pub ends: Vec<End>,
    /// Whether it works at all. While not, no end has carrier.
    pub up: bool,
}

/// A segment's OSPF network type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentKind {
    /// Two routers.
    PointToPoint,
    /// One or more, with a designated router.
    Broadcast,
}

/// A router on a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The router.
    pub router: RouterIndex,
    /// Its address, within the segment's prefix.
    pub address: Ipv4Addr,
    /// Interface cost, 1 to 65,534.
    pub cost: u16,
    /// Router priority; with 0 it never becomes designated router.
    pub priority: u8,
    /// Announced without hellos.
    pub passive: bool,
    /// Whether the router's cable is plugged in. Of a point-to-point segment, one that is not takes the carrier of both.
    pub up: bool,
}

/// What an area lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AreaKind {
    /// Everything.
    Normal,
    /// No externals but a default route from its border routers.
    Stub {
        /// Whether summaries of other areas enter; else it is totally stubby.
        summaries: bool,
        /// Cost of the default route at the border.
        default_cost: u32,
    },
    /// Externals of its own (RFC 3101).
    Nssa {
        /// Whether summaries of other areas enter. If not, a default route (type 3) does.
        summaries: bool,
        /// Cost of that default route at the border.
        default_cost: u32,
    },
}

impl AreaKind {
    /// Whether AS-external LSAs (type 5) are flooded in it.
    #[must_use]
    pub fn takes_externals(self) -> bool {
        self == AreaKind::Normal
    }
}

/// A virtual link between two area border routers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VirtualLink {
    /// The area it leads through; neither stub nor NSSA nor the backbone.
    pub transit: Area,
    /// Its ends.
    pub ends: [RouterIndex; 2],
}

impl World {
    /// A router.
    #[must_use]
    pub fn router(&self, index: RouterIndex) -> &Router {
        &self.routers[index.0]
    }

    /// A segment.
    #[must_use]
    pub fn segment(&self, index: SegmentIndex) -> &Segment {
        &self.segments[index.0]
    }

    /// All routers' indices.
    pub fn router_indices(&self) -> impl Iterator<Item = RouterIndex> + use<> {
        (0..self.routers.len()).map(RouterIndex)
    }

    /// The segments a router is on, working or not, with its end of each.
    pub fn ends_of(&self, router: RouterIndex) -> impl Iterator<Item = (SegmentIndex, &Segment, &End)> {
        self.segments.iter().enumerate().filter_map(move |(n, segment)| {
            segment.ends.iter().find(|end| end.router == router).map(|end| (SegmentIndex(n), segment, end))
        })
    }

    /// Whether two routers have a segment in common.
    #[must_use]
    pub fn share_segment(&self, one: RouterIndex, other: RouterIndex) -> bool {
        self.ends_of(one).any(|(_, segment, _)| segment.ends.iter().any(|end| end.router == other))
    }

    /// Whether a router has carrier on a segment (whether or not its process runs).
    #[must_use]
    pub fn has_carrier(&self, segment: SegmentIndex, router: RouterIndex) -> bool {
        let segment = self.segment(segment);
        let pulled = |end: &&End| !end.up;
        segment.up
            && match segment.kind {
                SegmentKind::PointToPoint => segment.ends.iter().find(pulled).is_none(),
                SegmentKind::Broadcast => !segment.ends.iter().filter(pulled).any(|end| end.router == router),
            }
    }

    /// The routers that run and have carrier on a segment.
    pub(crate) fn active_ends(&self, index: SegmentIndex) -> impl Iterator<Item = &End> {
        let ends = self.segment(index).ends.iter();
        ends.filter(move |end| self.router(end.router).up && self.has_carrier(index, end.router))
    }

    /// The areas that a router is configured to be in, also by virtual links.
    #[must_use]
    pub fn areas_of(&self, router: RouterIndex) -> BTreeSet<Area> {
        let segments = self.ends_of(router).map(|(_, segment, _)| segment.area);
        let stubs = self.router(router).stubs.iter().map(|stub| stub.area);
        let mut areas: BTreeSet<Area> = segments.chain(stubs).collect();
        if self.virtual_links.iter().any(|link| link.ends.contains(&router)) {
            areas.insert(BACKBONE);
        }
        areas
    }

    /// The prefixes that a router's kernel has as directly connected: OSPF's routes to them are not installed.
    #[must_use]
    pub fn connected(&self, router: RouterIndex) -> BTreeSet<Ipv4Net> {
        let segments = self.ends_of(router).filter(|(n, ..)| self.has_carrier(*n, router));
        let stubs = self.router(router).stubs.iter().map(|stub| stub.prefix);
        segments.map(|(_, segment, _)| segment.prefix).chain(stubs).collect()
    }

    /// The forwarding address of a router's type 7 LSAs in an NSSA (RFC 3101 §2.3): that of its first attached prefix there, else
    /// that of its first working segment.
    #[must_use]
    pub fn nssa_address(&self, router: RouterIndex, area: Area) -> Option<Ipv4Addr> {
        let stub = self.router(router).stubs.iter().find(|stub| stub.area == area);
        let there = |(n, segment, _): &(SegmentIndex, &Segment, &End)| {
            segment.area == area && self.has_carrier(*n, router)
        };
        stub.map(|stub| stub.address().addr())
            .or_else(|| self.ends_of(router).find(there).map(|(_, _, end)| end.address))
    }
}
