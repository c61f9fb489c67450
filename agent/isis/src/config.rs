//! What an operator decides about a router.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::Duration,
};

use braid_isis_packet::{
    AreaAddress, Authentication, CircuitType, Level, Net, RECEIVE_LSP_BUFFER_SIZE, SystemId,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{CircuitId, PerLevel};

/// Bytes of the LLC header before each PDU on Ethernet.
pub const LLC_LEN: u16 = 3;

/// A router's configuration. See [`Config::new`] for the values it starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Network entity titles: one system in one to three areas (ISO 10589 §7.1.1, §7.1.5).
    pub nets: Vec<Net>,
    /// The levels that the router takes part in.
    pub level: CircuitType,
    /// Its name in TLV 137 (RFC 5301); 1 to 255 bytes.
    pub host_name: Option<String>,
    /// Its circuits, by the kernel's interface index; at most 255 that speak.
    pub circuits: BTreeMap<CircuitId, CircuitConfig>,
    /// Authentication of LSPs and SNPs of level 1.
    pub area_auth: Authentication,
    /// Authentication of LSPs and SNPs of level 2.
    pub domain_auth: Authentication,
    /// The metrics that it announces and counts.
    pub metric_style: MetricStyle,
    /// Greatest size of an own LSP in bytes; 128 to 65,000. A circuit with a lesser MTU bounds it further. The default, 1492,
    /// is what every system must take (ISO 10589 ReceiveLSPBufferSize): a greater one, for circuits of a greater MTU, must fit
    /// all circuits of the level, also those of other routers.
    pub lsp_mtu: u16,
    /// Lifetime of an own LSP in seconds (ISO 10589 MaxAge), and the least that any LSP is kept for when it comes in (RFC 7987);
    /// 60 to 65,535.
    pub lifetime: u16,
    /// When an unchanged own LSP is said again; at most the lifetime less 30 s (§7.3.21
    /// maximumLSPGenerationInterval).
    pub refresh: Duration,
    /// Back-off of own LSPs that change.
    pub lsp_pacing: Pacing,
    /// Pause between bursts of LSPs on a circuit (§7.3.21 minimumLSPTransmissionInterval).
    pub min_lsp_transmission: Duration,
    /// LSPs in such a burst; at least 1.
    pub lsp_burst: u16,
    /// When an LSP that a point-to-point neighbour has not acknowledged is sent again.
    pub retransmit: Duration,
    /// Time between two rounds of CSNPs of a designated router (§7.3.21 completeSNPInterval).
    pub csnp_interval: Duration,
    /// Greatest time between two rounds of CSNPs on a point-to-point circuit, where the standard asks for one round only: a
    /// PSNP that was overtaken may have ended the sending of an LSP that the neighbour lacks.
    pub p2p_csnp_interval: Duration,
    /// How long acknowledgments may wait for company (§7.3.21 partialSNPInterval). Requests never wait.
    pub psnp_interval: Duration,
    /// Back-off of route computations (RFC 8405).
    pub spf: SpfDelay,
    /// Greatest number of next hops of a route; 1 to 64.
    pub max_paths: u8,
    /// Whether to let others send no traffic through this router (draining, the overload bit).
    pub overload: bool,
    /// The same for this long after the start.
    pub overload_on_startup: Option<Duration>,
    /// When to tell level 1 that this router leads out of the area.
    pub attached: Attached,
    /// Whether a level-1 router follows others' attached bits to a default route.
    pub follow_attached: bool,
    /// What crosses between the levels.
    pub leak: Leak,
    /// Bounds on what others can make this router keep.
    pub limits: Limits,
}

impl Config {
    /// A router of one area at both levels, without circuits, with wide metrics and usual timers.
    pub fn new(net: Net) -> Self {
        Self {
            nets: vec![net],
            level: CircuitType::L1L2,
            host_name: None,
            circuits: BTreeMap::new(),
            area_auth: Authentication::None,
            domain_auth: Authentication::None,
            metric_style: MetricStyle::Wide,
            lsp_mtu: RECEIVE_LSP_BUFFER_SIZE,
            lifetime: 1200,
            refresh: Duration::from_secs(900),
            lsp_pacing: Pacing::default(),
            min_lsp_transmission: Duration::from_millis(5),
            lsp_burst: 32,
            retransmit: Duration::from_secs(5),
            csnp_interval: Duration::from_secs(10),
            p2p_csnp_interval: Duration::from_secs(60),
            psnp_interval: Duration::from_secs(1),
            spf: SpfDelay::default(),
            max_paths: 16,
            overload: false,
            overload_on_startup: None,
            attached: Attached::Automatic,
            follow_attached: true,
            leak: Leak::default(),
            limits: Limits::default(),
        }
    }

