//! Worlds from seeds.

use std::{collections::BTreeMap, net::Ipv4Addr};

use ipnet::Ipv4Net;

use crate::{
    Area, AreaKind, AreaRange, BACKBONE, Dice, End, External, Router, RouterIndex, Segment, SegmentKind,
    Stub, VirtualLink, World,
};

/// What kind of world is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many routers, at least one per area and two for the backbone.
    pub routers: usize,
    /// The areas beside the backbone.
    pub areas: Vec<AreaKind>,
    /// How many of 100 segments are broadcast networks.
    pub broadcast_percent: u8,
    /// How many of 100 routers have one more point-to-point link than connects them.
    pub extra_percent: u8,
    /// Whether such a link may join routers that share a segment already.
    pub parallel: bool,
    /// Costs are 1 to this: few values make equal costs likely.
    pub max_cost: u16,
    /// Attached prefixes of each router (border routers have one more, in the backbone).
    pub stubs: usize,
    /// External prefixes.
    pub externals: usize,
    /// Whether an area hangs behind another by a virtual link. Needs a normal area in `areas`.
    pub virtual_link: bool,
    /// Whether border routers condense areas.
    pub ranges: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            routers: 9,
            areas: Vec::new(),
            broadcast_percent: 30,
            extra_percent: 60,
            parallel: true,
            max_cost: 3,
            stubs: 1,
            externals: 2,
            virtual_link: false,
            ranges: false,
        }
    }
}

/// Hands out prefixes of 10.N.0.0/16, N being the number of an area, one after the other.
#[derive(Default)]
struct Addresses(BTreeMap<Area, u32>);

impl Addresses {
    fn prefix(&mut self, area: Area, length: u8) -> Ipv4Net {
        let size = 1_u32 << (32 - length.min(32));
        let next = self.0.entry(area).or_default();
        let start = next.div_ceil(size) * size;
        *next = start + size;
        let base = (10 << 24) | (u32::from(area.octets()[3]) << 16);
        Ipv4Net::new_assert(Ipv4Addr::from(base | start), length)
    }
}

pub(crate) struct Builder {
    pub world: World,
    pub dice: Dice,
    addresses: Addresses,
    max_cost: u16,
}

impl Builder {
    pub fn new(dice: Dice, max_cost: u16) -> Self {
        Self { world: World::default(), dice, addresses: Addresses::default(), max_cost: max_cost.max(1) }
    }

    pub fn router(&mut self, number: usize) -> RouterIndex {
        let low = u16::try_from(number + 1).unwrap_or(u16::MAX).to_be_bytes();
        self.world.routers.push(Router {
            id: Ipv4Addr::new(192, 0, low[0], low[1]),
            up: true,
            stubs: Vec::new(),
            externals: BTreeMap::new(),
            ranges: Vec::new(),
            stub_router: false,
        });
        RouterIndex(self.world.routers.len() - 1)
    }

    pub fn stub(&mut self, router: RouterIndex, area: Area) {
        let stub = Stub { prefix: self.addresses.prefix(area, 29), area, cost: self.cost() };
        self.world.routers[router.0].stubs.push(stub);
    }

    fn cost(&mut self) -> u16 {
        self.dice.between(1, self.max_cost)
    }

    fn segment(&mut self, area: Area, kind: SegmentKind, routers: &[RouterIndex]) {
        let length = if kind == SegmentKind::PointToPoint { 31 } else { 27 };
        let prefix = self.addresses.prefix(area, length);
        let ends = routers
            .iter()
            .zip(prefix.hosts())
            .map(|(router, address)| End {
                router: *router,
                address,
                cost: self.cost(),
                priority: 1,
                passive: false,
                up: true,
            })
            .collect();
        self.world.segments.push(Segment { area, kind, prefix, ends, up: true });
    }

