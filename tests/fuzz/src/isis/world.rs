//! Two routers on two circuits that the fuzzer owns: what they send waits on the wire until a step delivers, drops, repeats or
//! forges it.

use std::time::Duration;

use braid_isis::{
    CircuitConfig, CircuitId, CircuitKind, Config, External, Input, Instance, Instant, LeakDown, Limits, Mac,
    Output, Padding,
};
use braid_isis_packet::{Authentication, CircuitType, Level, Lsp};
use ipnet::Ipv4Net;

use super::{address, forgery, keys, seal_pdu, system};
use crate::{
    Bytes,
    talk::{ENDLESS, Talk, Wire},
};

/// On a third circuit the attacked router is alone with the fuzzer.
const CIRCUITS: [u32; 3] = [1, 2, 3];
/// Time between hellos. Neighbours say hello at once when something is new; what comes in turn tells a fuzzer nothing, and would
/// take most of its time.
const HELLO: Duration = Duration::from_secs(10);
/// How long the steps of a world may last in all: as long as an LSP needs to expire, to be purged and to be forgotten.
const LIFE: Duration = Duration::from_secs(150);
/// When all begins.
const START: Instant = Instant(1_000_000);

/// A PDU on the wire.
#[derive(Debug, Clone)]
pub struct Carried {
    to: usize,
    circuit: CircuitId,
    source: Mac,
    payload: Vec<u8>,
}

/// The routers, the wire between them, and the time.
pub struct World {
    routers: [Instance; 2],
    configs: [Config; 2],
    authentication: Authentication,
    limits: Limits,
    wire: Wire<Carried>,
}

fn mac(router: usize, circuit: CircuitId) -> Mac {
    [2, 0, 0, 0, circuit.0 as u8, 1 + router as u8]
}

impl World {
    /// Two routers as the first bytes say.
    #[must_use]
    pub fn new(bytes: &mut Bytes) -> Self {
        let (choice, more) = (bytes.u8(), bytes.u8());
        let authentication = match choice >> 3 & 3 {
            0 | 1 => Authentication::None,
            2 => Authentication::Password("fuzz".into()),
            _ => keys(),
        };
        let limits = if choice & 0x40 != 0 {
            Limits { lsps: 12, lsp_bytes: 2000, adjacencies: 2, packet_rate: 50, externals: 3 }
        } else {
            Limits { lsps: 500, adjacencies: 16, externals: 16, ..Limits::default() }
        };
        let configs = [0, 1].map(|router: usize| {
            let net = format!("49.0001.{}.00", system(router as u8)).parse().expect("a net");
            let mut config = Config::new(net);
            config.limits = limits;
            config.level =
                [CircuitType::L1, CircuitType::L2, CircuitType::L1L2][usize::from(choice >> 1 & 3).min(2)];
            config.area_auth = authentication.clone();
            config.domain_auth = authentication.clone();
            config.overload = more & 1 != 0;
            config.lifetime = if more & 2 != 0 { 60 } else { 1200 };
            config.refresh = Duration::from_secs(if more & 2 != 0 { 25 } else { 900 });
            config.lsp_mtu = if more & 4 != 0 { 128 } else { 1492 };
            if more & 8 != 0 {
                config.leak.down = LeakDown::All;
            }
            let circuits = if router == 0 { &CIRCUITS[..] } else { &CIRCUITS[..2] };
            for number in circuits {
                let is_cable = *number == 1 && choice & 1 == 0;
                let kind = if is_cable { CircuitKind::PointToPoint } else { CircuitKind::Broadcast };
                let mut circuit = CircuitConfig::new(&format!("eth{number}"), kind);
                let at = address(*number as u8 * 16 + router as u8);
                circuit.addresses = vec![at];
                circuit.prefixes.insert(Ipv4Net::new_assert(at, 28).trunc(), 10);
                circuit.hello = HELLO;
                circuit.multiplier = 2;
                circuit.election_wait = Some(Duration::from_millis(100));
                circuit.padding = if more & 16 != 0 { Padding::Always } else { Padding::Never };
                circuit.hello_auth = authentication.clone();
                config.circuits.insert(CircuitId(*number), circuit);
            }
            config
        });
        let routers = [0, 1].map(|router| {
            Instance::new(configs[router].clone(), router as u64, START).expect("a sound configuration")
        });
        let mut world = Self { routers, configs, authentication, limits, wire: Wire::new(START.0, LIFE) };
        for router in [0, 1] {
            let circuits: Vec<_> = world.configs[router].circuits.keys().copied().collect();
            for circuit in circuits {
                world.handle(router, Input::Carrier { circuit, up: true, mac: mac(router, circuit) });
            }
        }
        world
    }