    /// The router's system id.
    ///
    /// # Panics
    /// Without a net, which [`Config::validate`] refuses.
    pub fn system(&self) -> SystemId {
        self.nets.first().expect("validated: at least one net").system
    }

    /// Its area addresses.
    pub fn areas(&self) -> impl Iterator<Item = &AreaAddress> {
        self.nets.iter().map(|net| &net.area)
    }

    /// Authentication of LSPs and SNPs of a level.
    pub fn auth(&self, level: Level) -> &Authentication {
        match level {
            Level::One => &self.area_auth,
            Level::Two => &self.domain_auth,
        }
    }

    /// Whether the router takes part in a level.
    pub fn has_level(&self, level: Level) -> bool {
        self.level.has(level)
    }

    /// Greatest size of an own LSP that all circuits can carry, in bytes.
    pub fn own_lsp_size(&self) -> u16 {
        let speaking = self.circuits.values().filter(|circuit| circuit.speaks());
        speaking.map(CircuitConfig::pdu_size).min().unwrap_or(u16::MAX).min(self.lsp_mtu)
    }

    /// Greatest size of a sequence numbers PDU on a circuit, in bytes: no more than a neighbour takes for certain, or is known
    /// to take of LSPs.
    pub(crate) fn snp_size(&self, circuit: &CircuitConfig) -> u16 {
        circuit.pdu_size().min(self.lsp_mtu.max(RECEIVE_LSP_BUFFER_SIZE))
    }

    /// Tells whether a router can run with it.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn validate(&self) -> Result<(), ConfigError> {
        use ConfigError as E;
        let first = self.nets.first().ok_or(E::NoNet)?;
        if self.nets.len() > 3 || self.nets.iter().any(|net| net.system != first.system) {
            return Err(E::Nets);
        }
        if self.host_name.as_ref().is_some_and(|name| !(1..=255).contains(&name.len())) {
            return Err(E::HostName);
        }
        let range = |field, value: u64, least: u64, greatest: u64| {
            let is_within = (least..=greatest).contains(&value);
            is_within.then_some(()).ok_or(E::Range { field, value, least, greatest })
        };
        range("lsp_mtu", self.lsp_mtu.into(), 128, 65_000)?;
        range("lifetime", self.lifetime.into(), 60, 65_535)?;
        range("refresh in s", self.refresh.as_secs(), 1, u64::from(self.lifetime) - 30)?;
        range("max_paths", self.max_paths.into(), 1, 64)?;
        range("lsp_burst", self.lsp_burst.into(), 1, 1000)?;
        range("min_lsp_transmission in µs", micros(self.min_lsp_transmission), 100, 10_000_000)?;
        range("retransmit in ms", millis(self.retransmit), 10, 600_000)?;
        range("csnp_interval in ms", millis(self.csnp_interval), 100, 600_000)?;
        range("p2p_csnp_interval in ms", millis(self.p2p_csnp_interval), 1000, 3_600_000)?;
        range("psnp_interval in ms", millis(self.psnp_interval), 1, 120_000)?;
        range("limits.adjacencies", self.limits.adjacencies as u64, 1, 200)?;
        let within = match &self.leak.down {
            LeakDown::Within(nets) => nets.iter().copied().collect(),
            _ => Vec::new(),
        };
        if let Some(prefix) =
            self.leak.summaries.keys().chain(&within).find(|prefix| prefix.trunc() != **prefix)
        {
            return Err(E::HostBits { prefix: *prefix });
        }
        let speaking = self.circuits.values().filter(|circuit| circuit.speaks()).count();
        range("number of circuits that speak", speaking as u64, 0, 255)?;
        self.circuits.values().try_for_each(|circuit| circuit.validate(self.level))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The metrics that a router announces and counts (RFC 5305 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricStyle {
    /// Of 24 and 32 bits: TLVs 22 and 135.
    Wide,
    /// Of 6 bits: TLVs 2, 128 and 130.
    Narrow,
    /// Both are announced and counted.
    Transition,
}

/// Exponential back-off of own LSPs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pacing {
    /// Wait of a first change.
    pub initial: Duration,
    /// Wait of the next; doubles with each.
    pub hold: Duration,
    /// Greatest wait; quiet for twice as long ends the back-off.
    pub max: Duration,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { initial: Duration::ZERO, hold: Duration::from_millis(20), max: Duration::from_secs(1) }
    }
}

