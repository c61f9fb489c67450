//! Goal: whatever happens in whatever order, a router's LSPs say what those of one would say that has only just come to the
//! same databases, however little it looked at on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use braid_isis_packet::{
    Authentication, CircuitType, LanId, Lsp, LspFlags, LspId, NLPID_IPV4, NarrowNeighbour, NarrowPrefix,
    NewLsp, PointToPointHello, ThreeWay, ThreeWayState, Tlv, WideNeighbour, WidePrefix,
};
use proptest::{prelude::*, sample::select};
use rand_pcg::Pcg32;

use super::*;
use crate::{
    CircuitConfig, CircuitId, CircuitKind, Config, Input, Output,
    config::MetricStyle,
    origination::{Issue, Origination},
};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
/// The routers around: 2 and 3 are neighbours, on circuits of these numbers; 4 and 5 stand behind both.
const OTHERS: std::ops::RangeInclusive<u8> = 2..=5;

fn system(number: u8) -> SystemId {
    SystemId([0, 0, 0, 0, 0, number])
}

/// Many in a /16 that may be summarised, some elsewhere, and those of the router's own circuits.
fn prefix(number: u8) -> Ipv4Net {
    let text = match number {
        0..30 => format!("10.1.{number}.0/24"),
        30..55 => format!("10.{number}.0.0/16"),
        _ => format!("100.65.0.{}/31", 2 * (number - 55)),
    };
    text.parse().expect("a prefix")
}

#[derive(Debug, Clone)]
enum Step {
    Say { level: Level, by: u8, distance: u8, announced: Vec<(u8, u8, bool)> },
    Purge { level: Level, of: u8 },
    External { number: u8, external: Option<External> },
    Leak(crate::config::Leak),
    Style(MetricStyle),
    Levels(CircuitType),
    Mtu(u16),
    Carrier { number: u8, up: bool },
    Restart,
    Wait(u64),
    Check,
}

fn any_level() -> impl Strategy<Value = Level> {
    select(vec![Level::One, Level::Two])
}

fn any_step() -> impl Strategy<Value = Step> {
    let announced = prop::collection::vec((0..58_u8, 0..4_u8, prop::bool::weighted(0.2)), 0..12);
    let say = (any_level(), OTHERS, 1..4_u8, announced)
        .prop_map(|(level, by, distance, announced)| Step::Say { level, by, distance, announced });
    let levels = select(vec![CircuitType::L1, CircuitType::L2, CircuitType::L1L2, CircuitType::L1L2]);
    let external = (0..9_u32, levels.clone(), any::<bool>()).prop_map(|(metric, level, external)| External {
        metric,
        level,
        external,
    });
    let external = (0..58_u8, prop::option::of(external))
        .prop_map(|(number, external)| Step::External { number, external });
    let nets = |texts: &'static [&'static str]| {
        let nets = texts.iter().map(|text| text.parse::<Ipv4Net>().expect("a prefix")).collect::<Vec<_>>();
        prop::sample::subsequence(nets, 0..=texts.len())
    };
    let summaries = prop_oneof![
        2 => Just(BTreeMap::new()),
        1 => nets(&["10.1.0.0/16", "10.1.0.0/20", "10.32.0.0/12"])
            .prop_map(|nets| nets.into_iter().zip([None, Some(7), None]).collect()),
    ];
    let down = prop_oneof![
        Just(LeakDown::Nothing),
        Just(LeakDown::All),
        nets(&["10.1.0.0/16", "10.40.0.0/13"]).prop_map(|nets| LeakDown::Within(nets.into_iter().collect())),
    ];
    let leak = (prop::bool::weighted(0.8), summaries, down)
        .prop_map(|(up, summaries, down)| Step::Leak(crate::config::Leak { up, summaries, down }));
    prop_oneof![
        16 => say,
        2 => (any_level(), OTHERS).prop_map(|(level, of)| Step::Purge { level, of }),
        2 => external,
        1 => leak,
        1 => select(vec![MetricStyle::Wide, MetricStyle::Narrow, MetricStyle::Transition]).prop_map(Step::Style),
        1 => levels.prop_map(Step::Levels),
        1 => select(vec![128_u16, 200, 400, 1492]).prop_map(Step::Mtu),
        2 => (2..=3_u8, any::<bool>()).prop_map(|(number, up)| Step::Carrier { number, up }),
        1 => Just(Step::Restart),
        4 => (1..2000_u64).prop_map(Step::Wait),
        12 => Just(Step::Check),
    ]
}

