//! Two routers on two links that the fuzzer owns: what they send waits on the wire until a step delivers, drops, repeats or
//! forges it.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use braid_ospf::{
    AreaConfig, AreaType, Config, External, FloodingDomain, Input, Instance, Instant, InterfaceConfig,
    InterfaceId, Limits, Network, Output, StubRouter, Translate, VirtualLinkConfig,
};
use braid_ospf_packet::{
    AreaId, Authentication, Body, Frame, LinkStateUpdate, Lsa, PacketHeader, Password, RouterId, encode,
};
use ipnet::Ipv4Net;

use crate::{
    Bytes, NOW, address, keys, seal, seal_packet,
    talk::{ENDLESS, Talk, Wire},
};

/// The routers: the one that is attacked, and its peer.
pub const ROUTERS: [RouterId; 2] =
    [RouterId(Ipv4Addr::new(10, 0, 0, 1)), RouterId(Ipv4Addr::new(10, 0, 0, 2))];
const AREA: AreaId = AreaId(Ipv4Addr::new(0, 0, 0, 1));
/// On a third interface the attacked router is alone with the fuzzer.
const INTERFACES: [u32; 3] = [1, 2, 3];
/// When all begins.
const START: Instant = Instant(1_000_000);

/// A packet on the wire.
#[derive(Debug, Clone)]
pub struct Packet {
    to: usize,
    interface: InterfaceId,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    payload: Vec<u8>,
}

/// The routers, the wire between them, and the time.
pub struct World {
    routers: [Instance; 2],
    configs: [Config; 2],
    authentication: Authentication,
    limits: Limits,
    wire: Wire<Packet>,
    /// The greatest cryptographic sequence number that was used.
    sequence: u64,
    /// That of the attacked router's last database description.
    description: u32,
}

fn source(router: usize, interface: InterfaceId) -> Ipv4Addr {
    Ipv4Addr::new(10, 9, interface.0 as u8, 1 + router as u8)
}

impl World {
    /// Two routers as the first bytes say.
    #[must_use]
    pub fn new(bytes: &mut Bytes) -> Self {
        let (choice, more) = (bytes.u8(), bytes.u8());
        let authentication = match choice >> 3 & 3 {
            0 | 1 => Authentication::None,
            2 => Authentication::Simple(Password::new(b"fuzz")),
            _ => keys(),
        };
        let limits = if choice & 0x40 != 0 {
            Limits {
                lsas: 12,
                lsa_bytes: 2000,
                neighbours: 2,
                retransmissions: 8,
                packets_per_second: 50,
                externals: 3,
            }
        } else {
            Limits { lsas: 500, neighbours: 16, externals: 16, ..Limits::default() }
        };
        let configs = [0, 1].map(|router| {
            let mut config = Config::new(ROUTERS[router]);
            config.limits = limits;
            config.lsa.min_arrival = Duration::from_millis(u64::from(more & 1) * 1000);
            config.rfc1583 = more & 2 != 0;
            config.stub_router = if more & 4 != 0 { StubRouter::All } else { StubRouter::Off };
            let kind = match choice >> 1 & 3 {
                0 | 1 => AreaType::Normal,
                2 => AreaType::Stub { default_cost: 3, summaries: more & 8 != 0 },
                _ => AreaType::Nssa {
                    default_cost: 3,
                    summaries: more & 8 != 0,
                    translate: Translate::Candidate,
                    default_route: more & 16 != 0,
                    external_ranges: BTreeMap::new(),
                },
            };
            config.areas.insert(AREA, AreaConfig { kind, ..AreaConfig::default() });
            let interfaces = if router == 0 { &INTERFACES[..] } else { &INTERFACES[..2] };
            for number in interfaces {
                let id = InterfaceId(*number);
                let net = Ipv4Net::new_assert(source(router, id), 24);
                let mut interface = InterfaceConfig::new(&format!("eth{number}"), net);
                interface.hello = Duration::from_secs(1);
                interface.dead = Duration::from_secs(4);
                interface.authentication = authentication.clone();
                interface.area = if *number == 2 { AREA } else { AreaId::BACKBONE };
                let point_to_point = *number == 1 && choice & 1 == 0;
                interface.kind = if point_to_point { Network::PointToPoint } else { Network::Broadcast };
                config.interfaces.insert(id, interface);
            }
            if more & 32 != 0 && config.areas[&AREA].kind == AreaType::Normal {
                config.virtual_links.push(VirtualLinkConfig::new(AREA, ROUTERS[1 - router]));
            }
            config
        });
        let routers = [0, 1].map(|router| {
            Instance::new(configs[router].clone(), router as u64, START).expect("a sound configuration")
        });
        let mut world = Self {
            routers,
            configs,
            authentication,
            limits,
            wire: Wire::new(START.0, Duration::MAX),
            sequence: 0,
            description: 0,
        };
        for router in [0, 1] {
            let interfaces: Vec<_> = world.configs[router].interfaces.keys().copied().collect();
            for interface in interfaces {
                world.handle(router, Input::Carrier { interface, up: true });
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
                Some(Output::Transmit { interface, source, destination, payload, .. }) => {
                    if let Ok(frame) = Frame::parse(&payload) {
                        self.sequence = self.sequence.max(frame.sequence().unwrap_or(0));
                        if router == 0
                            && let Ok(Body::DatabaseDescription(description)) = frame.body()
                        {
                            self.description = description.sequence;
                        }
                    }
                    if interface.0 != INTERFACES[2] {
                        self.wire.send(Packet { to: 1 - router, interface, source, destination, payload });
                    }
                }
                Some(Output::Event(event)) => drop(event.to_string()),
                Some(_) => {}
                None => break,
            }
        }
    }