    /// Gives a router an input and takes all that it wants done.
    fn handle(&mut self, router: usize, input: Input) {
        self.routers[router].handle(Instant(self.wire.now_us), input);
        for count in 0.. {
            assert!(count < ENDLESS, "outputs without end");
            match self.routers[router].poll_output() {
                None => break,
                Some(Output::Transmit { circuit, payload, .. }) => {
                    self.wire.send(Carried {
                        to: 1 - router,
                        circuit,
                        source: mac(router, circuit),
                        payload,
                    });
                }
                Some(Output::Event(event)) => {
                    let _ = event.to_string();
                }
                Some(Output::Routes(_)) => {}
            }
        }
    }

    /// Delivers a waiting PDU with another byte, and perhaps right checksum.
    pub fn bend(&mut self, at: usize, byte: u8, seal: bool) {
        let Some(mut carried) = self.wire.waiting.pop_front() else { return };
        let at = at % carried.payload.len().max(1);
        if let Some(place) = carried.payload.get_mut(at) {
            *place = byte;
        }
        if let Some(sealed) = seal_pdu(&carried.payload).filter(|_| seal) {
            carried.payload = sealed;
        }
        self.deliver(carried);
    }

    /// Says something to the attacked router.
    pub fn inject(&mut self, choice: u8, payload: Vec<u8>) {
        let circuit = CircuitId(CIRCUITS[usize::from(choice) % CIRCUITS.len()]);
        let source = [2, 0, 0, 9, choice >> 6, 1 + (choice >> 2 & 7)];
        self.deliver(Carried { to: 0, circuit, source, payload });
    }

    // Forges a PDU that is signed as the routers do.
    fn forge(&mut self, bytes: &mut Bytes, make: Make) {
        let auth = self.authentication.clone();
        let choice = bytes.u8();
        if let Some(pdu) = make(bytes, self, &auth) {
            self.inject(choice, pdu);
        }
    }

    /// Carrier comes or goes.
    pub fn carrier(&mut self, choice: u8) {
        let (router, up) = (usize::from(choice >> 1 & 1), choice & 1 == 0);
        let circuit = CircuitId(CIRCUITS[usize::from(choice >> 2 & 1)]);
        self.handle(router, Input::Carrier { circuit, up, mac: mac(router, circuit) });
    }

    /// A router announces a prefix from outside, or no longer.
    pub fn originate(&mut self, bytes: &mut Bytes) {
        let (choice, at) = (bytes.u8(), bytes.u8());
        let prefix = Ipv4Net::new_assert(address(at), 28).trunc();
        let route =
            External { metric: bytes.u8().into(), level: CircuitType::L1L2, external: choice & 4 != 0 };
        let route = (choice & 2 == 0).then_some(route);
        self.handle(usize::from(choice & 1), Input::External { prefix, route });
    }

    /// A router is configured otherwise.
    pub fn configure(&mut self, bytes: &mut Bytes) {
        let (choice, value) = (bytes.u8(), bytes.u8());
        let router = usize::from(choice & 1);
        let config = &mut self.configs[router];
        let circuit = config.circuits.get_mut(&CircuitId(1 + u32::from(choice >> 1 & 1)));
        match (choice >> 2, circuit) {
            (0, Some(circuit)) => circuit.metric[forgery::level(value)] = u32::from(value) + 1,
            (1, Some(circuit)) => circuit.priority[forgery::level(value)] = value & 0x7f,
            (2, Some(circuit)) => circuit.passive = value & 1 != 0,
            (3, Some(circuit)) => circuit.addresses = vec![address(value)],
            (4, Some(circuit)) => {
                circuit.prefixes.insert(Ipv4Net::new_assert(address(value), 30).trunc(), value.into());
            }
            (5, _) => config.overload = value & 1 != 0,
            (6, _) => config.level = CircuitType::from_bits(1 + value % 3).unwrap_or(CircuitType::L1L2),
            (7, _) => config.lsp_mtu = 128 + u16::from(value),
            (8, _) => config.leak.up = value & 1 != 0,
            (9, _) => config.leak.down = if value & 1 == 0 { LeakDown::Nothing } else { LeakDown::All },
            (10, _) => config.host_name = Some("x".repeat(usize::from(value))),
            _ => {
                let summary = Ipv4Net::new_assert(address(value), 26).trunc();
                config.leak.summaries.insert(summary, None);
            }
        }
        let config = Box::new(config.clone());
        self.handle(router, Input::Configure(config));
    }

