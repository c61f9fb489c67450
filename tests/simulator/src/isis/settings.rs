//! From a world's router to the engine's configuration.

use std::{collections::BTreeMap, time::Duration};

use braid_isis::{
    CircuitConfig, CircuitId, CircuitKind, Config, LLC_LEN, Leak, LeakDown, MetricStyle, Pacing, Padding,
    PerLevel, SpfDelay,
};
use braid_isis_packet::{Algorithm, AreaAddress, Authentication, CircuitType, Key, Net, Secret, SystemId};
use braid_world::{
    Dice, Interface, RouterIndex, SegmentIndex, SegmentKind, World,
    isis::{self, Domain, Levels},
};

/// Circuits of attached prefixes are numbered from here on, those of segments below.
const FIRST_STUB: u32 = 1 << 24;

/// The engine's number of an interface.
#[must_use]
pub fn circuit_id(interface: Interface) -> CircuitId {
    match interface {
        Interface::Segment(SegmentIndex(n)) => CircuitId(n as u32 + 1),
        Interface::Stub(n) => CircuitId(FIRST_STUB + n as u32),
    }
}

/// The interface of a number.
#[must_use]
pub fn interface(CircuitId(n): CircuitId) -> Interface {
    match n {
        n @ 1..FIRST_STUB => Interface::Segment(SegmentIndex(n as usize - 1)),
        n => Interface::Stub(n.wrapping_sub(FIRST_STUB) as usize),
    }
}

/// Levels as the engine has them.
#[must_use]
pub fn levels(levels: Levels) -> CircuitType {
    match levels {
        Levels::One => CircuitType::L1,
        Levels::Two => CircuitType::L2,
        Levels::Both => CircuitType::L1L2,
    }
}

/// A router's system id.
#[must_use]
pub fn system(world: &World, router: RouterIndex) -> SystemId {
    let [a, b, c, d] = world.router(router).id.octets();
    SystemId([0, 1, a, b, c, d])
}

/// What all routers of a world have set alike, and what each segment has.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time between hellos.
    pub hello: Duration,
    /// How long a neighbour may be silent.
    pub hold: Duration,
    /// When an LSP that is not acknowledged comes again.
    pub retransmit: Duration,
    /// Time between complete sequence numbers on LANs.
    pub csnp_interval: Duration,
    /// The same on circuits between two.
    pub p2p_csnp_interval: Duration,
    /// When routes are computed.
    pub spf: SpfDelay,
    /// When LSPs are said.
    pub pacing: Pacing,
    /// Greatest size of an LSP.
    pub lsp_mtu: u16,
    /// How LSPs and sequence numbers prove themselves.
    pub authentication: PerLevel<Authentication>,
    /// By segment: what is set alike on it.
    pub segments: Vec<SegmentSettings>,
    /// The metrics said, and counted.
    pub metric_style: MetricStyle,
}

/// What all routers on a segment have set alike.
#[derive(Debug, Clone)]
pub struct SegmentSettings {
    /// How hellos prove themselves.
    pub authentication: Authentication,
    /// The largest packet.
    pub mtu: u16,
    /// When hellos are padded.
    pub padding: Padding,
    /// Whether there is a three-way handshake.
    pub three_way: bool,
    /// How long to listen before an election.
    pub election_wait: Option<Duration>,
}

impl Settings {
    /// Settings of a seed's world.
    #[must_use]
    pub fn draw(world: &World, domain: &Domain, dice: &mut Dice) -> Self {
        let (hello, multiplier) = if dice.chance(70) { (1, 4) } else { (3, 3) };
        let initial = if dice.chance(50) { Duration::ZERO } else { Duration::from_millis(50) };
        let slow = Pacing { initial, hold: Duration::from_millis(200), max: Duration::from_secs(5) };
        let is_guarded = dice.chance(30);
        let guard = |dice: &mut Dice| if is_guarded { authentication(dice) } else { Authentication::None };
        let authentication = PerLevel { one: guard(dice), two: guard(dice) };
        let segment = |_| SegmentSettings {
            authentication: guard(dice),
            mtu: if dice.chance(80) { 1500 } else { 576 },
            padding: [Padding::Always, Padding::Sometimes, Padding::Never][dice.below(3)],
            three_way: dice.chance(90),
            election_wait: dice.chance(50).then(|| Duration::from_millis(dice.below(1000) as u64)),
        };
        let segments: Vec<SegmentSettings> = world.segments.iter().map(segment).collect();
        let least = segments.iter().map(|segment| segment.mtu).min().unwrap_or(1500) - LLC_LEN;
        // Small ones make for many fragments, with room for all that a thousand routers may have to say.
        let lsp_mtu = if dice.chance(30) && world.routers.len() < 100 { 300 } else { 1492.min(least) };
        let retransmit = Duration::from_secs(1 + dice.below(5) as u64);
        let csnp_interval = Duration::from_secs(1 + dice.below(10) as u64);
        Self {
            hello: Duration::from_secs(hello),
            hold: Duration::from_secs(hello * multiplier),
            retransmit,
            csnp_interval,
            p2p_csnp_interval: 4 * csnp_interval,
            spf: SpfDelay { initial, ..SpfDelay::default() },
            pacing: if dice.chance(60) { Pacing::default() } else { slow },
            lsp_mtu,
            authentication,
            segments,
            metric_style: if domain.narrow { MetricStyle::Narrow } else { MetricStyle::Wide },
        }
    }

