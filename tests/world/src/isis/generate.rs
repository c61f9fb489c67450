//! Worlds of areas and levels from seeds.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use ipnet::Ipv4Net;

use super::{Domain, LeakDown, Levels, Router};
use crate::{
    AreaKind, BACKBONE, Dice, RouterIndex, SegmentKind, World,
    generate::{Builder, Options as Physical},
};

/// The area of the core's routers.
const CORE: u16 = u16::MAX;

/// What kind of world is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many routers, at least two per area and two for the core.
    pub routers: usize,
    /// Areas that hang on a core of level 2. With none, all routers are of one area.
    pub areas: usize,
    /// The levels of all routers if there are no areas.
    pub flat: Levels,
    /// How many of 100 segments are LANs.
    pub broadcast_percent: u8,
    /// How many of 100 routers have one more point-to-point link than connects them.
    pub extra_percent: u8,
    /// Whether such a link may join routers that share a segment already.
    pub parallel: bool,
    /// Costs are 1 to this: few values make equal costs likely.
    pub max_cost: u16,
    /// Attached prefixes of each router.
    pub stubs: usize,
    /// External prefixes.
    pub externals: usize,
    /// Whether some areas are condensed at their borders.
    pub summaries: bool,
    /// Whether some borders leak level 2 into their areas.
    pub leak_down: bool,
    /// Whether metrics are narrow.
    pub narrow: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            routers: 9,
            areas: 0,
            flat: Levels::Both,
            broadcast_percent: 30,
            extra_percent: 60,
            parallel: true,
            max_cost: 3,
            stubs: 1,
            externals: 2,
            summaries: false,
            leak_down: false,
            narrow: false,
        }
    }
}

/// One area for all routers of a world, each with the same levels.
#[must_use]
pub fn flat(world: &World, levels: Levels) -> Domain {
    Domain {
        routers: world.routers.iter().map(|_| Router::new(1, levels)).collect(),
        segments: world.segments.iter().map(|_| levels).collect(),
        narrow: false,
    }
}

/// A connected world with a domain over it; the same seed and options give the same.
#[must_use]
pub fn generate(seed: u64, options: &Options) -> (World, Domain) {
    let mut build = Builder::new(Dice::new(seed), options.max_cost);
    let physical = Physical {
        broadcast_percent: options.broadcast_percent,
        extra_percent: options.extra_percent,
        parallel: options.parallel,
        stubs: options.stubs,
        externals: options.externals,
        ..Physical::default()
    };
    build.world.areas.insert(BACKBONE, AreaKind::Normal);
    let count = options.routers.max(2 + 2 * options.areas);
    let routers: Vec<RouterIndex> = (0..count).map(|number| build.router(number)).collect();
    let mut domain = Domain { routers: Vec::new(), segments: Vec::new(), narrow: options.narrow };
    let share = count / (options.areas + 1);
    let (inner, core) = routers.split_at(share * options.areas);
    let mut backbone = core.to_vec();
    for (n, members) in inner.chunks(share.max(1)).enumerate() {
        let area = u16::try_from(n + 1).unwrap_or(u16::MAX);
        let borders = (1 + build.dice.below(2)).min(members.len() - 1);
        backbone.extend(&members[..borders]);
        domain.routers.extend(
            (0..members.len())
                .map(|n| Router::new(area, if n < borders { Levels::Both } else { Levels::One })),
        );
        join(&mut build, &mut domain, (area, members), Levels::One, &physical);
    }
    for _ in core {
        let levels = if options.areas == 0 {
            options.flat
        } else if build.dice.chance(50) {
            Levels::Two
        } else {
            Levels::Both
        };
        domain.routers.push(Router::new(CORE, levels));
    }
    let spoken = if options.areas == 0 { options.flat } else { Levels::Two };
    join(&mut build, &mut domain, (0, &backbone), spoken, &physical);
    for router in &routers {
        let area = u32::from(domain.router(*router).area).min(255);
        (0..options.stubs).for_each(|_| build.stub(*router, Ipv4Addr::from(area)));
    }
    build.externals(&physical);
    finish(&mut build, &mut domain, options);
    (build.world, domain)
}

/// Joins routers by segments whose addresses are of an area's block. Some segments speak both levels, whatever is needed.
fn join(
    build: &mut Builder,
    domain: &mut Domain,
    (block, members): (u16, &[RouterIndex]),
    levels: Levels,
    physical: &Physical,
) {
    let before = build.world.segments.len();
    build.join(Ipv4Addr::from(u32::from(block)), members, physical);
    for _ in before..build.world.segments.len() {
        domain.segments.push(if build.dice.chance(50) { Levels::Both } else { levels });
    }
}

/// What is drawn once all is there: what borders say, and where externals are announced.
fn finish(build: &mut Builder, domain: &mut Domain, options: &Options) {
    let Builder { world, dice, .. } = build;
    for segment in &mut world.segments {
        segment.area = BACKBONE;
        if segment.kind == SegmentKind::Broadcast {
            segment.ends.iter_mut().for_each(|end| end.priority = dice.below(4) as u8);
        }
    }
    for router in &mut world.routers {
        router.stubs.iter_mut().for_each(|stub| stub.area = BACKBONE);
        router.externals.values_mut().for_each(|external| external.forwarding = None);
    }
    let block =
        |area: u16| Ipv4Net::new_assert(Ipv4Addr::from((10 << 24) | u32::from(area.min(255)) << 16), 16);
    let is_condensed: BTreeMap<u16, bool> =
        domain.routers.iter().map(|router| (router.area, options.summaries && dice.chance(60))).collect();
    for router in &mut domain.routers {
        router.level2_extra = if dice.chance(30) { dice.between(1, 5) } else { 0 };
        router.externals = *dice.pick(&[Levels::One, Levels::Two, Levels::Both]).unwrap_or(&Levels::Both);
        if router.levels != Levels::Both || options.areas == 0 {
            continue;
        }
        router.leak_up = dice.chance(90);
        // The core may hang together by level 2 alone: its borders do not reach all that they would stand for.
        if is_condensed[&router.area] && router.area != CORE {
            let metric = dice.chance(50).then(|| u32::from(dice.between(1, 20)));
            router.summaries.insert(block(router.area), metric);
        }
        if options.leak_down && dice.chance(60) {
            let some = (0..3).map(|_| block(dice.between(0, 4))).collect::<BTreeSet<_>>();
            router.leak_down = if dice.chance(50) { LeakDown::All } else { LeakDown::Within(some) };
        }
    }
}