    /// Bends one byte of the first packet that waits; `whole` mends its checksum.
    pub fn bend(&mut self, at: usize, with: u8, whole: bool) {
        if let Some(packet) = self.wire.waiting.front_mut()
            && let Some(byte) = packet.payload.get_mut(at)
        {
            *byte ^= with;
            if whole && let Some(sealed) = seal_packet(&packet.payload) {
                packet.payload = sealed;
            }
        }
    }

    /// Bends one byte of an LSA in the first packet that waits, and mends all checksums.
    pub fn bend_lsa(&mut self, which: usize, at: usize, with: u8) {
        let Some(packet) = self.wire.waiting.pop_front() else { return };
        let bent = Frame::parse(&packet.payload).ok().and_then(|frame| {
            let Ok(Body::LinkStateUpdate(mut update)) = frame.body() else { return None };
            let lsa = update.lsas.get_mut(which)?;
            let mut bytes = lsa.bytes().to_vec();
            *bytes.get_mut(at)? ^= with;
            *lsa = Lsa::decode(&seal(&bytes)?).ok()?;
            let header = PacketHeader { router_id: frame.router_id(), area_id: frame.area_id() };
            self.sign(header, &Body::LinkStateUpdate(update), packet.source)
        });
        let payload = bent.unwrap_or_else(|| packet.payload.clone());
        self.deliver(Packet { payload, ..packet });
    }

    fn sign(&self, header: PacketHeader, body: &Body, source: Ipv4Addr) -> Option<Vec<u8>> {
        encode(header, body, &self.authentication, source, self.sequence, NOW).ok()
    }

    /// Sends the attacked router a body from its peer (or who else the choice says), signed as it should be.
    pub fn forge(&mut self, bytes: &mut Bytes, body: &Body) {
        let choice = bytes.u8();
        let interface = InterfaceId(INTERFACES[usize::from(choice & 3) % 3]);
        let area_id = if interface.0 == 2 { AREA } else { AreaId::BACKBONE };
        let (router_id, from) = match choice >> 2 & 7 {
            0 => (RouterId(address(bytes.u8())), Ipv4Addr::new(10, 9, interface.0 as u8, bytes.u8())),
            1 => (RouterId(address(bytes.u8())), source(1, interface)),
            _ => (ROUTERS[1], source(1, interface)),
        };
        let destination = match choice >> 5 {
            0 => source(0, interface),
            1 => Ipv4Addr::new(224, 0, 0, 6),
            _ => Ipv4Addr::new(224, 0, 0, 5),
        };
        self.sequence += 1;
        if let Some(payload) = self.sign(PacketHeader { router_id, area_id }, body, from) {
            self.deliver(Packet { to: 0, interface, source: from, destination, payload });
        }
    }

    /// Sends the attacked router a packet as it is, but for version, length and checksum, on an interface of the choice's.
    pub fn inject(&mut self, choice: u8, packet: &[u8]) {
        let interface = InterfaceId(INTERFACES[usize::from(choice & 3) % 3]);
        let payload = if choice & 4 == 0 { seal_packet(packet) } else { None };
        let payload = payload.unwrap_or_else(|| packet.to_vec());
        let from = Ipv4Addr::new(10, 9, interface.0 as u8, choice >> 3);
        self.deliver(Packet {
            to: 0,
            interface,
            source: from,
            destination: Ipv4Addr::new(224, 0, 0, 5),
            payload,
        });
    }

    /// An update with these LSAs, from the peer.
    pub fn update(&mut self, bytes: &mut Bytes, lsas: Vec<Lsa>) {
        self.forge(bytes, &Body::LinkStateUpdate(LinkStateUpdate { lsas, rejected: Vec::new() }));
    }

    /// An LSA of the attacked router's database.
    #[must_use]
    pub fn known(&self, which: usize) -> Option<Lsa> {
        let count = self.routers[0].database().count();
        self.routers[0].database().nth(which % count.max(1)).map(|(_, lsa)| lsa)
    }

    /// The sequence number of the attacked router's last database description.
    #[must_use]
    pub fn description_sequence(&self) -> u32 {
        self.description
    }

