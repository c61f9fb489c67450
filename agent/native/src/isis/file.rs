//! The configuration file: JSON, and nothing in it is unknown to us.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
};

use braid_isis_packet::{CircuitType, Net};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::Authentication;
use crate::{ConfigError, json};

pub use crate::file::{Kernel, Network, Spf};

/// What one IS-IS router should do, as the file says it. Whatever is left out has the default named with it.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Network entity titles, one to three: areas, and the router's system id, the same in each.
    pub nets: Vec<Net>,
    /// The levels that it takes part in; default level-1-2.
    #[serde(default)]
    pub level: Level,
    /// Its name in LSPs (RFC 5301); default none.
    pub host_name: Option<String>,
    /// Circuits by their interface's name. They need not be there yet.
    #[serde(default)]
    pub circuits: BTreeMap<String, Circuit>,
    /// How LSPs and SNPs of level 1 prove where they come from.
    #[serde(default, skip_serializing_if = "Authentication::is_none")]
    pub area_authentication: Authentication,
    /// How LSPs and SNPs of level 2 prove where they come from.
    #[serde(default, skip_serializing_if = "Authentication::is_none")]
    pub domain_authentication: Authentication,
    /// The metrics announced and counted; default wide.
    #[serde(default)]
    pub metric_style: MetricStyle,
    /// This router's own LSPs.
    pub lsp: Option<LspSettings>,
    /// How LSPs are passed on.
    pub flooding: Option<Flooding>,
    /// SPF back-off (RFC 8405).
    pub spf: Option<Spf>,
    /// Most next hops of a route, 1 to 64; default 16.
    pub max_paths: Option<u8>,
    /// Whether others are told to forward around this router (the overload bit); default false.
    #[serde(default)]
    pub overload: bool,
    /// The same for so many seconds after the start; default 0.
    pub overload_on_startup_s: Option<u32>,
    /// When level 1 is told that this router leads out of the area; default automatic.
    #[serde(default)]
    pub attached: Attached,
    /// Whether a router of level 1 follows others' attached bits to a default route; default true.
    #[serde(default = "yes")]
    pub follow_attached: bool,
    /// What crosses between the levels.
    pub leak: Option<Leak>,
    /// Prefixes to announce from outside IS-IS.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub externals: BTreeMap<Ipv4Net, External>,
    /// Kernel routes to announce, by who made them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redistribute: Vec<Redistribution>,
    /// Bounds of the engine.
    pub limits: Option<Limits>,
    /// Where routes go in the kernel.
    #[serde(default)]
    pub kernel: Kernel,
}

/// Levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Level {
    /// Within an area.
    #[serde(rename = "level-1")]
    One,
    /// Between areas.
    #[serde(rename = "level-2")]
    Two,
    /// Both.
    #[default]
    #[serde(rename = "level-1-2")]
    Both,
}

impl From<Level> for CircuitType {
    fn from(level: Level) -> Self {
        match level {
            Level::One => Self::L1,
            Level::Two => Self::L2,
            Level::Both => Self::L1L2,
        }
    }
}

impl From<CircuitType> for Level {
    fn from(levels: CircuitType) -> Self {
        match levels {
            CircuitType::L1 => Self::One,
            CircuitType::L2 => Self::Two,
            CircuitType::L1L2 => Self::Both,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        CircuitType::from(*self).fmt(f)
    }
}

/// The metrics that a router announces and counts (RFC 5305 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricStyle {
    /// Of 24 and 32 bits.
    #[default]
    Wide,
    /// Of 6 bits: links cost at most 63.
    Narrow,
    /// Both.
    Transition,
}

/// This router's own LSPs.
#[skip_serializing_none]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LspSettings {
    /// Greatest size in bytes; default 1492, which every system takes (ISO 10589 ReceiveLSPBufferSize), whatever the circuits'
    /// MTU. It must fit every circuit of the level, also those of other routers (ISO 10589 §7.3.4.1); a circuit of this router
    /// bounds it further, to its MTU less 3.
    pub mtu: Option<u16>,
    /// Lifetime in seconds; default 1200.
    pub lifetime_s: Option<u16>,
    /// When it is said again though nothing has changed, in seconds; default 900.
    pub refresh_s: Option<u32>,
    /// Delay of the first change after a time of rest, in milliseconds; default 0.
    pub initial_ms: Option<u32>,
    /// Delay of the one after it, in milliseconds; each further one waits twice as long; default 20.
    pub hold_ms: Option<u32>,
    /// The longest delay in milliseconds; default 1000.
    pub max_ms: Option<u32>,
}

