//! What the poll keeps of one VN for one prefix, in 48 bytes: its ballot, and how it stood so far.

use std::time::Duration;

use crate::{Millis, Policy, Unusable, damping::Merit, time::Stamp};

/// A route in four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route(u32);

impl Route {
    pub const MISSING: Route = Route(0);
    const REASONS: [Unusable; 4] =
        [Unusable::Blackhole, Unusable::Unreachable, Unusable::Prohibited, Unusable::NoLiveNextHop];
    /// Numbers from here on name sets of next hops.
    const USABLE: u32 = 1 + Self::REASONS.len() as u32;

    pub fn unusable(reason: Unusable) -> Route {
        Route(1 + Self::REASONS.iter().position(|other| *other == reason).unwrap_or_default() as u32)
    }

    pub const fn usable(next_hops: u32) -> Route {
        Route(Self::USABLE + next_hops)
    }

    pub fn reason(self) -> Option<Unusable> {
        Self::REASONS.get(self.0.checked_sub(1)? as usize).copied()
    }

    pub const fn next_hops(self) -> Option<u32> {
        self.0.checked_sub(Self::USABLE)
    }
}

/// What probes, or the verification, have found, in four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finding(u32);

impl Finding {
    pub const UNKNOWN: Finding = Finding(0);
    /// Probes are lost.
    pub const LOST: Finding = Finding(1);
    pub const LOOPS: Finding = Finding(2);
    pub const DROPPED: Finding = Finding(3);
    const DELIVERS: u32 = 4;

    pub const fn delivers(egress: u32, as_expected: bool) -> Finding {
        Finding(Self::DELIVERS + 2 * egress + !as_expected as u32)
    }

    /// The number of the set of borders.
    pub fn egress(self) -> Option<u32> {
        self.0.checked_sub(Self::DELIVERS).map(|rest| rest / 2)
    }

    pub fn differs_from_model(self) -> bool {
        self.0.checked_sub(Self::DELIVERS).is_some_and(|rest| rest % 2 == 1)
    }
}

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

/// How a VN stood so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub condition: Condition,
    /// Since when the condition has been what it is.
    pub since: Millis,
    /// How often the VN was voted out since its faults were last forgiven.
    pub strikes: u8,
    /// Its past is not known, since the incumbent was adopted: as wary of it as after one fault.
    pub unknown_past: bool,
    /// How often and how lately it lost the prefix.
    pub merit: Merit,
    /// The contradiction that stands has been counted as a flap.
    pub counted: bool,
    /// No vote has seen it yet.
    pub fresh: bool,
}

impl Standing {
    /// When a contradiction that has not been counted as a flap is: once it has settled, and just after the vote that it
    /// decides, so that this vote finds what the one before foretold.
    pub fn counts_at(&self, policy: &Policy) -> Option<Millis> {
        let pending = self.condition == Condition::Contradicted && !self.counted;
        pending.then(|| self.since.after(policy.settle).after(Duration::from_millis(1)))
    }

    /// Until when past faults keep the VN from returning: the origin of the clock if there are none,
    /// [`Millis::NEVER`] as long as it is not clean.
    pub fn barred_until(&self, policy: &Policy) -> Millis {
        if self.strikes == 0 && !self.unknown_past {
            return Millis(0);
        }
        let penalty = policy.penalty(self.strikes);
        match self.condition {
            _ if penalty.is_zero() => Millis(0),
            Condition::Clean => self.since.after(penalty),
            Condition::Contradicted | Condition::Out => Millis::NEVER,
        }
    }
}

/// One VN's ballot and standing for one prefix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub route: Route,
    pub metric: u32,
    pub probe: Finding,
    pub verification: Finding,
    figure: u32,
    pub fib_since: Stamp,
    pub probe_since: Stamp,
    pub verification_since: Stamp,
    since: Stamp,
    flapped_at: Stamp,
    strikes: u8,
    flags: u8,
}

const CONTRADICTED: u8 = 1;
const OUT: u8 = 2;
const SEEN: u8 = 4;
const UNKNOWN_PAST: u8 = 8;
const SUPPRESSED: u8 = 16;
const DISSENTS: u8 = 32;
const COUNTED: u8 = 64;

impl Cell {
    /// Of a VN of which nothing is known.
    pub fn blank() -> Cell {
        let origin = Stamp::from(Millis(0));
        Cell {
            route: Route::MISSING,
            metric: 0,
            probe: Finding::UNKNOWN,
            verification: Finding::UNKNOWN,
            figure: 0,
            fib_since: origin,
            probe_since: origin,
            verification_since: origin,
            since: origin,
            flapped_at: origin,
            strikes: 0,
            flags: OUT,
        }
    }

    /// The borders at which the VN delivers, by the best evidence there is.
    pub fn egress(&self) -> Option<u32> {
        self.probe.egress().or_else(|| self.verification.egress())
    }

    pub fn standing(&self) -> Standing {
        Standing {
            condition: match self.flags & (CONTRADICTED | OUT) {
                0 => Condition::Clean,
                CONTRADICTED => Condition::Contradicted,
                _ => Condition::Out,
            },
            since: self.since.into(),
            strikes: self.strikes,
            unknown_past: self.flags & UNKNOWN_PAST != 0,
            merit: Merit {
                figure: self.figure,
                at: self.flapped_at.into(),
                suppressed: self.flags & SUPPRESSED != 0,
            },
            counted: self.flags & COUNTED != 0,
            fresh: self.flags & SEEN == 0,
        }
    }

    pub fn set_standing(&mut self, standing: &Standing) {
        let condition = match standing.condition {
            Condition::Clean => 0,
            Condition::Contradicted => CONTRADICTED,
            Condition::Out => OUT,
        };
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        self.flags = (self.flags & DISSENTS)
            | condition
            | flag(!standing.fresh, SEEN)
            | flag(standing.unknown_past, UNKNOWN_PAST)
            | flag(standing.counted, COUNTED)
            | flag(standing.merit.suppressed, SUPPRESSED);
        self.since = standing.since.into();
        self.strikes = standing.strikes;
        self.figure = standing.merit.figure;
        self.flapped_at = standing.merit.at.into();
    }

    /// Whether the last verdict counted it as a dissenter.
    pub const fn dissents(&self) -> bool {
        self.flags & DISSENTS != 0
    }

    /// Says whether that is news.
    pub const fn set_dissents(&mut self, dissents: bool) -> bool {
        let before = self.flags;
        self.flags = if dissents { before | DISSENTS } else { before & !DISSENTS };
        self.flags != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_small_and_keeps_what_it_is_given() {
        assert_eq!(size_of::<Cell>(), 48);
        let standing = Standing {
            condition: Condition::Contradicted,
            since: Millis(7),
            strikes: 3,
            unknown_past: true,
            merit: Merit { figure: 1234, at: Millis(6), suppressed: true },
            counted: true,
            fresh: false,
        };
        let mut cell = Cell::blank();
        assert!(cell.standing().fresh && cell.set_dissents(true));
        cell.set_standing(&standing);
        assert_eq!((cell.standing(), cell.dissents()), (standing, true));
        for reason in Route::REASONS {
            assert_eq!(Route::unusable(reason).reason(), Some(reason));
        }
        assert_eq!((Route::usable(9).next_hops(), Route::usable(9).reason()), (Some(9), None));
        let finding = Finding::delivers(9, false);
        assert_eq!((finding.egress(), finding.differs_from_model()), (Some(9), true));
        assert_eq!((Finding::DROPPED.egress(), Finding::UNKNOWN.differs_from_model()), (None, false));
    }
}
