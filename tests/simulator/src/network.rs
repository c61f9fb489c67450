//! Cables and switches: who receives a packet, when, and in what shape.

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_ospf::{ALL_D_ROUTERS, ALL_SPF_ROUTERS};
use braid_ospf_packet::{Body, Frame, Lsa};
use braid_world::{Dice, RouterIndex, SegmentIndex, World};

/// An IP packet on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// IP source.
    pub source: Ipv4Addr,
    /// IP destination.
    pub destination: Ipv4Addr,
    /// IP time to live.
    pub ttl: u8,
    /// The bytes behind the IP header.
    pub payload: Vec<u8>,
}

/// How unkind the network is to packets, in so many of a thousand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Lost.
    pub lost: u32,
    /// Delivered twice, the second time up to a second late (updates and acknowledgments: at once).
    pub doubled: u32,
    /// Late by up to 100 ms, so that later ones overtake it. Not updates and acknowledgments: an update that is overtaken by
    /// its LSA's flush revives that LSA, and OSPF has no remedy.
    pub late: u32,
    /// With some bytes changed, or shortened.
    pub damaged: u32,
}

/// A packet's arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When, in microseconds.
    pub at_us: u64,
    /// At which router.
    pub router: RouterIndex,
    /// On which segment.
    pub segment: SegmentIndex,
    /// What.
    pub packet: Packet,
}

/// The multicast groups that a router joined on a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Groups {
    /// 224.0.0.5.
    pub all_routers: bool,
    /// 224.0.0.6.
    pub designated: bool,
}

/// The first of the packet types that cannot come again much later without harm: updates, then acknowledgments.
const UPDATE: u8 = 4;
/// How many passed packets are remembered, to come again late.
const REMEMBERED: usize = 64;

/// All segments of a world.
pub struct Network {
    delays_us: Vec<u64>,
    silent: Vec<bool>,
    groups: BTreeMap<(RouterIndex, SegmentIndex), Groups>,
    remembered: Vec<(SegmentIndex, RouterIndex, Packet)>,
    weather: Weather,
    dice: Dice,
    /// Packets put on segments so far.
    pub packets: u64,
}

impl Network {
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
    pub fn join(&mut self, router: RouterIndex, segment: SegmentIndex, groups: Groups) {
        self.groups.insert((router, segment), groups);
    }

    /// The groups that a router is in, by segment.
    #[must_use]
    pub fn groups(&self, router: RouterIndex) -> Vec<(SegmentIndex, Groups)> {
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
        (packet, gateway): (Packet, Option<Ipv4Addr>),
    ) -> Vec<Arrival> {
        self.packets += 1;
        let mut arrivals = Vec::new();
        if self.silent[segment.0] || !world.has_carrier(segment, from) {
            return arrivals;
        }
        self.remember(segment, from, &packet);
        for end in world.segment(segment).ends.iter().filter(|end| end.router != from) {
            let groups = self.groups.get(&(end.router, segment)).copied().unwrap_or_default();
            let hears = match packet.destination {
                ALL_SPF_ROUTERS => groups.all_routers,
                ALL_D_ROUTERS => groups.designated,
                _ => gateway == Some(end.address),
            };
            if hears && world.router(end.router).up && world.has_carrier(segment, end.router) {
                self.deliver(now_us, end.router, segment, &packet, &mut arrivals);
            }
        }
        arrivals
    }

    /// One that passed before comes again.
    pub fn repeat(&mut self, world: &World, now_us: u64) -> Vec<Arrival> {
        let Some((segment, from, packet)) = self.dice.pick(&self.remembered).cloned() else {
            return Vec::new();
        };
        let gateway = Some(packet.destination);
        self.send(world, now_us, from, segment, (packet, gateway))
    }

    /// Something that nobody sent, made of chance or of a packet that passed before.
    pub fn forge(&mut self, world: &World, now_us: u64) -> Vec<Arrival> {
        let Some((segment, from, mut packet)) = self.dice.pick(&self.remembered).cloned() else {
            return Vec::new();
        };
        if self.dice.chance(50) {
            let length = self.dice.below(200);
            packet.payload = (0..length).map(|_| self.dice.below(256) as u8).collect();
            // So that it gets past the first look.
            if let [version, kind, ..] = packet.payload.as_mut_slice() {
                (*version, *kind) = (2, 1 + *kind % 5);
            }
        } else {
            for _ in 0..=self.dice.below(3) {
                damage(&mut packet.payload, &mut self.dice);
            }
        }
        let gateway = Some(packet.destination);
        self.send(world, now_us, from, segment, (packet, gateway))
    }

