//! Routers on one virtual clock, joined by virtual wires.
#![allow(dead_code, clippy::unwrap_used, reason = "each scenario uses a part; what fails here fails a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::Duration,
};

use braid_isis::{
    CircuitConfig, CircuitId, CircuitKind, Config, Event, Input, Instance, Instant, Mac, Output,
    packet::{CircuitType, Frame, Level, PduKind, SystemId},
};
use ipnet::Ipv4Net;

/// What a test may do to a PDU on its way.
pub type Meddler = Box<dyn FnMut(&Carried) -> Fate>;

/// A PDU on a wire.
#[derive(Debug, Clone)]
pub struct Carried {
    pub at: Instant,
    pub wire: usize,
    pub from: usize,
    pub kind: PduKind,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Pass,
    Lose,
    Become(Vec<u8>),
}

struct Wire {
    /// The routers on it; a router's circuit on wire N is N + 1.
    ends: Vec<usize>,
    kind: CircuitKind,
    up: bool,
}

/// A network of routers.
pub struct Net {
    pub routers: Vec<Instance>,
    pub now: Instant,
    pub events: Vec<(usize, Event)>,
    /// All that was carried, in order.
    pub carried: Vec<Carried>,
    pub meddler: Meddler,
    /// The prefixes that each router's kernel discards.
    pub discards: BTreeSet<(usize, Ipv4Net)>,
    alive: BTreeSet<usize>,
    configs: Vec<Config>,
    wires: Vec<Wire>,
    underway: BTreeMap<(Instant, u64), (usize, Input)>,
    sent: u64,
}

pub const DELAY: Duration = Duration::from_micros(200);

pub fn system(router: usize) -> SystemId {
    SystemId([0, 0, 0, 0, 0, u8::try_from(router).unwrap()])
}

pub fn mac(router: usize, wire: usize) -> Mac {
    [2, 0, 0, 0, u8::try_from(wire).unwrap(), u8::try_from(router).unwrap()]
}

pub fn circuit(wire: usize) -> CircuitId {
    CircuitId(u32::try_from(wire).unwrap() + 1)
}

pub fn loopback(router: usize) -> Ipv4Net {
    Ipv4Net::from(Ipv4Addr::new(100, 64, 0, u8::try_from(router).unwrap()))
}

/// The loopback's circuit.
pub const LOOPBACK: CircuitId = CircuitId(1000);

/// A router of area 49.0001 with a loopback. Routers count from 1, so that they have system ids.
pub fn router(number: usize) -> Config {
    in_area(number, "49.0001")
}

pub fn in_area(number: usize, area: &str) -> Config {
    let mut config = Config::new(format!("{area}.{}.00", system(number)).parse().unwrap());
    config.host_name = Some(format!("r{number}"));
    let mut lo = CircuitConfig::new("lo", CircuitKind::Loopback);
    lo.prefixes.insert(loopback(number), 0);
    config.circuits.insert(LOOPBACK, lo);
    config
}

