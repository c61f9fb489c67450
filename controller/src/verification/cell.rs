//! One virtual network's way with one prefix from one border, and when to tell the border of it.
//!
//! What is well, or not known any more, is told at once. What is wrong has to last first, since FIBs arrive from many nodes
//! at different times, and while engines follow a change of the network they do loop and drop for a while: that is
//! reconvergence, the probes measure it, and it is no reason to leave a virtual network whose peers all go through the same.
//! So a fault is told when
//!
//! - it has lasted [`FAULT_HOLD`] (loops and drops) or [`DIFFERENCE_HOLD`] (another egress than the model's), and
//! - nothing that makes engines recompute has happened in that virtual network for one *convergence* ([`convergence`]), or
//!   the fault itself has lasted that long: so links that flap without end hide no fault for ever.
//!
//! A packet that leaves at a border where its prefix is not attached is no matter of convergence: that waits for the hold
//! alone, unless the topology itself has just changed.

use std::time::{Duration, Instant};

use super::finding::{Class, Finding};

/// How long a loop or drop must last: longer than two agents' words on one event lie apart, and than the word of a changed
/// link may come after that of the FIBs. A border does not depend on this for speed: probes see a loop within 100 ms.
const FAULT_HOLD: Duration = Duration::from_millis(200);
/// How long another egress than the model's must last. Packets are delivered meanwhile, so there is time to be sure, and
/// enough is left of the second within which it is to be seen.
const DIFFERENCE_HOLD: Duration = Duration::from_millis(500);
/// What engines take at most once they have noticed a change: flooding, SPF delays, BIRD's ticks of 1 s.
const RECOMPUTATION: Duration = Duration::from_secs(1);
/// After so many hellos a silent neighbour is given up, by every engine.
const DEAD_HELLOS: u32 = 4;

/// How long a virtual network may take to follow a change of the network: until the slowest router has given up a silent
/// neighbour, and recomputed. `hello` is its longest interval between hellos.
pub(super) fn convergence(hello: Duration) -> Duration {
    hello * DEAD_HELLOS + RECOMPUTATION
}

/// Since when a virtual network is left in peace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calm {
    pub(super) convergence: Duration,
    /// When links, adjacencies or engines last changed, or the topology did.
    pub(super) disturbed: Instant,
    /// When the topology last changed.
    pub(super) replanned: Instant,
}

/// A finding and since when it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dated {
    pub(super) finding: Finding,
    pub(super) since: Instant,
}

#[derive(Debug)]
pub(super) struct Cell {
    seen: Dated,
    /// Whether the model expects anyone to deliver.
    pub(super) in_reach: bool,
    told: Option<Dated>,
    /// When `told` was told.
    revision: u64,
}

impl Cell {
    pub(super) fn new(now: Instant) -> Self {
        let seen = Dated { finding: Finding::Unknown, since: now };
        Self { seen, in_reach: false, told: None, revision: 0 }
    }

    /// What the border has been told, and at which revision; nothing is as good as unknown.
    pub(super) fn told(&self) -> Option<(&Dated, u64)> {
        self.told.as_ref().map(|told| (told, self.revision))
    }

    pub(super) fn see(&mut self, finding: Finding, now: Instant) {
        let goes_on = match (self.seen.finding.class(), finding.class()) {
            // Another egress is another delivery.
            (Class::Delivers, Class::Delivers) => self.seen.finding == finding,
            (before, after) => before == after,
        };
        let since = if goes_on { self.seen.since } else { now };
        self.seen = Dated { finding, since };
    }

    /// When the border is to be told what is seen; `None` if it has been, or need not be.
    pub(super) fn due(&self, calm: &Calm) -> Option<Instant> {
        let told = self.told.as_ref().map(|told| &told.finding);
        if *told.unwrap_or(&Finding::Unknown) == self.seen.finding {
            return None;
        }
        let (class, since) = (self.seen.finding.class(), self.seen.since);
        let hold = match class {
            Class::Unknown | Class::Delivers => return Some(since),
            // Told of already; only its details have changed.
            _ if told.is_some_and(|told| told.class() == class) => return Some(since),
            Class::Differs => DIFFERENCE_HOLD,
            Class::Undelivered => FAULT_HOLD,
        };
        let change = if self.seen.finding.is_misdelivery() { calm.replanned } else { calm.disturbed };
        let settled = (change + calm.convergence).min(since + calm.convergence);
        Some(settled.max(since + hold))
    }

    pub(super) fn tell(&mut self, revision: u64) {
        self.told = Some(self.seen.clone());
        self.revision = revision;
    }
}
