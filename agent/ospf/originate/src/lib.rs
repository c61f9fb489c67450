//! What an OSPF router says of itself: its own LSAs as a pure function of its state.

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
pub use router::{MAX_LINK_METRIC, active_areas, is_area_border, originate_links};
pub use summary::DRAINED_METRIC;

/// Everything that the router should say now.
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