    /// Updates and acknowledgments are not remembered: an LSA that was flushed comes to life again when an old update repeats it, one
    /// that was lost is not sent again when an old acknowledgment confirms it, and OSPF has no remedy but authentication.
    fn remember(&mut self, segment: SegmentIndex, from: RouterIndex, packet: &Packet) {
        if packet.payload.get(1) >= Some(&UPDATE) {
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
        packet: &Packet,
        arrivals: &mut Vec<Arrival>,
    ) {
        let mut packet = packet.clone();
        let mut at_us = now_us + self.delays_us[segment.0];
        let in_order = packet.payload.get(1) >= Some(&UPDATE);
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
                damage(&mut packet.payload, &mut self.dice);
            }
        }
        arrivals.push(Arrival { at_us, router, segment, packet });
    }

    fn happens(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.dice.below(1000) < per_mille as usize
    }
}

/// Damages a packet, unless that would forge an LSA: both of OSPF's checksums miss it when words change places that lie a multiple
/// of five apart and whose sums of bytes differ by a multiple of 51 (RFC 2328 §12.1.7 counts modulo 255). An LSA of a router that
/// does not exist would then stay for an hour wherever it arrived, and OSPF has no remedy but authentication.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let whole = bytes.clone();
    spoil(bytes, dice);
    let sent = lsas(&whole);
    if lsas(bytes).iter().any(|lsa| !sent.contains(lsa)) {
        *bytes = whole;
    }
}

/// The LSAs of an update that pass for sound.
fn lsas(payload: &[u8]) -> Vec<Lsa> {
    match Frame::parse(payload).and_then(|frame| frame.body()) {
        Ok(Body::LinkStateUpdate(update)) => update.lsas,
        _ => Vec::new(),
    }
}

fn spoil(bytes: &mut Vec<u8>, dice: &mut Dice) {
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

    fn lan() -> (World, SegmentIndex) {
        let options = Options { routers: 12, broadcast_percent: 100, ..Options::default() };
        let world = generate(1, &options);
        let wide = |segment: &&braid_world::Segment| {
            segment.kind == SegmentKind::Broadcast && segment.ends.len() > 2
        };
        let n = world.segments.iter().position(|segment| wide(&segment)).expect("a wide segment");
        (world, SegmentIndex(n))
    }

    fn packet(destination: Ipv4Addr) -> Packet {
        Packet { source: Ipv4Addr::LOCALHOST, destination, ttl: 1, payload: vec![1, 2, 3, 4] }
    }

    #[test]
    fn multicast_reaches_members_and_unicast_one() {
        let (world, segment) = lan();
        let ends = world.segment(segment).ends.clone();
        let mut network = Network::new(&world, Dice::new(1));
        for end in &ends {
            network.join(end.router, segment, Groups { all_routers: true, designated: false });
        }
        let from = ends[0].router;
        let heard = |network: &mut Network, world: &World, destination| {
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
    fn damage_that_no_checksum_tells_is_not_done() {
        use braid_ospf_packet::*;
        // Many words of many values: some pair of them can change places unnoticed.
        let links = (0..20_u8).map(|n| RouterLink {
            kind: LinkKind::PointToPoint,
            id: [192, 0, n % 3, n * 7].into(),
            data: [10, n, n / 2, 255 - n].into(),
            metric: u16::from(n) * 51,
        });
        let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links: links.collect() });
        let id = RouterId::from([192, 0, 0, 15]);
        let lsa = Lsa::build(1, Options::E, id.0, id, SequenceNumber::INITIAL, &body).unwrap();
        let update = Body::LinkStateUpdate(LinkStateUpdate { lsas: vec![lsa], rejected: vec![] });
        let header = PacketHeader { router_id: id, area_id: AreaId::BACKBONE };
        let sent = encode(header, &update, &Authentication::None, id.0, 0, 0).unwrap();
        let mut dice = Dice::new(1);
        let (mut missed, mut damaged) = (0, 0);
        for _ in 0..20_000 {
            let (mut forged, mut bytes) = (sent.clone(), sent.clone());
            spoil(&mut forged, &mut dice.clone());
            damage(&mut bytes, &mut dice);
            missed += usize::from(!lsas(&forged).is_empty() && lsas(&forged) != lsas(&sent));
            damaged += usize::from(bytes != sent);
            assert!(lsas(&bytes).is_empty() || lsas(&bytes) == lsas(&sent));
        }
        assert!(missed > 0 && damaged > 10_000, "{missed} {damaged}");
    }

    #[test]
    fn bad_weather_loses_doubles_delays_and_damages() {
        let (world, segment) = lan();
        let [from, to, ..] = world.segment(segment).ends[..] else { panic!("two ends") };
        let mut network = Network::new(&world, Dice::new(1));
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
