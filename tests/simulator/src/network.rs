//! Cables and switches: who receives a packet, when, and in what shape.

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_world::{Dice, RouterIndex, SegmentIndex, World};

use crate::protocol::{Packet, Protocol, Rules};

/// How unkind the network is to packets, in so many of a thousand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Lost.
    pub lost: u32,
    /// Delivered twice, the second time up to a second late; at once, where the protocol needs order ([`Rules`]).
    pub doubled: u32,
    /// Late by up to 100 ms, so that later ones overtake it; not where the protocol needs order.
    pub late: u32,
    /// With some bytes changed, or shortened.
    pub damaged: u32,
}

/// A packet's arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival<E> {
    /// When, in microseconds.
    pub at_us: u64,
    /// At which router.
    pub router: RouterIndex,
    /// On which segment.
    pub segment: SegmentIndex,
    /// What.
    pub packet: Packet<E>,
}

/// A packet that passed: where, from whom, what.
pub type Passed<E> = (SegmentIndex, RouterIndex, Packet<E>);

/// How many passed packets are remembered, to come again late.
const REMEMBERED: usize = 64;

/// All segments of a world.
pub struct Network<P: Protocol> {
    delays_us: Vec<u64>,
    silent: Vec<bool>,
    groups: BTreeMap<(RouterIndex, SegmentIndex), P::Groups>,
    remembered: Vec<Passed<P::Envelope>>,
    weather: Weather,
    dice: Dice,
    /// Packets put on segments so far.
    pub packets: u64,
}

impl<P: Protocol> Network<P> {
    const RULES: Rules = P::RULES;

    /// Segments with delays of a few microseconds to 20 ms.
    #[must_use]
    pub fn new(world: &World, mut dice: Dice) -> Self {
        let far = dice.chance(40);
        let mut delay = |_| 5 + dice.below(if far { 20_000 } else { 500 }) as u64;
        let delays_us = (0..world.segments.len()).map(&mut delay).collect();
        Self {
            delays_us,
            silent: vec![false; world.segments.len()],
            groups: BTreeMap::new(),
            remembered: Vec::new(),
            weather: Weather::default(),
            dice,
            packets: 0,
        }
    }

    /// From now on the weather is this.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// From now on a segment swallows all packets while carrier stays, or does not any more.
    pub fn silence(&mut self, segment: SegmentIndex, silent: bool) {
        self.silent[segment.0] = silent;
    }

    /// A router's groups on a segment are these from now on.
    pub fn join(&mut self, router: RouterIndex, segment: SegmentIndex, groups: P::Groups) {
        self.groups.insert((router, segment), groups);
    }

    /// The groups that a router is in, by segment.
    #[must_use]
    pub fn groups(&self, router: RouterIndex) -> Vec<(SegmentIndex, P::Groups)> {
        let mine = self.groups.iter().filter(|((member, _), _)| *member == router);
        mine.map(|((_, segment), groups)| (*segment, *groups)).collect()
    }

    /// A router's process ended, and with its sockets its groups.
    pub fn leave(&mut self, router: RouterIndex) {
        self.groups.retain(|(member, _), _| *member != router);
    }

    /// Puts a packet on a segment, for `gateway` if it is for one router only.
    pub fn send(
        &mut self,
        world: &World,
        now_us: u64,
        from: RouterIndex,
        segment: SegmentIndex,
        (packet, gateway): (Packet<P::Envelope>, Option<Ipv4Addr>),
    ) -> Vec<Arrival<P::Envelope>> {
        self.packets += 1;
        let mut arrivals = Vec::new();
        if self.silent[segment.0] || !world.has_carrier(segment, from) {
            return arrivals;
        }
        self.remember(segment, from, &packet);
        for end in world.segment(segment).ends.iter().filter(|end| end.router != from) {
            let groups = self.groups.get(&(end.router, segment)).copied().unwrap_or_default();
            let hears = match P::destination(&packet.envelope) {
                None => P::hears(groups, &packet.envelope),
                Some(_) => gateway == Some(end.address),
            };
            if hears && world.router(end.router).up && world.has_carrier(segment, end.router) {
                self.deliver(now_us, end.router, segment, &packet, &mut arrivals);
            }
        }
        arrivals
    }

    /// One that passed before.
    pub fn repeat(&mut self) -> Option<Passed<P::Envelope>> {
        self.dice.pick(&self.remembered).cloned()
    }

    /// Something that nobody sent, made of chance or of a packet that passed before.
    pub fn forge(&mut self) -> Option<Passed<P::Envelope>> {
        let (segment, from, mut packet) = self.dice.pick(&self.remembered).cloned()?;
        let sent = packet.payload.clone();
        if self.dice.chance(50) {
            let length = self.dice.below(200);
            packet.payload = (0..length).map(|_| self.dice.below(256) as u8).collect();
            if let Some(number) = packet.payload.get(1).copied() {
                (Self::RULES.disguise)(&mut packet.payload, number);
            }
        } else {
            for _ in 0..=self.dice.below(3) {
                damage(&mut packet.payload, &mut self.dice);
            }
        }
        (Self::RULES.spare)(&sent, &mut packet.payload);
        Some((segment, from, packet))
    }