/// How LSPs are passed on.
#[skip_serializing_none]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flooding {
    /// LSPs that leave a circuit at once; default 32.
    pub burst: Option<u16>,
    /// The pause after that, in microseconds; default 5000.
    pub pause_us: Option<u32>,
    /// When an LSP that a neighbour has not acknowledged is sent again, in milliseconds; default 5000.
    pub retransmit_ms: Option<u32>,
    /// Time between two rounds of CSNPs of a designated router, in milliseconds; default 10000.
    pub csnp_ms: Option<u32>,
    /// Greatest time between two rounds of CSNPs on a point-to-point circuit, in milliseconds, from 1000; default 60000.
    pub p2p_csnp_ms: Option<u32>,
    /// How long an acknowledgment may wait for company, in milliseconds; default 1000.
    pub psnp_ms: Option<u32>,
}

/// When LSPs of level 1 carry the attached bit (ISO 10589 §7.2.9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attached {
    /// While another area is reachable at level 2.
    #[default]
    Automatic,
    /// Always, on a router of both levels.
    Always,
    /// Never.
    Never,
}

/// What a router of both levels tells one level of the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Leak {
    /// Whether level 2 hears of the area's prefixes; default true.
    pub up: bool,
    /// Prefixes that stand for all within them, upwards: their metric, or null for that of the farthest within.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub summaries: BTreeMap<Ipv4Net, Option<u32>>,
    /// What level 1 hears of level 2 (RFC 5302); default nothing.
    pub down: Down,
}

impl Default for Leak {
    fn default() -> Self {
        Self { up: true, summaries: BTreeMap::new(), down: Down::Nothing }
    }
}

/// What level 1 hears of level 2: `"nothing"`, `"all"`, or `{"within": ["10.0.0.0/8"]}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Down {
    /// Nothing.
    #[default]
    Nothing,
    /// All that level 1 does not know itself.
    All,
    /// Of that, prefixes equal to or within one of these.
    Within(BTreeSet<Ipv4Net>),
}

/// A circuit.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Circuit {
    /// Our addresses on it, each with the length of its subnet, which is announced. Neighbours send to the first.
    pub addresses: Vec<Ipv4Net>,
    /// What it is; default point-to-point.
    #[serde(default)]
    pub network: Network,
    /// Its levels, of those of the router; default all.
    #[serde(default)]
    pub level: Level,
    /// Its metric at each level, 1 to 16777215; default 10. A loopback's prefixes have 0 unless told otherwise.
    pub metric: Option<u32>,
    /// What differs at level 1.
    pub level_1: Option<AtLevel>,
    /// What differs at level 2.
    pub level_2: Option<AtLevel>,
    /// Whether it is announced only, and nobody is spoken to on it.
    #[serde(default)]
    pub passive: bool,
    /// Our wish to be designated router, 0 to 127; default 64.
    #[serde(default = "usual_priority")]
    pub priority: u8,
    /// Time between hellos in milliseconds, from 10; a designated router's come three times as often; default 3000.
    #[serde(default = "usual_hello")]
    pub hello_ms: u32,
    /// Hellos that may be missed before a neighbour counts as gone, 2 to 100; default 10.
    #[serde(default = "usual_multiplier")]
    pub multiplier: u16,
    /// The largest frame that is used, without its Ethernet header, in bytes; 576 to 9216; default 1500. Above that a length of
    /// IEEE 802.3 goes no further, and PDUs go by EtherType 0x8870, which neighbours must know.
    #[serde(default = "ethernet")]
    pub mtu: u16,
    /// When hellos are padded to that; default sometimes.
    #[serde(default)]
    pub padding: Padding,
    /// Whether a point-to-point circuit shakes hands in three ways (RFC 5303); default true.
    #[serde(default = "yes")]
    pub three_way: bool,
    /// How long to listen before the first election of a designated router, in milliseconds; default two hellos.
    pub election_wait_ms: Option<u32>,
    /// More prefixes to announce with it, each with its metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prefixes: BTreeMap<Ipv4Net, u32>,
    /// How hellos prove where they come from.
    #[serde(default, skip_serializing_if = "Authentication::is_none")]
    pub authentication: Authentication,
}

