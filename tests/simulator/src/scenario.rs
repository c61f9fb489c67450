//! What a seed stands for: a world, its settings, and the wishes of who runs it.

use std::{collections::BTreeSet, fmt, net::Ipv4Addr};

use braid_world::{
    Area, AreaKind, Dice, Options, Stub, World, generate,
    isis::{self, Domain, Levels},
};
use clap::ValueEnum;
use ipnet::Ipv4Net;

use crate::plan::Kind;

/// The protocols that a network's routers speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Protocols {
    /// OSPF.
    #[default]
    Ospf,
    /// IS-IS.
    Isis,
    /// OSPF in one virtual network, IS-IS in another over the same links, metrics and faults; in the end packets must leave both at the
    /// same routers.
    Mixed,
}

impl fmt::Display for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocols::Ospf => "ospf",
            Protocols::Isis => "isis",
            Protocols::Mixed => "mixed",
        })
    }
}

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Picks everything else.
    pub seed: u64,
    /// What routers speak.
    pub protocols: Protocols,
    /// How many routers; by the seed if not given.
    pub routers: Option<usize>,
    /// How many areas beside the backbone or the core of level 2; by the seed if not given.
    pub areas: Option<usize>,
    /// The kinds of faults.
    pub kinds: BTreeSet<Kind>,
    /// How long faults go on, in virtual seconds; by the seed if not given.
    pub faults_s: Option<u64>,
    /// Whether the inputs and outputs of the first router are kept and replayed at the end.
    pub record: bool,
}

impl Scenario {
    /// All faults, all by the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            protocols: Protocols::Ospf,
            routers: None,
            areas: None,
            kinds: BTreeSet::from(Kind::ALL),
            faults_s: None,
            record: false,
        }
    }

    fn router_count(&self, dice: &mut Dice) -> usize {
        let drawn = match dice.below(100) {
            0..70 => 2 + dice.below(8),
            70..95 => 9 + dice.below(14),
            _ => 20 + dice.below(30),
        };
        self.routers.unwrap_or(drawn)
    }

    /// The world of OSPF routers at the start.
    #[must_use]
    pub fn world(&self) -> World {
        let mut dice = Dice::new(self.seed ^ 0x0077_6f72_6c64);
        let routers = self.router_count(&mut dice);
        // Large worlds are one area unless wanted otherwise: many areas without ranges flood a summary of every prefix by every
        // border router.
        let drawn = if routers > 200 { 0 } else { dice.below(4) };
        let areas = self.areas.unwrap_or(drawn).min(routers / 3);
        let options = Options {
            routers,
            areas: (0..areas).map(|_| area(&mut dice)).collect(),
            broadcast_percent: [0, 30, 60, 100][dice.below(4)],
            extra_percent: dice.below(100) as u8,
            parallel: true,
            max_cost: [1, 3, 20, 1000][dice.below(4)],
            stubs: dice.below(3),
            externals: dice.below(6),
            virtual_link: dice.chance(25) && routers > 5,
            ranges: dice.chance(30),
        };
        let mut world = generate(self.seed, &options);
        settle_forwarding(&mut world);
        for segment in &mut world.segments {
            for end in segment.ends.iter_mut().skip(1) {
                end.priority = dice.below(4) as u8;
            }
        }
        world
    }

    /// The world of IS-IS routers at the start.
    #[must_use]
    pub fn isis_world(&self) -> (World, Domain) {
        let mut dice = Dice::new(self.seed ^ 0x0077_6f72_6c64);
        let routers = self.router_count(&mut dice);
        // Large worlds have areas: if all were at both levels, each would announce all prefixes at level 2.
        let drawn = if routers > 100 { routers / 50 } else { dice.below(4) };
        let areas = self.areas.unwrap_or(drawn).min(routers / 3);
        let narrow = dice.chance(20) && routers < 30;
        let options = isis::Options {
            routers,
            areas,
            flat: [Levels::One, Levels::Two, Levels::Both][dice.below(3)],
            broadcast_percent: [0, 30, 60, 100][dice.below(4)],
            extra_percent: dice.below(100) as u8,
            parallel: true,
            max_cost: [1, 3, 20, 1000][dice.below(if narrow { 3 } else { 4 })],
            stubs: dice.below(3),
            externals: dice.below(6),
            summaries: dice.chance(30),
            leak_down: dice.chance(40),
            narrow,
        };
        let (mut world, domain) = isis::generate(self.seed, &options);
        if dice.chance(30)
            && let Some(router) = world.routers.get_mut(dice.below(routers))
        {
            router.stub_router = true;
        }
        (world, domain)
    }

    /// A world of which both protocols must think alike: one area, one kind of external metric, no forwarding addresses, and everybody
    /// may lead a broadcast network.
    #[must_use]
    pub fn mixed_world(&self) -> (World, Domain) {
        let mut dice = Dice::new(self.seed ^ 0x6d_6978);
        let options = Options {
            routers: self.router_count(&mut dice),
            broadcast_percent: [0, 30, 60, 100][dice.below(4)],
            extra_percent: dice.below(100) as u8,
            parallel: true,
            max_cost: [1, 3, 20, 1000][dice.below(4)],
            stubs: dice.below(3),
            externals: dice.below(6),
            ..Options::default()
        };
        let mut world = generate(self.seed, &options);
        for external in world.routers.iter_mut().flat_map(|router| router.externals.values_mut()) {
            (external.type2, external.forwarding) = (false, None);
        }
        for end in world.segments.iter_mut().flat_map(|segment| &mut segment.ends) {
            end.priority = 1 + dice.below(4) as u8;
        }
        let domain = isis::flat(&world, if dice.chance(50) { Levels::One } else { Levels::Two });
        (world, domain)
    }

    /// How long faults go on, in virtual seconds.
    #[must_use]
    pub fn fault_seconds(&self) -> u64 {
        self.faults_s.unwrap_or_else(|| 15 + Dice::new(self.seed ^ 7).below(75) as u64)
    }
}

