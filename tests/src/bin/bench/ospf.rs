//! The embedded OSPF engine beside FRR and BIRD.

use std::time::Duration;

use braid_injector::{Figures, Implementation, InjectorError, Settings, hold};
use braid_interop::{Kind, Protocol};
use braid_tests::braid;

use crate::{
    contest::{Contest, megabytes, milliseconds, networks, seconds},
    row::Row,
};

pub fn measure() -> Vec<Row> {
    let mut rows = fed();
    rows.extend(crate::spf::measure());
    let kinds = [("braid", Kind::Native), ("FRR", Kind::Frr), ("BIRD", Kind::Bird)];
    rows.extend(networks(Protocol::Ospf, &kinds, "13 ms"));
    rows
}

fn middle(times: &[Duration]) -> f64 {
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}

/// A grid of 10,000 routers fed over a real adjacency.
fn fed() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let figures_of = |implementation: Implementation| {
        let figures = runtime.block_on(hold(&implementation, &Settings::benchmark()));
        let figures = figures.map_err(|error: InjectorError| error.to_string());
        eprintln!("{}: {figures:?}", implementation.name());
        (implementation.name(), figures)
    };
    let all = [Implementation::Native(braid()), Implementation::Frr, Implementation::Bird];
    let contest = Contest(all.map(figures_of).into());
    vec![
        contest
            .row(
                "one change among 10,000 routers, CPU, median (peers: ospfd + zebra, BIRD)",
                |figures: &Figures| middle(&figures.cpu()),
                milliseconds,
            )
            .aim("5 ms, ratios 0.067, 0.33"),
        contest.row(
            "the same, CPU of the worst change",
            |figures| figures.cpu().last().map_or(0.0, Duration::as_secs_f64),
            milliseconds,
        ),
        contest.row(
            "the same, CPU of the routing daemon alone, median (peers: ospfd, BIRD)",
            |figures| middle(&figures.routing_cpu()),
            milliseconds,
        ),
        contest.row(
            "the same, LSA sent to kernel route changed, median",
            |figures| middle(&figures.visible()),
            milliseconds,
        ),
        contest
            .row(
                "memory (PSS) with 10,000 routers (peers: ospfd + zebra, BIRD)",
                |f| f.memory.pss as f64,
                megabytes,
            )
            .aim("13 MB"),
        contest.row(
            "start to full tables of 10,000 routes, a neighbour that has the database",
            |figures| figures.full.as_secs_f64(),
            seconds,
        ),
    ]
}
