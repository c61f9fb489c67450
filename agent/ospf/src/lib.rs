//! A sans-IO OSPFv2 router: adjacencies, flooding, the link-state database and the routes that follow from it.
//!
//! It must not open sockets, read a clock, spawn threads or know the kernel: packets, times and settings come in, packets,
//! routes and events go out. So one and the same code runs as a daemon, in a simulator and under a fuzzer.
//!
//! ```text
//!            handle(now, Input)                                       poll_output() -> Output
//!  Packet ─────▶ receive ─▶ hello ─▶ neighbour ─▶ exchange ─┐               ▲  Transmit, Groups
//!  Carrier ────▶ interface ─▶ election                      ▼               │
//!  Configure ──▶ reconfigure             flood ─▶ lsdb ─▶ routing ──────────┤  Routes
//!  External ───▶ origination ◀─ braid-ospf-originate ◀──────┘               │
//!  Timeout ────▶ timers                                                     └  Event
//! ```
//!
//! Calling contract: after [`Instance::handle`], call [`Instance::poll_output`] until it gives nothing, then ask
//! [`Instance::poll_timeout`] when to hand in the next [`Input::Timeout`]. A timeout that comes early, late or for no
//! reason is harmless. Time must not run backwards (it is held still if it does). With the same seed and the same inputs
//! at the same times, two instances do the same.
//!
//! RFC 2328 (point-to-point, broadcast, virtual links), 3101 (NSSA), 3623 (helper), 5082, 5250, 5709, 6987, 7474, 8405.
//! Departures from RFC 2328: hellos are sent at once when an interface comes up and when a neighbour is first heard;
//! several requests may be outstanding; MinLSInterval is an exponential back-off; MinLSArrival does not keep out the flush
//! of the very instance that is in the database (§13 (5a)); no NBMA, no point-to-multipoint.
//!
//! ```
//! use braid_ospf::{Config, Input, Instance, InterfaceConfig, InterfaceId, Instant, Output};
//!
//! let mut config = Config::new([1, 1, 1, 1].into());
//! config.interfaces.insert(InterfaceId(1), InterfaceConfig::new("eth1", "10.0.0.0/31".parse()?));
//! let mut router = Instance::new(config, 7, Instant::ZERO)?;
//! router.handle(Instant::ZERO, Input::Carrier { interface: InterfaceId(1), up: true });
//! let outputs: Vec<_> = std::iter::from_fn(|| router.poll_output()).collect();
//! assert!(outputs.iter().any(|output| matches!(output, Output::Transmit { .. })), "a hello goes out at once");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod acknowledge;
mod ageing;
mod announced;
mod backoff;
mod clock;
mod config;
mod converged;
mod election;
mod event;
mod exchange;
mod flood;
mod graceful;
mod hello;
mod helper;
mod input;
mod instance;
mod interface;
mod lsdb;
mod neighbour;
mod origination;
mod output;
mod receive;
mod reconfigure;
mod recording;
mod request;
mod retransmit;
mod routing;
mod settle;
mod status;
mod timers;
mod translator;
mod transmit;
mod update;
mod view;
mod virtual_link;

pub use braid_ospf_packet::{AreaId, Authentication, LsType, Lsa, LsaHeader, LsaKey, RouterId};
pub use braid_ospf_route::{Domain, PathKind, Work};
pub use clock::Instant;
pub use config::{
    ALL_D_ROUTERS, ALL_SPF_ROUTERS, AreaConfig, AreaType, Config, ConfigError, External, InterfaceConfig,
    InterfaceId, InterfaceState, Limits, LsaPacing, Network, Range, SpfDelay, StubRouter, Translate,
    VirtualLinkConfig,
};
pub use converged::Converged;
pub use event::{Event, LimitKind, Refusal};
pub use input::Input;
pub use instance::{Instance, RestoreError};
pub use output::{InstalledRoute, Output, RouteUpdate};
pub use recording::{Recording, replay};
pub use status::{Counters, FloodingDomain, InterfaceStatus, NeighbourState, NeighbourStatus};