    /// Joins an area's routers, and gives them some links to spare.
    pub fn join(&mut self, area: Area, members: &[RouterIndex], options: &Options) {
        let mut waiting = members.to_vec();
        self.dice.shuffle(&mut waiting);
        let mut joined: Vec<RouterIndex> = waiting.pop().into_iter().collect();
        while !waiting.is_empty() {
            let Some(&from) = self.dice.pick(&joined) else { return };
            let broadcast = self.dice.chance(options.broadcast_percent);
            let count = if broadcast { 1 + self.dice.below(3) } else { 1 };
            let new: Vec<RouterIndex> = waiting.drain(waiting.len().saturating_sub(count)..).collect();
            let kind = if broadcast { SegmentKind::Broadcast } else { SegmentKind::PointToPoint };
            self.segment(area, kind, &[&[from], new.as_slice()].concat());
            joined.extend(new);
        }
        for &router in members {
            if self.dice.chance(options.extra_percent)
                && let Some(&other) = self.dice.pick(members)
                && other != router
                && (options.parallel || !self.world.share_segment(router, other))
            {
                self.segment(area, SegmentKind::PointToPoint, &[router, other]);
            }
        }
    }

    pub fn externals(&mut self, options: &Options) {
        let world = &self.world;
        let fit = |router: &RouterIndex| {
            let areas = world.areas_of(*router);
            let kinds: Vec<_> = areas.iter().filter_map(|area| world.areas.get(area)).collect();
            let nssa = kinds.iter().any(|kind| matches!(kind, AreaKind::Nssa { .. }));
            areas.len() == 1 && (nssa || kinds.iter().any(|kind| kind.takes_externals()))
        };
        let asbrs: Vec<RouterIndex> = world.router_indices().filter(fit).collect();
        for n in 0..options.externals {
            let n = u32::try_from(n).unwrap_or(0);
            let prefix = Ipv4Net::new_assert(Ipv4Addr::from((172 << 24) | (16 << 16) | (n << 8)), 24);
            // Now and then several routers announce the same.
            let announcers = if self.dice.chance(30) { 2 } else { 1 };
            let metric = u32::from(self.dice.between(1, 20));
            let type2 = self.dice.chance(50);
            for _ in 0..announcers {
                let Some(&router) = self.dice.pick(&asbrs) else { return };
                let forwarding = self.outside_host(router).filter(|_| announcers == 1);
                let external = External { metric, type2, tag: n + 1, forwarding };
                self.world.routers[router.0].externals.insert(prefix, external);
            }
        }
    }

    /// A host that is no router on one of a router's broadcast segments outside NSSAs.
    fn outside_host(&mut self, router: RouterIndex) -> Option<Ipv4Addr> {
        let world = &self.world;
        let (_, segment, _) = world.ends_of(router).find(|(_, segment, _)| {
            segment.kind == SegmentKind::Broadcast
                && world.areas.get(&segment.area) == Some(&AreaKind::Normal)
        })?;
        let host = segment.prefix.hosts().last()?;
        self.dice.chance(60).then_some(host)
    }
}

