//! One router on a bench: a virtual clock, neighbours that say what the test wants, and everything it sends,
//! decoded.

#![allow(dead_code, clippy::unwrap_used)] // each test file uses a part; a test's panic is its report

use std::{net::Ipv4Addr, time::Duration};

use braid_ospf::{
    Config, Event, FloodingDomain, Input, Instance, Instant, InterfaceConfig, InterfaceId, InterfaceStatus,
    NeighbourState, Network, Output, Refusal, RouteUpdate,
};
use braid_ospf_packet::*;
use ipnet::Ipv4Net;

mod peer;
pub use peer::Peer;

/// The router on the bench.
pub const US: RouterId = RouterId(Ipv4Addr::new(5, 5, 5, 5));
/// A neighbour that we lead in exchanges.
pub const LOW: RouterId = RouterId(Ipv4Addr::new(1, 1, 1, 1));
/// A neighbour that leads us.
pub const HIGH: RouterId = RouterId(Ipv4Addr::new(9, 9, 9, 9));
/// A router that is nowhere near.
pub const FAR: RouterId = RouterId(Ipv4Addr::new(77, 7, 7, 7));

pub const ETH1: InterfaceId = InterfaceId(1);
pub const ETH2: InterfaceId = InterfaceId(2);
pub const ETH3: InterfaceId = InterfaceId(3);

pub const ALL_SPF_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 5);
pub const ALL_D_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 6);
pub const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

pub const HELLO: Duration = Duration::from_secs(10);
pub const DEAD: Duration = Duration::from_secs(40);
pub const RETRANSMIT: Duration = Duration::from_secs(5);
pub const AREA_1: AreaId = AreaId(Ipv4Addr::new(0, 0, 0, 1));

pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A router with the constants of RFC 2328 where this implementation is faster by default.
pub fn rfc() -> Config {
    let mut config = Config::new(US);
    config.lsa.hold = seconds(u64::from(MIN_LS_INTERVAL));
    config.lsa.max = seconds(u64::from(MIN_LS_INTERVAL));
    config.lsa.min_arrival = seconds(u64::from(MIN_LS_ARRIVAL));
    config.spf.initial = Duration::ZERO;
    config
}

/// Interface `number` with address 10.number.0.5/24.
pub fn interface(number: u32, kind: Network) -> InterfaceConfig {
    let address = Ipv4Net::new(Ipv4Addr::new(10, number as u8, 0, 5), 24).unwrap();
    InterfaceConfig { kind, ..InterfaceConfig::new(&format!("eth{number}"), address) }
}

/// `eth1` … as point-to-point links of the backbone.
pub fn links(count: u32) -> Config {
    networks(count, Network::PointToPoint)
}

/// `eth1` … as networks of the backbone.
pub fn networks(count: u32, kind: Network) -> Config {
    let mut config = rfc();
    for number in 1..=count {
        config.interfaces.insert(InterfaceId(number), interface(number, kind));
    }
    config
}

/// A packet that the router sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub at: Instant,
    pub interface: InterfaceId,
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub ttl: u8,
    pub router_id: RouterId,
    pub area_id: AreaId,
    pub body: Body,
    pub length: usize,
}

impl Sent {
    pub fn hello(&self) -> Option<&Hello> {
        if let Body::Hello(hello) = &self.body { Some(hello) } else { None }
    }
    pub fn description(&self) -> Option<&DatabaseDescription> {
        if let Body::DatabaseDescription(description) = &self.body { Some(description) } else { None }
    }
    pub fn request(&self) -> Option<&LinkStateRequest> {
        if let Body::LinkStateRequest(request) = &self.body { Some(request) } else { None }
    }
    pub fn update(&self) -> Option<&LinkStateUpdate> {
        if let Body::LinkStateUpdate(update) = &self.body { Some(update) } else { None }
    }
    pub fn ack(&self) -> Option<&LinkStateAck> {
        if let Body::LinkStateAck(ack) = &self.body { Some(ack) } else { None }
    }
    /// The instance of this LSA that the packet carries.
    pub fn lsa(&self, key: LsaKey) -> Option<&Lsa> {
        self.update()?.lsas.iter().find(|lsa| lsa.key() == key)
    }
    /// Whether the packet acknowledges this very instance.
    pub fn acks(&self, lsa: &Lsa) -> bool {
        self.ack().is_some_and(|ack| ack.headers.iter().any(|header| header.same_instance(&lsa.header())))
    }
}