/// Back-off of route computations, as RFC 8405 names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpfDelay {
    /// INITIAL_SPF_DELAY.
    pub initial: Duration,
    /// SHORT_SPF_DELAY.
    pub short: Duration,
    /// LONG_SPF_DELAY.
    pub long: Duration,
    /// HOLDDOWN_INTERVAL.
    pub hold_down: Duration,
    /// TIME_TO_LEARN_INTERVAL.
    pub time_to_learn: Duration,
}

impl Default for SpfDelay {
    fn default() -> Self {
        Self {
            initial: Duration::ZERO,
            short: Duration::from_millis(20),
            long: Duration::from_millis(200),
            hold_down: Duration::from_secs(1),
            time_to_learn: Duration::from_millis(500),
        }
    }
}

/// When level-1 LSPs carry the attached bit (ISO 10589 §7.2.9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attached {
    /// While another area is reachable at level 2 and this router is not overloaded.
    Automatic,
    /// Always, on a router of both levels.
    Always,
    /// Never.
    Never,
}

/// What a router of both levels tells one level of the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// Whether level 2 hears of the area's prefixes (RFC 1195 §3.2).
    pub up: bool,
    /// Prefixes that stand for all that lie within them, upwards; with a metric, or that of the farthest of
    /// them.
    pub summaries: BTreeMap<Ipv4Net, Option<u32>>,
    /// What level 1 hears of level 2 (RFC 5302).
    pub down: LeakDown,
}

impl Default for Leak {
    fn default() -> Self {
        Self { up: true, summaries: BTreeMap::new(), down: LeakDown::Nothing }
    }
}

/// What level 1 hears of level 2, with the down bit (RFC 5302).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeakDown {
    /// Nothing.
    Nothing,
    /// All that level 1 does not know itself.
    All,
    /// Of that, prefixes equal to or within one of these.
    Within(BTreeSet<Ipv4Net>),
}

/// Bounds on what others can make a router keep or do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// LSPs of a level's database.
    pub lsps: usize,
    /// Bytes of a level's database.
    pub lsp_bytes: usize,
    /// Neighbours of a circuit at a level, heard or adjacent; at most 200, so that a hello can list them.
    pub adjacencies: usize,
    /// PDUs taken of a circuit in a second, on average; twice that at once.
    pub packet_rate: u32,
    /// External routes.
    pub externals: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lsps: 50_000, lsp_bytes: 64 << 20, adjacencies: 100, packet_rate: 20_000, externals: 10_000 }
    }
}

/// What a circuit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CircuitKind {
    /// Exactly one neighbour.
    PointToPoint,
    /// A LAN, with a designated router.
    Broadcast,
    /// Addresses only.
    Loopback,
}

/// When hellos are padded to the MTU (ISO 10589 §8.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Padding {
    /// Always.
    Always,
    /// While no adjacency of the circuit is up.
    Sometimes,
    /// Never.
    Never,
}

/// A circuit's configuration. See [`CircuitConfig::new`] for the values it starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitConfig {
    /// The interface's name, for people.
    pub name: String,
    /// The router's own addresses on it.
    pub addresses: Vec<Ipv4Addr>,
    /// Prefixes announced for it, with their metrics.
    pub prefixes: BTreeMap<Ipv4Net, u32>,
    /// What it is.
    pub kind: CircuitKind,
    /// Its levels, of those of the router.
    pub level: CircuitType,
    /// Whether it is announced but does not speak.
    pub passive: bool,
    /// Its metric at each level; 1 to 16,777,215, the last of which means: announced, never used (RFC 5305
    /// §3).
    pub metric: PerLevel<u32>,
    /// Its priority in the election of a designated router; 0 to 127.
    pub priority: PerLevel<u8>,
    /// Time between hellos; at least 10 ms. A designated router's come three times as often.
    pub hello: Duration,
    /// A neighbour not heard for this many hellos is gone; 2 to 100.
    pub multiplier: u16,
    /// MTU in bytes, as of the kernel's interface.
    pub mtu: u16,
    /// When hellos are padded to that.
    pub padding: Padding,
    /// Authentication of hellos.
    pub hello_auth: Authentication,
    /// Whether a point-to-point circuit offers the three-way handshake (RFC 5303).
    pub three_way: bool,
    /// How long to listen before the first election; by default two hellos (ISO 10589 §8.4.5).
    pub election_wait: Option<Duration>,
}

