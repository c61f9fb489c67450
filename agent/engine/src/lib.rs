//! Drivers for routing engines: FRR, BIRD and braid's own behind one interface, each instance in a cgroup of its own.
//!
//! This crate starts, asks and stops daemons; it must not decide when (that is the agent's supervision), nor touch links,
//! addresses or routes, nor believe a daemon about its routes (that is what the kernel's FIB is for).
//!
//! ```text
//!  RouterIntent ──prepare──► files ──start──► daemons ──health, drift──► what they say
//! ```
//!
//! Calls are idempotent and carry limits: a daemon that hangs costs its caller the limit and no more.
//!
//! | engine | configuration | asked by | departs from defaults |
//! | --- | --- | --- | --- |
//! | `frr-ospf` (RFC 2328) | `zebra.conf`, `ospfd.conf` | the daemons' vty sockets | SPF after 0 ms, LSAs at once; `zebra -K`: routes outlive a crash |
//! | `frr-isis` (RFC 1195, 5303, 5305) | `zebra.conf`, `isisd.conf` | the same | level 2, wide metrics, no padding, SPF and LSPs each 1 s at most |
//! | `bird-ospf` (RFC 2328, 3623) | `bird.conf` | its control socket | tick 1 s; `-R`: routes outlive a crash |
//! | `native-ospf` (RFC 2328) | `braid-ospf.json` | its control socket | SPF after 0 ms, LSAs at once; routes outlive a crash |
//! | `native-isis` (ISO 10589, RFC 1195) | `braid-isis.json` | its control socket | level 2, no padding, SPF after 0 ms, LSPs at once; routes outlive a crash |
//!
//! ```
//! use braid_engine::driver;
//! use braid_proto::Engine;
//! assert_eq!(driver(Engine::BirdOspf).requirements()[0].package, "bird2");
//! ```

mod announced;
mod bird;
pub mod cgroup;
mod driver;
mod error;
mod frr;
mod instance;
mod intent;
mod native;
#[cfg(test)]
mod testing;

pub use driver::{Drift, Driver, Health, Neighbour, Place, Requirement, driver};
pub use error::EngineError;
pub use frr::clear_crash_logs;
pub use intent::{ATTACHED_METRIC, ATTACHED_PROTOCOL, LinkIntent, RouterIntent};
