//! What a router is told to be.

use std::{collections::BTreeMap, fmt, net::Ipv4Addr, time::Duration};

pub use braid_ospf_originate::{AreaType, External, InterfaceState, Network, Range, StubRouter, Translate};
use braid_ospf_packet::{AreaId, Authentication, RouterId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An interface's number: the kernel's index in the daemon, any other name in a simulation. Below 2^31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InterfaceId(pub u32);

impl InterfaceId {
    /// Numbers from here on are virtual links, which are interfaces of the instance's own.
    pub const FIRST_VIRTUAL: u32 = 1 << 31;

    /// Whether it names a virtual link.
    #[must_use]
    pub const fn is_virtual(self) -> bool {
        self.0 >= Self::FIRST_VIRTUAL
    }
}

impl fmt::Display for InterfaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_virtual() {
            write!(f, "vlink{}", self.0 - Self::FIRST_VIRTUAL)
        } else {
            write!(f, "#{}", self.0)
        }
    }
}

/// All that a router is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The router's id, not 0.0.0.0. A change of it restarts everything.
    pub router_id: RouterId,
    /// The areas; an area that an interface names, but that is missing here, is an ordinary one.
    pub areas: BTreeMap<AreaId, AreaConfig>,
    /// The interfaces.
    pub interfaces: BTreeMap<InterfaceId, InterfaceConfig>,
    /// The virtual links.
    pub virtual_links: Vec<VirtualLinkConfig>,
    /// When routes are computed (RFC 8405).
    pub spf: SpfDelay,
    /// When LSAs are originated, accepted and refreshed.
    pub lsa: LsaPacing,
    /// Next hops per route at most, 1..=64.
    pub max_paths: usize,
    /// Keep transit traffic away (RFC 6987).
    pub stub_router: StubRouter,
    /// Help neighbours that restart gracefully (RFC 3623).
    pub graceful_helper: bool,
    /// Carry opaque LSAs (RFC 5250).
    pub opaque: bool,
    /// RFC1583Compatibility (RFC 2328 §16.4.1).
    pub rfc1583: bool,
    /// Bounds on everything that others can make grow.
    pub limits: Limits,
}

impl Config {
    /// A router without interfaces, with defaults.
    #[must_use]
    pub fn new(router_id: RouterId) -> Self {
        Self {
            router_id,
            areas: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            virtual_links: Vec::new(),
            spf: SpfDelay::default(),
            lsa: LsaPacing::default(),
            max_paths: 16,
            stub_router: StubRouter::Off,
            graceful_helper: true,
            opaque: true,
            rfc1583: false,
            limits: Limits::default(),
        }
    }

    /// Checks that the parts fit each other.
    ///
    /// # Errors
    /// The first contradiction found.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.router_id.0.is_unspecified() {
            return Err(ConfigError::RouterId);
        }
        if self.areas.get(&AreaId::BACKBONE).is_some_and(|area| area.kind != AreaType::Normal) {
            return Err(ConfigError::BackboneKind);
        }
        for (&id, interface) in &self.interfaces {
            interface.check(id)?;
        }
        let mut ends = std::collections::BTreeSet::new();
        for link in &self.virtual_links {
            let transit_is_normal =
                self.areas.get(&link.transit).is_none_or(|area| area.kind == AreaType::Normal);
            if link.transit == AreaId::BACKBONE || !transit_is_normal {
                return Err(ConfigError::Transit { transit: link.transit });
            }
            if link.endpoint == self.router_id || link.endpoint.0.is_unspecified() {
                return Err(ConfigError::Endpoint { endpoint: link.endpoint });
            }
            if !ends.insert((link.transit, link.endpoint)) {
                return Err(ConfigError::TwoVirtualLinks { transit: link.transit, endpoint: link.endpoint });
            }
            check_timers(InterfaceId(InterfaceId::FIRST_VIRTUAL), link.hello, link.dead)?;
        }
        Ok(())
    }
}

