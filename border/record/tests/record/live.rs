//! A border in small: a poll that lives through a history, and tells what a recorder would be told.

use std::{collections::BTreeMap, path::Path};

use braid_record::{Decided, Event, Header, Known, Limits, Standing, Writer};
use braid_vote::{
    EgressId, EgressSet, Elector, EngineState, Evidence, LayoutClass, Millis, NextHop, Policy, Poll,
    PrefixId, ProbeEvidence, RouteEvidence, Rule, Unusable, VerificationEvidence,
};
use ipnet::Ipv4Net;

/// When the border's clock began.
pub const EPOCH_MS: u64 = 1_700_000_000_000;
pub const HOME: EgressId = EgressId(3);
pub const AWAY: EgressId = EgressId(4);

/// What may happen to prefix and VN.
#[derive(Debug, Clone)]
pub enum Action {
    Open(u8, Rule),
    Close(u8),
    Terms(u8, Rule),
    /// To the neighbour 100.65.0.N; zero: the route is gone.
    Route(u8, u8, u8),
    Hole(u8, u8),
    Probe(u8, u8, ProbeEvidence),
    Verified(u8, u8, VerificationEvidence),
    Border(u8, bool),
    Engine(u8, EngineState),
    Port(u8, bool),
    Away,
    /// A clone of this VN's engine was just asked: at rest or not, and the prefix whose route is about to change.
    Clone(u8, bool, Option<u8>),
    Layout(u8, Option<u64>),
}

pub fn at(border: EgressId) -> EgressSet {
    [border].into_iter().collect()
}

pub fn prefix(third: u8) -> Ipv4Net {
    format!("198.18.{third}.0/24").parse().unwrap()
}

pub fn header() -> Header {
    Header { network: "lab".into(), border: "north".into(), epoch_ms: EPOCH_MS, ..Header::default() }
}

/// Who drove each prefix from when on; `None` also when it was closed.
pub type Drivers = BTreeMap<Ipv4Net, Vec<(u64, Option<u8>)>>;

pub struct Live<S> {
    pub poll: Poll,
    pub now: Millis,
    pub numbers: BTreeMap<Ipv4Net, PrefixId>,
    pub electors: Vec<Elector>,
    pub drivers: Drivers,
    pub sink: S,
}

impl<S: FnMut(Event)> Live<S> {
    /// Three VNs of three code bases, without a prefix yet.
    pub fn new(sink: S) -> Self {
        let elector = |(vn, code_base): (u8, &str)| Elector {
            vn,
            rank: vn.into(),
            code_base: code_base.to_owned(),
            layout: Some(LayoutClass(1)),
        };
        let electors: Vec<Elector> = [(1, "frr"), (2, "bird"), (3, "native")].map(elector).into();
        let mut live = Live {
            poll: Poll::new(),
            now: Millis(0),
            numbers: BTreeMap::new(),
            electors,
            drivers: Drivers::new(),
            sink,
        };
        for (vn, name) in [(1, "red"), (2, "green"), (3, "blue")] {
            (live.sink)(Event::Vn { vn, name: name.to_owned() });
        }
        live.set_electors();
        live
    }

    fn set_electors(&mut self) {
        (self.sink)(Event::Electors(self.electors.clone()));
        self.poll.set_electors(&self.electors);
    }

    fn hear(&mut self, evidence: Evidence) {
        if self.poll.hear(self.now, &evidence) {
            (self.sink)(Event::Evidence { at: self.now, evidence });
        }
    }

    pub fn decide(&mut self) {
        if self.poll.next_due().is_none_or(|due| due > self.now) {
            return;
        }
        let mut changed = Vec::new();
        for number in self.poll.decide(self.now) {
            let verdict = self.poll.verdict(number).unwrap();
            let (winner, step, alarm) = (verdict.winner, verdict.decisive_step, verdict.alarm);
            changed.push(Decided { number, winner, step, alarm });
            let prefix = self.numbers.iter().find(|(_, known)| **known == number).unwrap().0;
            let drivers = self.drivers.entry(*prefix).or_default();
            if drivers.last().is_none_or(|(_, last)| *last != winner) {
                drivers.push((EPOCH_MS + self.now.0, winner));
            }
        }
        (self.sink)(Event::Decide { at: self.now, changed });
    }

    /// Time passes; what falls due on the way is decided, this late.
    pub fn pass(&mut self, pause: u64, late: u64) {
        let then = Millis(self.now.0 + pause);
        while let Some(due) = self.poll.next_due().filter(|due| due.0 + late < then.0) {
            self.now = Millis(self.now.0.max(due.0 + late));
            self.decide();
        }
        self.now = then;
    }