/// A connected world; the same seed and options give the same.
#[must_use]
pub fn generate(seed: u64, options: &Options) -> World {
    let mut dice = Dice::new(seed);
    let areas = options.areas.len() + usize::from(options.virtual_link);
    let count = options.routers.max(2 + areas);
    let mut numbers: Vec<usize> = (0..count).collect();
    dice.shuffle(&mut numbers);
    let mut build = Builder::new(dice, options.max_cost);
    let routers: Vec<RouterIndex> = numbers.into_iter().map(|number| build.router(number)).collect();
    build.world.areas.insert(BACKBONE, AreaKind::Normal);

    // Each area has its share of routers; a border router belongs to the backbone's.
    let share = (count / (areas + 1)).max(1);
    let (inner, core) = routers.split_at(share * areas);
    let mut members: Vec<(Area, Vec<RouterIndex>)> = Vec::new();
    for (n, kind) in options.areas.iter().enumerate() {
        let area = Ipv4Addr::from(u32::try_from(n + 1).unwrap_or(u32::MAX));
        build.world.areas.insert(area, *kind);
        let mut here = inner[n * share..(n + 1) * share].to_vec();
        for _ in 0..=build.dice.below(2) {
            if let Some(&border) = build.dice.pick(core)
                && !here.contains(&border)
            {
                here.push(border);
            }
        }
        members.push((area, here));
    }
    if let Some((transit, near)) = transit_of(&build, &members, options) {
        let far = Ipv4Addr::from(u32::try_from(areas).unwrap_or(u32::MAX));
        build.world.areas.insert(far, AreaKind::Normal);
        let here = &inner[(areas - 1) * share..];
        let inside = members.iter().find(|(area, _)| *area == transit).map(|(_, all)| all[0]);
        if let Some(border) = inside {
            build.world.virtual_links.push(VirtualLink { transit, ends: [border, near] });
            members.push((far, [here, &[border]].concat()));
        }
    } else if options.virtual_link {
        // Nothing to hang it behind: its routers strengthen the backbone.
        members.push((BACKBONE, [&inner[(areas - 1) * share..], core].concat()));
    }
    if !members.iter().any(|(area, _)| *area == BACKBONE) {
        members.push((BACKBONE, core.to_vec()));
    }
    for (area, here) in &members {
        for router in
            here.iter().filter(|router| members.iter().all(|(a, m)| a == area || !m.contains(router)))
        {
            (0..options.stubs).for_each(|_| build.stub(*router, *area));
        }
        build.join(*area, here, options);
    }
    finish_borders(&mut build, options);
    build.externals(options);
    build.world
}

/// Through which area a virtual link may lead, and its end in the backbone.
fn transit_of(
    build: &Builder,
    members: &[(Area, Vec<RouterIndex>)],
    options: &Options,
) -> Option<(Area, RouterIndex)> {
    let normal = |area: &Area| build.world.areas.get(area) == Some(&AreaKind::Normal);
    let (area, here) = members.iter().find(|(area, here)| normal(area) && here.len() > 1)?;
    options.virtual_link.then_some((*area, *here.last()?))
}

/// Border routers have a prefix in the backbone, which leaves no doubt that they are such, and condense areas if wanted.
fn finish_borders(build: &mut Builder, options: &Options) {
    for router in build.world.router_indices() {
        let areas = build.world.areas_of(router);
        if areas.len() < 2 {
            continue;
        }
        build.stub(router, BACKBONE);
        let transit = |area: &Area| build.world.virtual_links.iter().any(|link| link.transit == *area);
        for area in areas.iter().filter(|area| options.ranges && **area != BACKBONE && !transit(area)) {
            let base = Ipv4Addr::from((10 << 24) | (u32::from(area.octets()[3]) << 16));
            let advertise = build.dice.chance(80);
            let range = AreaRange { area: *area, prefix: Ipv4Net::new_assert(base, 16), advertise };
            build.world.routers[router.0].ranges.push(range);
        }
    }
}

/// A grid of routers in the backbone, joined by point-to-point links of cost 1 to `max_cost`, with one attached prefix each.
#[must_use]
pub fn grid(width: usize, height: usize, max_cost: u16, seed: u64) -> World {
    let mut build = Builder::new(Dice::new(seed), max_cost);
    build.world.areas.insert(BACKBONE, AreaKind::Normal);
    for n in 0..width * height {
        let router = build.router(n);
        build.stub(router, BACKBONE);
    }
    for y in 0..height {
        for x in 0..width {
            let here = RouterIndex(y * width + x);
            if x + 1 < width {
                build.segment(BACKBONE, SegmentKind::PointToPoint, &[here, RouterIndex(here.0 + 1)]);
            }
            if y + 1 < height {
                build.segment(BACKBONE, SegmentKind::PointToPoint, &[here, RouterIndex(here.0 + width)]);
            }
        }
    }
    build.world
}
