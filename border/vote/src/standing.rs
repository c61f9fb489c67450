//! What an election remembers of each VN from one vote to the next.

use crate::{Millis, Policy};

/// How a VN stands among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Eligible and not contradicted.
    Clean,
    /// As trusted as any, but a strict majority says otherwise.
    Contradicted,
    /// Not among the most trusted.
    Out,
}

/// One VN's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub vn: u8,
    pub condition: Condition,
    /// Since when the condition has been what it is.
    pub since: Millis,
    /// How often the VN was voted out since its faults were last forgiven.
    pub strikes: u8,
    /// Its past is not known, since the incumbent was adopted: as wary of it as after one fault.
    pub unknown_past: bool,
}

impl Standing {
    /// Of a VN that was never seen.
    pub(crate) const fn new(vn: u8) -> Standing {
        Standing { vn, condition: Condition::Out, since: Millis(0), strikes: 0, unknown_past: false }
    }

    /// Until when past faults keep the VN from returning: the origin of the clock if there are none,
    /// [`Millis::NEVER`] as long as it is not clean.
    pub(crate) fn barred_until(&self, policy: &Policy) -> Millis {
        let penalty = policy.penalty(self.strikes);
        if penalty.is_zero() || (self.strikes == 0 && !self.unknown_past) {
            return Millis(0);
        }
        match self.condition {
            Condition::Clean => self.since.after(penalty),
            Condition::Contradicted | Condition::Out => Millis::NEVER,
        }
    }
}
