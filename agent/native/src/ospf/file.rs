//! The configuration file: JSON, and nothing in it is unknown to us.

use std::{collections::BTreeMap, net::Ipv4Addr, path::Path};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::Authentication;
use crate::{ConfigError, json};

pub use crate::file::{Kernel, Network, Spf};

/// Hellos that may be missed before a neighbour counts as gone.
pub(super) const DEAD_HELLOS: u32 = 4;

/// What one OSPF router should do, as the file says it. Whatever is left out has the default named with it.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Unique among the routers of the network; not 0.0.0.0.
    pub router_id: Ipv4Addr,
    /// Areas by id. Those that interfaces name and that are not here are normal ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub areas: BTreeMap<Ipv4Addr, Area>,
    /// Interfaces by name. They need not be there yet.
    #[serde(default)]
    pub interfaces: BTreeMap<String, Interface>,
    /// Virtual links (RFC 2328 §15).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub virtual_links: Vec<VirtualLink>,
    /// Prefixes to announce from outside OSPF.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub externals: BTreeMap<Ipv4Net, External>,
    /// Kernel routes to announce, by who made them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redistribute: Vec<Redistribution>,
    /// SPF back-off (RFC 8405).
    pub spf: Option<Spf>,
    /// How fast LSAs are originated and taken.
    pub lsa: Option<Pacing>,
    /// Most next hops of a route, 1 to 64; default 16.
    pub max_paths: Option<usize>,
    /// Whether others are told to forward around this router (RFC 6987); default off.
    #[serde(default)]
    pub stub_router: StubRouter,
    /// Helps neighbours that restart gracefully (RFC 3623 §3); default true.
    #[serde(default = "yes")]
    pub graceful_helper: bool,
    /// Carries opaque LSAs (RFC 5250); default true.
    #[serde(default = "yes")]
    pub opaque: bool,
    /// Prefers paths to AS boundary routers as RFC 1583 did (RFC 2328 §16.4.1).
    #[serde(default)]
    pub rfc1583: bool,
    /// Bounds of the engine.
    pub limits: Option<Limits>,
    /// Where routes go in the kernel.
    #[serde(default)]
    pub kernel: Kernel,
}

/// An area.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Area {
    /// Which kind; default normal.
    #[serde(rename = "type")]
    pub kind: AreaKind,
    /// Stub and NSSA: the metric of the default route that a border router announces; default 1.
    pub default_cost: Option<u32>,
    /// Stub and NSSA: whether summaries enter it (false: totally stubby); default true.
    pub summaries: Option<bool>,
    /// NSSA: who translates to type 5 (RFC 3101 §3.1); default candidate.
    pub translate: Option<Translate>,
    /// NSSA: whether a border router announces a default route into it as type 7; default false.
    pub default_route: Option<bool>,
    /// NSSA: ranges that stand for the type-7 networks in them when they are translated (RFC 3101 §2.2).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub external_ranges: BTreeMap<Ipv4Net, ExternalRange>,
    /// Ranges that stand for the networks in them in other areas (RFC 2328 §12.4.3).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ranges: BTreeMap<Ipv4Net, Range>,
}

/// The kinds of areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AreaKind {
    /// With everything.
    #[default]
    Normal,
    /// Without external routes.
    Stub,
    /// Without those of others, and with externals of its own (RFC 3101).
    Nssa,
}

/// How much of a stub router one is (RFC 6987).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StubRouter {
    /// Not at all.
    #[default]
    Off,
    /// Links to other routers have the greatest metric: only what ends here is forwarded here.
    Links,
    /// Summaries and externals are raised as well, so that other border routers are preferred.
    All,
}

/// Who translates type 7 to type 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Translate {
    /// The border router of the highest id.
    #[default]
    Candidate,
    /// This one.
    Always,
    /// Not this one.
    Never,
}

/// A range of an area.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Whether it is announced, or hides what is in it; default true.
    #[serde(default = "yes")]
    pub advertise: bool,
    /// The metric; default that of the farthest network in it.
    pub cost: Option<u32>,
}

/// A range of type-7 networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalRange {
    /// Whether it is announced, or hides what is in it; default true.
    #[serde(default = "yes")]
    pub advertise: bool,
    /// Its tag; default 0.
    #[serde(default)]
    pub tag: u32,
}

/// An interface.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Its area; default 0.0.0.0.
    #[serde(default = "backbone")]
    pub area: Ipv4Addr,
    /// Our address on it, with the length of its subnet.
    pub address: Ipv4Net,
    /// What it is; default point-to-point.
    #[serde(default)]
    pub network: Network,
    /// Its metric, 1 to 65535; default 10. A loopback has 0 (RFC 2328 §12.4.1) unless told otherwise.
    pub cost: Option<u16>,
    /// Whether it is announced only, and nobody is spoken to on it.
    #[serde(default)]
    pub passive: bool,
    /// Our wish to be designated router, 0 (never) to 255; default 1.
    #[serde(default = "one")]
    pub priority: u8,
    /// HelloInterval in seconds; default 10.
    #[serde(default = "ten")]
    pub hello_s: u16,
    /// RouterDeadInterval in seconds; default four hellos.
    pub dead_s: Option<u32>,
    /// RxmtInterval in seconds; default 5.
    #[serde(default = "five")]
    pub retransmit_s: u16,
    /// InfTransDelay in seconds; default 1.
    #[serde(default = "one_second")]
    pub transmit_delay_s: u16,
    /// The largest IP packet, in bytes; default 1500.
    #[serde(default = "ethernet")]
    pub mtu: u16,
    /// Takes neighbours whatever MTU they say they have.
    #[serde(default)]
    pub ignore_mtu: bool,
    /// More prefixes to announce with it, as stub networks, each with its metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prefixes: BTreeMap<Ipv4Net, u16>,
    /// Takes only packets that crossed at most so many routers, 1 being neighbours on the link (RFC 5082); default any.
    pub ttl_security: Option<u8>,
    /// How packets prove where they come from.
    #[serde(default, skip_serializing_if = "Authentication::is_none")]
    pub authentication: Authentication,
}

