//! The agent: builds a node's virtual routers and supervises their engines.
//!
//! One per node, in the node's network namespace. It must not decide where packets go (that is the border's), compute routes
//! (the engines'), nor touch anything of the node's own but the ports; and it must not fight an operator: a virtual link that
//! was taken down stays down, a foreign route stays, a configuration changed by hand is reported and let be.
//!
//! ```text
//!  controller ─► uplink ─► spec ─► run ─► router (a task each) ─┬─► dataplane: plan(desired, actual) ─► kernel
//!                  ▲         │                                  ├─► supervisor ─► engine process, instance.json
//!                  │         └─► node-spec.binpb                └─► fib: a copy of what the kernel forwards
//!                  └────────────── status, fib ◄────────────────────────┘     ▲
//!  physical links ─► carrier ─► virtual links (protodown) ────────────────────┘
//! ```
//!
//! Level-triggered throughout: each part compares what is with what should be and closes the difference, so a missed event,
//! a crash or a restart leaves nothing behind. Killing the agent kills no engine and moves no packet; the next one adopts
//! what runs, also without a controller. What it leaves for others in its directory:
//!
//! | file | for |
//! | --- | --- |
//! | `agent.lock` | a second agent, which is refused |
//! | `node-spec.binpb` | its successor: the specification in force |
//! | `vn<ID>/router.json` | its successor: whose instance this is, should it no longer be specified |
//! | `vn<ID>/instance.json` | the border: how the engine fares ([`braid_proto::InstanceFile`]) |
//!
//! Call [`run()`] from a multi-threaded tokio runtime whose threads are in the node's namespace.
//!
//! ```
//! use braid_agent::Spec;
//! use braid_proto::v1;
//! let router = v1::RouterSpec { namespace: "other.b.red".into(), ..Default::default() };
//! let spec = v1::NodeSpec { network: "lab".into(), node: "a".into(), routers: vec![router], ..Default::default() };
//! // Nothing of it is put in force: a specification is taken whole or not at all.
//! assert!(Spec::try_from(spec).is_err());
//! ```

mod announced;
mod carrier;
mod config;
mod dataplane;
mod fib;
mod removal;
mod router;
mod run;
mod spec;
mod status;
mod store;
mod supervisor;
mod uplink;

pub use config::AgentConfig;
pub use run::{AgentError, run};
pub use spec::{Identity, Port, Router, Spec, VirtualLink};
