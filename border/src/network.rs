//! What the booth keeps of one virtual network; the poll keeps the rest.

use std::{collections::BTreeMap, time::Duration};

use braid_proto::VnId;
use braid_vote::{EngineState, Millis, Poll, PrefixId, RouteEvidence};
use ipnet::Ipv4Net;

use crate::ballots::{Routes, Voted};

/// For how long a virtual network's live layout must have been the same, and its engine have run, before its next hops are
/// compared with those of others: while one has reconverged after a change and another not yet, they differ, and none is
/// wrong. The slowest engine known to us, BIRD, takes 10 s after a link came back.
const REST: Duration = Duration::from_secs(15);

/// A virtual network.
#[derive(Debug)]
pub struct Network {
    /// Whether it has been heard of at all: a FIB snapshot, or the news that there is no such namespace.
    pub heard: bool,
    /// Its routes, as far as the poll does not keep them.
    pub routes: Routes,
    /// Its live layout, and since when it has been this.
    pub layout: (Option<u64>, Millis),
    /// The state of its engine, and since when.
    pub engine: (EngineState, Millis),
    /// When it was last seen to start, or to be back.
    restarted: Option<Millis>,
}

impl Network {
    /// One of which nothing has been heard.
    pub fn new(layout: Option<u64>, now: Millis) -> Self {
        Self {
            heard: false,
            routes: Routes::default(),
            layout: (layout, now),
            engine: (EngineState::Unknown, Millis(0)),
            restarted: None,
        }
    }

    /// This is the state of its engine now.
    pub fn set_engine(&mut self, state: EngineState, now: Millis) {
        if self.engine.0 != EngineState::Unknown && state != EngineState::Unknown {
            self.restarted = Some(now);
        }
        self.engine = (state, now);
    }

    /// Whether what a clone of its engine said then stands for its routes. One that has just started knows little, and has
    /// left routes of its earlier life in the kernel.
    pub fn stands_by_its_clone(&self, asked: Millis) -> bool {
        let (state, _) = self.engine;
        matches!(state, EngineState::Running | EngineState::Unknown)
            && self.restarted.is_none_or(|at| at.after(REST) <= asked)
    }

    /// This is its live layout now.
    pub fn set_layout(&mut self, layout: Option<u64>, now: Millis) {
        if self.layout.0 != layout {
            self.layout = (layout, now);
        }
    }

    /// When it comes to rest, unless its engine is not running.
    pub fn at_rest(&self) -> Option<Millis> {
        let (state, since) = self.engine;
        let running = matches!(state, EngineState::Running | EngineState::Unknown);
        running.then(|| since.max(self.layout.1).after(REST))
    }
}

/// The poll as one virtual network's routes see it.
pub struct Voters<'b> {
    /// The poll.
    pub poll: &'b Poll,
    /// Its numbers for prefixes.
    pub numbers: &'b BTreeMap<Ipv4Net, PrefixId>,
    /// Which virtual network.
    pub vn: VnId,
}

impl Voted for Voters<'_> {
    fn is_voted(&self, prefix: Ipv4Net) -> bool {
        self.numbers.contains_key(&prefix)
    }

    fn heard(&self, prefix: Ipv4Net) -> RouteEvidence {
        let number = self.numbers.get(&prefix);
        number.and_then(|number| self.poll.route(*number, self.vn.get())).unwrap_or(RouteEvidence::Missing)
    }
}
