//! Borders on a simulated network: what they find out, how fast, and what it costs.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    net::Ipv4Addr,
    time::Duration,
};

use braid_probe::{
    Arrival, Config, Datagram, Evidence, Finding, Key, Micros, Place, Station, Target, Targets,
};
use braid_proto::VnId;
use ipnet::Ipv4Net;

const LOOPBACKS: [Ipv4Addr; 5] = [loopback(1), loopback(2), loopback(3), loopback(4), loopback(5)];
/// One way through a virtual network.
const DELAY: Duration = Duration::from_micros(150);

const fn loopback(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(100, 64, 0, n)
}

/// Border n's customers.
fn prefix(border: usize, number: u8) -> Ipv4Net {
    Ipv4Net::new(Ipv4Addr::new(198, 18 + border as u8, number, 0), 24).expect("a prefix")
}

fn vn(id: u32) -> VnId {
    VnId::try_from(id).expect("an id")
}

/// What a virtual network does with a packet from a border to an address; where it comes out, if anywhere.
type Fault = Box<dyn Fn(VnId, usize, Ipv4Addr) -> Option<Option<usize>>>;

/// When it arrives, its number, at which border, in which virtual network, the packet.
type Flying = (Micros, u64, usize, VnId, Vec<u8>);

struct World {
    stations: Vec<Station>,
    now: Micros,
    wire: BinaryHeap<Reverse<Flying>>,
    sent: u64,
    /// By border: the packets it sent.
    packets: Vec<u64>,
    fault: Fault,
    /// Borders whose process does not run until then.
    stalled: BTreeMap<usize, Micros>,
    findings: Vec<BTreeMap<(VnId, Target), Finding>>,
    /// Every time that something was found lost.
    losses: Vec<(usize, Finding)>,
    /// All that was ever delivered: sender, virtual network, destination border, packet.
    seen: Vec<(usize, VnId, usize, Vec<u8>)>,
}