    pub fn act(&mut self, action: &Action) {
        match action {
            Action::Open(p, rule) if !self.numbers.contains_key(&prefix(*p)) => {
                let (prefix, policy, attached) = (prefix(*p), Policy::new(*rule), at(HOME));
                let number = self.poll.open(policy, &attached);
                self.numbers.insert(prefix, number);
                (self.sink)(Event::Open { number, prefix, policy, attached, adopted: None });
            }
            Action::Close(p) => {
                let prefix = prefix(*p);
                if let Some(number) = self.numbers.remove(&prefix) {
                    self.poll.close(number);
                    (self.sink)(Event::Close { number });
                    if let Some(drivers) = self.drivers.get_mut(&prefix) {
                        drivers.push((EPOCH_MS, None));
                    }
                }
            }
            Action::Terms(p, rule) => {
                if let Some(number) = self.numbers.get(&prefix(*p)).copied() {
                    let (policy, attached) = (Policy::new(*rule), at(HOME));
                    self.poll.set_policy(number, policy);
                    (self.sink)(Event::Terms { number, policy, attached });
                }
            }
            Action::Route(p, vn, last) => {
                let hop = NextHop { gateway: Some([100, 65, 0, *last].into()), interface: "eth1".into() };
                let usable = RouteEvidence::Usable { next_hops: vec![hop].into(), metric: 20 };
                self.about(*p, *vn, |prefix, vn| Evidence::Route {
                    prefix,
                    vn,
                    route: if *last == 0 { RouteEvidence::Missing } else { usable },
                });
            }
            Action::Hole(p, vn) => self.about(*p, *vn, |prefix, vn| Evidence::Route {
                prefix,
                vn,
                route: RouteEvidence::Unusable { reason: Unusable::Blackhole },
            }),
            Action::Probe(p, vn, probe) => {
                self.about(*p, *vn, |prefix, vn| Evidence::Probe { prefix, vn, probe: probe.clone() });
            }
            Action::Verified(p, vn, verification) => self.about(*p, *vn, |prefix, vn| {
                Evidence::Verification { prefix, vn, verification: verification.clone() }
            }),
            Action::Border(vn, lost) => self.hear(Evidence::Border { border: HOME, vn: *vn, lost: *lost }),
            Action::Engine(vn, state) => self.hear(Evidence::Engine { vn: *vn, state: *state }),
            Action::Port(vn, up) => self.hear(Evidence::Port { vn: *vn, up: *up }),
            Action::Away => self.hear(Evidence::VerificationAway),
            Action::Clone(vn, at_rest, pending) => {
                let pending = pending.and_then(|p| self.numbers.get(&prefix(p)).copied());
                self.hear(Evidence::Converged {
                    vn: *vn,
                    asked: self.now,
                    at_rest: *at_rest,
                    pending: pending.into_iter().collect(),
                });
            }
            Action::Layout(vn, layout) => {
                self.electors[usize::from(*vn) - 1].layout = layout.map(LayoutClass);
                self.set_electors();
            }
            Action::Open(..) => {}
        }
    }

    fn about(&mut self, p: u8, vn: u8, evidence: impl FnOnce(PrefixId, u8) -> Evidence) {
        if let Some(number) = self.numbers.get(&prefix(p)).copied() {
            self.hear(evidence(number, vn));
        }
    }

    /// After a pause this happens, and is decided.
    pub fn then(&mut self, pause: u64, action: &Action) {
        self.pass(pause, 0);
        self.act(action);
        self.decide();
    }

    /// Prefixes 0 to `count` with the same route in all VNs, delivered at home, and voted on: at 1 s.
    pub fn settle(&mut self, count: u8, rule: Rule) {
        for p in 0..count {
            self.act(&Action::Open(p, rule));
            for vn in 1..=3 {
                self.act(&Action::Route(p, vn, 1));
                self.act(&Action::Probe(p, vn, ProbeEvidence::Delivers { egress: at(HOME) }));
            }
        }
        self.decide();
        self.pass(1_000, 0);
        self.decide();
    }
}

/// All elections, as a recorder asks for them.
pub fn standings(
    poll: &Poll,
    numbers: &BTreeMap<Ipv4Net, PrefixId>,
    after: Option<Ipv4Net>,
    count: usize,
) -> Vec<Standing> {
    let next = numbers.iter().filter(|(prefix, _)| after.is_none_or(|after| **prefix > after)).take(count);
    let stands = |(prefix, number): (&Ipv4Net, &PrefixId)| Standing {
        number: *number,
        prefix: *prefix,
        policy: *poll.policy(*number).unwrap(),
        attached: poll.attached(*number).unwrap().clone(),
        winner: poll.winner(*number),
        ballots: (1..=3)
            .map(|vn| {
                let ballot = poll.ballot(*number, vn).unwrap();
                Known {
                    vn,
                    route: (ballot.fib.route, ballot.fib.since),
                    probe: (ballot.probe, ballot.probe_since),
                    verification: (ballot.verification, ballot.verification_since),
                }
            })
            .collect(),
    };
    next.map(stands).collect()
}

/// Writes events as one file.
pub fn write(dir: &Path, limits: Limits, events: &[Event]) {
    let mut writer = Writer::open(dir, limits).unwrap();
    writer.begin(&header()).unwrap();
    for event in events {
        writer.add(event).unwrap();
    }
}