impl CircuitConfig {
    /// A circuit of both levels with metric 10, hellos each 3 s and hold time 30 s.
    pub fn new(name: &str, kind: CircuitKind) -> Self {
        Self {
            name: name.to_owned(),
            addresses: Vec::new(),
            prefixes: BTreeMap::new(),
            kind,
            level: CircuitType::L1L2,
            passive: false,
            metric: PerLevel::both(10),
            priority: PerLevel::both(64),
            hello: Duration::from_secs(3),
            multiplier: 10,
            mtu: 1500,
            padding: Padding::Sometimes,
            hello_auth: Authentication::None,
            three_way: true,
            election_wait: None,
        }
    }

    /// Whether it can have neighbours.
    pub fn speaks(&self) -> bool {
        !self.passive && self.kind != CircuitKind::Loopback
    }

    /// Greatest size of a PDU on it, in bytes.
    pub fn pdu_size(&self) -> u16 {
        self.mtu.saturating_sub(LLC_LEN)
    }

    fn validate(&self, router: CircuitType) -> Result<(), ConfigError> {
        let wrong = |field, value: u64, least, greatest| {
            let is_within = (least..=greatest).contains(&value);
            let circuit = self.name.clone();
            is_within.then_some(()).ok_or(ConfigError::CircuitRange {
                circuit,
                field,
                value,
                least,
                greatest,
            })
        };
        for level in Level::ALL {
            wrong("metric", self.metric[level].into(), 1, 0xff_ffff)?;
            wrong("priority", self.priority[level].into(), 0, 127)?;
        }
        if let Some(prefix) = self.prefixes.keys().find(|prefix| prefix.trunc() != **prefix) {
            return Err(ConfigError::HostBits { prefix: *prefix });
        }
        if !self.speaks() {
            return Ok(());
        }
        if router.and(self.level).is_none() {
            return Err(ConfigError::NoLevel { circuit: self.name.clone() });
        }
        wrong("hello in ms", millis(self.hello), 10, 600_000)?;
        wrong("multiplier", self.multiplier.into(), 2, 100)?;
        wrong("mtu", self.mtu.into(), 576, 65_535)?;
        wrong("number of addresses", self.addresses.len() as u64, 1, 63)
    }
}

/// Why a router cannot run with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No net.
    #[error("the router has no net: give one, such as 49.0001.0000.0000.0001.00")]
    NoNet,
    /// Too many, or of several systems.
    #[error("a router has one to three nets, all with the same system id")]
    Nets,
    /// The host name's length.
    #[error("a host name has 1 to 255 bytes")]
    HostName,
    /// A value out of range.
    #[error("{field} is {value}, outside {least} to {greatest}")]
    Range {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The least allowed.
        least: u64,
        /// The greatest allowed.
        greatest: u64,
    },
    /// A circuit's value out of range.
    #[error("circuit {circuit}: {field} is {value}, outside {least} to {greatest}")]
    CircuitRange {
        /// The circuit.
        circuit: String,
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The least allowed.
        least: u64,
        /// The greatest allowed.
        greatest: u64,
    },
    /// A prefix with bits beyond its length.
    #[error("{prefix} has bits set beyond its length: write {}", prefix.trunc())]
    HostBits {
        /// The prefix.
        prefix: Ipv4Net,
    },
    /// No level in common with the router.
    #[error("circuit {circuit} has no level of the router: change the level of one of them")]
    NoLevel {
        /// The circuit.
        circuit: String,
    },
    /// Another system id than the running router's.
    #[error("the system id of a running router cannot change: start it anew")]
    SystemChanged,
}
