//! The embedded OSPF engine beside FRR and BIRD.

use std::time::Duration;

use braid_injector::{Figures, Implementation, InjectorError, Settings, hold};
use braid_interop::{Kind, measure as network};
use braid_tests::braid;

use crate::row::{Row, median};

pub fn measure() -> Vec<Row> {
    let mut rows = fed();
    rows.extend(crate::spf::measure());
    rows.extend(networks());
    rows
}

/// One figure of all three, braid first. What could not be measured says why in its place.
struct Contest<T>([(&'static str, Result<T, String>); 3]);

impl<T> Contest<T> {
    /// The row of a figure; the smaller the better.
    fn row(&self, figure: &str, value: impl Fn(&T) -> f64, show: impl Fn(f64) -> String) -> Row {
        let [braid, peers @ ..] = &self.0;
        let shown = |result: &Result<T, String>| match result {
            Ok(it) => show(value(it)),
            Err(why) => why.clone(),
        };
        let peers_shown: Vec<String> =
            peers.iter().map(|(name, result)| format!("{name} {}", shown(result))).collect();
        let ratio = |result: &Result<T, String>| match (&braid.1, result) {
            (Ok(ours), Ok(theirs)) if value(theirs) > 0.0 => format!("{:.3}", value(ours) / value(theirs)),
            _ => "-".to_owned(),
        };
        let ratios: Vec<String> = peers.iter().map(|(_, result)| ratio(result)).collect();
        Row::new(figure, shown(&braid.1), peers_shown.join(", "), ratios.join(", "))
    }
}

impl Contest<f64> {
    /// The median of some rounds of a measurement, of all three. The first round that fails ends it.
    fn held(rounds: usize, figure: impl Fn(Kind) -> Result<f64, braid_interop::Error>) -> Self {
        Self([("braid", Kind::Native), ("FRR", Kind::Frr), ("BIRD", Kind::Bird)].map(|(name, kind)| {
            let values: Result<Vec<f64>, _> = (0..rounds).map(|_| figure(kind)).collect();
            eprintln!("{name}: {values:?}");
            (name, values.map(median).map_err(|error| error.to_string()))
        }))
    }
}

fn middle(times: &[Duration]) -> f64 {
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1e3)
}

fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

/// A grid of 10,000 routers fed over a real adjacency.
fn fed() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let contest = Contest([Implementation::Native(braid()), Implementation::Frr, Implementation::Bird].map(
        |implementation| {
            let figures = runtime.block_on(hold(&implementation, &Settings::benchmark()));
            let figures = figures.map_err(|error: InjectorError| error.to_string());
            eprintln!("{}: {figures:?}", implementation.name());
            (implementation.name(), figures)
        },
    ));
    let seconds = |value: f64| format!("{value:.2} s");
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

/// Grids of routers of one implementation, in namespaces.
fn networks() -> Vec<Row> {
    let seconds = |value: f64| format!("{value:.2} s");
    let own = |value: &f64| *value;
    let cold_start =
        |routers| move |kind| network::cold_start(kind, routers).map(|took: Duration| took.as_secs_f64());
    vec![
        Contest::held(1, |kind| network::pss(kind, 9).map(|bytes| bytes as f64))
            .row("memory (PSS) of a router among 9", own, megabytes)
            .aim("1.5 MB"),
        Contest::held(3, cold_start(9))
            .row("cold start of 9 routers to full kernel tables", own, seconds)
            .aim("1 s"),
        Contest::held(1, cold_start(49))
            .row("cold start of 49 routers to full kernel tables", own, seconds)
            .aim("2 s"),
        Contest::held(5, |kind| network::outage(kind).map(|took| took.as_secs_f64()))
            .row("outage after carrier loss, 9 routers", own, milliseconds)
            .aim("13 ms"),
        Contest::held(1, |kind| network::idle_cpu(kind, 49))
            .row("idle CPU of 49 routers with 1 s hellos, of one core", own, |share| {
                format!("{:.2} %", share * 100.0)
            })
            .aim("1 %"),
    ]
}
