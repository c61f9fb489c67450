//! A sans-IO IS-IS router for IPv4: PDUs, timers and configuration go in; PDUs, route differences and events
//! come out.
//!
//! It opens no socket, reads no clock, starts no thread and draws no randomness but from the seed it is
//! given: two routers with the same seed and inputs do the same. So a router can be recorded, replayed,
//! copied, and run in a simulator.
//!
//! ```text
//!   Input::Packet ──► receive ─┬─► hello ─► adjacencies ─► election ─┬──────────────► origination ─┐ own LSPs
//!   Input::Carrier ─► arrange ─┘                                     ▼        leak ────►▲          ▼
//!   Input::Configure           ├─► update ──► databases ──────► routing ─────────────┘ ◄──── databases
//!                              └─► sequence    │ SRM, SSN           │
//!                                              ▼                    ▼
//!   Output::Transmit ◄──────────────── flooding, hellos     Output::Routes            Output::Event
//! ```
//!
//! All work is level-triggered: after each input, [`Instance::handle`] does what is due, in one fixed order,
//! from the state that it finds; no input needs to know what follows from it.
//!
//! # How to drive it
//!
//! 1. [`Instance::new`]; then [`Input::Carrier`] for each circuit, loopbacks too.
//! 2. After each [`Instance::handle`], take all of [`Instance::poll_output`], then ask
//!    [`Instance::poll_timeout`] anew.
//! 3. When that time has come, [`Input::Timeout`]. Too early or too often is harmless.
//!
//! # What it covers
//!
//! ISO 10589 §7.2.9.2 (attached), §7.3 (update process), §8.2 and §8.4 (circuits); RFC 1195; RFC 2966 and
//! 5302 (leaking); RFC 5301 (names); RFC 5303 (three-way handshake); RFC 5304 and 5310 (authentication); RFC
//! 5305 (wide metrics); RFC 5306 (help for neighbours that restart; this router itself asks for none); RFC 5309 (point-to-point over LAN media); RFC 6232 and 6233 (purges); RFC 8405
//! (back-off); RFC 7987 (least remaining lifetime).
//!
//! # Where it departs from them
//!
//! - It speaks at once where the standard waits: a hello when what it says has changed, sequence numbers that
//!   ask for LSPs, and those that a designated router shows a newcomer (§7.3.17). Acknowledgments wait for
//!   company (§7.3.21).
//! - On a point-to-point circuit complete sequence numbers go out before the LSPs, which wait for
//!   [`Config::min_lsp_transmission`], so that a neighbour's own may spare them.
//! - After that they come again now and then ([`Config::p2p_csnp_interval`]): a lost or overtaken PSNP cannot hide an LSP until
//!   it changes.
//! - Sequence numbers for LSPs that are not here make no empty database entry (§7.3.15.2 b 5): a request
//!   needs none.
//! - A designated router is elected among adjacent routers only, and not by a router without adjacencies
//!   (§8.4.5).
//! - At the limit of neighbours, one-way ones make room for others, so that forged hellos cannot fill a LAN.
//! - An own summary is a discard route, unless a better route leads to all of it ([`RouteUpdate::discard`]).
//! - IPv6 (RFC 5308) and multi-topology (RFC 5120) TLVs of others are carried, not computed, nor said of this router. There are no virtual links for partition repair
//!   (§7.2.10).
//!
//! # Example
//!
//! ```
//! use braid_isis::{CircuitConfig, CircuitId, CircuitKind, Config, Input, Instance, Instant, Output};
//!
//! let mut config = Config::new("49.0001.0000.0000.0001.00".parse()?);
//! let mut circuit = CircuitConfig::new("eth1", CircuitKind::PointToPoint);
//! circuit.addresses = vec!["100.65.0.0".parse()?];
//! circuit.prefixes.insert("100.65.0.0/31".parse()?, 10);
//! config.circuits.insert(CircuitId(2), circuit);
//!
//! let mut router = Instance::new(config, 42, Instant(0))?;
//! router.handle(Instant(0), Input::Carrier { circuit: CircuitId(2), up: true, mac: [2, 0, 0, 0, 0, 1] });
//! let mut sent = 0;
//! while let Some(output) = router.poll_output() {
//!     if let Output::Transmit { circuit, payload, .. } = output {
//!         assert_eq!((circuit, payload[0]), (CircuitId(2), 0x83));
//!         sent += 1;
//!     }
//! }
//! assert_eq!(sent, 1, "a hello, at once");
//! assert!(router.poll_timeout() > Some(Instant(0)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adjacency;
mod arrange;
mod circuit;
mod clock;
mod config;
mod converged;
mod discard;
mod election;
mod event;
mod flooding;
mod hello;
mod instance;
mod leak;
mod level;
mod lsdb;
mod origination;
mod rate;
mod receive;
mod recording;
mod routing;
mod sequence;
mod status;
mod update;

pub use adjacency::{Adjacency, AdjacencyState, Mac};
pub use braid_isis_packet as packet;
pub use braid_isis_route as route;
pub use circuit::{Circuit, CircuitCounters, CircuitId, Lan};
pub use clock::Instant;
pub use config::{
    Attached, CircuitConfig, CircuitKind, Config, ConfigError, LLC_LEN, Leak, LeakDown, Limits, MetricStyle,
    Pacing, Padding, SpfDelay,
};
pub use converged::Converged;
pub use event::{DownReason, Event, Rejection};
pub use instance::{External, Group, Input, Instance, InstanceCounters, Output, RouteUpdate};
pub use level::PerLevel;
pub use lsdb::{Database, Entry};
pub use origination::Problem;
pub use recording::{Recording, RecordingError};
pub use routing::RoutingCounters;
pub use status::Counters;
