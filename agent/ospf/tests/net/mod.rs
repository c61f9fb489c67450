//! Routers joined by virtual wires on a virtual clock.
#![allow(dead_code, clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::Duration,
};

use braid_ospf::{
    Config, Event, FloodingDomain, Input, InstalledRoute, Instance, Instant, InterfaceConfig, InterfaceId,
    NeighbourState, Network, Output, RouterId,
};
use ipnet::Ipv4Net;

/// A packet under way, or nothing but a wake-up.
#[derive(Debug, Clone)]
struct Flight {
    router: usize,
    input: Input,
}

/// A router's plug in a wire.
pub type End = (usize, InterfaceId);

/// The network.
pub struct Net {
    pub now: Instant,
    pub routers: Vec<Instance>,
    pub alive: Vec<bool>,
    wires: Vec<Vec<End>>,
    pub cut: BTreeSet<usize>,
    flights: BTreeMap<(Instant, u64), Flight>,
    count: u64,
    pub events: Vec<(Instant, usize, Event)>,
    pub sent: u64,
    /// What each router's FIB holds, by the differences told.
    pub fibs: Vec<BTreeMap<Ipv4Net, InstalledRoute>>,
    pub delay: Duration,
}

pub fn id(number: usize) -> RouterId {
    RouterId(Ipv4Addr::new(10, 0, (number >> 8) as u8, number as u8))
}

/// A configuration with a loopback /32 (interface 1) and fast hellos wherever [`interface`] is used.
pub fn config(number: usize) -> Config {
    let mut config = Config::new(id(number));
    let address = Ipv4Net::from(id(number).0);
    let lo = InterfaceConfig { kind: Network::Loopback, cost: 0, ..InterfaceConfig::new("lo", address) };
    config.interfaces.insert(InterfaceId(1), lo);
    config
}

pub fn interface(address: &str) -> InterfaceConfig {
    InterfaceConfig {
        hello: Duration::from_secs(1),
        dead: Duration::from_secs(4),
        retransmit: Duration::from_secs(2),
        ..InterfaceConfig::new("eth", address.parse().unwrap())
    }
}

impl Net {
    pub fn new() -> Self {
        Self {
            now: Instant(1_000_000_000_000),
            routers: Vec::new(),
            alive: Vec::new(),
            wires: Vec::new(),
            cut: BTreeSet::new(),
            flights: BTreeMap::new(),
            count: 0,
            events: Vec::new(),
            sent: 0,
            fibs: Vec::new(),
            delay: Duration::from_millis(1),
        }
    }

    pub fn add(&mut self, config: Config) -> usize {
        let seed = self.routers.len() as u64 + 1;
        self.routers.push(Instance::new(config, seed, self.now).unwrap());
        self.alive.push(true);
        self.fibs.push(BTreeMap::new());
        self.routers.len() - 1
    }

    pub fn wire(&mut self, ends: &[End]) -> usize {
        self.wires.push(ends.to_vec());
        for (router, interface) in ends {
            self.input(*router, Input::Carrier { interface: *interface, up: true });
        }
        self.wires.len() - 1
    }

    pub fn input(&mut self, router: usize, input: Input) {
        self.routers[router].handle(self.now, input);
        self.drain(router);
    }

    fn drain(&mut self, router: usize) {
        while let Some(output) = self.routers[router].poll_output() {
            match output {
                Output::Transmit { interface, source, destination, ttl, payload } => {
                    self.sent += 1;
                    let local = destination.is_multicast() || self.on_wire(router, interface, destination);
                    if local {
                        self.carry(router, interface, source, destination, ttl, &payload);
                    } else {
                        self.forward(router, source, destination, payload);
                    }
                }
                Output::Routes(routes) => {
                    for update in routes {
                        match update.route {
                            Some(route) => self.fibs[router].insert(update.prefix, route),
                            None => self.fibs[router].remove(&update.prefix),
                        };
                    }
                }
                Output::Groups { .. } => {}
                Output::Event(event) => self.events.push((self.now, router, event)),
            }
        }
    }

    fn on_wire(&self, router: usize, interface: InterfaceId, destination: Ipv4Addr) -> bool {
        self.wires.iter().enumerate().any(|(wire, ends)| {
            !self.cut.contains(&wire)
                && ends.contains(&(router, interface))
                && ends
                    .iter()
                    .any(|(r, i)| self.routers[*r].config().interfaces[i].address.addr() == destination)
        })
    }

    fn carry(
        &mut self,
        router: usize,
        interface: InterfaceId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        ttl: u8,
        payload: &[u8],
    ) {
        let Some(wire) = self.wires.iter().position(|ends| ends.contains(&(router, interface))) else {
            return;
        };
        if self.cut.contains(&wire) {
            return;
        }
        for (other, plug) in self.wires[wire].clone() {
            if other == router {
                continue;
            }
            let hears = destination.is_multicast()
                || self.routers[other].config().interfaces[&plug].address.addr() == destination;
            if hears {
                let input =
                    Input::Packet { interface: plug, source, destination, ttl, payload: payload.to_vec() };
                self.fly(other, input);
            }
        }
    }

