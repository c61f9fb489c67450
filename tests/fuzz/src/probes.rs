//! Two borders that probe one another, and somebody in between who repeats, bends and forges what they say.

use std::{collections::VecDeque, net::Ipv4Addr, time::Duration};

use braid_probe::{
    Answer, Arrival, Config, Counters, Datagram, Evidence, Finding, How, Key, Message, Micros, Place, Probe,
    Station, Targets,
};
use braid_proto::VnId;
use ipnet::Ipv4Net;

use crate::Bytes;

/// The virtual networks of both.
const VNS: u8 = 3;
/// The borders: ours, the one that it talks with, and one that has the key and has gone mad.
const LOOPBACKS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 64, 0, 1), Ipv4Addr::new(100, 64, 0, 2), Ipv4Addr::new(100, 64, 0, 3)];
/// The prefixes: the first one is attached here, the next ones are behind the other border.
const PREFIXES: u8 = 4;
/// When both were started, in µs since 1970.
const EPOCH: u64 = 1_795_000_000_000_000;
/// Messages that the attacker remembers.
const MEMORY: usize = 64;
/// The greatest budget that is ever allowed, in packets per second.
const BUDGET: u64 = 2000;
/// What may go at once beyond the budget: a second's worth of answers, and a little for probes.
const BURST: u64 = BUDGET;
/// How often a station may be asked for packets at one time.
const AT_ONCE: usize = 1000;

/// A message and how it came in.
type Heard = (Vec<u8>, Arrival);

/// Our border twice, of which only one is attacked, and the border that both talk with.
#[derive(Debug)]
pub struct Pair {
    attacked: Station,
    spared: Station,
    other: Station,
    now: Micros,
    attacks: u64,
    /// The virtual networks in which nothing arrives, by id.
    cut: [bool; VNS as usize + 1],
    memory: VecDeque<Heard>,
    /// The last probe that our border has sent.
    asked: Option<Probe>,
    /// Packets that our border has sent.
    sent: u64,
    key: Key,
}

fn vn(choice: u8) -> VnId {
    VnId::try_from(u32::from(choice % VNS) + 1).expect("from 1 to 255")
}

fn prefix(choice: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(198, 18, choice % PREFIXES, 0), 24)
}

/// What a border is told to probe: of the prefixes behind the other one those of a bit each.
fn targets(own: usize, foreign: u8) -> Targets {
    let others = (0..LOOPBACKS.len()).filter(|border| *border != own);
    let prefixes = |of: &[u8]| of.iter().map(|number| prefix(*number)).collect::<Vec<_>>();
    let (mine, theirs) = (prefixes(&[0]), prefixes(&[1, 2, 3]));
    let (attached, foreign): (_, Vec<_>) = match own {
        0 => (
            mine,
            theirs.into_iter().zip(0..).filter(|(_, bit)| foreign >> bit & 1 == 1).map(|it| it.0).collect(),
        ),
        _ => (theirs, mine),
    };
    Targets {
        own: LOOPBACKS[own],
        borders: others.map(|border| LOOPBACKS[border]).collect(),
        vns: (0..VNS).map(vn).collect(),
        attached: attached.into_iter().collect(),
        foreign: foreign.into_iter().map(|prefix| (prefix, vec![LOOPBACKS[1 - own.min(1)]])).collect(),
    }
}

impl Pair {
    /// Both borders, with all ports open.
    #[must_use]
    pub fn new() -> Self {
        let key = Key([7; 32]);
        let station = |own: usize| {
            let mut station = Station::new(key.clone(), own as u64, EPOCH, Config::default());
            station.set_targets(targets(own, 0xff), Micros(0));
            for number in 0..VNS {
                station.set_open(vn(number), true, Micros(0));
            }
            station
        };
        Self {
            attacked: station(0),
            spared: station(0),
            other: station(1),
            now: Micros(0),
            attacks: 0,
            cut: [false; VNS as usize + 1],
            memory: VecDeque::new(),
            asked: None,
            sent: 0,
            key,
        }
    }

