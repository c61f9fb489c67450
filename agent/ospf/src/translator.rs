//! Who has translated an NSSA's routes goes on for a while after losing the election, so that its successor's type-5 LSAs
//! are everywhere before its own go (RFC 3101 §3.1).

use std::collections::BTreeMap;
use std::time::Duration;

use braid_ospf_packet::AreaId;
use serde::{Deserialize, Serialize};

use crate::Instant;

/// TranslatorStabilityInterval (RFC 3101 appendix D).
pub const TRANSLATOR_STABILITY_INTERVAL: Duration = Duration::from_secs(40);

/// The NSSAs whose election we won, or lost a short time ago (then until when we go on).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translators(BTreeMap<AreaId, Option<Instant>>);

impl Translators {
    /// The outcome of the election now, after a computation or when an interval is over. An area that we are no border
    /// router of any more is `None`: nothing is kept.
    pub fn update(&mut self, now: Instant, area: AreaId, elected: Option<bool>) {
        match (elected, self.0.get(&area)) {
            (Some(true), _) => {
                self.0.insert(area, None);
            }
            (Some(false), Some(None)) => {
                self.0.insert(area, Some(now + TRANSLATOR_STABILITY_INTERVAL));
            }
            (Some(false), Some(Some(until))) if *until > now => {}
            (Some(false) | None, _) => {
                self.0.remove(&area);
            }
        }
    }

    /// Forgets all areas but these.
    pub fn retain(&mut self, is_nssa: impl Fn(AreaId) -> bool) {
        self.0.retain(|area, _| is_nssa(*area));
    }

    /// Forgets intervals that are over, so that [`Self::next`] is never in the past. Whether there were any: then it is
    /// time to originate anew.
    pub fn expire(&mut self, now: Instant) -> bool {
        let before = self.0.len();
        self.0.retain(|_, until| until.is_none_or(|until| until > now));
        self.0.len() < before
    }

    /// Whether we go on though we are not elected.
    #[must_use]
    pub fn still(&self, area: AreaId) -> bool {
        matches!(self.0.get(&area), Some(Some(_)))
    }

    /// When an interval is over: the time for [`Self::expire`].
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.0.values().flatten().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: AreaId = AreaId(std::net::Ipv4Addr::new(0, 0, 0, 1));

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000_000)
    }

    #[test]
    fn rfc_3101_3_1_a_deposed_translator_goes_on_for_the_stability_interval() {
        let mut translators = Translators::default();
        translators.update(at(0), AREA, Some(false));
        assert!(!translators.still(AREA), "never elected");
        translators.update(at(1), AREA, Some(true));
        assert!(!translators.still(AREA), "elected, so nothing is left over");
        translators.update(at(2), AREA, Some(false));
        assert!(translators.still(AREA));
        assert_eq!(translators.next(), Some(at(42)));
        translators.update(at(41), AREA, Some(false));
        assert!(translators.still(AREA), "the interval does not start anew");
        translators.update(at(42), AREA, Some(false));
        assert!(!translators.still(AREA));
        assert_eq!(translators.next(), None);
    }

    #[test]
    fn an_interval_that_is_over_calls_once_though_nobody_updates() {
        let mut translators = Translators::default();
        translators.update(at(1), AREA, Some(true));
        translators.update(at(2), AREA, Some(false));
        assert!(!translators.expire(at(41)));
        assert!(translators.expire(at(42)));
        assert_eq!(translators.next(), None);
        translators.update(at(43), AREA, Some(false));
        assert!(!translators.still(AREA), "over is over");
    }

    #[test]
    fn an_area_that_is_no_nssa_any_more_is_forgotten() {
        let mut translators = Translators::default();
        translators.update(at(1), AREA, Some(true));
        translators.retain(|_| false);
        translators.update(at(2), AREA, Some(false));
        assert!(!translators.still(AREA));
    }

    #[test]
    fn no_border_router_no_translator() {
        let mut translators = Translators::default();
        translators.update(at(1), AREA, Some(true));
        translators.update(at(2), AREA, None);
        assert!(!translators.still(AREA));
    }
}