    /// Packets of virtual links: to whoever has the address, by the FIBs.
    fn forward(&mut self, router: usize, source: Ipv4Addr, destination: Ipv4Addr, payload: Vec<u8>) {
        let mut at = router;
        for _ in 0..32 {
            let best = self.fibs[at]
                .iter()
                .filter(|(prefix, _)| prefix.contains(&destination))
                .max_by_key(|(prefix, _)| prefix.prefix_len());
            let Some((_, route)) = best else { return };
            let Some((out, gateway)) = route.next_hops.first().copied() else { return };
            let Some(wire) = self.wires.iter().position(|ends| ends.contains(&(at, out))) else { return };
            if self.cut.contains(&wire) {
                return;
            }
            let hop = gateway.unwrap_or(destination);
            let next = self.wires[wire]
                .iter()
                .find(|(r, i)| self.routers[*r].config().interfaces[i].address.addr() == hop)
                .copied();
            let Some((next, plug)) = next else { return };
            at = next;
            if self.routers[at]
                .config()
                .interfaces
                .values()
                .any(|config| config.address.addr() == destination)
            {
                let input = Input::Packet { interface: plug, source, destination, ttl: 60, payload };
                return self.fly(at, input);
            }
        }
    }

    fn fly(&mut self, router: usize, input: Input) {
        self.count += 1;
        self.flights.insert((self.now + self.delay, self.count), Flight { router, input });
    }

    /// Lets time pass up to a point.
    pub fn run_until(&mut self, end: Instant) {
        loop {
            let timeout = (0..self.routers.len())
                .filter(|router| self.alive[*router])
                .filter_map(|router| self.routers[router].poll_timeout().map(|at| (at.max(self.now), router)))
                .min();
            let flight = self.flights.first_key_value().map(|((at, _), _)| *at);
            let next = [timeout.map(|(at, _)| at), flight].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = next;
            if flight == Some(next) {
                let (_, Flight { router, input }) = self.flights.pop_first().unwrap();
                if self.alive[router] {
                    self.input(router, input);
                }
            } else if let Some((_, router)) = timeout {
                self.input(router, Input::Timeout);
            }
        }
        self.now = end;
    }

    pub fn run(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    pub fn seconds(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }

    /// Lets time pass until something holds; fails after a minute.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Duration {
        let start = self.now;
        while !holds(self) {
            assert!(
                self.now < start + Duration::from_secs(60),
                "not within a minute: {what}\n{}",
                self.story()
            );
            self.run(Duration::from_millis(1));
        }
        self.now.duration_since(start)
    }

    pub fn story(&self) -> String {
        let skip = self.events.len().saturating_sub(80);
        self.events
            .iter()
            .skip(skip)
            .map(|(at, router, event)| format!("{at} r{router}: {event}\n"))
            .collect()
    }

    /// All neighbours that should be adjacent are.
    pub fn all_full(&self) -> bool {
        self.routers.iter().zip(&self.alive).filter(|(_, alive)| **alive).all(|(router, _)| {
            router.neighbours().iter().all(|neighbour| neighbour.state == NeighbourState::Full)
                && !router.neighbours().is_empty()
        })
    }

    /// Everybody's part of a domain, ages aside, is the same.
    pub fn same_database(&self, domain: FloodingDomain) -> bool {
        let mut all = self.routers.iter().zip(&self.alive).filter(|(_, alive)| **alive).map(|(router, _)| {
            router
                .database()
                .filter(|(of, lsa)| *of == domain && !lsa.is_max_age())
                .map(|(_, lsa)| lsa.with_age(0))
                .collect::<Vec<_>>()
        });
        let Some(first) = all.next() else { return true };
        all.all(|other| other == first)
    }

    pub fn reaches(&self, router: usize, prefix: &str) -> Option<u32> {
        self.fibs[router].get(&prefix.parse().unwrap()).map(|route| route.cost)
    }
}

/// `count` routers in a line; router n has interface 2 to the left and 3 to the right.
pub fn line(count: usize) -> Net {
    let mut net = Net::new();
    for number in 0..count {
        let mut config = config(number + 1);
        if number > 0 {
            config.interfaces.insert(InterfaceId(2), interface(&format!("192.0.2.{}/31", number * 2 - 1)));
        }
        if number + 1 < count {
            config.interfaces.insert(InterfaceId(3), interface(&format!("192.0.2.{}/31", number * 2)));
        }
        net.add(config);
    }
    for number in 1..count {
        net.wire(&[(number - 1, InterfaceId(3)), (number, InterfaceId(2))]);
    }
    net
}

/// `count` routers on one LAN, on interface 2.
pub fn lan(count: usize) -> Net {
    let mut net = Net::new();
    for number in 1..=count {
        let mut config = config(number);
        let eth = InterfaceConfig { kind: Network::Broadcast, ..interface(&format!("198.18.0.{number}/24")) };
        config.interfaces.insert(InterfaceId(2), eth);
        net.add(config);
    }
    let ends: Vec<End> = (0..count).map(|router| (router, InterfaceId(2))).collect();
    net.wire(&ends);
    net
}