/// What LSPs say, whatever their fragments.
#[derive(Debug, Default, PartialEq, Eq)]
struct Word {
    flags: BTreeMap<LspId, LspFlags>,
    neighbours: BTreeSet<(LanId, LanId, u32, bool)>,
    prefixes: Vec<(LanId, Ipv4Net, u32, bool, bool, bool)>,
    addresses: BTreeSet<std::net::Ipv4Addr>,
}

impl Word {
    fn of<'a>(lsps: impl Iterator<Item = &'a Lsp>) -> Self {
        let mut word = Self::default();
        for lsp in lsps.filter(|lsp| !lsp.is_purge()) {
            let node = lsp.id().node;
            if lsp.id().fragment == 0 {
                word.flags.insert(lsp.id(), lsp.flags());
            }
            word.neighbours.extend(lsp.neighbours().map(|to| (node, to.node, to.metric, to.wide)));
            let prefixes = lsp.prefixes();
            let said = prefixes.map(|to| (node, to.net, to.metric, to.down, to.external_metric, to.wide));
            word.prefixes.extend(said);
            word.addresses.extend(lsp.interface_addresses());
        }
        word.prefixes.sort_unstable();
        word
    }
}

struct Trial {
    router: Instance,
    now: Instant,
    sequence: u32,
}

impl Trial {
    fn new() -> Self {
        let mut config = Config::new("49.0001.0000.0000.0001.00".parse().expect("a net"));
        for number in 2..=3_u8 {
            let mut circuit = CircuitConfig::new(&format!("eth{number}"), CircuitKind::PointToPoint);
            circuit.addresses = vec![[100, 65, 0, 2 * (number - 2)].into()];
            circuit.prefixes.insert(prefix(55 + number - 2), 10);
            config.circuits.insert(CircuitId(number.into()), circuit);
        }
        let router = Instance::new(config, 1, Instant(0)).expect("a sound configuration");
        let mut trial = Self { router, now: Instant(1000), sequence: 1 };
        (2..=3).for_each(|number| trial.carrier(number, true));
        assert_eq!(trial.router.neighbours().filter(|(_, neighbour)| neighbour.is_up()).count(), 2);
        trial
    }

    fn input(&mut self, input: Input) {
        self.now = self.now + Duration::from_micros(200);
        self.router.handle(self.now, input);
        while self.router.poll_output().is_some() {}
    }

    fn packet(&mut self, number: u8, payload: Vec<u8>) {
        self.input(Input::Packet { circuit: CircuitId(number.into()), source: MAC, payload });
    }

    fn carrier(&mut self, number: u8, up: bool) {
        self.input(Input::Carrier { circuit: CircuitId(number.into()), up, mac: [2, 0, 0, 0, 0, 1] });
        if up {
            self.greet(number);
        }
    }

    /// The neighbour's hello.
    fn greet(&mut self, number: u8) {
        let hello = PointToPointHello {
            circuit_type: CircuitType::L1L2,
            source: system(number),
            holding_time: 60_000,
            circuit_id: 1,
            tlvs: vec![
                Tlv::AreaAddresses(vec!["49.0001".parse().expect("an area")]),
                Tlv::ProtocolsSupported(vec![NLPID_IPV4]),
                Tlv::IpInterfaceAddresses(vec![[100, 65, 0, 2 * (number - 2) + 1].into()]),
                Tlv::ThreeWay(ThreeWay {
                    state: ThreeWayState::Initializing,
                    circuit: Some(9),
                    neighbour: Some(system(1)),
                    neighbour_circuit: Some(number.into()),
                }),
            ],
        };
        self.packet(number, hello.encode(&Authentication::None, None).expect("small"));
    }

    /// Somebody's LSP, by whichever neighbour is there.
    fn lsp(&mut self, level: Level, by: u8, lifetime: u16, tlvs: &[Tlv]) {
        self.sequence += 1;
        let id = system(by).node().fragment(0);
        let flags = LspFlags::new(Level::Two);
        let new = NewLsp { level, id, sequence: self.sequence, lifetime, flags };
        let lsp = Lsp::build(&new, tlvs, &Authentication::None).expect("small");
        (2..=3).for_each(|number| self.packet(number, lsp.bytes().to_vec()));
    }

