//! A neighbour that does what the test says, and, on request, all that brings an adjacency up.

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_ospf::{Input, InterfaceId, NeighbourState};
use braid_ospf_packet::*;

use super::{ALL_SPF_ROUTERS, Bench, NOBODY, Sent, US, seconds};

/// A neighbour of the router on the bench.
pub struct Peer {
    pub interface: InterfaceId,
    pub router_id: RouterId,
    pub area: AreaId,
    pub address: Ipv4Addr,
    pub auth: Authentication,
    pub auth_sequence: u64,
    pub hello: Hello,
    pub mtu: u16,
    pub ttl: u8,
    /// The number of its latest database description.
    pub number: u32,
    /// Its database.
    pub lsas: BTreeMap<LsaKey, Lsa>,
    /// How much of what was sent it has looked at.
    seen: usize,
}

impl Peer {
    /// A neighbour on interface `n` of the bench, with address 10.n.0.x, x the first byte of its router id.
    pub fn new(interface: InterfaceId, router_id: RouterId) -> Self {
        let address = Ipv4Addr::new(10, interface.0 as u8, 0, router_id.0.octets()[0]);
        Self {
            interface,
            router_id,
            area: AreaId::BACKBONE,
            address,
            auth: Authentication::None,
            auth_sequence: 0,
            hello: Hello {
                mask: [255, 255, 255, 0].into(),
                hello_interval: 10,
                options: Options::E.with(Options::O),
                priority: 1,
                dead_interval: 40,
                designated_router: NOBODY,
                backup: NOBODY,
                neighbours: vec![US],
            },
            mtu: 1500,
            ttl: 1,
            number: 5_000,
            lsas: BTreeMap::new(),
            seen: 0,
        }
    }

    /// The same in another area, with the options that this kind of area wants.
    pub fn in_area(mut self, area: AreaId, options: Options) -> Self {
        self.area = area;
        self.hello.options = options;
        self
    }

    pub fn with_lsas(mut self, lsas: &[Lsa]) -> Self {
        self.lsas.extend(lsas.iter().map(|lsa| (lsa.key(), lsa.clone())));
        self
    }

    pub fn encoded(&mut self, body: &Body) -> Vec<u8> {
        self.auth_sequence += 1;
        let header = PacketHeader { router_id: self.router_id, area_id: self.area };
        encode(header, body, &self.auth, self.address, self.auth_sequence, 0).unwrap()
    }

    pub fn send_to(&mut self, bench: &mut Bench, destination: Ipv4Addr, body: &Body) {
        let payload = self.encoded(body);
        self.send_bytes(bench, destination, payload);
    }

    pub fn send_bytes(&self, bench: &mut Bench, destination: Ipv4Addr, payload: Vec<u8>) {
        let (interface, source, ttl) = (self.interface, self.address, self.ttl);
        bench.input(Input::Packet { interface, source, destination, ttl, payload });
    }

    /// Sends to our unicast address.
    pub fn send(&mut self, bench: &mut Bench, body: &Body) {
        let ours = bench.interface(self.interface).address;
        self.send_to(bench, ours, body);
    }

    pub fn hello(&mut self, bench: &mut Bench) {
        let body = Body::Hello(self.hello.clone());
        self.send_to(bench, ALL_SPF_ROUTERS, &body);
    }

    /// A hello that does not name us.
    pub fn hello_one_way(&mut self, bench: &mut Bench) {
        let body = Body::Hello(Hello { neighbours: vec![], ..self.hello.clone() });
        self.send_to(bench, ALL_SPF_ROUTERS, &body);
    }

    pub fn description(&self, flags: &str, sequence: u32, headers: &[LsaHeader]) -> DatabaseDescription {
        DatabaseDescription {
            mtu: self.mtu,
            options: self.hello.options,
            initial: flags.contains('I'),
            more: flags.contains('M'),
            master: flags.contains('S'),
            sequence,
            headers: headers.to_vec(),
            unknown: 0,
        }
    }

    /// Sends a database description; flags I, M and S (for MS).
    pub fn describe(&mut self, bench: &mut Bench, flags: &str, sequence: u32, headers: &[LsaHeader]) {
        let body = Body::DatabaseDescription(self.description(flags, sequence, headers));
        self.send(bench, &body);
    }

    pub fn request(&mut self, bench: &mut Bench, keys: &[LsaKey]) {
        let body = Body::LinkStateRequest(LinkStateRequest { keys: keys.to_vec(), unknown: 0 });
        self.send(bench, &body);
    }