    /// The peer goes.
    pub fn leave(&mut self) {
        self.handle(1, Input::Leave);
    }

    /// The attacked router becomes its own copy.
    pub fn restore(&mut self) {
        let snapshot = self.routers[0].snapshot().expect("a snapshot can be made");
        let restored = Instance::restore(&snapshot).expect("and restored");
        assert_eq!(restored.snapshot().expect("again"), snapshot, "a copy is the same router");
        self.routers[0] = restored;
    }

    /// The hardware address of the attacked router on its LAN with the fuzzer.
    #[must_use]
    pub fn attacked_mac(&self) -> Mac {
        mac(0, CircuitId(CIRCUITS[2]))
    }

    /// One of the LSPs that the attacked router has.
    #[must_use]
    pub fn known(&self, level: Level, number: usize) -> Option<Lsp> {
        let database = self.routers[0].database(level);
        let count = database.iter().count().max(1);
        database.iter().nth(number % count).map(|(_, entry)| entry.lsp.clone())
    }

    /// Limits hold.
    pub fn check(&self) {
        for router in &self.routers {
            let neighbours = router.neighbours().count();
            assert!(neighbours <= CIRCUITS.len() * 2 * self.limits.adjacencies, "{neighbours} neighbours");
            assert!(router.externals().len() <= self.limits.externals);
            for level in Level::ALL {
                let lsps = router.database(level).iter().count();
                // Own LSPs are there whatever the limit.
                assert!(lsps <= self.limits.lsps + 2 * 256, "{lsps} LSPs");
            }
        }
    }
}

impl Talk for World {
    type Packet = Carried;
    const DELAY: Duration = Duration::from_millis(1);

    fn wire(&mut self) -> &mut Wire<Carried> {
        &mut self.wire
    }

    fn due_us(&self, router: usize) -> Option<u64> {
        self.routers[router].poll_timeout().map(|at| at.0)
    }

    fn wake(&mut self, router: usize) {
        self.handle(router, Input::Timeout);
    }

    fn receive(&mut self, carried: Carried) {
        let Carried { to, circuit, source, payload } = carried;
        self.handle(to, Input::Packet { circuit, source, payload });
    }
}

/// Makes a PDU of bytes; it may be none.
type Make = fn(&mut Bytes, &World, &Authentication) -> Option<Vec<u8>>;

impl World {
    /// A hello of a stranger.
    pub fn forge_hello(&mut self, bytes: &mut Bytes) {
        self.forge(bytes, forgery::hello);
    }

    /// A CSNP or PSNP.
    pub fn forge_sequence_numbers(&mut self, bytes: &mut Bytes) {
        self.forge(bytes, forgery::sequence_numbers);
    }

    /// An LSP.
    pub fn forge_lsp(&mut self, bytes: &mut Bytes) {
        self.forge(bytes, |bytes, world, auth| Some(forgery::lsp(bytes, world, auth)?.bytes().to_vec()));
    }

    /// Any bytes, perhaps sealed.
    pub fn forge_bytes(&mut self, bytes: &mut Bytes) {
        let (choice, length) = (bytes.u8(), bytes.u16());
        let raw = bytes.take(length.into()).to_vec();
        let sealed = if choice & 0x80 == 0 { seal_pdu(&raw) } else { None };
        self.inject(choice, sealed.unwrap_or(raw));
    }
}
