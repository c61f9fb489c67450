//! The decision process of IS-IS: from link state PDUs to routes, doing again only what a change asks for.
//!
//! It must not know circuits, timers or packets on the wire, nor decide when to compute (RFC 8405) or what to announce:
//! those are the instance's. It has no clock, no I/O and no randomness: equal calls give equal answers.
//!
//! ```text
//!  LSPs ─► Digest ─┬─► Graph ─► Links ─┐  changed edges
//!                  │                   ├─────────────► Tree ─► nodes that moved ─┐
//!  adjacencies ────┼───────────────────┘   (distances, next hops)                ▼
//!                  └─► Prefixes (who announces what) ──────────────► touched prefixes ─► best paths ─► RouteChange
//! ```
//!
//! # Calling contract
//!
//! Tell [`Routing`] each change of the database ([`install`](Routing::install), [`remove`](Routing::remove)), own LSPs
//! included, and of the adjacencies ([`set_adjacencies`](Routing::set_adjacencies)). [`pending`](Routing::pending) then says
//! what kind of work waits; [`compute`](Routing::compute) does it all and returns what differs. Queries answer as of the
//! last computation. Nothing that an LSP can say makes it fail.
//!
//! # What it follows, and where it departs
//!
//! - ISO 10589 §7.2, §C.2: fragments of a node are one; without fragment 0 none counts (§7.2.5); edges count that both
//!   ends list (§7.2.8.2); pseudonodes are left at no cost; a router of level 1 alone takes its default route from the
//!   nearest attached one (§7.2.9.1), which must not be overloaded. Paths over 1023 are none if metrics are narrow.
//!   Here the first edges are the adjacencies, straight to the router on the other side also across a LAN: one that our
//!   adjacency has not (yet) reached is then tried over another member, not given up.
//! - RFC 1195, RFC 5302 §3.2: prefixes and the order of preference, see [`PathKind`]. Of external metrics the announced
//!   one is compared first, then the distance to who announces it. In pseudonodes' LSPs, prefixes are ignored.
//! - RFC 5305 §3, §4: a link with the greatest metric is not used (one direction may be, if only the other has it); a
//!   prefix or path over 0xFE000000 is none. RFC 3787 §4: an overloaded router is reached, with its prefixes, and never
//!   gone through; the bit of a pseudonode is none.
//! - Only the standard topology and IPv4 are computed. Equal paths share traffic up to a limit; where edges of metric zero
//!   go in circles, next hops are the least sets that are closed under "what is before me on a shortest path".
//!
//! # Example
//!
//! ```
//! use braid_isis_packet::{Authentication, Level, Lsp, LspFlags, NewLsp, SystemId, Tlv, WideNeighbour, WidePrefix};
//! use braid_isis_route::{Adjacency, NextHop, Routing, Settings};
//!
//! let [us, they]: [SystemId; 2] = ["0000.0000.0001".parse()?, "0000.0000.0002".parse()?];
//! let new = NewLsp {
//!     level: Level::Two,
//!     id: they.node().fragment(0),
//!     sequence: 1,
//!     lifetime: 1200,
//!     flags: LspFlags::new(Level::Two),
//! };
//! let tlvs = [
//!     Tlv::IsNeighbours(vec![WideNeighbour::new(us.node(), 10)]),
//!     Tlv::ExtendedIp(vec![WidePrefix::new("198.18.2.0/24".parse()?, 5)]),
//! ];
//!
//! let mut routing = Routing::new(us, Settings::default());
//! routing.install(Level::Two, &Lsp::build(&new, &tlvs, &Authentication::None)?);
//! let gateway = Some("100.65.0.1".parse()?);
//! let (neighbour, router) = (they.node(), they);
//! routing.set_adjacencies(&[Adjacency { level: Level::Two, neighbour, router, circuit: 7, gateway, metric: 10 }]);
//!
//! let outcome = routing.compute();
//! let route = outcome.changes[0].new.clone().ok_or("a new route")?;
//! assert_eq!((route.metric, &*route.next_hops), (15, &[NextHop { circuit: 7, gateway }][..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adjacency;
mod areas;
mod digest;
mod graph;
mod hops;
mod infer;
mod links;
mod prefixes;
mod queue;
mod route;
mod routing;
mod topology;
mod tree;

pub use adjacency::{Adjacency, MetricStyle, Settings};
pub use infer::{RoutesOfError, routes_of};
pub use route::{NextHop, NextHops, PathKind, Reach, Route, RouteChange};
pub use routing::{Outcome, Pending, Routing, Work};