    /// Packets that must keep their order are not remembered.
    fn remember(&mut self, segment: SegmentIndex, from: RouterIndex, packet: &Packet<P::Envelope>) {
        if (Self::RULES.keeps_order)(&packet.payload) {
            return;
        }
        let entry = (segment, from, packet.clone());
        if self.remembered.len() < REMEMBERED {
            self.remembered.push(entry);
        } else if self.dice.below(8) == 0 {
            let slot = self.dice.below(REMEMBERED);
            self.remembered[slot] = entry;
        }
    }

    fn deliver(
        &mut self,
        now_us: u64,
        router: RouterIndex,
        segment: SegmentIndex,
        packet: &Packet<P::Envelope>,
        arrivals: &mut Vec<Arrival<P::Envelope>>,
    ) {
        let mut packet = packet.clone();
        let mut at_us = now_us + self.delays_us[segment.0];
        let in_order = (Self::RULES.keeps_order)(&packet.payload);
        if self.weather != Weather::default() {
            if self.happens(self.weather.lost) {
                return;
            }
            if self.happens(self.weather.doubled) {
                let at_us = if in_order { at_us } else { at_us + self.dice.below(1_000_000) as u64 };
                arrivals.push(Arrival { at_us, router, segment, packet: packet.clone() });
            }
            if self.happens(self.weather.late) && !in_order {
                at_us += self.dice.below(100_000) as u64;
            }
            if self.happens(self.weather.damaged) {
                let sent = packet.payload.clone();
                damage(&mut packet.payload, &mut self.dice);
                (Self::RULES.spare)(&sent, &mut packet.payload);
            }
        }
        arrivals.push(Arrival { at_us, router, segment, packet });
    }

    fn happens(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.dice.below(1000) < per_mille as usize
    }
}

/// Changes some bytes, or shortens it.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    if bytes.is_empty() {
        return;
    }
    match dice.below(6) {
        0 => bytes.truncate(dice.below(bytes.len())),
        1 => bytes.extend([0, 0xff, 1]),
        // Two words change places: the checksum does not notice.
        2 if bytes.len() >= 4 => {
            let word = |dice: &mut Dice| 2 * dice.below(bytes.len() / 2);
            let (a, b) = (word(dice), word(dice));
            bytes.swap(a, b);
            bytes.swap(a + 1, b + 1);
        }
        _ => {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
    }
}

#[cfg(test)]
mod tests {
    use braid_world::{Options, SegmentKind, generate};

    use super::*;
    use crate::ospf::{Envelope, Groups, Ospf};

    const ALL_SPF_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 5);
    const ALL_D_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 6);

    fn lan() -> (World, SegmentIndex) {
        let options = Options { routers: 12, broadcast_percent: 100, ..Options::default() };
        let world = generate(1, &options);
        let wide = |segment: &&braid_world::Segment| {
            segment.kind == SegmentKind::Broadcast && segment.ends.len() > 2
        };
        let n = world.segments.iter().position(|segment| wide(&segment)).expect("a wide segment");
        (world, SegmentIndex(n))
    }

    fn packet(destination: Ipv4Addr) -> Packet<Envelope> {
        let envelope = Envelope { source: Ipv4Addr::LOCALHOST, destination, ttl: 1 };
        Packet { envelope, payload: vec![1, 2, 3, 4] }
    }

    #[test]
    fn multicast_reaches_members_and_unicast_one() {
        let (world, segment) = lan();
        let ends = world.segment(segment).ends.clone();
        let mut network = Network::<Ospf>::new(&world, Dice::new(1));
        for end in &ends {
            network.join(end.router, segment, Groups { all_routers: true, designated: false });
        }
        let from = ends[0].router;
        let heard = |network: &mut Network<Ospf>, world: &World, destination| {
            network.send(world, 0, from, segment, (packet(destination), Some(destination))).len()
        };
        assert_eq!(heard(&mut network, &world, ALL_SPF_ROUTERS), ends.len() - 1);
        assert_eq!(heard(&mut network, &world, ALL_D_ROUTERS), 0);
        assert_eq!(heard(&mut network, &world, ends[1].address), 1);
        network.silence(segment, true);
        assert_eq!(heard(&mut network, &world, ALL_SPF_ROUTERS), 0);
        network.silence(segment, false);
        let mut cut = world.clone();
        cut.segments[segment.0].up = false;
        assert_eq!(heard(&mut network, &cut, ALL_SPF_ROUTERS), 0);
    }

    #[test]
    fn bad_weather_loses_doubles_delays_and_damages() {
        let (world, segment) = lan();
        let [from, to, ..] = world.segment(segment).ends[..] else { panic!("two ends") };
        let mut network = Network::<Ospf>::new(&world, Dice::new(1));
        network.set_weather(Weather { lost: 300, doubled: 300, late: 300, damaged: 300 });
        let mut counts = [0; 4];
        for _ in 0..1000 {
            let sent = packet(to.address);
            let arrivals = network.send(&world, 0, from.router, segment, (sent.clone(), Some(to.address)));
            counts[0] += usize::from(arrivals.is_empty());
            counts[1] += usize::from(arrivals.len() == 2);
            counts[2] += usize::from(arrivals.iter().any(|arrival| arrival.at_us > 30_000));
            counts[3] += usize::from(arrivals.iter().any(|arrival| arrival.packet != sent));
        }
        assert!(counts.iter().all(|count| (100..500).contains(count)), "{counts:?}");
    }
}
