//! IS-IS of isisd and the embedded engine.

use std::thread;

use braid_interop::{Kind, Settings};
use braid_world::{
    Change, Dice, RouterIndex, World, changes,
    isis::{Domain, LeakDown, Levels, Options, generate},
};

use crate::{Step, mixed, run, seeds};

const MIXED: [Kind; 2] = [Kind::Native, Kind::Frr];

/// Of parallel segments isisd uses the one whose adjacency came up first, whatever their metrics (FRR issues 16072 and 19470):
/// worlds with isisd have none.
fn with_isisd() -> Options {
    Options { parallel: false, ..Options::default() }
}

/// What isisd 8.4 has no word for, it is not asked: it leaks nothing between levels, a circuit's metric is its prefix's too, and
/// redistributed metrics are of the internal type.
fn as_isisd_can(world: &mut World, domain: &mut Domain, kinds: &[Kind]) {
    for (n, _) in kinds.iter().enumerate().filter(|(_, kind)| **kind == Kind::Frr) {
        world.routers[n].externals.values_mut().for_each(|external| external.type2 = false);
        let router = &mut domain.routers[n];
        router.level2_extra = 0;
        router.leak_up = false;
        router.summaries.clear();
        router.leak_down = LeakDown::Nothing;
    }
}

/// Has the embedded engine at the borders of areas, of which isisd would tell neither level what it knows of the other.
fn native_borders(domain: &Domain, kinds: &mut [Kind]) {
    for (router, kind) in domain.routers.iter().zip(kinds) {
        if router.levels == Levels::Both {
            *kind = Kind::Native;
        }
    }
}

/// Cuts, metrics, deaths; between them a restart, and a router that is drained and taken back.
fn script(world: &World, seed: u64, count: usize) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let mut routers: Vec<RouterIndex> = world.router_indices().collect();
    dice.shuffle(&mut routers);
    let mut steps = vec![
        Step::Change(Change::StubRouter(routers[0], true)),
        Step::Restart(routers[1]),
        Step::Change(Change::StubRouter(routers[0], false)),
    ];
    steps.extend(changes(world, seed, count).into_iter().map(Step::Change));
    steps
}

/// All seeds at once: most of the time goes by in waiting for isisd.
fn each_seed(default: u64, test: impl Fn(u64) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        for seed in seeds(default) {
            scope.spawn(move || test(seed));
        }
    });
}

#[test]
fn one_area_of_isisd_and_native() {
    each_seed(3, |seed| {
        let flat = [Levels::Two, Levels::One, Levels::Both][seed as usize % 3];
        let (mut world, mut domain) = generate(seed, &Options { flat, ..with_isisd() });
        let kinds = mixed(&world, seed, &MIXED);
        as_isisd_can(&mut world, &mut domain, &kinds);
        let script = script(&world, seed, 4);
        run("one_area_of_isisd_and_native", seed, (world, kinds, Settings::isis(domain)), script);
    });
}

#[test]
fn narrow_metrics_of_isisd_and_native() {
    each_seed(1, |seed| {
        let options = Options { routers: 6, narrow: true, flat: Levels::Two, ..with_isisd() };
        let (mut world, mut domain) = generate(seed, &options);
        let kinds = mixed(&world, seed, &MIXED);
        as_isisd_can(&mut world, &mut domain, &kinds);
        let script = script(&world, seed, 1);
        run("narrow_metrics_of_isisd_and_native", seed, (world, kinds, Settings::isis(domain)), script);
    });
}

#[test]
fn areas_of_isisd_behind_native_borders() {
    each_seed(2, |seed| {
        let options =
            Options { routers: 9, areas: 2, summaries: true, leak_down: seed % 2 == 0, ..with_isisd() };
        let (mut world, mut domain) = generate(seed, &options);
        let mut kinds = mixed(&world, seed, &[Kind::Frr, Kind::Frr, Kind::Native]);
        native_borders(&domain, &mut kinds);
        as_isisd_can(&mut world, &mut domain, &kinds);
        let script = script(&world, seed, 4);
        run("areas_of_isisd_behind_native_borders", seed, (world, kinds, Settings::isis(domain)), script);
    });
}

#[test]
fn natives_alone_in_areas_that_leak() {
    each_seed(3, |seed| {
        let options = Options {
            routers: 10,
            areas: 1 + seed as usize % 3,
            summaries: true,
            leak_down: true,
            narrow: seed % 4 == 0,
            ..Options::default()
        };
        let (world, domain) = generate(seed, &options);
        let kinds = vec![Kind::Native; world.routers.len()];
        // Leaks begin and end while all runs.
        let mut quiet = domain.clone();
        for router in &mut quiet.routers {
            router.leak_down = LeakDown::Nothing;
            router.summaries.clear();
        }
        let mut script = script(&world, seed, 6);
        script.insert(1, Step::Domain(quiet));
        script.push(Step::Domain(domain.clone()));
        run("natives_alone_in_areas_that_leak", seed, (world, kinds, Settings::isis(domain)), script);
    });
}