/// An area.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaConfig {
    /// What it lets in.
    pub kind: AreaType,
    /// How a border router sums up its networks.
    pub ranges: BTreeMap<Ipv4Net, Range>,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceConfig {
    /// Its name, for logs.
    pub name: String,
    /// Its area.
    pub area: AreaId,
    /// Own address with the prefix length of the network.
    pub address: Ipv4Net,
    /// Further networks behind it, with the metric of each.
    pub prefixes: BTreeMap<Ipv4Net, u16>,
    /// The kind of network.
    pub kind: Network,
    /// Announce it, but speak to nobody.
    pub passive: bool,
    /// Output cost, 1..=65535 (0 on a loopback).
    pub cost: u16,
    /// Priority in the election of the designated router; 0: never.
    pub priority: u8,
    /// HelloInterval, whole seconds, 1..=65535.
    pub hello: Duration,
    /// RouterDeadInterval, whole seconds, more than `hello`.
    pub dead: Duration,
    /// RxmtInterval.
    pub retransmit: Duration,
    /// InfTransDelay in seconds, 1 or more: how much older an LSA becomes by crossing the link.
    pub transmit_delay: u16,
    /// Largest IP packet, 576 or more.
    pub mtu: u16,
    /// Accept neighbours whose MTU is larger.
    pub ignore_mtu: bool,
    /// How packets prove themselves.
    pub authentication: Authentication,
    /// RFC 5082: at most so many hops (1 on a link) may lie between, so a TTL below 256 - hops is refused.
    pub ttl_security: Option<u8>,
}

impl InterfaceConfig {
    /// A point-to-point interface of the backbone with the defaults of RFC 2328 Appendix C.3.
    #[must_use]
    pub fn new(name: &str, address: Ipv4Net) -> Self {
        Self {
            name: name.to_owned(),
            area: AreaId::BACKBONE,
            address,
            prefixes: BTreeMap::new(),
            kind: Network::PointToPoint,
            passive: false,
            cost: 10,
            priority: 1,
            hello: Duration::from_secs(10),
            dead: Duration::from_secs(40),
            retransmit: Duration::from_secs(5),
            transmit_delay: 1,
            mtu: 1500,
            ignore_mtu: false,
            authentication: Authentication::None,
            ttl_security: None,
        }
    }

    fn check(&self, id: InterfaceId) -> Result<(), ConfigError> {
        if id.is_virtual() {
            return Err(ConfigError::InterfaceNumber { interface: id });
        }
        if self.mtu < 576 {
            return Err(ConfigError::Mtu { interface: id, mtu: self.mtu });
        }
        if self.cost == 0 && self.kind != Network::Loopback {
            return Err(ConfigError::Cost { interface: id });
        }
        if self.ttl_security == Some(0) {
            return Err(ConfigError::Hops { interface: id });
        }
        if self.kind == Network::Loopback || self.passive {
            return Ok(());
        }
        check_timers(id, self.hello, self.dead)
    }
}

fn check_timers(interface: InterfaceId, hello: Duration, dead: Duration) -> Result<(), ConfigError> {
    let whole = |time: Duration| time.subsec_nanos() == 0;
    let sane = whole(hello) && whole(dead) && (1..=65535).contains(&hello.as_secs()) && dead > hello;
    if sane && dead.as_secs() <= u64::from(u32::MAX) {
        Ok(())
    } else {
        Err(ConfigError::Timers { interface })
    }
}

/// A virtual link (RFC 2328 §15): an unnumbered point-to-point link of the backbone across another area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualLinkConfig {
    /// The area that it crosses, an ordinary one.
    pub transit: AreaId,
    /// The router at the other end.
    pub endpoint: RouterId,
    /// HelloInterval, as of an interface.
    pub hello: Duration,
    /// RouterDeadInterval.
    pub dead: Duration,
    /// RxmtInterval.
    pub retransmit: Duration,
    /// InfTransDelay in seconds.
    pub transmit_delay: u16,
    /// How packets prove themselves.
    pub authentication: Authentication,
}

impl VirtualLinkConfig {
    /// One with the defaults of RFC 2328 Appendix C.3.
    #[must_use]
    pub fn new(transit: AreaId, endpoint: RouterId) -> Self {
        Self {
            transit,
            endpoint,
            hello: Duration::from_secs(10),
            dead: Duration::from_secs(40),
            retransmit: Duration::from_secs(5),
            transmit_delay: 1,
            authentication: Authentication::None,
        }
    }
}

