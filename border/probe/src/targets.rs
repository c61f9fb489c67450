//! What is to be probed, and what probing says of it.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use braid_proto::VnId;
use ipnet::Ipv4Net;

use crate::Micros;

/// How often, how much and how patiently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Between two probes to another border's loopback in a virtual network that drives something towards it. Standbys
    /// are probed at five times that. The time between probes in doubt. 1 ms to 60 s; what is beyond is brought within.
    pub interval: Duration,
    /// That many probes in a row without an answer are a loss, and that many with one its end; 1 to 50.
    pub losses: u8,
    /// The most packets that this border sends for probing in a second, probes and answers together.
    pub packets_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { interval: Duration::from_millis(20), losses: 3, packets_per_second: 1000 }
    }
}

/// What there is to probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// This border's loopback.
    pub own: Ipv4Addr,
    /// The other borders' loopbacks.
    pub borders: BTreeSet<Ipv4Addr>,
    /// The virtual networks with a port here.
    pub vns: BTreeSet<VnId>,
    /// The prefixes attached here.
    pub attached: BTreeSet<Ipv4Net>,
    /// The prefixes behind other borders, and the loopbacks of those to which each is attached.
    pub foreign: Vec<(Ipv4Net, Vec<Ipv4Addr>)>,
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            own: Ipv4Addr::UNSPECIFIED,
            borders: BTreeSet::new(),
            vns: BTreeSet::new(),
            attached: BTreeSet::new(),
            foreign: Vec::new(),
        }
    }
}

/// What a probe asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Another border, by its loopback.
    Border(Ipv4Addr),
    /// Somebody in a prefix.
    Prefix(Ipv4Net),
}

/// What probes say of one target in one virtual network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Evidence {
    /// Nothing yet.
    #[default]
    Unknown,
    /// They come out.
    Delivers {
        /// At these borders, by their loopbacks, sorted. Of a prefix those that answered of late, at most four.
        egress: Vec<Ipv4Addr>,
    },
    /// They do not come out.
    Lost,
}

/// News of one target in one virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The virtual network.
    pub vn: VnId,
    /// The target.
    pub target: Target,
    /// What is true of it now.
    pub evidence: Evidence,
    /// Since when: what is lost is so since the first of its losses in a row was sent.
    pub since: Micros,
}

/// Where a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At this border's loopback in the virtual network.
    Loopback,
    /// Out of the virtual network's port.
    Port,
}

/// How a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Out of which virtual network.
    pub vn: VnId,
    /// Where.
    pub place: Place,
    /// The packet's source.
    pub source: Ipv4Addr,
    /// The packet's destination.
    pub destination: Ipv4Addr,
    /// What is left of its time to live.
    pub ttl: u8,
    /// When the kernel took it in.
    pub at: Micros,
}
