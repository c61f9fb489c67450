//! The embedded OSPF engine beside FRR and BIRD.

use std::hint::black_box;

use braid_injector::{COST, Grid, Implementation, Place, Protocol, ROUTER, ospf};
use braid_interop::Kind;
use braid_ospf_packet::{
    AreaId, LinkKind, Lsa, LsaBody, Options, RouterFlags, RouterLink, RouterLsa, SequenceNumber,
};
use braid_ospf_route::{AreaKind, Domain, Routing, Settings};
use braid_tests::braid;

use crate::{
    contest::{FedAims, fed, networks},
    row::Row,
    spf::{self, Decision},
};

pub fn measure() -> Vec<Row> {
    let implementations = [Implementation::Native(braid()), Implementation::Frr, Implementation::Bird];
    let aims = FedAims { change: "5 ms, ratios 0.067, 0.33", memory: "13 MB" };
    let mut rows = fed(Protocol::Ospf, &implementations, &aims);
    rows.extend(spf::measure(Protocol::Ospf, OspfDecision::new));
    let kinds = [("braid", Kind::Native), ("FRR", Kind::Frr), ("BIRD", Kind::Bird)];
    rows.extend(networks(braid_interop::Protocol::Ospf, &kinds, "13 ms"));
    rows
}

const BACKBONE: Domain = Domain::Area(AreaId::BACKBONE);

struct OspfDecision(Routing);

impl OspfDecision {
    fn new(grid: &Grid) -> Self {
        let mut routing = Routing::new(ospf::ROUTER_ID, Settings::default());
        routing.set_area(AreaId::BACKBONE, AreaKind::Normal);
        routing.install(BACKBONE, &root(grid));
        Self(routing)
    }
}

impl Decision for OspfDecision {
    type Announcement = Lsa;

    fn announcement(grid: &Grid, place: Place) -> Lsa {
        ospf::lsa(grid, place).expect("a small LSA")
    }

    fn install(&mut self, announcement: &Lsa) {
        self.0.install(BACKBONE, announcement);
    }

    fn compute(&mut self) -> usize {
        self.0.compute().changes.len()
    }

    fn recompute_paths(&mut self) {
        black_box(self.0.recompute());
    }
}

/// What the root itself says: one link to the grid.
fn root(grid: &Grid) -> Lsa {
    let id = grid.attached().address();
    let link = RouterLink { kind: LinkKind::PointToPoint, id, data: ROUTER, metric: COST };
    let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links: vec![link] });
    let own = ospf::ROUTER_ID;
    Lsa::build(1, Options::E, own.0, own, SequenceNumber::INITIAL, &body).expect("a small LSA")
}