/// SPF back-off (RFC 8405 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpfDelay {
    /// INITIAL_SPF_DELAY: on a single event.
    pub initial: Duration,
    /// SHORT_SPF_DELAY: on events close to each other.
    pub short: Duration,
    /// LONG_SPF_DELAY: when events do not end.
    pub long: Duration,
    /// HOLDDOWN_INTERVAL: so long without an event is quiet.
    pub hold_down: Duration,
    /// TIME_TO_LEARN_INTERVAL: how long one event may take to be learned in full.
    pub time_to_learn: Duration,
}

impl Default for SpfDelay {
    fn default() -> Self {
        Self {
            initial: Duration::ZERO,
            short: Duration::from_millis(20),
            long: Duration::from_millis(500),
            hold_down: Duration::from_secs(2),
            time_to_learn: Duration::from_millis(500),
        }
    }
}

/// When LSAs are originated, accepted and refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LsaPacing {
    /// Wait before the first origination after a quiet time.
    pub initial: Duration,
    /// Least time between the first two originations of one LSA; doubles with each further one.
    pub hold: Duration,
    /// MinLSInterval when changes do not end.
    pub max: Duration,
    /// MinLSArrival: an LSA received sooner after its last change is dropped.
    pub min_arrival: Duration,
    /// LSRefreshTime, at most 30 minutes.
    pub refresh: Duration,
    /// Refreshes that are due so close to each other go out together.
    pub group: Duration,
}

impl Default for LsaPacing {
    fn default() -> Self {
        Self {
            initial: Duration::ZERO,
            hold: Duration::from_millis(50),
            max: Duration::from_secs(5),
            min_arrival: Duration::ZERO,
            refresh: Duration::from_secs(1800),
            group: Duration::from_secs(10),
        }
    }
}

/// Bounds on everything that others can make grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// LSAs in the whole database.
    pub lsas: usize,
    /// Bytes of LSAs in the whole database.
    pub lsa_bytes: usize,
    /// Neighbours on one interface.
    pub neighbours: usize,
    /// LSAs waiting for one neighbour's acknowledgment; beyond it the adjacency starts anew.
    pub retransmissions: usize,
    /// Packets that one interface takes in a second.
    pub packets_per_second: u32,
    /// External routes that this router brings in.
    pub externals: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lsas: 200_000,
            lsa_bytes: 64 << 20,
            neighbours: 256,
            retransmissions: 200_000,
            packets_per_second: 100_000,
            externals: 100_000,
        }
    }
}

/// A configuration contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// 0.0.0.0 is no router id.
    #[error("the router id must not be 0.0.0.0")]
    RouterId,
    /// The backbone is an ordinary area.
    #[error("area 0.0.0.0 is the backbone: it cannot be a stub area or NSSA")]
    BackboneKind,
    /// The number is kept for virtual links.
    #[error("interface number {interface}: numbers from 2^31 on are virtual links")]
    InterfaceNumber {
        /// The interface.
        interface: InterfaceId,
    },
    /// Too small for IP.
    #[error("interface {interface}: MTU {mtu} is below 576")]
    Mtu {
        /// The interface.
        interface: InterfaceId,
        /// The MTU.
        mtu: u16,
    },
    /// Cost 0.
    #[error("interface {interface}: the cost must be 1 to 65535")]
    Cost {
        /// The interface.
        interface: InterfaceId,
    },
    /// No hops at all.
    #[error("interface {interface}: TTL security needs 1 or more hops")]
    Hops {
        /// The interface.
        interface: InterfaceId,
    },
    /// Hello and dead intervals.
    #[error(
        "interface {interface}: hello and dead intervals are whole seconds, 1 s to 65535 s, the dead interval the longer one"
    )]
    Timers {
        /// The interface.
        interface: InterfaceId,
    },
    /// A virtual link cannot cross that area.
    #[error("a virtual link crosses an ordinary area, which {transit} is not")]
    Transit {
        /// The area.
        transit: AreaId,
    },
    /// A virtual link cannot lead there.
    #[error("a virtual link cannot end at {endpoint}")]
    Endpoint {
        /// The other end.
        endpoint: RouterId,
    },
    /// The same virtual link twice.
    #[error("virtual link to {endpoint} through {transit} stands there twice")]
    TwoVirtualLinks {
        /// The area.
        transit: AreaId,
        /// The other end.
        endpoint: RouterId,
    },
}

/// All OSPF routers (224.0.0.5).
pub const ALL_SPF_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 5);
/// All designated routers (224.0.0.6).
pub const ALL_D_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 6);
