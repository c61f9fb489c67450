//! A small world to vote in: VNs with evidence, a clock that only the story moves, and one election.

use std::time::Duration;

use braid_vote::{
    Alarm, Ballot, EgressId, Elector, EngineState, Evidence, Explanation, LayoutClass, Millis, NextHop,
    Policy, Poll, PrefixId, ProbeEvidence, RouteEvidence, Rule, SortedSet, Step, Unusable, Verdict,
    VerificationEvidence,
};

/// VN ids as the stories name them.
pub const RED: u8 = 1;
pub const GREEN: u8 = 2;
pub const BLUE: u8 = 3;

/// A change of evidence.
#[derive(Debug, Clone)]
pub enum Event {
    /// The VN's route goes to the neighbour 100.65.0.N.
    Route(u8, u8),
    Lost(u8),
    Broken(u8, Unusable),
    Engine(u8, EngineState),
    /// Its probes come out at this border; none: not known.
    Egress(u8, Option<u16>),
    /// Its probes do not come out any more.
    ProbesLost(u8),
    /// Its probes do not reach this border any more, or do again.
    Border(u8, u16, bool),
    Verified(u8, VerificationEvidence),
    ControllerAway,
    /// A clone of its engine has just been asked: its routes stay as they are.
    Steady(u8),
    /// The same, but that the route is about to change.
    Pending(u8),
    Port(u8, bool),
    /// Its live layout; none: not known.
    Layout(u8, Option<u64>),
    Nothing,
}

/// Where the prefix is attached.
pub const DENVER: u16 = 3;
pub const CHICAGO: u16 = 4;

#[derive(Debug, Clone)]
pub struct World {
    pub now: Millis,
    pub electors: Vec<Elector>,
    pub prefix: PrefixId,
    pub poll: Poll,
}

/// What the model expects.
pub fn delivers() -> VerificationEvidence {
    VerificationEvidence::Delivers { egress: [EgressId(DENVER)].into_iter().collect() }
}

/// What it does not.
pub fn differs() -> VerificationEvidence {
    VerificationEvidence::DiffersFromModel { egress: [EgressId(CHICAGO)].into_iter().collect() }
}

pub fn master(master: u8) -> Policy {
    Policy::new(Rule::Master { master })
}

pub fn majority() -> Policy {
    Policy::new(Rule::Majority)
}

impl World {
    /// VNs 1, 2, … of these code bases, all of one layout, none with a route yet.
    pub fn new(policy: Policy, code_bases: &[&str]) -> World {
        let elector = |(vn, code_base): (u8, &&str)| Elector {
            vn,
            rank: vn.into(),
            code_base: (*code_base).to_owned(),
            layout: Some(LayoutClass(1)),
        };
        let electors: Vec<Elector> = (1..=u8::MAX).zip(code_bases).map(elector).collect();
        let mut poll = Poll::new();
        poll.set_electors(&electors);
        let prefix = poll.open(policy, &[EgressId(DENVER)].into_iter().collect());
        World { now: Millis(0), electors, prefix, poll }
    }

    /// The same with an agreed route in every VN, engines running, and the vote already taken at time 0.
    pub fn converged(policy: Policy, code_bases: &[&str]) -> World {
        let mut world = World::new(Policy { deadline: Duration::ZERO, ..policy }, code_bases);
        for vn in 1..=code_bases.len() as u8 {
            world.apply(&Event::Route(vn, 1));
            world.apply(&Event::Engine(vn, EngineState::Running));
        }
        world.vote();
        world.poll.set_policy(world.prefix, policy);
        world
    }

    pub fn set_electors(&mut self) {
        self.poll.set_electors(&self.electors);
    }

    pub fn ballots(&self) -> Vec<Ballot> {
        self.electors.iter().filter_map(|elector| self.poll.ballot(self.prefix, elector.vn)).collect()
    }

