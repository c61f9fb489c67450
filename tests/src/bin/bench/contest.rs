//! The embedded engine beside its peers.

use std::time::Duration;

use braid_injector::{Figures, Implementation, InjectorError, Settings, hold};
use braid_interop::{
    Error, Kind, Protocol,
    measure::{self as network, Subject},
};

use crate::row::{Row, median};

/// One figure of all, braid first. What could not be measured says why in its place.
pub struct Contest<T>(pub Vec<(&'static str, Result<T, String>)>);

impl<T> Contest<T> {
    /// The row of a figure; the smaller the better.
    pub fn row(&self, figure: &str, value: impl Fn(&T) -> f64, show: impl Fn(f64) -> String) -> Row {
        let Some((braid, peers)) = self.0.split_first() else { return Row::alone(figure, "-") };
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

pub fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1e3)
}

pub fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

pub fn seconds(value: f64) -> String {
    format!("{value:.2} s")
}

fn middle(times: &[Duration]) -> f64 {
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}

/// Aims of what [`fed`] measures.
pub struct FedAims {
    /// CPU time of a change.
    pub change: &'static str,
    /// Memory.
    pub memory: &'static str,
}

/// A grid of 10,000 routers fed over a real adjacency.
pub fn fed(
    protocol: braid_injector::Protocol,
    implementations: &[Implementation],
    aims: &FedAims,
) -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let figures_of = |implementation: &Implementation| {
        let figures = runtime.block_on(hold(implementation, &Settings::benchmark(protocol)));
        let figures = figures.map_err(|error: InjectorError| error.to_string());
        eprintln!("{}: {figures:?}", implementation.name());
        (implementation.name(), figures)
    };
    let contest = Contest(implementations.iter().map(figures_of).collect());
    let title = |figure: &str| format!("{protocol}: {figure}");
    vec![
        contest
            .row(
                &title("one change among 10,000 routers, CPU, median (peers: all their daemons)"),
                |figures: &Figures| middle(&figures.cpu()),
                milliseconds,
            )
            .aim(aims.change),
        contest.row(
            &title("the same, CPU of the worst change"),
            |figures| figures.cpu().last().map_or(0.0, Duration::as_secs_f64),
            milliseconds,
        ),
        contest.row(
            &title("the same, CPU of the routing daemon alone (not zebra), median"),
            |figures| middle(&figures.routing_cpu()),
            milliseconds,
        ),
        contest.row(
            &title("the same, announcement sent to kernel route changed, median"),
            |figures| middle(&figures.visible()),
            milliseconds,
        ),
        contest
            .row(
                &title("memory (PSS) with 10,000 routers (peers: all their daemons)"),
                |f| f.memory.pss as f64,
                megabytes,
            )
            .aim(aims.memory),
        contest.row(
            &title("start to full tables of 10,000 routes, a neighbour that has the database"),
            |figures| figures.full.as_secs_f64(),
            seconds,
        ),
    ]
}

/// Grids of routers of one implementation each, in namespaces, that speak a protocol.
pub fn networks(protocol: Protocol, kinds: &[(&'static str, Kind)], outage_aim: &str) -> Vec<Row> {
    // The median of some rounds of a measurement, of each kind. The first round that fails ends it.
    let held = |rounds: usize, figure: &dyn Fn(Subject) -> Result<f64, Error>| {
        let of_kind = |(name, kind): &(&'static str, Kind)| {
            let subject = Subject { kind: *kind, protocol };
            let values: Result<Vec<f64>, _> = (0..rounds).map(|_| figure(subject)).collect();
            eprintln!("{name}: {values:?}");
            (*name, values.map(median).map_err(|error| error.to_string()))
        };
        Contest(kinds.iter().map(of_kind).collect())
    };
    let own = |value: &f64| *value;
    let cold_start = |routers| {
        move |subject| network::cold_start(subject, routers).map(|took: Duration| took.as_secs_f64())
    };
    let title = |figure: &str| format!("{protocol}: {figure}");
    vec![
        held(1, &|subject| network::pss(subject, 9).map(|bytes| bytes as f64))
            .row(&title("memory (PSS) of a router among 9"), own, megabytes)
            .aim("1.5 MB"),
        held(3, &cold_start(9))
            .row(&title("cold start of 9 routers to full kernel tables"), own, seconds)
            .aim("1 s"),
        held(1, &cold_start(49))
            .row(&title("cold start of 49 routers to full kernel tables"), own, seconds)
            .aim("2 s"),
        held(5, &|subject| network::outage(subject).map(|took| took.as_secs_f64()))
            .row(&title("outage after carrier loss, 9 routers"), own, milliseconds)
            .aim(outage_aim),
        held(1, &|subject| network::idle_cpu(subject, 49))
            .row(&title("idle CPU of 49 routers with 1 s hellos, of one core"), own, |share| {
                format!("{:.2} %", share * 100.0)
            })
            .aim("1 %"),
    ]
}
