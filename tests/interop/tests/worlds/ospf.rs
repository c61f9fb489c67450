//! OSPF of all implementations.

use braid_interop::{Kind, Settings};
use braid_world::{AreaKind, Dice, Options, World, generate};

use crate::{mixed, seeds};

fn run(test: &str, seed: u64, world: World, kinds: Vec<Kind>, count: usize) {
    let script = braid_world::changes(&world, seed, count);
    crate::run(test, seed, (world, kinds, Settings::default()), script.into_iter().map(crate::Step::Change));
}

/// All kinds; ospfd announces a kernel route without its forwarding address when it hears of the route before the interface.
fn mixed_of_ospf(world: &mut World, seed: u64, kinds: &[Kind]) -> Vec<Kind> {
    let list = mixed(world, seed, kinds);
    without_frr_forwarding(world, &list);
    list
}

fn without_frr_forwarding(world: &mut World, kinds: &[Kind]) {
    let of_frr = world.routers.iter_mut().zip(kinds).filter(|(_, kind)| **kind == Kind::Frr);
    for external in of_frr.flat_map(|(router, _)| router.externals.values_mut()) {
        external.forwarding = None;
    }
}

/// Has area border routers run the embedded engine, and those that announce externals if wanted.
fn native_borders(world: &World, kinds: &mut [Kind], externals: bool) {
    for router in world.router_indices() {
        let announces = externals && !world.router(router).externals.is_empty();
        if announces || world.areas_of(router).len() > 1 {
            kinds[router.0] = Kind::Native;
        }
    }
}

const STUB: AreaKind = AreaKind::Stub { summaries: true, default_cost: 5 };
const TOTALLY_STUBBY: AreaKind = AreaKind::Stub { summaries: false, default_cost: 5 };
const NSSA: AreaKind = AreaKind::Nssa { summaries: true, default_cost: 5 };
const TOTALLY_NSSA: AreaKind = AreaKind::Nssa { summaries: false, default_cost: 5 };

#[test]
fn one_area_of_three_implementations() {
    for seed in seeds(3) {
        let mut world = generate(seed, &Options { routers: 9, ..Options::default() });
        let kinds = mixed_of_ospf(&mut world, seed, &Kind::ALL);
        run("one_area_of_three_implementations", seed, world, kinds, 8);
    }
}

#[test]
fn natives_alone_in_every_kind_of_area() {
    for seed in seeds(3) {
        let mut areas = vec![AreaKind::Normal, STUB, TOTALLY_STUBBY, NSSA, TOTALLY_NSSA];
        Dice::new(seed).shuffle(&mut areas);
        areas.truncate(2);
        let world = generate(seed, &Options { routers: 9, areas, ranges: true, ..Options::default() });
        let kinds = vec![Kind::Native; world.routers.len()];
        run("natives_alone_in_every_kind_of_area", seed, world, kinds, 8);
    }
}

#[test]
fn normal_and_stub_areas_of_three_implementations() {
    for seed in seeds(2) {
        let stub = if seed % 2 == 0 { STUB } else { TOTALLY_STUBBY };
        let options =
            Options { routers: 9, areas: vec![AreaKind::Normal, stub], ranges: true, ..Options::default() };
        let mut world = generate(seed, &options);
        let kinds = mixed_of_ospf(&mut world, seed, &Kind::ALL);
        run("normal_and_stub_areas_of_three_implementations", seed, world, kinds, 6);
    }
}

/// ospfd translates type 7 with another metric, and announces a default route into any NSSA. So border routers and those that
/// announce are native, and summaries stay out; the other routers hear and compute.
#[test]
fn an_nssa_of_three_implementations_behind_native_borders() {
    for seed in seeds(2) {
        let options = Options { routers: 9, areas: vec![TOTALLY_NSSA], externals: 3, ..Options::default() };
        let mut world = generate(seed, &options);
        let mut kinds = mixed_of_ospf(&mut world, seed, &[Kind::Frr, Kind::Bird, Kind::Native]);
        native_borders(&world, &mut kinds, true);
        run("an_nssa_of_three_implementations_behind_native_borders", seed, world, kinds, 6);
    }
}

/// ospfd at the end of a virtual link now and then keeps the way to an ASBR behind it to itself (no type 4), and BIRD's virtual link
/// did not come up here. So border routers are native.
#[test]
fn a_virtual_link_of_natives_among_others() {
    for seed in seeds(2) {
        let areas = vec![AreaKind::Normal];
        let options = Options { routers: 8, areas, virtual_link: true, ..Options::default() };
        let mut world = generate(seed, &options);
        let mut kinds = mixed_of_ospf(&mut world, seed, &Kind::ALL);
        native_borders(&world, &mut kinds, false);
        // Where the transit area falls apart, what is left of the backbone is not one: nothing changes here.
        run("a_virtual_link_of_natives_among_others", seed, world, kinds, 0);
    }
}
