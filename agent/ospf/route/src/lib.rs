//! The route computation of OSPFv2: a database of LSAs in, routes and their differences out (RFC 2328 §16), doing again
//! only what a change concerns.
//!
//! No sockets, no clock, no threads, no randomness, no order that depends on history. It does not decide when to compute
//! (the caller holds off, RFC 8405), what to originate, or what the kernel gets; ageing is the caller's too.
//!
//! ```text
//!  install / remove ──► graph per area ──► shortest paths ──► vertices that changed ─┐
//!        │              (graph)            (spf, repair, exits)                      ▼
//!        └────────────► claims to prefixes ──────────────────────────────► prefixes to look at
//!                       (table, leaf)                                                │
//!  Outcome ◄── differences ◄── external paths ◄── internal paths, ways to ASBRs ◄────┘
//!  (compute)                   (external)         (evaluate)
//! ```
//!
//! - **Links** change the graph. Its shortest paths are repaired, not computed again, unless much of the tree is concerned
//!   or a router has links of cost 0 (which §C.3 forbids, and which could hold one another in the tree).
//! - **Prefixes** are claimed by stub links, transit networks, summaries and externals. The best path is a function of a
//!   prefix' claims and of the trees alone; it is evaluated for prefixes whose claims, advertising routers, ABRs, ASBRs or
//!   forwarding addresses changed.
//! - **Everything** is in dense vectors with numbers; next-hop sets are interned. 10,000 routers with 40,000 links take
//!   2 MB and the LSAs' bytes, which are shared with the caller.
//!
//! # Contract
//!
//! Set areas first: LSAs of other areas are ignored. The root's own LSAs have to be installed like all others; next hops
//! leave through the links in them. Install and remove as often as you like, in any order; [`Routing::pending`] tells
//! whether shortest paths or only prefixes are concerned; then call [`Routing::compute`] once. Queries answer as of the
//! last computation. LSAs that say the same as those that are there cost nothing.
//!
//! # Coverage and departures
//!
//! RFC 2328 §11, §15 (where virtual links stand), §16 whole; RFC 3101 §2.5; RFC 6987 (a link of MaxLinkMetric is the last
//! resort, a summary of LSInfinity is none). Departures:
//!
//! - Area border router is who has the backbone and another area (RFC 3509), so that a router in several areas without the
//!   backbone heeds all their summaries.
//! - Network-LSAs with one Link State ID by two routers are two vertices, each for the routers that both agree.
//! - Forwarding addresses are looked up among intra-area and inter-area routes only (§16.4 (3) leaves open what a more
//!   specific external route would do). One that is our own address is not used.
//! - A router's way without a next hop (by a virtual link whose endpoint cannot be reached) is no way.
//! - Equally good paths of several areas or LSAs are merged where §16 allows it; a route then has the greatest of the area
//!   ids, and the least of the LSAs is its evidence (for externals the one that RFC 3101 §2.5 (6e) prefers).
//!
//! # Example
//!
//! ```
//! use std::net::Ipv4Addr;
//! use braid_ospf_packet::*;
//! use braid_ospf_route::*;
//!
//! let router = |n: u8| RouterId(Ipv4Addr::new(n, n, n, n));
//! let says = |n: u8, links: Vec<RouterLink>| {
//!     let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links });
//!     Lsa::build(1, Options::E, router(n).0, router(n), SequenceNumber::INITIAL, &body).expect("a short LSA")
//! };
//! let to = |n: u8, data: [u8; 4]| RouterLink {
//!     kind: LinkKind::PointToPoint, id: router(n).0, data: data.into(), metric: 10,
//! };
//! let stub = RouterLink {
//!     kind: LinkKind::Stub, id: [192, 0, 2, 0].into(), data: [255, 255, 255, 0].into(), metric: 5,
//! };
//!
//! let mut routing = Routing::new(router(1), Settings::default());
//! routing.set_area(AreaId::BACKBONE, AreaKind::Normal);
//! let domain = Domain::Area(AreaId::BACKBONE);
//! routing.install(domain, &says(1, vec![to(2, [10, 0, 0, 0])]));
//! routing.install(domain, &says(2, vec![to(1, [10, 0, 0, 1]), stub]));
//!
//! let outcome = routing.compute();
//! assert_eq!(outcome.changes.len(), 1);
//! let (prefix, route) = routing.lookup([192, 0, 2, 7].into()).expect("a route");
//! assert_eq!((prefix.to_string(), route.cost), ("192.0.2.0/24".to_owned(), 15));
//! assert_eq!(route.next_hops[0].to_string(), "10.0.0.1 from 10.0.0.0");
//! ```

mod area;
mod compute;
mod database;
mod evaluate;
mod exits;
mod external;
mod graph;
mod hops;
mod infer;
mod leaf;
mod repair;
mod route;
mod routing;
mod spf;
mod table;
mod virtual_link;

pub use infer::routes_of;
pub use route::{
    AreaKind, Domain, Neighbour, NextHop, Outcome, PathKind, Pending, Route, RouteChange, RouterRoute,
    Settings, VirtualLink, VirtualLinkState, Work,
};
pub use routing::Routing;