    /// Floods LSAs to everybody on the link.
    pub fn flood(&mut self, bench: &mut Bench, lsas: &[Lsa]) {
        self.flood_to(bench, ALL_SPF_ROUTERS, lsas);
    }

    pub fn flood_to(&mut self, bench: &mut Bench, destination: Ipv4Addr, lsas: &[Lsa]) {
        let body = Body::LinkStateUpdate(LinkStateUpdate { lsas: lsas.to_vec(), rejected: vec![] });
        self.send_to(bench, destination, &body);
    }

    pub fn ack(&mut self, bench: &mut Bench, lsas: &[Lsa]) {
        let headers = lsas.iter().map(Lsa::header).collect();
        let body = Body::LinkStateAck(LinkStateAck { headers, unknown: 0 });
        self.send(bench, &body);
    }

    /// What was sent to this neighbour since it last looked.
    pub fn received(&mut self, bench: &Bench) -> Vec<Sent> {
        let mine = |sent: &&Sent| {
            sent.interface == self.interface
                && (sent.destination.is_multicast() || sent.destination == self.address)
        };
        let new: Vec<_> = bench.sent[self.seen..].iter().filter(mine).cloned().collect();
        self.seen = bench.sent.len();
        new
    }

    /// Does not look any more at what was sent so far.
    pub fn catch_up(&mut self, bench: &Bench) {
        self.seen = bench.sent.len();
    }

    /// Acknowledges every LSA that was sent to it since it last looked.
    pub fn ack_all(&mut self, bench: &mut Bench) {
        let lsas: Vec<Lsa> = self
            .received(bench)
            .iter()
            .filter_map(Sent::update)
            .flat_map(|update| update.lsas.clone())
            .collect();
        if !lsas.is_empty() {
            self.ack(bench, &lsas);
        }
    }

    /// Brings the adjacency to Full, taking the role that the router ids say, and acknowledges what it is
    /// told.
    pub fn establish(&mut self, bench: &mut Bench) {
        self.catch_up(bench);
        self.hello(bench);
        self.follow(bench);
        assert_eq!(bench.state(self), NeighbourState::Full, "{:?}", bench.events);
        self.ack_all(bench);
    }

    /// Answers whatever is sent to it until it is Full, for some seconds: at least one retransmission.
    pub fn follow(&mut self, bench: &mut Bench) {
        for _ in 0..8 {
            for _ in 0..100 {
                let received = self.received(bench);
                if received.is_empty() {
                    break;
                }
                for sent in received {
                    self.answer(bench, &sent);
                }
            }
            if bench.state(self) == NeighbourState::Full {
                return;
            }
            bench.run(seconds(1));
        }
    }

    fn headers(&self) -> Vec<LsaHeader> {
        self.lsas.values().map(Lsa::header).collect()
    }

    fn answer(&mut self, bench: &mut Bench, sent: &Sent) {
        match &sent.body {
            Body::Hello(_) | Body::LinkStateAck(_) => {}
            Body::DatabaseDescription(theirs) if self.router_id < US => {
                // We lead: the first answer brings all its headers, the others nothing.
                let headers = if theirs.initial { self.headers() } else { vec![] };
                self.describe(bench, "", theirs.sequence, &headers);
            }
            Body::DatabaseDescription(theirs) => {
                if theirs.master {
                    self.describe(bench, "IMS", self.number, &[]);
                } else if theirs.sequence == self.number {
                    // The answer to our first one is in; go on until neither has more.
                    let headers = if self.seen_initial(theirs) { self.headers() } else { vec![] };
                    if theirs.more || self.number == Self::FIRST_NUMBER {
                        self.number += 1;
                        self.describe(bench, "S", self.number, &headers);
                    }
                }
            }
            Body::LinkStateRequest(request) => {
                let lsas: Vec<_> =
                    request.keys.iter().filter_map(|key| self.lsas.get(key).cloned()).collect();
                let ours = bench.interface(self.interface).address;
                self.flood_to(bench, ours, &lsas);
            }
            Body::LinkStateUpdate(update) => self.ack(bench, &update.lsas),
        }
    }

    const FIRST_NUMBER: u32 = 5_000;

    fn seen_initial(&self, theirs: &DatabaseDescription) -> bool {
        theirs.sequence == Self::FIRST_NUMBER
    }
}