impl Interface {
    /// A point-to-point interface of the backbone, all else by default.
    #[must_use]
    pub fn new(address: Ipv4Net) -> Self {
        Self {
            area: backbone(),
            address,
            network: Network::PointToPoint,
            cost: None,
            passive: false,
            priority: one(),
            hello_s: ten(),
            dead_s: None,
            retransmit_s: five(),
            transmit_delay_s: one_second(),
            mtu: ethernet(),
            ignore_mtu: false,
            prefixes: BTreeMap::new(),
            ttl_security: None,
            authentication: Authentication::None,
        }
    }

    /// Its metric.
    #[must_use]
    pub fn cost(&self) -> u16 {
        self.cost.unwrap_or(if self.network == Network::Loopback { 0 } else { ten() })
    }

    /// Whether anybody is spoken to on it.
    #[must_use]
    pub fn speaks(&self) -> bool {
        !self.passive && self.network != Network::Loopback
    }

    /// Its RouterDeadInterval in seconds.
    #[must_use]
    pub fn dead_s(&self) -> u32 {
        self.dead_s.unwrap_or(u32::from(self.hello_s) * DEAD_HELLOS)
    }
}

/// A virtual link.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VirtualLink {
    /// The area it goes through.
    pub transit: Ipv4Addr,
    /// The router at its other end.
    pub peer: Ipv4Addr,
    /// HelloInterval in seconds; default 10.
    #[serde(default = "ten")]
    pub hello_s: u16,
    /// RouterDeadInterval in seconds; default four hellos.
    pub dead_s: Option<u32>,
    /// RxmtInterval in seconds; default 5.
    #[serde(default = "five")]
    pub retransmit_s: u16,
    /// InfTransDelay in seconds; default 1.
    #[serde(default = "one_second")]
    pub transmit_delay_s: u16,
    /// How packets prove where they come from.
    #[serde(default, skip_serializing_if = "Authentication::is_none")]
    pub authentication: Authentication,
}

/// A prefix announced from outside.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// Its metric, below 16777215; default 20.
    #[serde(default = "twenty")]
    pub metric: u32,
    /// Metric type 1 (adds to OSPF's) or 2; default 2.
    #[serde(rename = "type", default = "type2")]
    pub kind: u8,
    /// Its tag; default 0.
    #[serde(default)]
    pub tag: u32,
    /// Where packets should go; default this router.
    pub forwarding: Option<Ipv4Addr>,
}

/// Kernel routes to announce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redistribution {
    /// Who made them, a routing protocol number: 2 kernel, 3 boot (by hand), 4 static.
    pub protocol: u8,
    /// Their metric, below 16777215; default 20.
    #[serde(default = "twenty")]
    pub metric: u32,
    /// Metric type 1 or 2; default 2.
    #[serde(rename = "type", default = "type2")]
    pub kind: u8,
    /// Their tag; default 0.
    #[serde(default)]
    pub tag: u32,
}

/// How fast LSAs are originated and taken, all in milliseconds.
#[skip_serializing_none]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pacing {
    /// Delay of the first origination after a time of rest.
    pub initial_ms: Option<u32>,
    /// Delay of the one after it; each further one waits twice as long.
    pub hold_ms: Option<u32>,
    /// The longest delay (RFC 2328 has MinLSInterval: 5000).
    pub max_ms: Option<u32>,
    /// MinLSArrival.
    pub min_arrival_ms: Option<u32>,
}

/// Bounds of the engine.
#[skip_serializing_none]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// LSAs in the database.
    pub lsas: Option<u32>,
    /// Neighbours on an interface.
    pub neighbours: Option<u32>,
    /// LSAs that wait for one neighbour's acknowledgment.
    pub retransmissions: Option<u32>,
    /// LSAs in the database, in bytes.
    pub lsa_bytes: Option<u32>,
    /// Packets taken from an interface in a second.
    pub packets_per_second: Option<u32>,
    /// Own external prefixes.
    pub externals: Option<u32>,
}

impl File {
    /// A router without interfaces, all else by default.
    #[must_use]
    pub fn new(router_id: Ipv4Addr) -> Self {
        Self {
            router_id,
            areas: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            virtual_links: Vec::new(),
            externals: BTreeMap::new(),
            redistribute: Vec::new(),
            spf: None,
            lsa: None,
            max_paths: None,
            stub_router: StubRouter::Off,
            graceful_helper: true,
            opaque: true,
            rfc1583: false,
            limits: None,
            kernel: Kernel::default(),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigError`] with the file and, where its text is wrong, line and column.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        json::read(path)
    }

    /// As text that [`File::read`] takes.
    #[must_use]
    pub fn to_text(&self) -> String {
        json::to_text(self)
    }
}

fn yes() -> bool {
    true
}

fn backbone() -> Ipv4Addr {
    Ipv4Addr::UNSPECIFIED
}

fn one() -> u8 {
    1
}

fn one_second() -> u16 {
    1
}

fn five() -> u16 {
    5
}

fn ten() -> u16 {
    10
}

fn ethernet() -> u16 {
    1500
}

fn twenty() -> u32 {
    20
}

fn type2() -> u8 {
    2
}