/// What a circuit has at one level only.
#[skip_serializing_none]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AtLevel {
    /// Its metric.
    pub metric: Option<u32>,
    /// Our wish to be designated router.
    pub priority: Option<u8>,
}

impl Circuit {
    /// A point-to-point circuit of the router's levels, all else by default.
    #[must_use]
    pub fn new(address: Ipv4Net) -> Self {
        Self {
            addresses: vec![address],
            network: Network::PointToPoint,
            level: Level::Both,
            metric: None,
            level_1: None,
            level_2: None,
            passive: false,
            priority: usual_priority(),
            hello_ms: usual_hello(),
            multiplier: usual_multiplier(),
            mtu: ethernet(),
            padding: Padding::Sometimes,
            three_way: true,
            election_wait_ms: None,
            prefixes: BTreeMap::new(),
            authentication: Authentication::None,
        }
    }

    /// The metric of its subnets.
    #[must_use]
    pub fn metric(&self) -> u32 {
        self.metric.unwrap_or(if self.network == Network::Loopback { 0 } else { USUAL_METRIC })
    }

    /// Whether it can have neighbours.
    #[must_use]
    pub fn speaks(&self) -> bool {
        !self.passive && self.network != Network::Loopback
    }
}

/// When hellos are padded to the MTU (ISO 10589 §8.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Always.
    Always,
    /// While no adjacency of the circuit is up.
    #[default]
    Sometimes,
    /// Never.
    Never,
}

/// A prefix announced from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// Its metric, at most 4261412864 (RFC 5305 §4), 63 of narrow metrics; default 20.
    #[serde(default = "usual_external")]
    pub metric: u32,
    /// The levels that hear of it, of those of the router; default all.
    #[serde(default)]
    pub level: Level,
    /// Whether a narrow metric is of the external type, which others do not add theirs to; default false.
    #[serde(default)]
    pub external: bool,
}

/// Kernel routes to announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redistribution {
    /// Who made them, a routing protocol number: 2 kernel, 3 boot (by hand), 4 static.
    pub protocol: u8,
    /// Their metric; default 20.
    #[serde(default = "usual_external")]
    pub metric: u32,
    /// The levels that hear of them, of those of the router; default all.
    #[serde(default)]
    pub level: Level,
    /// Whether a narrow metric is of the external type; default false.
    #[serde(default)]
    pub external: bool,
}

/// Bounds of the engine.
#[skip_serializing_none]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// LSPs of a level.
    pub lsps: Option<u32>,
    /// LSPs of a level, in bytes.
    pub lsp_bytes: Option<u32>,
    /// Neighbours on a circuit at a level.
    pub neighbours: Option<u32>,
    /// Packets taken from a circuit in a second.
    pub packets_per_second: Option<u32>,
    /// Own external prefixes.
    pub externals: Option<u32>,
}

impl File {
    /// A router without circuits, all else by default.
    #[must_use]
    pub fn new(net: Net) -> Self {
        Self {
            nets: vec![net],
            level: Level::Both,
            host_name: None,
            circuits: BTreeMap::new(),
            area_authentication: Authentication::None,
            domain_authentication: Authentication::None,
            metric_style: MetricStyle::Wide,
            lsp: None,
            flooding: None,
            spf: None,
            max_paths: None,
            overload: false,
            overload_on_startup_s: None,
            attached: Attached::Automatic,
            follow_attached: true,
            leak: None,
            externals: BTreeMap::new(),
            redistribute: Vec::new(),
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

/// The metric of a circuit unless told otherwise.
pub(super) const USUAL_METRIC: u32 = 10;

fn yes() -> bool {
    true
}

fn usual_priority() -> u8 {
    64
}

fn usual_hello() -> u32 {
    3000
}

fn usual_multiplier() -> u16 {
    10
}

fn ethernet() -> u16 {
    1500
}

fn usual_external() -> u32 {
    20
}
