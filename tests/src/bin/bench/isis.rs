//! The embedded IS-IS engine beside isisd.

use std::hint::black_box;

use braid_injector::{COST, Grid, INJECTOR, Implementation, Place, Protocol, isis};
use braid_interop::Kind;
use braid_isis_packet::{Level, Lsp};
use braid_isis_route::{Adjacency, Routing, Settings};
use braid_tests::braid;

use crate::{
    contest::{FedAims, fed, networks},
    row::Row,
    spf::{self, Decision},
};

pub fn measure() -> Vec<Row> {
    let implementations = [Implementation::Native(braid()), Implementation::Frr];
    let aims = FedAims { change: "5 ms", memory: "15 MB" };
    let mut rows = fed(Protocol::Isis, &implementations, &aims);
    rows.extend(spf::measure(Protocol::Isis, IsisDecision::new));
    let kinds = [("braid", Kind::Native), ("FRR", Kind::Frr)];
    rows.extend(networks(braid_interop::Protocol::Isis, &kinds, "15 ms"));
    rows
}

struct IsisDecision(Routing);

impl IsisDecision {
    fn new(grid: &Grid) -> Self {
        let mut routing = Routing::new(isis::ROUTER_ID, Settings::default());
        let router = isis::system(grid.attached());
        routing.set_adjacencies(&[Adjacency {
            level: Level::Two,
            neighbour: router.node(),
            router,
            circuit: 1,
            gateway: Some(INJECTOR),
            metric: COST.into(),
        }]);
        Self(routing)
    }
}

impl Decision for IsisDecision {
    type Announcement = Lsp;

    fn announcement(grid: &Grid, place: Place) -> Lsp {
        isis::lsp(grid, place).expect("a small LSP")
    }

    fn install(&mut self, announcement: &Lsp) {
        self.0.install(Level::Two, announcement);
    }

    fn compute(&mut self) -> usize {
        self.0.compute().changes.len()
    }

    fn recompute_paths(&mut self) {
        black_box(self.0.recompute_paths());
    }
}
