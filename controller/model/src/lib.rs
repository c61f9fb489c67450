//! The reference model: where every attached prefix ought to be delivered in each virtual network, how far that is, and
//! over which next hops.
//!
//! It knows the plan and which links are down, and nothing of FIBs, engines or protocols: whatever a virtual network does
//! is held against it elsewhere. It computes by petgraph alone and shares no code with an engine or with the verifier, so
//! that it is a code base of its own. No I/O, no clock, no async.
//!
//! ```text
//!  Plan ───────────────► Model ──expected(vn, node, prefix)──► egress borders, distance, next hops, since
//!  links down in a VN ────▲
//! ```
//!
//! # What is expected
//! - A link counts in both directions with its planned metric unless it is down.
//! - An attached prefix is redistributed by each of its owners with one and the same external metric (OSPF type E1, IS-IS
//!   wide), so the metrics along the path decide alone: a prefix goes to the *nearest* owner in reach, and to all that are
//!   equally near.
//! - Next hops are all first hops of shortest paths (equal-cost multipath). Engines may cap or not use multipath, so hold a
//!   FIB against them as a subset; equality is right only for an engine that is known to use all of them.
//! - An owner delivers over its own port, at distance 0.
//! - Only attached prefixes are expected. Where one lies within another, an expectation is for the addresses that are in no
//!   longer prefix.
//!
//! # Since when
//! Every change of a link raises [`Model::revision`]; an [`Expected`] says since which revision it holds unchanged. Real
//! engines take their time to follow, and only the caller knows how long a revision is in force: what differs from an
//! expectation younger than a convergence is no evidence yet.
//!
//! # Contract
//! Make a [`Model`] for each plan. Tell it which links are down in a VN whenever that changes, by
//! [`set_links_down`](Model::set_links_down); owners whose shortest paths a change does not touch cost nothing.
//!
//! ```
//! use std::collections::BTreeSet;
//! use braid_layout::{Allocation, plan};
//! use braid_model::Model;
//! use braid_proto::VnId;
//!
//! let file = r#"
//! name: square
//! topology:
//!   nodes: { a: {}, b: {}, c: {}, d: { border: { prefixes: [198.18.1.0/24] } } }
//!   links:
//!     - { endpoints: ["a:eth1", "b:eth1"] }
//!     - { endpoints: ["b:eth2", "d:eth1"] }
//!     - { endpoints: ["a:eth2", "c:eth1"] }
//!     - { endpoints: ["c:eth2", "d:eth2"], metric: 30 }
//! vns: [{ id: 1, name: red, engine: bird-ospf }]
//! "#;
//! let topology = braid_topology::parse(file, "square.yaml")?;
//! let mut allocation = Allocation::default();
//! allocation.update(&topology)?;
//! let plan = plan(&topology, &allocation)?;
//! let (red, a, prefix) = (VnId::try_from(1_u32)?, "a".parse()?, "198.18.1.0/24".parse()?);
//!
//! let mut model = Model::new(&plan);
//! let expected = model.expected(red, &a, prefix).unwrap();
//! assert_eq!((expected.distance, expected.next_hops.first().unwrap().interface.as_str()), (20, "eth1"));
//!
//! let cut = plan.links.iter().find(|l| l.a.node.as_str() == "a" && l.b.node.as_str() == "b").unwrap();
//! assert!(model.set_links_down(red, &BTreeSet::from([cut.number])));
//! let expected = model.expected(red, &a, prefix).unwrap();
//! assert_eq!((expected.distance, expected.next_hops.first().unwrap().interface.as_str()), (40, "eth2"));
//! assert_eq!((expected.since, expected.egress_since), (2, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod expected;
mod model;
mod network;
mod paths;
#[cfg(test)]
mod testing;

pub use expected::{Expected, NextHop};
pub use model::Model;
