//! Goal: on networks of hundreds of routers, long histories of small changes lead to what a router would have that has
//! only just come, and cost what they move.

mod common;

use braid_isis_packet::{Level, LspFlags};
use braid_isis_route::{Adjacency, Routing, Settings};
use common::{Dice, Grid, link, lsp, lsp_with, net, router, system};
use ipnet::Ipv4Net;

const SIDE: u32 = 12;
const MIDDLE: u32 = SIDE * SIDE / 2 + SIDE / 2;

fn fresh(grid: &Grid, gone: &[u32], adjacencies: &[Adjacency]) -> Routing {
    let mut routing = Routing::new(system(MIDDLE), Settings::default());
    for number in (1..=SIDE * SIDE).rev() {
        if !gone.contains(&number) {
            routing.install(Level::Two, &grid.lsp(number));
        }
        // A prefix that many have, so that it has next hops which no node has. It counts while the first fragment does.
        let shared = [(net(&format!("192.0.{}.0/24", number % 5)), 7)];
        let second = router(number).fragment(1);
        routing.install(Level::Two, &lsp_with(Level::Two, second, LspFlags::new(Level::Two), &[], &shared));
    }
    routing.set_adjacencies(adjacencies);
    routing.compute();
    routing
}

fn history(seed: u64, metrics: u32, least: u32) {
    let mut dice = Dice(seed);
    let mut grid = Grid::new(SIDE, || least + dice.below(metrics));
    let mut gone: Vec<u32> = Vec::new();
    let mut adjacencies = grid.adjacencies(MIDDLE);
    let mut routing = fresh(&grid, &gone, &adjacencies);
    for round in 0..400 {
        for _ in 0..=dice.below(3) {
            let number = 1 + dice.below(SIDE * SIDE);
            match dice.below(4) {
                0 if number != MIDDLE && !gone.contains(&number) => {
                    routing.remove(Level::Two, &router(number).fragment(0));
                    gone.push(number);
                }
                1 if !gone.is_empty() => {
                    let number = gone.swap_remove(dice.below(gone.len() as u32) as usize);
                    routing.install(Level::Two, &grid.lsp(number));
                }
                // Other gateways: new sets of next hops for everybody.
                2 => {
                    for adjacency in &mut adjacencies {
                        adjacency.gateway = Some(dice.below(u32::MAX).into());
                    }
                }
                _ => {
                    grid.metrics[number as usize - 1] =
                        [least + dice.below(metrics), least + dice.below(metrics)];
                    let gateways: Vec<_> = adjacencies.iter().map(|adjacency| adjacency.gateway).collect();
                    adjacencies = grid.adjacencies(MIDDLE);
                    for (adjacency, gateway) in adjacencies.iter_mut().zip(gateways) {
                        adjacency.gateway = gateway;
                    }
                    for number in [number, number + 1, number + SIDE] {
                        if number <= SIDE * SIDE && !gone.contains(&number) {
                            routing.install(Level::Two, &grid.lsp(number));
                        }
                    }
                }
            }
        }
        routing.set_adjacencies(&adjacencies);
        routing.compute();
        let expected = fresh(&grid, &gone, &adjacencies);
        assert!(routing.routes().eq(expected.routes()), "seed {seed}, round {round}");
        assert_eq!(routing.clone().recompute().changes, [], "seed {seed}, round {round}");
    }
    let size = |routing: &Routing| postcard::to_stdvec(routing).expect("it can be written").len();
    assert!(size(&routing) < 2 * size(&fresh(&grid, &[], &adjacencies)), "old things pile up");
}

#[test]
fn long_histories_with_many_equal_paths() {
    history(1, 2, 1);
}

#[test]
fn long_histories_with_many_metrics() {
    history(2, 1_000_000, 1);
}

#[test]
fn long_histories_with_metrics_of_zero() {
    history(3, 3, 0);
}

#[test]
fn a_change_far_away_costs_little() {
    let mut dice = Dice(4);
    let mut grid = Grid::new(SIDE, || 10 + dice.below(90));
    let mut routing = fresh(&grid, &[], &grid.adjacencies(MIDDLE));
    let corner = SIDE * SIDE;
    grid.metrics[corner as usize - 2][0] += 1000;
    for number in [corner - 1, corner] {
        routing.install(Level::Two, &grid.lsp(number));
    }
    let outcome = routing.compute();
    assert!(outcome.work.nodes < 10 && outcome.work.prefixes < 10, "{:?}", outcome.work);
}

#[test]
fn routers_that_come_and_go_leave_nothing_behind() {
    let us = system(1);
    let mut routing = Routing::new(us, Settings::default());
    routing.set_adjacencies(&[link(Level::Two, 2, 2, 10)]);
    let prefix = |number: u32| Ipv4Net::new((0x0a00_0000 + (number << 8)).into(), 24).expect("at most 32");
    let size = |routing: &Routing| postcard::to_stdvec(routing).expect("it can be written").len();
    let mut sizes = Vec::new();
    for number in 100..600 {
        // Three at a time stand behind router 2; the eldest is purged as the next comes.
        let now: Vec<u32> = (number..number + 3).collect();
        let listed: Vec<_> = [1].iter().chain(&now).map(|peer| (router(*peer), 10)).collect();
        routing.install(Level::Two, &lsp(Level::Two, router(2), &listed, &[]));
        for number in &now {
            let listed = [(router(2), 10)];
            routing.install(
                Level::Two,
                &lsp(Level::Two, router(*number), &listed, &[(prefix(*number), *number)]),
            );
        }
        let gone = lsp(Level::Two, router(number - 1), &[], &[]).with_lifetime(0);
        routing.install(Level::Two, &gone);
        routing.compute();
        let routes: Vec<_> = routing.routes().map(|(net, route)| (net, route.metric, route.origin)).collect();
        let expected: Vec<_> =
            now.iter().map(|number| (prefix(*number), 20 + number, router(*number).fragment(0))).collect();
        assert_eq!(routes, expected);
        sizes.push(size(&routing));
    }
    assert!(sizes[499] < sizes[10] + 50, "{} bytes became {}", sizes[10], sizes[499]);
}