    fn step(&mut self, step: Step) {
        let mut config = self.router.config().clone();
        match step {
            Step::Say { level, by, distance, announced } => {
                let peers = if by < 4 { vec![1, 4, 5] } else { vec![2, 3] };
                let wide = peers.iter().map(|peer| WideNeighbour::new(system(*peer).node(), distance.into()));
                let narrow = peers.iter().map(|peer| NarrowNeighbour {
                    node: system(*peer).node(),
                    metric: distance,
                    external: false,
                });
                let announced: BTreeMap<Ipv4Net, (u8, bool)> = announced
                    .into_iter()
                    .map(|(number, metric, mark)| (prefix(number), (metric, mark)))
                    .collect();
                let said = announced.iter().map(|(net, (metric, mark))| NarrowPrefix {
                    net: *net,
                    metric: *metric,
                    down: *mark && *metric > 1,
                    external_metric: *mark,
                });
                let wide_prefixes = announced.iter().map(|(net, (metric, mark))| WidePrefix {
                    down: *mark,
                    ..WidePrefix::new(*net, (*metric).into())
                });
                let area = if level == Level::Two && by == 5 { "49.0002" } else { "49.0001" };
                self.lsp(
                    level,
                    by,
                    1200,
                    &[
                        Tlv::AreaAddresses(vec![area.parse().expect("an area")]),
                        Tlv::IsNeighbours(wide.collect()),
                        Tlv::IsNeighboursNarrow(narrow.collect()),
                        Tlv::ExtendedIp(wide_prefixes.collect()),
                        Tlv::ExternalReach(said.collect()),
                    ],
                );
            }
            Step::Purge { level, of } => self.lsp(level, of, 0, &[]),
            Step::External { number, external } => {
                self.input(Input::External { prefix: prefix(number), route: external });
            }
            Step::Leak(leak) => config.leak = leak,
            Step::Style(style) => config.metric_style = style,
            Step::Levels(level) => config.level = level,
            Step::Mtu(size) => config.lsp_mtu = size,
            Step::Carrier { number, up } => self.carrier(number, up),
            Step::Restart => {
                let snapshot = self.router.snapshot().expect("it can be written");
                self.router = Instance::restore(&snapshot).expect("it can be read");
            }
            Step::Wait(time_ms) => self.run(self.now + Duration::from_millis(time_ms)),
            Step::Check => self.check(),
        }
        if config != *self.router.config() {
            self.input(Input::Configure(Box::new(config)));
            (2..=3).for_each(|number| self.greet(number));
        }
    }

    fn run(&mut self, until: Instant) {
        while let Some(at) = self.router.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.router.handle(self.now, Input::Timeout);
            while let Some(output) = self.router.poll_output() {
                assert!(!matches!(output, Output::Event(crate::Event::Origination(_))), "{output:?}");
            }
        }
        self.now = self.now.max(until);
    }

    fn check(&mut self) {
        self.run(self.now + Duration::from_secs(10));
        for level in self.router.config.level.levels() {
            let held = self.router.databases[level].iter().map(|(_, entry)| &entry.lsp);
            let held = Word::of(held.filter(|lsp| lsp.id().node.system == system(1)));
            let view = View::within(&self.router, self.now, level, Scope::All);
            let mut fresh = Origination::default();
            fresh.touch(self.now);
            let issues = fresh.run(self.now, &view, &mut Pcg32::new(1, 1));
            let said = issues.iter().filter_map(|issue| match issue {
                Issue::Install(lsp) => Some(lsp),
                Issue::Problem(_) => None,
            });
            assert_eq!(held, Word::of(said), "{level}");
        }
    }
}

proptest! {
    #[test]
    fn own_lsps_say_what_a_fresh_router_would_say(
        first in prop::collection::vec((any_level(), OTHERS), 8),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let mut trial = Trial::new();
        for (level, by) in first {
            let announced = (0..58).filter(|number| number % 4 == by - 2).map(|number| (number, 1, false)).collect();
            trial.step(Step::Say { level, by, distance: 1, announced });
        }
        trial.check();
        for step in steps {
            trial.step(step);
        }
        trial.check();
    }
}