    /// The carrier of an interface comes or goes.
    pub fn carrier(&mut self, choice: u8) {
        let router = usize::from(choice & 1);
        let interface = InterfaceId(INTERFACES[usize::from(choice >> 1 & 3) % 3]);
        self.handle(router, Input::Carrier { interface, up: choice & 8 == 0 });
    }

    /// An external route or an opaque LSA comes or goes.
    pub fn originate(&mut self, bytes: &mut Bytes) {
        let choice = bytes.u8();
        let router = usize::from(choice & 1);
        if choice & 2 == 0 {
            let prefix = Ipv4Net::new_assert(address(bytes.u8()), bytes.u8() % 33).trunc();
            let route = (choice & 4 == 0).then(|| External {
                metric: bytes.u16().into(),
                type2: choice & 8 != 0,
                tag: 0,
                forwarding: (choice & 16 != 0).then(|| Ipv4Addr::new(10, 9, 1 + (choice >> 6), bytes.u8())),
            });
            self.handle(router, Input::External { prefix, route });
        } else {
            let domain = match choice >> 5 & 3 {
                0 => FloodingDomain::Link(InterfaceId(INTERFACES[0])),
                1 => FloodingDomain::Area(AREA),
                2 => FloodingDomain::Area(AreaId::BACKBONE),
                _ => FloodingDomain::As,
            };
            let length = usize::from(bytes.u8());
            let data = (choice & 4 == 0).then(|| bytes.take(length).to_vec());
            self.handle(router, Input::Opaque { domain, opaque_type: 4, id: bytes.u8().into(), data });
        }
    }

    /// The attacked router is configured otherwise.
    pub fn configure(&mut self, bytes: &mut Bytes) {
        let router = usize::from(bytes.u8() & 1);
        let what = bytes.u8();
        let value = bytes.u8();
        let id = InterfaceId(INTERFACES[usize::from(value & 3) % INTERFACES.len()]);
        let config = &mut self.configs[router];
        let interface = config.interfaces.get_mut(&id);
        match (what % 8, interface) {
            (0, Some(interface)) => interface.cost = u16::from(value) + 1,
            (1, Some(interface)) => interface.priority = value >> 2,
            (2, Some(interface)) => interface.passive = !interface.passive,
            (3, Some(interface)) => interface.area = if value & 4 == 0 { AREA } else { AreaId::BACKBONE },
            (4, Some(interface)) => {
                interface.kind = if value & 4 == 0 { Network::Broadcast } else { Network::PointToPoint };
            }
            (5, _) => {
                config.stub_router =
                    [StubRouter::Off, StubRouter::Links, StubRouter::All][usize::from(value) % 3];
            }
            (6, _) => config.router_id = RouterId(address(value)),
            (7, Some(_)) => drop(config.interfaces.remove(&id)),
            _ => return,
        }
        let config = config.clone();
        if config.check().is_ok() {
            self.handle(router, Input::Configure(Box::new(config)));
        } else {
            self.configs[router] = self.routers[router].config().clone();
        }
    }

    /// The attacked router leaves, or is put away and taken out again: what is restored is what was put away.
    pub fn restore(&mut self) {
        let snapshot = self.routers[0].snapshot();
        let restored = Instance::restore(&snapshot).expect("its own snapshot");
        assert_eq!(restored.snapshot(), snapshot);
        self.routers[0] = restored;
    }

    /// The attacked router says good-bye.
    pub fn leave(&mut self) {
        self.handle(0, Input::Leave);
    }

    /// What must hold at any time.
    pub fn check(&self) {
        for router in &self.routers {
            let own = router.database().filter(|(_, lsa)| lsa.key().advertising_router == router.router_id());
            let all = router.database().count();
            assert!(all - own.count() <= self.limits.lsas, "{all} LSAs are over the limit");
            let neighbours = router.neighbours();
            for interface in INTERFACES {
                let here = neighbours.iter().filter(|neighbour| neighbour.interface.0 == interface).count();
                assert!(here <= self.limits.neighbours, "{here} neighbours are over the limit");
            }
            for neighbour in &neighbours {
                assert!(neighbour.retransmissions <= self.limits.retransmissions, "{neighbour:?}");
            }
            assert!(router.database().all(|(_, lsa)| lsa.is_intact()));
        }
    }
}

impl Talk for World {
    type Packet = Packet;
    const DELAY: Duration = Duration::from_millis(10);

    fn wire(&mut self) -> &mut Wire<Packet> {
        &mut self.wire
    }

    fn due_us(&self, router: usize) -> Option<u64> {
        self.routers[router].poll_timeout().map(|at| at.0)
    }

    fn wake(&mut self, router: usize) {
        self.handle(router, Input::Timeout);
    }

    fn receive(&mut self, packet: Packet) {
        let Packet { to, interface, source, destination, payload } = packet;
        self.handle(to, Input::Packet { interface, source, destination, ttl: 1, payload });
    }
}