impl Net {
    /// Routers that are not yet joined or started. The first is a dummy, so that numbers count from 1.
    pub fn new(configs: impl IntoIterator<Item = Config>) -> Self {
        let mut configs: Vec<Config> = configs.into_iter().collect();
        configs.insert(0, router(0));
        Self {
            routers: Vec::new(),
            now: Instant(0),
            events: Vec::new(),
            carried: Vec::new(),
            meddler: Box::new(|_| Fate::Pass),
            discards: BTreeSet::new(),
            alive: (1..configs.len()).collect(),
            configs,
            wires: Vec::new(),
            underway: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Joins routers; gives the wire's number.
    pub fn join(&mut self, kind: CircuitKind, ends: &[usize]) -> usize {
        self.join_with(kind, ends, |_, _| {})
    }

    pub fn join_with(
        &mut self,
        kind: CircuitKind,
        ends: &[usize],
        mut change: impl FnMut(usize, &mut CircuitConfig),
    ) -> usize {
        let wire = self.wires.len();
        for end in ends {
            let mut config = CircuitConfig::new(&format!("eth{wire}"), kind);
            let network = Ipv4Addr::new(100, 65, u8::try_from(wire).unwrap(), 0);
            config.addresses = vec![Ipv4Addr::from(u32::from(network) + u32::try_from(*end).unwrap())];
            config.prefixes.insert(Ipv4Net::new(network, 24).unwrap(), 10);
            config.hello = Duration::from_secs(1);
            config.multiplier = 3;
            config.padding = braid_isis::Padding::Never;
            config.election_wait = Some(Duration::from_millis(100));
            change(*end, &mut config);
            self.configs[*end].circuits.insert(circuit(wire), config);
        }
        self.wires.push(Wire { ends: ends.to_vec(), kind, up: true });
        wire
    }

    /// A square: 1 reaches 4 by 2, or a longer way by 3; with computations that wait everywhere.
    pub fn slow_square() -> Self {
        let mut net = Self::new((1..=4).map(|number| {
            let mut config = level(router(number), CircuitType::L2);
            config.spf.initial = Duration::from_millis(300);
            config.spf.short = Duration::from_millis(400);
            config.spf.long = Duration::from_secs(2);
            config
        }));
        net.join(CircuitKind::PointToPoint, &[1, 2]);
        net.join(CircuitKind::PointToPoint, &[2, 4]);
        net.join_with(CircuitKind::PointToPoint, &[1, 3], |_, config| config.metric.two = 20);
        net.join(CircuitKind::PointToPoint, &[3, 4]);
        let mut net = net.start();
        net.converge(Duration::from_secs(20));
        net.run(Duration::from_secs(20));
        net
    }

    /// Starts all routers and raises all carriers.
    pub fn start(mut self) -> Self {
        for number in 0..self.configs.len() {
            self.routers.push(Instance::new(self.configs[number].clone(), number as u64, self.now).unwrap());
        }
        for number in 1..self.configs.len() {
            self.boot(number);
        }
        self
    }

    fn boot(&mut self, number: usize) {
        self.input(number, Input::Carrier { circuit: LOOPBACK, up: true, mac: [0; 6] });
        for wire in 0..self.wires.len() {
            if self.wires[wire].up && self.wires[wire].ends.contains(&number) {
                self.input(
                    number,
                    Input::Carrier { circuit: circuit(wire), up: true, mac: mac(number, wire) },
                );
            }
        }
    }

    /// A router dies without a word.
    pub fn kill(&mut self, number: usize) {
        self.alive.remove(&number);
    }

    /// It comes back without a memory.
    pub fn restart(&mut self, number: usize) {
        self.alive.insert(number);
        self.routers[number] = Instance::new(self.configs[number].clone(), 7, self.now).unwrap();
        self.boot(number);
    }

    pub fn set_wire(&mut self, wire: usize, up: bool) {
        self.wires[wire].up = up;
        for end in self.wires[wire].ends.clone() {
            self.input(end, Input::Carrier { circuit: circuit(wire), up, mac: mac(end, wire) });
        }
    }

    pub fn configure(&mut self, number: usize, change: impl FnOnce(&mut Config)) {
        change(&mut self.configs[number]);
        self.input(number, Input::Configure(Box::new(self.configs[number].clone())));
    }

    /// Gives a router an input now.
    pub fn input(&mut self, number: usize, input: Input) {
        if !self.alive.contains(&number) {
            return;
        }
        self.routers[number].handle(self.now, input);
        while let Some(output) = self.routers[number].poll_output() {
            match output {
                Output::Transmit { circuit, payload, .. } => self.carry(number, circuit, payload),
                Output::Event(event) => self.events.push((number, event)),
                Output::Routes(updates) => {
                    for update in updates {
                        let discard = (number, update.prefix);
                        if update.discard {
                            self.discards.insert(discard);
                        } else {
                            self.discards.remove(&discard);
                        }
                    }
                }
            }
        }
    }

    fn carry(&mut self, from: usize, circuit: CircuitId, bytes: Vec<u8>) {
        let wire = circuit.0 as usize - 1;
        let kind = Frame::parse(&bytes).unwrap().kind();
        let carried = Carried { at: self.now, wire, from, kind, bytes };
        self.carried.push(carried.clone());
        let payload = match (self.meddler)(&carried) {
            Fate::Pass => carried.bytes,
            Fate::Lose => return,
            Fate::Become(bytes) => bytes,
        };
        if self.wires[wire].up {
            for to in self.wires[wire].ends.clone().into_iter().filter(|to| *to != from) {
                self.sent += 1;
                let input = Input::Packet { circuit, source: mac(from, wire), payload: payload.clone() };
                self.underway.insert((self.now + DELAY, self.sent), (to, input));
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        let timers = self.alive.iter().filter_map(|number| self.routers[*number].poll_timeout());
        self.underway.keys().next().map(|(at, _)| *at).into_iter().chain(timers).min()
    }

    /// Does the next thing that is to happen by then.
    fn step(&mut self, until: Instant) -> bool {
        let Some(at) = self.next().filter(|at| *at <= until) else { return false };
        self.now = self.now.max(at);
        if let Some(entry) = self.underway.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, input) = entry.remove();
            self.input(to, input);
        } else {
            let due =
                |number: &&usize| self.routers[**number].poll_timeout().is_some_and(|at| at <= self.now);
            let number = *self.alive.iter().find(due).unwrap();
            self.input(number, Input::Timeout);
            let again = self.routers[number].poll_timeout();
            assert!(again.is_none_or(|at| at > self.now), "router {number} spins at {:?}", self.now);
        }
        true
    }

    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// Runs until a condition holds; gives how long it took.
    pub fn until(&mut self, what: &str, limit: Duration, mut holds: impl FnMut(&Self) -> bool) -> Duration {
        let start = self.now;
        while !holds(self) {
            assert!(self.step(start + limit), "not within {limit:?}: {what}");
        }
        self.now.since(start)
    }

    /// Runs until all is quiet and all databases of a level are alike in each connected part.
    pub fn converge(&mut self, limit: Duration) -> Duration {
        self.until("settled", limit, Self::is_settled)
    }

    pub fn is_settled(&self) -> bool {
        let is_expected = |wire: &Wire| {
            let alive: Vec<usize> =
                wire.ends.iter().copied().filter(|end| self.alive.contains(end)).collect();
            !wire.up || wire.kind != CircuitKind::PointToPoint || alive.len() < 2 || {
                let id = circuit(self.wires.iter().position(|other| std::ptr::eq(other, wire)).unwrap());
                alive.iter().all(|end| self.routers[*end].circuit(id).unwrap().neighbour.is_some())
            }
        };
        self.underway.is_empty()
            && self.wires.iter().all(is_expected)
            && self.alive.iter().all(|number| self.routers[*number].is_settled())
    }

    /// The routers that a router's route to a prefix leads to next.
    pub fn next_hops(&self, from: usize, prefix: Ipv4Net) -> Vec<Ipv4Addr> {
        let route = self.routers[from].routes().find(|(found, _)| *found == prefix);
        route.map_or(Vec::new(), |(_, route)| route.next_hops.iter().filter_map(|hop| hop.gateway).collect())
    }

    pub fn metric(&self, from: usize, to: Ipv4Net) -> Option<u32> {
        self.routers[from].routes().find(|(found, _)| *found == to).map(|(_, route)| route.metric)
    }

    /// Whether all routers reach one another's loopbacks.
    pub fn is_connected(&self, routers: &[usize]) -> bool {
        routers.iter().all(|from| routers.iter().all(|to| self.metric(*from, loopback(*to)).is_some()))
    }

    /// Asserts that routers have the same LSPs of a level.
    pub fn assert_alike(&self, level: Level, routers: &[usize]) {
        let lsps = |number: usize| {
            let live = self.routers[number].database(level).iter().filter(|(_, entry)| !entry.is_purged());
            live.map(|(id, entry)| (*id, entry.lsp.header().sequence)).collect::<BTreeMap<_, _>>()
        };
        for number in routers {
            assert_eq!(lsps(*number), lsps(routers[0]), "routers {number} and {}", routers[0]);
        }
    }

    /// How many PDUs of a kind were carried since a moment.
    pub fn count(&self, since: Instant, is_counted: impl Fn(&Carried) -> bool) -> usize {
        self.carried.iter().filter(|carried| carried.at >= since && is_counted(carried)).count()
    }
}

/// All routers at one level only.
pub fn level(mut config: Config, level: CircuitType) -> Config {
    config.level = level;
    config
}

/// A PDU as it arrives on a wire from a router.
pub fn packet(wire: usize, from: usize, payload: Vec<u8>) -> Input {
    Input::Packet { circuit: circuit(wire), source: mac(from, wire), payload }
}

impl Net {
    pub fn wire_count(&self) -> usize {
        self.wires.len()
    }

    pub fn is_alive(&self, number: usize) -> bool {
        self.alive.contains(&number)
    }
}
