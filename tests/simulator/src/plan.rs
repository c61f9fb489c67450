//! The script of a run: which faults happen when. Made of the seed before anything runs.

use std::{collections::BTreeSet, fmt, str::FromStr};

use braid_world::{Change, Dice, RouterIndex, SegmentIndex, World, changes};
use thiserror::Error;

use crate::network::Weather;

/// A kind of fault, which can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Packets are lost.
    Loss,
    /// Packets come twice, the second time late.
    Duplication,
    /// Packets overtake each other.
    Reordering,
    /// Packets come damaged.
    Damage,
    /// Old packets come again.
    Replay,
    /// Packets come that nobody sent.
    Forgery,
    /// Segments and cables go down and up, with their carrier.
    Cut,
    /// Segments swallow packets while carrier stays.
    Silence,
    /// Half of the routers are cut off from the others.
    Partition,
    /// Interface costs change, and routers become stub routers.
    Cost,
    /// External routes come, change and go.
    External,
    /// Processes die and start without memory.
    Crash,
    /// Processes are put back to what they were some time ago.
    Restore,
    /// Processes go on as a copy of themselves; a second copy, put through the snapshot format, must do the same from there.
    Clone,
    /// Processes say goodbye and start anew.
    Leave,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 15] = [
        Kind::Loss,
        Kind::Duplication,
        Kind::Reordering,
        Kind::Damage,
        Kind::Replay,
        Kind::Forgery,
        Kind::Cut,
        Kind::Silence,
        Kind::Partition,
        Kind::Cost,
        Kind::External,
        Kind::Crash,
        Kind::Restore,
        Kind::Clone,
        Kind::Leave,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

/// A text names no kind of fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no kind of fault: `{0}`; kinds are {list}", list = Kind::ALL.map(|kind| kind.to_string()).join(", "))]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Kind::ALL.into_iter().find(|kind| kind.to_string() == text);
        named.ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// Something that happens to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The world changes, and the routers notice what they would notice.
    Change(Change),
    /// A segment swallows packets, or does not any more.
    Silence(SegmentIndex, bool),
    /// The weather changes everywhere.
    Weather(Weather),
    /// An old packet comes again.
    Replay,
    /// A forged packet comes.
    Forge,
    /// A router's state is put aside.
    Save(RouterIndex),
    /// A router goes on from the state put aside.
    Restore(RouterIndex),
    /// A router goes on as a copy of itself, with another copy as a shadow.
    Clone(RouterIndex),
    /// A router flushes its LSAs and ends.
    Leave(RouterIndex),
    /// The end: no weather, no silence; in some runs everything that went down comes up.
    Calm {
        /// Whether it does.
        mend: bool,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Change(change) => change.fmt(f),
            Fault::Silence(n, true) => write!(f, "seg{} swallows packets", n.0),
            Fault::Silence(n, false) => write!(f, "seg{} passes packets", n.0),
            Fault::Weather(w) => {
                write!(
                    f,
                    "weather: lost {} doubled {} late {} damaged {} of 1000",
                    w.lost, w.doubled, w.late, w.damaged
                )
            }
            Fault::Replay => f.write_str("an old packet comes again"),
            Fault::Forge => f.write_str("a forged packet comes"),
            Fault::Save(router) => write!(f, "{router} is saved"),
            Fault::Restore(router) => write!(f, "{router} goes on from its saved state"),
            Fault::Clone(router) => write!(f, "{router} goes on as a copy"),
            Fault::Leave(router) => write!(f, "{router} leaves"),
            Fault::Calm { mend: true } => f.write_str("calm, all mended"),
            Fault::Calm { mend: false } => f.write_str("calm"),
        }
    }
}

/// Faults by time in microseconds after the start.
pub type Plan = Vec<(u64, Fault)>;

/// The plan of a seed for a world: faults of these kinds over `length_us`, and calm at the end.
#[must_use]
pub fn plan(world: &World, seed: u64, kinds: &BTreeSet<Kind>, length_us: u64) -> Plan {
    let mut maker = Maker { world, kinds, length_us, plan: Vec::new() };
    maker.weather(&mut Dice::new(seed ^ 1));
    maker.changes(seed ^ 2);
    maker.partition(&mut Dice::new(seed ^ 3));
    maker.routers(&mut Dice::new(seed ^ 4));
    maker.packets(&mut Dice::new(seed ^ 5));
    let mut plan = maker.plan;
    plan.sort_by_key(|(at_us, _)| *at_us);
    let mend = Dice::new(seed ^ 6).chance(50);
    plan.push((length_us, Fault::Calm { mend }));
    plan
}

struct Maker<'a> {
    world: &'a World,
    kinds: &'a BTreeSet<Kind>,
    length_us: u64,
    plan: Plan,
}

