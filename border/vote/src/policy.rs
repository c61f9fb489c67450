//! How a border picks among VNs, and how patient it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Millis, damping::Damping};

/// The longest that a VN which keeps failing is kept waiting, whatever the doubling says.
pub const FAIL_BACK_CEILING: Duration = Duration::from_secs(600);

/// How long a VN must drive without a fault for its past faults to be forgotten.
pub const FORGIVEN_AFTER: Duration = Duration::from_secs(600);

/// How long news may be on its way to all VNs. A clone that was asked sooner after something happened knows what has
/// arrived, and others may know more.
pub const SPREAD: Duration = Duration::from_millis(50);

/// How long a master through which no probe has come out yet waits for the first, where probes come out through the VN that
/// drives. What has never delivered is known to be lost after 3 s at the earliest, since it may be about to converge.
pub const PROOF: Duration = Duration::from_secs(5);

/// The policy of one prefix at one border. Durations count in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Policy {
    /// Which rule decides.
    pub rule: Rule,
    /// A VN that verification finds at fault for the prefix, also one that delivers it where the reference model does not
    /// expect it, has no vote and cannot win as long as there is another.
    pub verified: bool,
    /// How long a mere disagreement must last before it decides. As long must the ballots for a new prefix have been
    /// steady.
    pub settle: Duration,
    /// How long a VN that was voted out must be clean before it may return. Doubles with each relapse, up to
    /// [`FAIL_BACK_CEILING`], and begins anew once the VN has driven without a fault for [`FORGIVEN_AFTER`].
    pub fail_back: Duration,
    /// How long a vote waits at most for ballots to become steady: the first one on a prefix, and under
    /// [`Rule::Consensus`] each.
    pub deadline: Duration,
    /// How VNs that keep losing the prefix are held back.
    pub damping: Damping,
}

/// The rule of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Rule {
    /// One VN drives; the others check it and stand in for it.
    Master {
        /// The VN that drives.
        master: u8,
    },
    /// The strict majority of code bases decides.
    Majority,
    /// The majority of the `k` code bases whose ballots have been steady longest decides. A code base whose ballot
    /// changes goes to the end of the line.
    FirstK {
        /// How many code bases vote; at least one does.
        k: u8,
    },
    /// The majority decides, and only once all VNs that carry the prefix have been steady for `settle`, or `deadline` after
    /// the majority first contradicted the incumbent.
    Consensus,
}

impl Policy {
    /// A policy with the default patience: 200 ms to settle, 30 s to fail back, 1 s at most for ballots to become steady,
    /// [`Damping::default`]; without `verified`.
    #[must_use]
    pub const fn new(rule: Rule) -> Policy {
        Policy {
            rule,
            verified: false,
            settle: Duration::from_millis(200),
            fail_back: Duration::from_secs(30),
            deadline: Duration::from_secs(1),
            damping: Damping::DEFAULT,
        }
    }

    /// When what happened at `news` has spread to all VNs.
    pub(crate) fn spread_at(&self, news: Millis) -> Millis {
        news.after(SPREAD.min(self.settle))
    }

    /// How long a VN that was voted out `strikes` times (at least once) must be clean before it may return.
    pub(crate) fn penalty(&self, strikes: u8) -> Duration {
        let doublings = u32::from(strikes.saturating_sub(1)).min(31);
        let ceiling = FAIL_BACK_CEILING.max(self.fail_back);
        self.fail_back.saturating_mul(1 << doublings).min(ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_penalty_doubles_up_to_its_ceiling() {
        let policy = Policy::new(Rule::Majority);
        let seconds = [1, 2, 3, 4, 5, 6, 255].map(|strikes| policy.penalty(strikes).as_secs());
        assert_eq!(seconds, [30, 60, 120, 240, 480, 600, 600]);
        let patient = Policy { fail_back: Duration::from_secs(900), ..policy };
        assert_eq!(patient.penalty(9).as_secs(), 900);
    }
}
