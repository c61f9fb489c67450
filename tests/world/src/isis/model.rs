//! Areas and levels over a world.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use crate::{Invalid, RouterIndex, SegmentIndex, World};

/// The greatest narrow metric (RFC 1195 §3.3).
const MAX_NARROW_METRIC: u32 = 63;

/// A level of routing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Within areas.
    One,
    /// Between areas.
    Two,
}

impl Level {
    /// Both.
    pub const ALL: [Level; 2] = [Level::One, Level::Two];
}

/// One level, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Levels {
    /// Level 1 alone.
    One,
    /// Level 2 alone.
    Two,
    /// Both.
    Both,
}

impl Levels {
    /// Whether a level is among them.
    #[must_use]
    pub fn has(self, level: Level) -> bool {
        match self {
            Levels::One => level == Level::One,
            Levels::Two => level == Level::Two,
            Levels::Both => true,
        }
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Levels) -> Option<Levels> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (Levels::Both, other) | (other, Levels::Both) => Some(other),
            _ => None,
        }
    }
}

/// How the routers of a world speak IS-IS. Routers and segments are those of the world, by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// What each router is.
    pub routers: Vec<Router>,
    /// The levels that each segment's routers speak on it, of those they have.
    pub segments: Vec<Levels>,
    /// Whether metrics have six bits (RFC 1195) instead of 24 and 32 (RFC 5305).
    pub narrow: bool,
}

/// What a router is beside what the world says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// Its area.
    pub area: u16,
    /// Its levels.
    pub levels: Levels,
    /// By how much the metric of its circuits at level 2 exceeds that at level 1, which is the world's cost.
    pub level2_extra: u16,
    /// Whether it tells level 2 what it knows of level 1.
    pub leak_up: bool,
    /// What it then says instead of the prefixes within, at a metric or that of the farthest.
    pub summaries: BTreeMap<Ipv4Net, Option<u32>>,
    /// What it tells level 1 of level 2.
    pub leak_down: LeakDown,
    /// Where it announces external routes, of the levels it has.
    pub externals: Levels,
}

/// What level 1 hears of level 2 (RFC 5302).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeakDown {
    /// Nothing.
    Nothing,
    /// All that is best reached by level 2.
    All,
    /// Of that, what lies within one of these.
    Within(BTreeSet<Ipv4Net>),
}

impl LeakDown {
    /// Whether a prefix may go down.
    #[must_use]
    pub fn takes(&self, prefix: &Ipv4Net) -> bool {
        match self {
            LeakDown::Nothing => false,
            LeakDown::All => true,
            LeakDown::Within(list) => list.iter().any(|outer| outer.contains(prefix)),
        }
    }
}

impl Router {
    /// A router of an area that leaks upwards and no more.
    #[must_use]
    pub fn new(area: u16, levels: Levels) -> Self {
        Self {
            area,
            levels,
            level2_extra: 0,
            leak_up: true,
            summaries: BTreeMap::new(),
            leak_down: LeakDown::Nothing,
            externals: Levels::Both,
        }
    }
}

impl Domain {
    /// A router.
    #[must_use]
    pub fn router(&self, index: RouterIndex) -> &Router {
        &self.routers[index.0]
    }

    /// The levels that a router speaks on a segment.
    #[must_use]
    pub fn levels_on(&self, segment: SegmentIndex, router: RouterIndex) -> Option<Levels> {
        self.segments[segment.0].and(self.router(router).levels)
    }

    /// Whether two routers become neighbours on a segment at a level, given that they hear each other (ISO 10589 §8.2.4, §8.4.2).
    #[must_use]
    pub fn joins(&self, segment: SegmentIndex, level: Level, [a, b]: [RouterIndex; 2]) -> bool {
        let speaks = |router| self.levels_on(segment, router).is_some_and(|levels| levels.has(level));
        speaks(a) && speaks(b) && (level == Level::Two || self.router(a).area == self.router(b).area)
    }

    /// The metric as an LSP says it.
    #[must_use]
    pub fn said(&self, metric: u32) -> u32 {
        if self.narrow { metric.min(MAX_NARROW_METRIC) } else { metric }
    }

    /// Checks what the oracle takes for granted, that the world is valid aside.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self, world: &World) -> Result<(), Invalid> {
        let fail = |why: String| Err(Invalid(why));
        if self.routers.len() != world.routers.len() || self.segments.len() != world.segments.len() {
            return fail("a domain is of a world with as many routers and segments".to_owned());
        }
        for router in world.router_indices() {
            for (segment, ..) in world.ends_of(router) {
                if self.levels_on(segment, router).is_none() {
                    return fail(format!("{router} has no level of seg{}", segment.0));
                }
            }
            let leaks = !self.router(router).summaries.is_empty()
                || self.router(router).leak_down != LeakDown::Nothing;
            if leaks && self.router(router).levels != Levels::Both {
                return fail(format!("{router} leaks, and has one level"));
            }
        }
        Ok(())
    }
}