/// A router under test.
pub struct Bench {
    pub router: Instance,
    pub now: Instant,
    pub sent: Vec<Sent>,
    pub events: Vec<Event>,
    pub routes: Vec<RouteUpdate>,
    pub groups: Vec<(InterfaceId, bool, bool)>,
    /// How much of `sent` the test has dealt with.
    mark: usize,
}

impl Bench {
    /// A router that is just switched on, with carrier on all its interfaces.
    pub fn new(config: Config) -> Self {
        let interfaces: Vec<_> = config.interfaces.keys().copied().collect();
        let mut bench = Self::without_carrier(config);
        for interface in interfaces {
            bench.input(Input::Carrier { interface, up: true });
        }
        bench
    }

    /// A router that is just switched on.
    pub fn without_carrier(config: Config) -> Self {
        let now = Instant(1_000_000_000);
        let router = Instance::new(config, 7, now).unwrap();
        let mut bench =
            Self { router, now, sent: vec![], events: vec![], routes: vec![], groups: vec![], mark: 0 };
        bench.settle();
        bench
    }

    /// Something happens; what is due at once gets done.
    pub fn input(&mut self, input: Input) {
        self.router.handle(self.now, input);
        self.settle();
    }

    fn settle(&mut self) {
        self.drain();
        for _ in 0..1_000 {
            match self.router.poll_timeout() {
                Some(due) if due <= self.now => {
                    self.router.handle(self.now, Input::Timeout);
                    self.drain();
                }
                _ => return,
            }
        }
        panic!("the router wants a timeout at {} without end", self.now);
    }

    fn drain(&mut self) {
        while let Some(output) = self.router.poll_output() {
            match output {
                Output::Transmit { interface, source, destination, ttl, payload } => {
                    let frame = Frame::parse(&payload).expect("the router sends sane packets");
                    let body = frame.body().expect("the router sends sane packets");
                    let (router_id, area_id, length) = (frame.router_id(), frame.area_id(), payload.len());
                    let at = self.now;
                    self.sent.push(Sent {
                        at,
                        interface,
                        source,
                        destination,
                        ttl,
                        router_id,
                        area_id,
                        body,
                        length,
                    });
                }
                Output::Routes(routes) => self.routes.extend(routes),
                Output::Groups { interface, all_routers, designated } => {
                    self.groups.push((interface, all_routers, designated));
                }
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    /// Time passes; every timer fires when it is due.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.router.poll_timeout().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.settle();
        }
        self.now = end;
    }

    /// Time passes while these neighbours say hello each second, so that none of them dies.
    pub fn run_with(&mut self, time: Duration, peers: &mut [&mut Peer]) {
        for _ in 0..time.as_secs() {
            for peer in &mut *peers {
                peer.hello(self);
            }
            self.run(seconds(1));
        }
    }

    /// Time passes while these neighbours say hello and acknowledge all that they receive.
    pub fn run_acking(&mut self, time: Duration, peers: &mut [&mut Peer]) {
        for _ in 0..time.as_secs() {
            for peer in &mut *peers {
                peer.hello(self);
                peer.ack_all(self);
            }
            self.run(seconds(1));
        }
        peers.iter_mut().for_each(|peer| peer.ack_all(self));
    }

    /// Forgets what was sent so far.
    pub fn clear(&mut self) {
        self.mark = self.sent.len();
        self.events.clear();
        self.routes.clear();
    }

    /// What the interface sent since the last [`Self::clear`].
    pub fn sent_on(&self, interface: InterfaceId) -> impl Iterator<Item = &Sent> {
        self.sent[self.mark..].iter().filter(move |sent| sent.interface == interface)
    }

    /// Every instance of this LSA that was flooded by the interface.
    pub fn flooded(&self, interface: InterfaceId, key: LsaKey) -> Vec<Lsa> {
        self.sent_on(interface).filter_map(|sent| sent.lsa(key)).cloned().collect()
    }

    /// Whether the interface sent an acknowledgment of this very instance.
    pub fn acked(&self, interface: InterfaceId, lsa: &Lsa) -> bool {
        self.sent_on(interface).any(|sent| sent.acks(lsa))
    }

    /// The state of the neighbour, `Down` if it is not known.
    pub fn state(&self, peer: &Peer) -> NeighbourState {
        self.router
            .neighbours()
            .into_iter()
            .find(|status| status.interface == peer.interface && status.router_id == peer.router_id)
            .map_or(NeighbourState::Down, |status| status.state)
    }

    /// How many packets were refused for this reason.
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.router.counters().refused.get(&reason).copied().unwrap_or(0)
    }