    /// One thing happens.
    pub fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.u8() % 16 {
            0..=2 => self.pass(Duration::from_millis(u64::from(bytes.u8()) * 2)),
            3 => {
                let choice = bytes.u8();
                self.cut[usize::from(vn(choice).get())] = choice & 0x80 == 0;
            }
            4 => {
                let arrival = self.arrival(bytes);
                let length = bytes.u8();
                self.attack(bytes.take(length.into()), &arrival);
            }
            5 => self.bend(bytes),
            6 | 7 => self.repeat(bytes),
            8 | 9 => self.rave(bytes),
            10 => self.each(|station, now| station.set_targets(targets(0, 0xff), now)),
            11 => {
                let foreign = bytes.u8();
                self.each(|station, now| station.set_targets(targets(0, foreign), now));
            }
            12 => {
                let choice = bytes.u8();
                self.each(|station, now| station.set_open(vn(choice), choice & 0x80 == 0, now));
            }
            13 => {
                let (which, driver) = (prefix(bytes.u8()), bytes.u8());
                let driver = (driver & 0x80 == 0).then(|| vn(driver));
                self.each(|station, now| station.drives(which, driver, now));
            }
            14 => {
                let which = prefix(bytes.u8());
                self.each(|station, now| station.doubt(which, now));
            }
            _ => self.configure(bytes),
        }
    }

    /// Our border must be none the wiser for all attacks: it has counted them, and that is all.
    ///
    /// # Panics
    /// When it is not so.
    pub fn check(&self) {
        let (attacked, spared) = (self.attacked.statistics(self.now), self.spared.statistics(self.now));
        assert_eq!(attacked.pairs, spared.pairs, "what was measured");
        let (counted, without) = (attacked.counters, spared.counters);
        let refused = |counters: Counters| {
            counters.forged + counters.malformed + counters.replayed + counters.unexpected + counters.repeated
        };
        assert_eq!(refused(counted) - refused(without), self.attacks, "each attack is counted once");
        let Counters { forged, malformed, replayed, unexpected, repeated, .. } = without;
        assert_eq!(
            Counters { forged, malformed, replayed, unexpected, repeated, ..counted },
            without,
            "nothing else is counted"
        );
        assert!(
            self.sent <= self.now.0 / 1000 * BUDGET / 1000 + BURST,
            "{} packets by {:?}",
            self.sent,
            self.now
        );
    }

    fn each(&mut self, change: impl Fn(&mut Station, Micros)) {
        change(&mut self.attacked, self.now);
        change(&mut self.spared, self.now);
        self.talk();
    }

    fn configure(&mut self, bytes: &mut Bytes<'_>) {
        let config = Config {
            interval: Duration::from_millis(bytes.u8().into()),
            losses: bytes.u8(),
            packets_per_second: u32::from(bytes.u16()) % (BUDGET as u32 + 1),
        };
        if bytes.u8() & 7 == 0 {
            // What was said with the old key cannot be said again.
            self.key = Key([bytes.u8(); 32]);
            self.memory.clear();
        }
        let key = self.key.clone();
        self.each(|station, _| station.set_config(key.clone(), config));
        self.other.set_config(key, Config::default());
    }

    fn arrival(&self, bytes: &mut Bytes<'_>) -> Arrival {
        let choice = bytes.u8();
        let address = |choice: u8| match choice & 7 {
            border @ 0..=2 => LOOPBACKS[usize::from(border)],
            3 => Ipv4Addr::from(u32::from(choice) << 24),
            number => Ipv4Addr::new(198, 18, number % PREFIXES, choice),
        };
        Arrival {
            vn: vn(choice >> 1),
            place: if choice & 1 == 0 { Place::Loopback } else { Place::Port },
            source: address(bytes.u8()),
            destination: address(bytes.u8()),
            ttl: bytes.u8(),
            at: self.now,
        }
    }

    /// Bytes from one who has no key come in.
    fn attack(&mut self, bytes: &[u8], arrival: &Arrival) {
        self.attacks += 1;
        self.attacked.receive(bytes, arrival);
        self.talk();
    }

    fn remembered(&self, choice: u8) -> Option<Heard> {
        self.memory.get(usize::from(choice) % self.memory.len().max(1)).cloned()
    }

    /// Something that was said comes in again, with bits turned over.
    fn bend(&mut self, bytes: &mut Bytes<'_>) {
        let Some((mut message, arrival)) = self.remembered(bytes.u8()) else { return };
        let at = usize::from(bytes.u8()) % message.len();
        message[at] ^= bytes.u8().max(1);
        self.attack(&message, &Arrival { at: self.now, ..arrival });
    }

    /// Something that was said comes in again: where it did, or elsewhere.
    fn repeat(&mut self, bytes: &mut Bytes<'_>) {
        let Some((message, arrival)) = self.remembered(bytes.u8()) else { return };
        let elsewhere = self.arrival(bytes);
        let place = if bytes.u8() & 1 == 0 { Arrival { at: self.now, ..arrival } } else { elsewhere };
        self.attack(&message, &place);
    }

    /// The mad border says something, and both of ours hear it. It may answer for others, also what it was never asked, but
    /// does not ask in their names: they would have every reason to be confused.
    fn rave(&mut self, bytes: &mut Bytes<'_>) {
        let arrival = Arrival { source: LOOPBACKS[2], ..self.arrival(bytes) };
        let choice = bytes.u8();
        let mut number =
            || u64::from(bytes.u8().cast_signed().unsigned_abs()) << (u32::from(bytes.u8()) % 64);
        let probe = Probe {
            vn: arrival.vn,
            help: choice & 1 == 1,
            prober: LOOPBACKS[2],
            target: arrival.destination,
            incarnation: number(),
            sequence: number(),
            nonce: number(),
            sent_at: number(),
        };
        let received_at = number();
        let asked = self.asked.filter(|_| choice & 2 == 2);
        let message = if choice & 4 == 4 {
            Message::Probe(probe)
        } else {
            Message::Answer(Answer {
                probe: Probe { help: false, ..asked.unwrap_or(probe) },
                how: match choice >> 3 & 3 {
                    0 => How::Loopback,
                    1 => How::NotAttached,
                    _ => How::Attached(prefix(choice >> 5)),
                },
                ttl: bytes.u8(),
                received_at,
                responder: arrival.source,
                through: arrival.vn,
            })
        };
        let sealed = self.key.seal(&message);
        assert_eq!(self.key.open(&sealed), Ok(message), "what is sealed opens");
        self.attacked.receive(&sealed, &arrival);
        self.spared.receive(&sealed, &arrival);
        self.talk();
    }

    fn pass(&mut self, time: Duration) {
        self.talk();
        let end = self.now.after(time);
        loop {
            let stations = [&self.attacked, &self.spared, &self.other];
            let next = stations.into_iter().filter_map(Station::poll_timeout).min();
            match next.filter(|next| *next <= end) {
                Some(next) => {
                    assert!(next > self.now, "nothing is left to do at {:?}", self.now);
                    self.now = next;
                }
                None => break,
            }
            self.talk();
        }
        self.now = end;
        self.talk();
    }

    /// Everybody says what there is to say now, and hears it at once.
    fn talk(&mut self) {
        for station in [&mut self.attacked, &mut self.spared, &mut self.other] {
            station.handle_timeout(self.now);
        }
        let (mut packet, mut twin) = (Vec::new(), Vec::new());
        for _ in 0..AT_ONCE {
            let ours = self.attacked.poll_transmit(self.now, &mut packet);
            assert_eq!(self.spared.poll_transmit(self.now, &mut twin), ours, "where a packet goes");
            if let Some(vn) = ours {
                assert_eq!(packet, twin, "what is said");
                self.sent += 1;
                self.deliver(vn, &packet);
            }
            let theirs = self.other.poll_transmit(self.now, &mut packet);
            if let Some(vn) = theirs {
                self.deliver(vn, &packet);
            }
            if ours.is_none() && theirs.is_none() {
                self.find();
                return;
            }
        }
        panic!("they talk without end at {:?}", self.now);
    }

    fn find(&mut self) {
        loop {
            let finding = self.attacked.poll_evidence();
            assert_eq!(self.spared.poll_evidence(), finding, "what is found");
            let Some(Finding { evidence, .. }) = finding else { break };
            if let Evidence::Delivers { egress } = evidence {
                assert!((1..=4).contains(&egress.len()), "{egress:?}");
            }
        }
        while self.other.poll_evidence().is_some() {}
    }

    fn deliver(&mut self, vn: VnId, packet: &[u8]) {
        let datagram = Datagram::decode(packet).expect("what is encoded can be decoded");
        let Datagram { source, destination, ttl, payload, .. } = datagram;
        if let Ok(Message::Probe(probe)) = self.key.open(payload)
            && probe.prober == LOOPBACKS[0]
        {
            self.asked = Some(probe);
        }
        let place = if LOOPBACKS.contains(&destination) { Place::Loopback } else { Place::Port };
        let arrival = Arrival { vn, place, source, destination, ttl: ttl - 2, at: self.now };
        if self.cut[usize::from(vn.get())] {
            return;
        }
        if destination == LOOPBACKS[0] || prefix(0).contains(&destination) {
            self.attacked.receive(payload, &arrival);
            self.spared.receive(payload, &arrival);
            if self.memory.len() == MEMORY {
                self.memory.pop_front();
            }
            self.memory.push_back((payload.to_vec(), arrival));
        } else if destination != LOOPBACKS[2] {
            self.other.receive(payload, &arrival);
        }
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

/// Conversations with a bit of everything, in the target's own encoding.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let pass = |quarters: u8| vec![0, quarters];
    let repeats = || (0..24).flat_map(|which| [6, which * 5, 0, 0, 0, 0, which & 1]).collect();
    let raves = |choice: u8| -> Vec<u8> {
        (0..20).flat_map(|n| vec![8, n, 0, 0, 9, choice, n, n, n, n, 2, n, n, n]).collect()
    };
    let story = |parts: &[Vec<u8>]| parts.concat();
    vec![
        story(&[pass(200), vec![5, 3, 9, 1, 5, 7, 60, 0x80], repeats(), pass(100), repeats(), pass(200)]),
        story(&[pass(50), vec![3, 0], pass(200), repeats(), vec![3, 0x80], pass(200), repeats(), pass(90)]),
        story(&[
            pass(50),
            vec![13, 1, 0, 14, 1, 12, 0],
            pass(80),
            vec![12, 0x80, 11, 1],
            pass(90),
            vec![10],
            pass(90),
        ]),
        story(&[pass(20), raves(4), pass(20), raves(2), pass(20), raves(10), pass(20), raves(0)]),
        story(&[
            pass(20),
            vec![15, 1, 1, 7, 0xd0, 1, 15, 0, 0, 0, 0, 0, 9],
            pass(90),
            vec![4, 0, 1, 0, 64, 3, 0xb7, 0xa1, 1],
        ]),
    ]
}