/// Which own address a router in an NSSA names as forwarding address is its own choice (RFC 3101 §2.3). Here those that announce
/// externals have an attached prefix that everybody would choose: the first, and the highest address.
fn settle_forwarding(world: &mut World) {
    let nssa = |area: &Area| matches!(world.areas.get(area), Some(AreaKind::Nssa { .. }));
    let areas: Vec<Option<Area>> =
        world.router_indices().map(|router| world.areas_of(router).into_iter().find(nssa)).collect();
    for (n, (router, area)) in world.routers.iter_mut().zip(areas).enumerate() {
        if let Some(area) = area.filter(|_| !router.externals.is_empty()) {
            let base = 10 << 24 | u32::from(area.octets()[3]) << 16 | 0xc000;
            let prefix = Ipv4Net::new_assert(Ipv4Addr::from(base + 8 * n as u32), 29);
            router.stubs.insert(0, Stub { prefix, area, cost: 1 });
        }
    }
}

fn area(dice: &mut Dice) -> AreaKind {
    let (summaries, default_cost) = (dice.chance(60), 1 + dice.below(20) as u32);
    match dice.below(4) {
        0 => AreaKind::Stub { summaries, default_cost },
        1 => AreaKind::Nssa { summaries, default_cost },
        _ => AreaKind::Normal,
    }
}

/// The command that runs it again.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cargo run -p braid-simulator --release -- --seed {}", self.seed)?;
        if self.protocols != Protocols::Ospf {
            write!(f, " --protocol {}", self.protocols)?;
        }
        if let Some(routers) = self.routers {
            write!(f, " --routers {routers}")?;
        }
        if let Some(areas) = self.areas {
            write!(f, " --areas {areas}")?;
        }
        if let Some(seconds) = self.faults_s {
            write!(f, " --faults-s {seconds}")?;
        }
        let without: Vec<String> =
            Kind::ALL.iter().filter(|kind| !self.kinds.contains(kind)).map(Kind::to_string).collect();
        if !without.is_empty() {
            write!(f, " --without {}", without.join(","))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_valid_world_and_a_command() {
        for seed in 0..200 {
            let scenario = Scenario::new(seed);
            let world = scenario.world();
            assert_eq!(world, scenario.world());
            assert_eq!(world.validate(), Ok(()), "seed {seed}");
            for (world, domain) in [scenario.isis_world(), scenario.mixed_world()] {
                assert_eq!(world.validate(), Ok(()), "seed {seed}");
                assert_eq!(domain.validate(&world), Ok(()), "seed {seed}");
            }
        }
        let mut scenario = Scenario { routers: Some(9), ..Scenario::new(3) };
        scenario.kinds.remove(&Kind::Loss);
        let command = "cargo run -p braid-simulator --release -- --seed 3 --routers 9 --without loss";
        assert_eq!(scenario.to_string(), command);
        scenario.protocols = Protocols::Mixed;
        assert!(scenario.to_string().contains(" --seed 3 --protocol mixed --routers 9"));
    }
}
