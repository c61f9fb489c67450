//! Many OSPF or IS-IS routers in one process on a virtual clock, with faults from a seed.
//!
//! The crate must not look at a clock, the network or the machine: a [`Scenario`] alone decides what happens, and running it twice
//! gives the same [`Summary`], hash over every packet included. It must not help the engine either: what it checks, it checks with
//! code of its own, and the routes come from `braid-world`'s oracle.
//!
//! ```text
//!            ┌─ world ── settings ─► Config ─► ┌──────────┐ packets, timeouts, carriers ┌─────────┐
//!  seed ─────┤                                 │ routers  │◄────────────────────────────│  queue  │◄─┐
//!            └─ plan (faults, then calm) ─────►│ (engine) │                             │ by time │  │ arrivals
//!                                              └──────────┘─── packets ──► network ─────┴─────────┘──┘
//!                                                   │  routes ──► kernel table      (loss, delay, damage …)
//!                                                   ▼
//!                       checkers: packets and databases at any time; adjacencies, databases, routes in the end
//! ```
//!
//! A run has four parts. While faults happen, what must always hold is checked: no panic, packets and databases by the rules, no
//! endless work, copies that do the same. Then faults stop, and within a bounded virtual time all adjacencies, databases and routes
//! must be what they should be. Then the network must be quiet. A [`Failure`] says the seed and the command that replays it.
//!
//! Everything but the engines' own is the same for all protocols: `protocol` and `router` say what differs, `ospf` and `isis` say it.
//! With [`Protocols::Mixed`], two virtual networks live through the same, one of each, and must agree where packets leave.
//!
//! ```
//! use braid_simulator::{Scenario, Trace, run};
//! let scenario = Scenario { routers: Some(3), ..Scenario::new(1) };
//! let summary = run(&scenario, Trace::default())?;
//! assert_eq!(summary, run(&scenario, Trace::default())?);
//! # Ok::<(), Box<braid_simulator::Failure>>(())
//! ```

mod check;
mod egress;
mod isis;
mod network;
mod node;
mod ospf;
mod plan;
mod protocol;
mod queue;
mod router;
mod run;
mod scenario;
mod simulation;
mod trace;

pub use plan::{Kind, UnknownKind};
pub use run::{Failure, Summary, run};
pub use scenario::{Protocols, Scenario};
pub use trace::Trace;
