//! The layout: from a checked topology to numbers, addresses, VNIs, node and border specifications.
//!
//! This crate decides and never acts: no I/O, no clock, no async, no randomness. The same topology and the same
//! [`Allocation`] always give the same [`Plan`], in whatever order the file lists its nodes and links.
//!
//! ```text
//!  Topology ──update──► Allocation (numbers; stored)
//!      │                    │                     ┌─► layout_class: which VNs may compare next hops
//!      └────────┬───────────┘                     │
//!               ▼                                 │
//!             plan ──► Plan: nodes, links, ───────┼─► single_points: what one failure cuts off
//!                      VNs, routers, hosts        └─► shared_fate: what two VNs have in common
//! ```
//!
//! Contract: call [`Allocation::update`] with each new topology, store the allocation, then [`plan`]. A number once given
//! stays with its node or link for as long as that is in the file, and is not given to another one soon after. What a name
//! looks like (namespaces, ports, customer hosts) is decided in [`names`] and nowhere else.
//!
//! ```
//! use braid_layout::{Allocation, plan};
//! use braid_proto::VnId;
//!
//! let file = r#"
//! name: pair
//! topology:
//!   nodes: { left: { border: { prefixes: [198.18.1.0/24] } }, right: { border: { prefixes: [198.18.2.0/24] } } }
//!   links: [{ endpoints: ["right:eth1", "left:eth1"] }]
//! vns: [{ id: 1, name: red, engine: bird-ospf }]
//! "#;
//! let topology = braid_topology::parse(file, "pair.yaml")?;
//! let mut allocation = Allocation::default();
//! allocation.update(&topology)?;
//! let plan = plan(&topology, &allocation)?;
//!
//! let router = plan.router(&"left".parse()?, VnId::try_from(1_u32)?).unwrap();
//! assert_eq!(router.namespace, "pair.left.red");
//! assert_eq!(router.links[0].vni, 0x01_0001);
//! assert_eq!(router.links[0].address.to_string(), "100.65.0.2/31");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod allocation;
mod error;
mod layout_class;
pub mod names;
mod plan;
mod planner;
mod pool;
mod serialize;
mod shared_fate;
mod single_points;
#[cfg(test)]
mod testing;

pub use allocation::Allocation;
pub use error::LayoutError;
pub use layout_class::layout_class;
pub use plan::{
    AttachedPlan, BorderPlan, DampingPlan, ForeignPrefixPlan, HostPlan, LimitsPlan, LinkEndPlan, LinkPlan,
    NodePlan, Plan, PolicyPlan, PolicyRule, PortPlan, ProbesPlan, RouterPlan, UnderlayInterface,
    VirtualLinkPlan, VnPlan,
};
pub use planner::plan;
pub use shared_fate::{CodeBaseVote, SharedFate, SharedPair, shared_fate};
pub use single_points::{CutLink, CutNode, Side, SinglePoints, single_points, single_points_of_vn};