    pub fn interface(&self, interface: InterfaceId) -> InterfaceStatus {
        self.router.interfaces().into_iter().find(|status| status.interface == interface).unwrap()
    }

    /// The LSA in the database of `domain`, at its age of now.
    pub fn lsa_in(&self, domain: FloodingDomain, key: LsaKey) -> Option<Lsa> {
        let mut all = self.router.database_at(self.now);
        all.find(|(place, lsa)| *place == domain && lsa.key() == key).map(|(_, lsa)| lsa)
    }

    /// The LSA in the database of its scope: of the backbone, or of the first link.
    pub fn lsa(&self, key: LsaKey) -> Option<Lsa> {
        match key.ls_type.scope() {
            Scope::Link => self.lsa_in(FloodingDomain::Link(ETH1), key),
            Scope::Area => self.lsa_in(FloodingDomain::Area(AreaId::BACKBONE), key),
            Scope::As => self.lsa_in(FloodingDomain::As, key),
        }
    }

    /// Our router-LSA in the backbone.
    pub fn own(&self) -> Lsa {
        self.lsa(router_key(US)).expect("a router-LSA of our own")
    }
}

/// Two point-to-point links with a full neighbour each, of which the first has brought these LSAs. Long enough
/// ago for MinLSArrival.
pub fn two_links(lsas: &[Lsa]) -> (Bench, Peer, Peer) {
    let mut bench = Bench::new(links(2));
    let (mut near, mut far) = (Peer::new(ETH1, LOW).with_lsas(lsas), Peer::new(ETH2, HIGH));
    near.establish(&mut bench);
    far.establish(&mut bench);
    bench.run_acking(seconds(8), &mut [&mut near, &mut far]);
    bench.clear();
    (bench, near, far)
}

pub fn router_key(router: RouterId) -> LsaKey {
    LsaKey::new(LsType::Router, router.0, router)
}

/// A number of an LSA's instance: the n-th, counted from 1.
pub fn nth(n: i32) -> SequenceNumber {
    SequenceNumber(SequenceNumber::INITIAL.0 + n - 1)
}

/// The n-th instance of a router-LSA with these links.
pub fn router_lsa(router: RouterId, n: i32, links: &[RouterLink]) -> Lsa {
    let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links: links.to_vec() });
    Lsa::build(1, Options::E, router.0, router, nth(n), &body).unwrap()
}

pub fn stub(network: Ipv4Addr, metric: u16) -> RouterLink {
    RouterLink { kind: LinkKind::Stub, id: network, data: [255, 255, 255, 0].into(), metric }
}

/// The n-th instance of an AS-external LSA for 198.51.100.0/24.
pub fn external_lsa(router: RouterId, n: i32, metric: u32) -> Lsa {
    let forwarding = NOBODY;
    let body = LsaBody::External(ExternalLsa { mask: 24, type2: true, metric, forwarding, tag: 0 });
    Lsa::build(1, Options::E, [198, 51, 100, 0].into(), router, nth(n), &body).unwrap()
}

/// The first instance of an opaque LSA.
pub fn opaque_lsa(ls_type: LsType, router: RouterId) -> Lsa {
    let body = LsaBody::Opaque { ls_type, data: vec![1, 2, 3, 4] };
    Lsa::build(1, Options::E.with(Options::O), [200, 0, 0, 1].into(), router, nth(1), &body).unwrap()
}

/// The same contents as another instance.
pub fn reissued(lsa: &Lsa, age: u16, sequence: SequenceNumber) -> Lsa {
    let header = lsa.header();
    let (id, router) = (header.key.link_state_id, header.key.advertising_router);
    Lsa::build(age, header.options, id, router, sequence, &lsa.body()).unwrap()
}
