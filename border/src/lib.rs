//! The border: reads every virtual network's kernel FIB at its node, votes prefix by prefix, and steers.
//!
//! This is the trusted core. It must not build or repair virtual networks, nor believe what an agent or a routing daemon
//! says of its own routes: what counts is what the kernel would do with a packet. Killing it moves no packet: routes stay,
//! and the next border takes them over as the verdicts in force. That an engine says, by a converged clone, that a route will
//! stay saves waiting to see that it does, and nothing else.
//!
//! ```text
//!  fib (kernel, per VN) ──┐                                   ┌─► steering: plan(desired, actual) ─► kernel
//!  engine (pidfds, file) ─┼─► ballots ─► booth ─► braid_vote ─┤
//!  spec (controller) ─────┘                                   └─► report ─► uplink ─► controller
//! ```
//!
//! [`run()`] owns all state in one task; watchers hand it events, `booth` and `steering::plan` decide purely, and only
//! `steering::kernel` changes the kernel. How a packet crosses a border (tables and rules):
//!
//! | packet | rule | finds |
//! | --- | --- | --- |
//! | out of a virtual network's port | `iif PORT lookup 7602`, else unreachable | attached prefixes only, so it never enters a second virtual network |
//! | from a customer or the node | `lookup 7601` | the verdict: a route to the nexthop object 7600 + VN id |
//! | from a customer, not voted on | `iif CUSTOMER lookup 7602`, else unreachable | the border's other customers, and nothing of braid's own |
//!
//! ```
//! use braid_border::steering::{Action, Actual, Desired, plan};
//! assert_eq!(plan(&Desired::default(), &Actual::default()), [] as [Action; 0]);
//! ```

mod ballots;
mod booth;
mod borders;
mod clones;
mod config;
mod engine;
mod fib;
mod filter;
mod network;
pub mod probe;
mod recorder;
mod report;
mod run;
mod spec;
pub mod steering;
mod store;
mod uplink;
mod verified;
mod votes;

pub use config::BorderConfig;
pub use run::{BorderError, run};
pub use spec::{Attached, Foreign, Spec, Vn};