impl World {
    fn new(borders: usize, vns: u32, prefixes: u8) -> Self {
        let stations = (0..borders).map(|n| {
            let mut station = Station::new(Key([9; 32]), n as u64, 1_000_000, Config::default());
            let others = (0..borders).filter(|other| *other != n);
            let foreign = others
                .clone()
                .flat_map(|b| (0..prefixes).map(move |p| (prefix(b, p), vec![LOOPBACKS[b]])))
                .collect();
            let targets = Targets {
                own: LOOPBACKS[n],
                borders: others.map(|other| LOOPBACKS[other]).collect(),
                vns: (1..=vns).map(vn).collect(),
                attached: (0..prefixes).map(|p| prefix(n, p)).collect(),
                foreign,
            };
            let drives: Vec<_> = targets.foreign.iter().map(|(prefix, _)| *prefix).collect();
            station.set_targets(targets, Micros(0));
            for id in 1..=vns {
                station.set_open(vn(id), true, Micros(0));
            }
            for prefix in drives {
                station.drives(prefix, Some(vn(1)), Micros(0));
            }
            station
        });
        Self {
            stations: stations.collect(),
            now: Micros(0),
            wire: BinaryHeap::new(),
            sent: 0,
            packets: vec![0; borders],
            fault: Box::new(|_, _, _| None),
            stalled: BTreeMap::new(),
            findings: vec![BTreeMap::new(); borders],
            losses: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn route(&self, vn: VnId, from: usize, to: Ipv4Addr) -> Option<usize> {
        let right = || {
            LOOPBACKS
                .iter()
                .position(|loopback| *loopback == to)
                .or(usize::from(to.octets()[1]).checked_sub(18))
        };
        (self.fault)(vn, from, to).unwrap_or_else(right)
    }

    fn runs(&self, border: usize) -> bool {
        self.stalled.get(&border).is_none_or(|until| *until <= self.now)
    }

    /// Runs for so long.
    fn run(&mut self, time: Duration) {
        let end = self.now.after(time);
        self.run_until(end, |_| false);
    }

    /// Runs until something is so; panics when it is not by then.
    fn await_that(&mut self, within: Duration, what: &str, is: impl Fn(&Self) -> bool) -> Duration {
        let begin = self.now;
        let so = self.run_until(begin.after(within), is);
        assert!(so, "not within {within:?}: {what}");
        self.now.since(begin)
    }

    fn run_until(&mut self, end: Micros, is: impl Fn(&Self) -> bool) -> bool {
        loop {
            self.serve();
            if is(self) {
                return true;
            }
            let due = (0..self.stations.len()).filter_map(|n| {
                let stall = self.stalled.get(&n).copied().unwrap_or_default();
                Some(self.stations[n].poll_timeout()?.max(stall))
            });
            let arrival = self
                .wire
                .peek()
                .map(|Reverse((at, _, to, ..))| (*at).max(self.stalled.get(to).copied().unwrap_or_default()));
            let next = due.chain(arrival).min().unwrap_or(end).max(Micros(self.now.0 + 1));
            if next > end {
                self.now = end;
                return false;
            }
            self.now = next;
        }
    }

    fn serve(&mut self) {
        let mut waiting = Vec::new();
        while self.wire.peek().is_some_and(|Reverse((at, ..))| *at <= self.now) {
            let Some(Reverse((at, number, to, vn, packet))) = self.wire.pop() else { break };
            if self.runs(to) {
                self.deliver(at, to, vn, &packet);
            } else {
                waiting.push(Reverse((at, number, to, vn, packet)));
            }
        }
        self.wire.extend(waiting);
        for n in 0..self.stations.len() {
            if !self.runs(n) {
                continue;
            }
            self.stations[n].handle_timeout(self.now);
            let mut packet = Vec::new();
            while let Some(vn) = self.stations[n].poll_transmit(self.now, &mut packet) {
                self.packets[n] += 1;
                let to = Datagram::decode(&packet).expect("a packet").destination;
                if let Some(border) = self.route(vn, n, to) {
                    self.seen.push((n, vn, border, packet.clone()));
                    self.sent += 1;
                    self.wire.push(Reverse((self.now.after(DELAY), self.sent, border, vn, packet.clone())));
                }
            }
            while let Some(finding) = self.stations[n].poll_evidence() {
                if finding.evidence == Evidence::Lost {
                    self.losses.push((n, finding.clone()));
                }
                self.findings[n].insert((finding.vn, finding.target), finding);
            }
        }
    }

    fn deliver(&mut self, at: Micros, to: usize, vn: VnId, packet: &[u8]) {
        let Datagram { source, destination, ttl, payload, .. } = Datagram::decode(packet).expect("a packet");
        let place = if destination == LOOPBACKS[to] { Place::Loopback } else { Place::Port };
        let arrival = Arrival { vn, place, source, destination, ttl: ttl - 3, at };
        self.stations[to].receive(payload, &arrival);
    }

    fn evidence(&self, at: usize, id: u32, target: Target) -> Evidence {
        self.findings[at].get(&(vn(id), target)).map(|f| f.evidence.clone()).unwrap_or_default()
    }

    fn is_lost(&self, at: usize, id: u32, target: Target) -> bool {
        self.evidence(at, id, target) == Evidence::Lost
    }

    fn delivers(&self, at: usize, id: u32, target: Target, egress: &[usize]) -> bool {
        let egress = egress.iter().map(|n| LOOPBACKS[*n]).collect();
        self.evidence(at, id, target) == Evidence::Delivers { egress }
    }

    fn any_lost(&self) -> Vec<&Finding> {
        let all = self.findings.iter().flat_map(BTreeMap::values);
        all.filter(|finding| finding.evidence == Evidence::Lost).collect()
    }
}

const B: Target = Target::Border(LOOPBACKS[1]);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_is_well_is_found_well_and_stays_so() {
    let mut world = World::new(3, 3, 2);
    world.run(SECOND * 10);
    for border in 0..3 {
        for id in 1..=3 {
            for other in (0..3).filter(|other| *other != border) {
                assert!(world.delivers(border, id, Target::Border(LOOPBACKS[other]), &[other]));
                assert!(world.delivers(border, id, Target::Prefix(prefix(other, 1)), &[other]));
            }
        }
        let statistics = world.stations[border].statistics(world.now);
        assert_eq!(statistics.counters.lost, 0);
        assert_eq!(statistics.pairs[0].round_trip, Some(DELAY * 2));
        assert_eq!(statistics.pairs[0].one_way_us, Some(150));
        assert_eq!(statistics.pairs[0].jitter, Duration::ZERO);
    }
}

#[test]
fn a_dead_virtual_network_is_known_within_three_intervals_and_a_time_out() {
    let mut slowest = Duration::ZERO;
    for seed in 0..50 {
        let mut world = World::new(2, 2, 1);
        // A different moment each time.
        world.run(SECOND * 2 + Duration::from_micros(777 * seed));
        world.fault = Box::new(|in_vn, _, _| (in_vn == vn(1)).then_some(None));
        let begun = world.now;
        let took = world.await_that(SECOND, "lost", |world| world.is_lost(0, 1, B));
        slowest = slowest.max(took);
        // From the first loss on: that of a probe of which the answer met the fault, at the earliest.
        let since = world.findings[0][&(vn(1), B)].since;
        let late = Duration::from_millis(25);
        assert!(since.after(DELAY) >= begun && since.since(begun) <= late, "{since:?} for {begun:?}");
        assert!(world.delivers(0, 2, B, &[1]), "the other one goes on");

        // And back: three answers.
        world.fault = Box::new(|_, _, _| None);
        world.await_that(SECOND, "restored", |world| world.delivers(0, 1, B, &[1]));
        assert!(world.delivers(0, 2, B, &[1]));
    }
    assert!(slowest <= Duration::from_millis(75), "{slowest:?}");
}

#[test]
fn one_prefix_blackholed_is_known_and_the_rest_is_not_doubted_wrongly() {
    let mut world = World::new(3, 3, 4);
    world.run(SECOND * 3);
    let lost = prefix(1, 2);
    world.fault = Box::new(move |in_vn, _, to| (in_vn == vn(1) && lost.contains(&to)).then_some(None));
    let took = world.await_that(SECOND, "lost", |world| world.is_lost(0, 1, Target::Prefix(lost)));
    assert!(took <= Duration::from_millis(200), "{took:?}");
    world.run(SECOND * 3);
    let others: Vec<_> = world.any_lost().into_iter().filter(|f| f.target != Target::Prefix(lost)).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(world.delivers(0, 2, Target::Prefix(lost), &[1]));
}

#[test]
fn a_prefix_that_comes_out_elsewhere_is_named() {
    let mut world = World::new(3, 2, 1);
    world.run(SECOND * 3);
    let led_astray = prefix(1, 0);
    world.fault =
        Box::new(move |in_vn, _, to| (in_vn == vn(2) && led_astray.contains(&to)).then_some(Some(2)));
    let target = Target::Prefix(led_astray);
    // It is not driven: the change of the route is what has it probed.
    world.stations[0].doubt(led_astray, world.now);
    let took = world.await_that(SECOND, "seen", |world| world.delivers(0, 2, target, &[1, 2]));
    assert!(took < Duration::from_millis(10), "{took:?}");
    let took = world.await_that(SECOND, "settled", |world| world.delivers(0, 2, target, &[2]));
    assert!(took < Duration::from_millis(150), "{took:?}");
    assert!(world.delivers(0, 1, target, &[1]));
    assert!(world.stations[0].statistics(world.now).counters.astray > 0);

    // Half of the addresses come out elsewhere: both borders are named, and stay named.
    world.fault = Box::new(move |in_vn, _, to| {
        (in_vn == vn(2) && led_astray.contains(&to)).then(|| Some(1 + usize::from(to.octets()[3] % 2)))
    });
    world.await_that(SECOND * 5, "both", |world| world.delivers(0, 2, target, &[1, 2]));
    world.run(SECOND * 10);
    assert!(world.delivers(0, 2, target, &[1, 2]));

    // And out of the very port that it went into.
    world.fault = Box::new(move |_, _, to| led_astray.contains(&to).then_some(Some(0)));
    world.await_that(SECOND * 60, "back here", |world| world.delivers(0, 2, target, &[0]));
}

#[test]
fn addresses_and_ports_spread_over_the_members_of_a_group() {
    // A quarter of the addresses of a prefix is blackholed: the member of an ECMP group that is dead is met.
    let mut world = World::new(2, 2, 1);
    world.run(SECOND * 3);
    let target = prefix(1, 0);
    let probes = world.seen.iter().filter_map(|(_, _, _, packet)| {
        let datagram = Datagram::decode(packet)?;
        target.contains(&datagram.destination).then_some((datagram.destination, datagram.source_port))
    });
    let (addresses, ports): (BTreeSet<_>, BTreeSet<_>) = probes.unzip();
    assert!(addresses.len() > 30, "{}", addresses.len());
    assert!(ports.len() > 40, "{}", ports.len());
}

#[test]
fn a_stalled_responder_moves_nothing_until_it_has_stalled_for_long() {
    let mut world = World::new(3, 3, 2);
    world.run(SECOND * 3);
    // Shorter than five times three probes: whatever came in meanwhile is answered late, and that heals.
    world.stalled.insert(1, world.now.after(Duration::from_millis(250)));
    world.run(SECOND * 3);
    assert!(world.any_lost().is_empty(), "{:?}", world.any_lost());
    assert!(world.stations[0].statistics(world.now).counters.late > 0);

    // The prober itself: what came in meanwhile is taken in before anything is judged.
    world.stalled.insert(0, world.now.after(SECOND));
    world.run(SECOND * 3);
    let lost: Vec<_> = world.findings[0].values().filter(|f| f.evidence == Evidence::Lost).collect();
    assert!(lost.is_empty(), "{lost:?}");
    for id in 1..=3 {
        world.await_that(SECOND * 5, "the others have it back", |w| {
            w.delivers(1, id, Target::Border(LOOPBACKS[0]), &[0])
        });
    }

    // For long: lost everywhere alike.
    world.stalled.insert(1, world.now.after(SECOND * 2));
    world.run(SECOND * 2);
    assert!((1..=3).all(|id| world.is_lost(0, id, B)));
    world.await_that(SECOND, "all back", |world| (1..=3).all(|id| world.delivers(0, id, B, &[1])));
}

#[test]
fn borders_that_stall_now_and_then_accuse_nobody() {
    // Goal: on a machine that is too busy, processes stall alone and together, again and again; nothing is ever lost.
    let mut world = World::new(3, 3, 1);
    world.run(SECOND * 2);
    let mut dice = 7_u64;
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    for _ in 0..60 {
        for border in 0..3 {
            if roll(3) == 0 && world.runs(border) {
                world.stalled.insert(border, world.now.after(Duration::from_micros(1000 + roll(180_000))));
            }
        }
        world.run(Duration::from_millis(180 + roll(200)));
    }
    assert!(world.losses.is_empty(), "{:?}", world.losses);
    let counters = world.stations[0].statistics(world.now).counters;
    assert!(counters.lost > 100 && counters.lost == counters.late, "{counters:?}");
}

#[test]
fn a_broken_way_back_is_not_held_against_the_way_there() {
    let mut world = World::new(2, 3, 1);
    world.run(SECOND * 3);
    // Whatever B sends into red is lost.
    world.fault = Box::new(|in_vn, from, _| (in_vn == vn(1) && from == 1).then_some(None));
    world.run(SECOND * 5);
    assert!(world.delivers(0, 1, B, &[1]));
    assert!(world.delivers(0, 1, Target::Prefix(prefix(1, 0)), &[1]));
    assert!(world.is_lost(1, 1, Target::Border(LOOPBACKS[0])), "B sees that its own way is broken");
    assert!(world.stations[1].statistics(world.now).counters.helped > 0);
    let helped = world.stations[1].statistics(world.now).counters.helped;

    // Mended: nobody asks for help any more.
    world.fault = Box::new(|_, _, _| None);
    world
        .await_that(SECOND, "B is content", |world| world.delivers(1, 1, Target::Border(LOOPBACKS[0]), &[0]));
    world.run(SECOND);
    let soon = world.stations[1].statistics(world.now).counters.helped;
    world.run(SECOND * 3);
    assert_eq!(world.stations[1].statistics(world.now).counters.helped, soon);
    assert!(soon < helped + 10);
}

#[test]
fn what_is_replayed_or_changed_changes_counters_only() {
    let mut world = World::new(2, 2, 1);
    world.run(SECOND * 2);
    let before = world.findings.clone();
    let captured = world.seen.clone();
    for (_, in_vn, to, packet) in &captured {
        // Again, and with one bit turned.
        world.deliver(world.now, *to, *in_vn, packet);
        let mut forged = packet.clone();
        forged[40] ^= 1;
        world.deliver(world.now, *to, *in_vn, &forged);
    }
    let (source, destination) = (LOOPBACKS[0], LOOPBACKS[1]);
    let arrival = Arrival { vn: vn(1), place: Place::Loopback, source, destination, ttl: 60, at: world.now };
    for junk in [&[][..], &[0; 64], &[0xff; 1400]] {
        world.stations[1].receive(junk, &arrival);
    }
    assert_eq!(world.stations[1].statistics(world.now).counters.malformed, 3);
    let queued = world.packets.clone();
    world.serve();
    assert!(world.packets.iter().zip(&queued).all(|(now, then)| now - then <= 8), "nothing is answered");
    for station in &world.stations {
        let counters = station.statistics(world.now).counters;
        assert!(counters.replayed > 100 && counters.forged > 100, "{counters:?}");
        assert!(counters.unexpected + counters.repeated > 100, "{counters:?}");
        assert_eq!(counters.lost, 0);
    }
    world.run(SECOND);
    for (now, then) in world.findings.iter().zip(&before) {
        assert!(now.iter().all(|(key, finding)| then.get(key).is_none_or(|then| then == finding)));
    }
}

#[test]
fn an_answer_that_is_replayed_does_not_say_that_answers_come_back() {
    let helped = [false, true].map(|replay| {
        let mut world = World::new(2, 2, 0);
        world.run(SECOND);
        // From now on no answer comes back to A through VN 1, so it asks for help.
        world.fault = Box::new(|id, from, _| (id == vn(1) && from == 1).then_some(None));
        let old = world.seen.clone();
        for _ in 0..100 {
            world.run(Duration::from_millis(20));
            for (_, id, to, packet) in old.iter().filter(|(_, id, to, _)| replay && (*id, *to) == (vn(1), 0))
            {
                world.deliver(world.now, *to, *id, packet);
            }
        }
        world.stations[1].statistics(world.now).counters.helped
    });
    assert!(helped[0] > 10, "{helped:?}");
    assert_eq!(helped[0], helped[1]);
}

#[test]
fn no_border_sends_more_than_its_budget_whatever_happens() {
    for borders in [2, 5] {
        let mut world = World::new(borders, 3, 20);
        world.run(SECOND * 2);
        let budget = u64::from(Config::default().packets_per_second);
        let check = |world: &mut World, what: &str| {
            for _ in 0..2 {
                let before = world.packets.clone();
                world.run(SECOND);
                for (now, then) in world.packets.iter().zip(&before) {
                    // Bursts were saved up: they are of tens, not hundreds.
                    assert!(now - then <= budget * 11 / 10, "{what}: {} packets in a second", now - then);
                }
            }
        };
        check(&mut world, "all is well");
        world.fault = Box::new(|in_vn, _, _| (in_vn == vn(1)).then_some(None));
        check(&mut world, "one is dead");
        world.fault = Box::new(|_, _, _| Some(None));
        check(&mut world, "all are dead");
        world.fault = Box::new(move |_, _, to| (to.octets()[0] == 198).then_some(Some(borders - 1)));
        check(&mut world, "all comes out at one border");
        for n in 0..borders {
            for other in (0..borders).filter(|other| *other != n) {
                (0..20).for_each(|p| world.stations[n].doubt(prefix(other, p), world.now));
            }
        }
        check(&mut world, "all is in doubt");
    }
}

#[test]
fn a_virtual_network_without_a_port_is_unknown_and_comes_back() {
    let mut world = World::new(2, 2, 1);
    world.run(SECOND * 3);
    world.stations[0].set_open(vn(1), false, world.now);
    world.run(SECOND);
    assert_eq!(world.evidence(0, 1, B), Evidence::Unknown);
    assert_eq!(world.evidence(0, 1, Target::Prefix(prefix(1, 0))), Evidence::Unknown);
    assert!(world.delivers(0, 2, B, &[1]));

    // Taken out and put in again: its sequence numbers go on, or others would take it for a replay.
    let targets = |vns: &[u32]| Targets {
        own: LOOPBACKS[0],
        borders: [LOOPBACKS[1]].into(),
        vns: vns.iter().copied().map(vn).collect(),
        attached: BTreeSet::new(),
        foreign: vec![(prefix(1, 0), vec![LOOPBACKS[1]])],
    };
    world.stations[0].set_targets(targets(&[2]), world.now);
    world.run(SECOND);
    world.stations[0].set_targets(targets(&[1, 2]), world.now);
    world.stations[0].set_open(vn(1), true, world.now);
    world.await_that(SECOND * 3, "known again", |world| {
        world.delivers(0, 1, B, &[1]) && world.delivers(0, 1, Target::Prefix(prefix(1, 0)), &[1])
    });
    assert_eq!(world.stations[1].statistics(world.now).counters.replayed, 0);
}