    /// An event as evidence; none for what is not evidence.
    pub fn evidence(&self, event: &Event) -> Option<Evidence> {
        let prefix = self.prefix;
        let route = |vn, route| Some(Evidence::Route { prefix, vn, route });
        match *event {
            Event::Route(vn, last) => {
                let hop = NextHop { gateway: Some([100, 65, 0, last].into()), interface: "eth1".into() };
                let next_hops = [hop].into_iter().collect();
                route(vn, RouteEvidence::Usable { next_hops, metric: 20 })
            }
            Event::Lost(vn) => route(vn, RouteEvidence::Missing),
            Event::Broken(vn, reason) => route(vn, RouteEvidence::Unusable { reason }),
            Event::Engine(vn, state) => Some(Evidence::Engine { vn, state }),
            Event::Egress(vn, border) => {
                let probe = border.map_or(ProbeEvidence::Unknown, |border| ProbeEvidence::Delivers {
                    egress: [EgressId(border)].into_iter().collect(),
                });
                Some(Evidence::Probe { prefix, vn, probe })
            }
            Event::ProbesLost(vn) => Some(Evidence::Probe { prefix, vn, probe: ProbeEvidence::Lost }),
            Event::Border(vn, border, lost) => Some(Evidence::Border { border: EgressId(border), vn, lost }),
            Event::Verified(vn, ref verification) => {
                Some(Evidence::Verification { prefix, vn, verification: verification.clone() })
            }
            Event::ControllerAway => Some(Evidence::VerificationAway),
            Event::Steady(vn) => Some(Evidence::Converged {
                vn,
                asked: self.now,
                at_rest: true,
                pending: SortedSet::default(),
            }),
            Event::Pending(vn) => Some(Evidence::Converged {
                vn,
                asked: self.now,
                at_rest: false,
                pending: [prefix].into_iter().collect(),
            }),
            Event::Port(vn, up) => Some(Evidence::Port { vn, up }),
            Event::Layout(..) | Event::Nothing => None,
        }
    }

    pub fn apply(&mut self, event: &Event) {
        if let Some(evidence) = self.evidence(event) {
            self.poll.hear(self.now, &evidence);
        }
        if let Event::Layout(vn, class) = *event {
            self.electors[usize::from(vn) - 1].layout = class.map(LayoutClass);
            self.set_electors();
        }
    }

    /// Votes now.
    pub fn vote(&mut self) -> Verdict {
        self.poll.decide(self.now);
        self.poll.verdict(self.prefix).expect("a vote was held")
    }

    /// Votes now, and says when the verdict may change by itself.
    pub fn recheck_at(&mut self) -> Option<Millis> {
        self.vote();
        self.explain().recheck_at
    }

    /// Moves on to `then`, voting whenever a recheck is due on the way; returns the verdict that holds then.
    pub fn wait_until(&mut self, then: Millis) -> Verdict {
        self.vote();
        while let Some(due) = self.poll.next_due().filter(|due| *due <= then) {
            self.now = due;
            self.vote();
        }
        self.now = then;
        self.vote()
    }

    /// Changes evidence at a later time, and votes.
    pub fn at(&mut self, then: u64, event: &Event) -> Verdict {
        self.wait_until(Millis(then));
        self.apply(event);
        self.vote()
    }

    pub fn explain(&self) -> Explanation {
        self.poll.explain(self.now, self.prefix).expect("the prefix is voted on")
    }

    pub fn reason(&self, vn: u8) -> String {
        let candidates = self.explain().candidates;
        candidates
            .into_iter()
            .find(|candidate| candidate.vn == vn)
            .map(|found| found.reason)
            .unwrap_or_default()
    }
}

/// One line of a story: at this time this happens, and then this VN wins by this step, with or without alarm.
pub type Line = (u64, Event, Option<u8>, Step, Option<Alarm>);

/// Tells a story line by line.
pub fn tell(name: &str, mut world: World, story: &[Line]) -> World {
    for (at, event, winner, step, alarm) in story {
        let verdict = world.at(*at, event);
        let told = (verdict.winner, verdict.decisive_step, verdict.alarm);
        assert_eq!(
            told,
            (*winner, *step, *alarm),
            "{name}, at {at} ms after {event:?}: {:#?}",
            world.explain()
        );
    }
    world
}