    /// What one router of the world is told.
    #[must_use]
    pub fn config(&self, world: &World, domain: &Domain, index: RouterIndex) -> Config {
        let (router, speaks) = (world.router(index), domain.router(index));
        let [high, low] = speaks.area.to_be_bytes();
        let area: AreaAddress = format!("49.{high:02x}{low:02x}").parse().expect("an area address");
        let mut circuits = BTreeMap::new();
        for (n, segment, end) in world.ends_of(index) {
            let (interface, set) = (Interface::Segment(n), &self.segments[n.0]);
            let kind = match segment.kind {
                SegmentKind::PointToPoint => CircuitKind::PointToPoint,
                SegmentKind::Broadcast => CircuitKind::Broadcast,
            };
            let metric = u32::from(end.cost);
            let circuit = CircuitConfig {
                addresses: vec![end.address],
                prefixes: BTreeMap::from([(segment.prefix, metric)]),
                level: levels(domain.segments[n.0]),
                passive: end.passive,
                metric: PerLevel { one: metric, two: metric + u32::from(speaks.level2_extra) },
                priority: PerLevel::both(end.priority),
                hello: self.hello,
                multiplier: (self.hold.as_secs() / self.hello.as_secs()) as u16,
                mtu: set.mtu,
                padding: set.padding,
                hello_auth: set.authentication.clone(),
                three_way: set.three_way,
                election_wait: set.election_wait,
                ..CircuitConfig::new(&interface.to_string(), kind)
            };
            circuits.insert(circuit_id(interface), circuit);
        }
        for (n, stub) in router.stubs.iter().enumerate() {
            let interface = Interface::Stub(n);
            let kind = if n % 2 == 0 { CircuitKind::Loopback } else { CircuitKind::Broadcast };
            let circuit = CircuitConfig {
                addresses: vec![stub.address().addr()],
                prefixes: BTreeMap::from([(stub.prefix, stub.cost.into())]),
                passive: true,
                ..CircuitConfig::new(&interface.to_string(), kind)
            };
            circuits.insert(circuit_id(interface), circuit);
        }
        Config {
            level: levels(speaks.levels),
            host_name: Some(index.to_string()),
            circuits,
            area_auth: self.authentication.one.clone(),
            domain_auth: self.authentication.two.clone(),
            metric_style: self.metric_style,
            lsp_mtu: self.lsp_mtu,
            lsp_pacing: self.pacing,
            retransmit: self.retransmit,
            csnp_interval: self.csnp_interval,
            p2p_csnp_interval: self.p2p_csnp_interval,
            spf: self.spf,
            max_paths: 64,
            overload: router.stub_router,
            leak: Leak {
                up: speaks.leak_up,
                summaries: speaks.summaries.clone(),
                down: match &speaks.leak_down {
                    isis::LeakDown::Nothing => LeakDown::Nothing,
                    isis::LeakDown::All => LeakDown::All,
                    isis::LeakDown::Within(list) => LeakDown::Within(list.clone()),
                },
            },
            ..Config::new(Net { area, system: system(world, index) })
        }
    }
}

fn authentication(dice: &mut Dice) -> Authentication {
    let key = |algorithm| {
        Authentication::Cryptographic(vec![Key { id: 7, algorithm, secret: Secret::new("a secret") }])
    };
    match dice.below(5) {
        0 => Authentication::None,
        1 => Authentication::Password(Secret::new("password")),
        2 => key(Algorithm::HmacMd5),
        3 => key(Algorithm::HmacSha256),
        _ => key(Algorithm::HmacSha512),
    }
}
