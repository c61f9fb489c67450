//! A small world to vote in: VNs with evidence, a clock that only the story moves, and one election.

use braid_vote::{
    Alarm, Ballot, Election, Elector, EngineState, Explanation, LayoutClass, Millis, NextHop, Policy,
    ProbeEvidence, RouteEvidence, Rule, Step, Unusable, Verdict,
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
    Egress(u8, Option<&'static str>),
    /// Its live layout; none: not known.
    Layout(u8, Option<u64>),
    Nothing,
}

#[derive(Debug, Clone)]
pub struct World {
    pub now: Millis,
    pub electors: Vec<Elector>,
    pub ballots: Vec<Ballot>,
    pub election: Election,
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
        let ballots = electors.iter().map(|elector| Ballot::blank(elector.vn)).collect();
        World { now: Millis(0), electors, ballots, election: Election::new(policy) }
    }

    /// The same with an agreed route in every VN, engines running, and the vote already taken at time 0.
    pub fn converged(policy: Policy, code_bases: &[&str]) -> World {
        let mut world = World::new(policy, code_bases);
        for vn in 1..=code_bases.len() as u8 {
            world.apply(&Event::Route(vn, 1));
            world.apply(&Event::Engine(vn, EngineState::Running));
        }
        world.vote();
        world
    }

    pub fn ballot(&mut self, vn: u8) -> &mut Ballot {
        &mut self.ballots[usize::from(vn) - 1]
    }

    pub fn apply(&mut self, event: &Event) {
        let now = self.now;
        match *event {
            Event::Route(vn, last) => {
                let hop = NextHop { gateway: Some([100, 65, 0, last].into()), interface: "eth1".into() };
                self.set_route(
                    vn,
                    RouteEvidence::Usable { next_hops: [hop].into_iter().collect(), metric: 20 },
                );
            }
            Event::Lost(vn) => self.set_route(vn, RouteEvidence::Missing),
            Event::Broken(vn, reason) => self.set_route(vn, RouteEvidence::Unusable { reason }),
            Event::Engine(vn, state) => {
                let engine = &mut self.ballot(vn).engine;
                if engine.state != state {
                    (engine.state, engine.since) = (state, now);
                }
            }
            Event::Egress(vn, border) => {
                self.ballot(vn).probe = border.map_or(ProbeEvidence::Unknown, |border| {
                    ProbeEvidence::Delivers { egress: [border.to_owned()].into_iter().collect() }
                });
            }
            Event::Layout(vn, class) => {
                self.electors[usize::from(vn) - 1].layout = class.map(LayoutClass);
            }
            Event::Nothing => {}
        }
    }

    fn set_route(&mut self, vn: u8, route: RouteEvidence) {
        let now = self.now;
        let fib = &mut self.ballot(vn).fib;
        if fib.route != route {
            (fib.route, fib.since) = (route, now);
        }
    }

    /// Votes now.
    pub fn vote(&mut self) -> Verdict {
        self.election.decide(self.now, &self.electors, &self.ballots).verdict.clone()
    }

    /// Votes now, and says when the verdict may change by itself.
    pub fn recheck_at(&mut self) -> Option<Millis> {
        self.election.decide(self.now, &self.electors, &self.ballots).recheck_at
    }

    /// Moves on to `then`, voting whenever a recheck is due on the way; returns the verdict that holds then.
    pub fn wait_until(&mut self, then: Millis) -> Verdict {
        while let Some(due) = self.recheck_at().filter(|due| *due <= then) {
            self.now = due;
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
        self.election.explain(self.now, &self.electors, &self.ballots)
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
