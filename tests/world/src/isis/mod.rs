//! How the routers of a [`World`] speak IS-IS, and the routes that each of them must then have.
//!
//! Routers, segments, attached prefixes, external routes and all that happens to them are the world's; its OSPF areas mean nothing
//! here, and a stub router is one whose overload bit is set. A [`Domain`] adds areas and levels.
//!
//! | standard | here |
//! | --- | --- |
//! | ISO 10589 §7.2 | shortest paths at each level, pseudonodes, the overload bit, the nearest attached router |
//! | RFC 1195 §3.2 | level 2 hears of the areas' prefixes, of summaries in their stead |
//! | RFC 5302 | the order of preference, what leaks down, the up/down bit |
//! | RFC 5305 | wide metrics; narrow ones end at 63 |
//!
//! Where these leave room, the oracle has chosen: a leaked prefix bears the metric of the route; an overloaded router's attached
//! bit attracts nobody, while its prefixes and leaks stay.
//!
//! ```
//! use braid_world::{RouterIndex, isis::{Options, Oracle, generate}};
//! let (world, domain) = generate(7, &Options { routers: 9, areas: 2, ..Options::default() });
//! let routes = Oracle::new(&world, &domain).routes(RouterIndex(0));
//! assert!(!routes.is_empty());
//! ```
//!
//! [`World`]: crate::World

mod generate;
mod graph;
mod leak;
mod model;
mod oracle;

pub use generate::{Options, flat, generate};
pub use model::{Domain, LeakDown, Level, Levels, Router};
pub use oracle::{ExpectedRoute, Oracle, PathKind, Table};
