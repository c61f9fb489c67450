//! Models of OSPF and IS-IS networks, seeded generators of them, and the routes that each router of them must have.
//!
//! The crate must not know LSAs, LSPs, packets or daemons, and shares no code with the engines that it judges: it computes routes from
//! the network itself, as RFC 2328 §16 and ISO 10589 §7.2 mean them, on petgraph's shortest paths.
//!
//! ```text
//!  seed, Options ──generate──► World ──apply(Change)──► World ──Oracle──► routes of every router
//! ```
//!
//! A [`World`] is a physical network with its OSPF areas; the module [`isis`] lays the areas and levels of IS-IS over one.
//!
//! Ids of routers and segments are indices into the world's lists and stay as they are; what goes away is only `up: false`.
//!
//! | RFC | here |
//! | --- | --- |
//! | 2328 §16.1, §16.2, §16.3, §16.4 | intra-area, inter-area, transit area and external routes, RFC1583Compatibility disabled |
//! | 2328 §12.4.3, appendix C.2 | summaries, area ranges (the largest cost), stub and totally stubby areas |
//! | 3101 | NSSAs: type 7 routes, translation by the border router with the highest id |
//! | 3509 | an area border router has an interface in the backbone |
//! | 6987 | a stub router's links cost 65,535 |
//!
//! ```
//! use braid_world::{Options, Oracle, RouterIndex, generate};
//! let world = generate(7, &Options { routers: 9, ..Options::default() });
//! let routes = Oracle::new(&world).routes(RouterIndex(0));
//! assert!(routes.len() >= world.routers.iter().map(|router| router.stubs.len()).sum());
//! ```

mod change;
mod dice;
mod generate;
pub mod isis;
mod model;
mod oracle;
mod validate;

pub use change::{Change, changes};
pub use dice::Dice;
pub use generate::{Options, generate, grid};
pub use model::{
    Area, AreaKind, AreaRange, BACKBONE, End, External, Interface, Router, RouterIndex, Segment,
    SegmentIndex, SegmentKind, Stub, VirtualLink, World,
};
pub use oracle::{ExpectedRoute, NextHop, Oracle, PathKind, Table};
pub use validate::Invalid;
