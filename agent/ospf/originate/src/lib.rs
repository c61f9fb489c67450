//! What an OSPF router says of itself: its own LSAs as a pure function of its state.
//!
//! No clock, no input or output, no memory: ages, sequence numbers, pacing and flooding are the instance's. It also does
//! not compute routes; it reads them.
//!
//! ```text
//!  areas, interfaces, ─┐
//!  neighbours          │            ┌─ origins:  LSAs that should be in the database now
//!  external routes     ├─ originate ┼─ discards: routes that ranges call for
//!  routes (`Routing`)  │            └─ problems: what does not fit
//!  database ───────────┘
//! ```
//!
//! Level-triggered: call [`originate`] after anything in [`Local`] may have changed, compare with the own LSAs in the
//! database, and flood the difference: what is new or differs as a new instance, what is missing by flushing it. Fed with
//! its own results, it comes to rest.
//!
//! | what | where | RFC |
//! | --- | --- | --- |
//! | router-LSA, network-LSA, stub router | `router` | 2328 §12.4.1-2, 3021, 3509, 6987 |
//! | summaries, ranges, stub defaults | `summary` | 2328 §12.4.3, §3.5-6 |
//! | AS-externals | `external` | 2328 §12.4.4 |
//! | type 7 and its translation | `nssa` | 3101 |
//! | link state ids | `link_state_id` | 2328 appendix E |
//!
//! Departures, all on the safe side: an area border router has the backbone among its areas (RFC 3509), so bit B stays
//! off without it; translators are elected among border routers by bit B alone, as FRR and BIRD do, since not all
//! implementations set bit E as RFC 3101 §3.1 wants.
//!
//! ```
//! use std::collections::BTreeMap;
//! use braid_ospf_originate::{
//!     AreaType, AreaView, Database, InterfaceState, InterfaceView, Local, Network, StubRouter, originate,
//! };
//! use braid_ospf_packet::{AreaId, Lsa, LsaKey, LsType, RouterId};
//! use braid_ospf_route::{Domain, Routing, Settings};
//!
//! struct Empty;
//! impl Database for Empty {
//!     fn lsa(&self, _: Domain, _: &LsaKey) -> Option<Lsa> { None }
//!     fn nssa(&self, _: AreaId) -> Vec<Lsa> { Vec::new() }
//! }
//!
//! let router_id = RouterId::from([1, 1, 1, 1]);
//! let areas = [AreaView {
//!     id: AreaId::BACKBONE, kind: AreaType::Normal, ranges: BTreeMap::new(), translating_still: false,
//! }];
//! let interfaces = [InterfaceView {
//!     area: AreaId::BACKBONE,
//!     address: "100.64.0.1/32".parse()?,
//!     unnumbered: None,
//!     prefixes: BTreeMap::new(),
//!     network: Network::Loopback,
//!     passive: true,
//!     cost: 0,
//!     state: InterfaceState::Loopback,
//!     designated_router: [0, 0, 0, 0].into(),
//!     neighbours: Vec::new(),
//! }];
//! let said = originate(&Local {
//!     router_id,
//!     areas: &areas,
//!     interfaces: &interfaces,
//!     virtual_links: &[],
//!     externals: &BTreeMap::new(),
//!     stub_router: StubRouter::Off,
//!     routing: &Routing::new(router_id, Settings::default()),
//!     database: &Empty,
//! });
//! assert_eq!(said.origins.len(), 1);
//! assert_eq!(said.origins[0].ls_type, LsType::Router);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod collect;
mod external;
mod link_state_id;
mod local;
mod nssa;
mod origin;
mod router;
mod summary;

pub use local::{
    AreaType, AreaView, Database, External, InterfaceState, InterfaceView, Local, NeighbourView, Network,
    Range, StubRouter, Translate, VirtualLinkView,
};
pub use nssa::{is_elected, translates};
pub use origin::{Discard, Origin, Origination, Problem};
pub use router::{MAX_LINK_METRIC, active_areas, is_area_border};
pub use summary::DRAINED_METRIC;

/// Everything that the router should say now. Effort: the routes times the areas on a border router, else the interfaces and
/// own externals.
#[must_use]
pub fn originate(local: &Local<'_>) -> Origination {
    let mut out = collect::Collector::new(local.router_id);
    router::router_lsas(local, &mut out);
    router::network_lsas(local, &mut out);
    summary::summaries(local, &mut out);
    nssa::type_7(local, &mut out);
    external::externals(local, &mut out);
    out.finish()
}
