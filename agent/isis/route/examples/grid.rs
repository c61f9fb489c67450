//! Times the decision process on grids: `cargo run --release -p braid-isis-route --example grid`.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it measures, and tells"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use braid_isis_packet::Level;
use braid_isis_route::{Routing, Settings, Work};
use common::{Dice, Grid, system};

const ROUNDS: usize = 41;

fn main() {
    for (name, side, metrics) in [
        ("9 routers, equal metrics", 3, 1),
        ("100 × 100, equal metrics", 100, 1),
        ("100 × 100, metrics 1 to 100", 100, 100),
        ("100 × 100, metrics 1 to 1,000,000", 100, 1_000_000),
    ] {
        measure(name, side, metrics);
    }
}

fn measure(name: &str, side: u32, metrics: u32) {
    let mut dice = Dice(1);
    let mut grid = Grid::new(side, || 10 * (1 + dice.below(metrics)));
    let middle = side / 2 * side + side / 2 + 1;
    println!("{name}, from the middle");
    let lsps: Vec<_> = grid.lsps().collect();
    let before = resident();
    let mut routing = Routing::new(system(middle), Settings::default());
    let start = Instant::now();
    for lsp in &lsps {
        routing.install(Level::Two, lsp);
    }
    routing.set_adjacencies(&grid.adjacencies(middle));
    tell("  all LSPs in", &mut [start.elapsed()], None);
    let start = Instant::now();
    let outcome = routing.compute();
    tell("  first computation", &mut [start.elapsed()], Some(outcome.work));
    println!("  {} routes, {} KiB more resident", routing.routes().count(), resident() - before);

    let mut times = Vec::new();
    let mut work = Work::default();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work = routing.recompute().work;
        times.push(start.elapsed());
    }
    tell("  everything again, with all prefixes", &mut times, Some(work));
    times.clear();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        routing.recompute_paths();
        times.push(start.elapsed());
    }
    tell("  full SPF alone", &mut times, None);

    let last = side * side;
    for (what, number) in
        [("far away", last - 1), ("half way", middle + (side / 4) * (side + 1)), ("next to us", middle)]
    {
        let mut times = Vec::new();
        let mut work = Work::default();
        for round in 0..ROUNDS {
            grid.metrics[number as usize - 1][0] += if round % 2 == 0 { 5 } else { 0 };
            grid.metrics[number as usize - 1][0] -= if round % 2 == 0 { 0 } else { 5 };
            let said = [grid.lsp(number), grid.lsp(number + 1)];
            let adjacencies = grid.adjacencies(middle);
            let start = Instant::now();
            for lsp in &said {
                routing.install(Level::Two, lsp);
            }
            routing.set_adjacencies(&adjacencies);
            let outcome = routing.compute();
            times.push(start.elapsed());
            work = outcome.work;
        }
        tell(&format!("  a metric {what}"), &mut times, Some(work));
    }
    let mut times = Vec::new();
    let mut work = Work::default();
    let mut adjacencies = grid.adjacencies(middle);
    for round in 0..ROUNDS {
        for adjacency in &mut adjacencies {
            adjacency.metric = if round % 2 == 0 { adjacency.metric + 5 } else { adjacency.metric - 5 };
        }
        let start = Instant::now();
        routing.set_adjacencies(&adjacencies);
        let outcome = routing.compute();
        times.push(start.elapsed());
        assert!(outcome.changes.len() > routing.routes().count() - 3, "all but our own move");
        work = outcome.work;
    }
    tell("  all our own metrics", &mut times, Some(work));
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let said = grid.lsp_announcing(1, 20 + round as u32);
        let start = Instant::now();
        routing.install(Level::Two, &said);
        work = routing.compute().work;
        times.push(start.elapsed());
    }
    tell("  a prefix", &mut times, Some(work));
    let same = grid.lsp(last);
    let start = Instant::now();
    routing.install(Level::Two, &same);
    assert!(routing.pending().is_none());
    tell("  a refresh", &mut [start.elapsed()], None);
}

fn tell(what: &str, times: &mut [Duration], work: Option<Work>) {
    times.sort_unstable();
    let middle = times[times.len() / 2].as_secs_f64() * 1e6;
    let work =
        work.map_or(String::new(), |work| format!("  ({} nodes, {} prefixes)", work.nodes, work.prefixes));
    let least = times[0].as_secs_f64() * 1e6;
    println!("{what}: {middle:.1} µs, at best {least:.1}{work}");
}

/// Resident memory in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a kernel with /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line for it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