impl Maker<'_> {
    fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// A moment in the middle of the run, or before: `reserve_us` are left behind it.
    fn moment(&self, dice: &mut Dice, reserve_us: u64) -> u64 {
        dice.below(self.length_us.saturating_sub(reserve_us).max(1) as usize) as u64
    }

    fn push(&mut self, at_us: u64, fault: Fault) {
        self.plan.push((at_us.min(self.length_us), fault));
    }

    /// A new weather every ten seconds; every third is fine.
    fn weather(&mut self, dice: &mut Dice) {
        let mut at_us = 0;
        while at_us < self.length_us {
            let worst = [0, 50, 300][dice.below(3)];
            let mut draw = |kind| {
                let value = dice.below(worst + 1) as u32;
                if self.kinds.contains(&kind) { value } else { 0 }
            };
            let weather = Weather {
                lost: draw(Kind::Loss),
                doubled: draw(Kind::Duplication),
                late: draw(Kind::Reordering),
                damaged: draw(Kind::Damage) / 3,
            };
            self.push(at_us, Fault::Weather(weather));
            at_us += 10_000_000;
        }
    }

    fn changes(&mut self, seed: u64) {
        let mut dice = Dice::new(seed);
        let count = self.world.routers.len().min(20) + dice.below(20);
        let mut list = changes(self.world, seed, count);
        let stub = RouterIndex(dice.below(self.world.routers.len()));
        list.extend([true, false].map(|on| Change::StubRouter(stub, on)));
        let mut moments: Vec<u64> = list.iter().map(|_| self.moment(&mut dice, 0)).collect();
        moments.sort_unstable();
        for (at_us, change) in moments.into_iter().zip(list) {
            let kind = match change {
                Change::Segment(..) | Change::End(..) => Kind::Cut,
                Change::Cost(..) | Change::StubRouter(..) => Kind::Cost,
                Change::Router(..) => Kind::Crash,
                Change::External(..) => Kind::External,
            };
            if self.has(kind) {
                self.push(at_us, Fault::Change(change));
            }
        }
    }

    /// Every segment between two halves goes down at once, and comes up some seconds later.
    fn partition(&mut self, dice: &mut Dice) {
        let side: Vec<bool> = self.world.routers.iter().map(|_| dice.chance(50)).collect();
        let (from_us, lasts_us) = (self.moment(dice, 0), dice.below(30_000_000) as u64);
        for (n, segment) in self.world.segments.iter().enumerate() {
            let sides: BTreeSet<bool> = segment.ends.iter().map(|end| side[end.router.0]).collect();
            let crossing = sides.len() == 2;
            if crossing && self.has(Kind::Partition) {
                self.push(from_us, Fault::Change(Change::Segment(SegmentIndex(n), false)));
                self.push(from_us + lasts_us, Fault::Change(Change::Segment(SegmentIndex(n), true)));
            }
            if dice.chance(10) && self.has(Kind::Silence) {
                let (from_us, lasts_us) = (self.moment(dice, 0), dice.below(20_000_000) as u64);
                self.push(from_us, Fault::Silence(SegmentIndex(n), true));
                self.push(from_us + lasts_us, Fault::Silence(SegmentIndex(n), false));
            }
        }
    }

    fn routers(&mut self, dice: &mut Dice) {
        for _ in 0..1 + self.world.routers.len().min(30) / 3 {
            let router = RouterIndex(dice.below(self.world.routers.len()));
            let (at_us, later_us) = (self.moment(dice, 0), dice.below(20_000_000) as u64);
            match dice.below(4) {
                0 if self.has(Kind::Restore) => {
                    self.push(at_us, Fault::Save(router));
                    self.push(at_us + later_us, Fault::Restore(router));
                }
                1 if self.has(Kind::Clone) => self.push(at_us, Fault::Clone(router)),
                2 if self.has(Kind::Leave) => {
                    self.push(at_us, Fault::Leave(router));
                    self.push(at_us + later_us, Fault::Change(Change::Router(router, true)));
                }
                3 if self.has(Kind::Crash) => {
                    self.push(at_us, Fault::Change(Change::Router(router, false)));
                    self.push(at_us + later_us / 2, Fault::Change(Change::Router(router, true)));
                }
                _ => {}
            }
        }
    }

    fn packets(&mut self, dice: &mut Dice) {
        let count = dice.below(200);
        for _ in 0..count {
            let at_us = self.moment(dice, 0);
            match dice.chance(50) {
                true if self.has(Kind::Replay) => self.push(at_us, Fault::Replay),
                false if self.has(Kind::Forgery) => self.push(at_us, Fault::Forge),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use braid_world::{Options, generate};

    use super::*;

    #[test]
    fn a_plan_is_of_the_seed_and_has_only_wanted_kinds() {
        let world = generate(5, &Options::default());
        let all = BTreeSet::from(Kind::ALL);
        let one = plan(&world, 5, &all, 60_000_000);
        assert_eq!(one, plan(&world, 5, &all, 60_000_000));
        assert!(one.is_sorted_by_key(|(at_us, _)| *at_us));
        assert!(matches!(one.last(), Some((60_000_000, Fault::Calm { .. }))));
        let cuts = plan(&world, 5, &BTreeSet::from([Kind::Cut]), 60_000_000);
        let wanted = |fault: &Fault| {
            let calm = Fault::Weather(Weather::default());
            *fault == calm
                || matches!(fault, Fault::Change(Change::Segment(..) | Change::End(..)) | Fault::Calm { .. })
        };
        assert!(cuts.iter().all(|(_, fault)| wanted(fault)), "{cuts:?}");
    }

    #[test]
    fn kinds_have_names() {
        assert!(Kind::ALL.iter().all(|kind| kind.to_string().parse() == Ok(*kind)));
        let error = "bad".parse::<Kind>().expect_err("no kind");
        assert!(
            error.to_string().starts_with("no kind of fault: `bad`; kinds are loss, duplication"),
            "{error}"
        );
    }
}
