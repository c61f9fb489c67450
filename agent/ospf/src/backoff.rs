//! When to compute routes: the SPF back-off of RFC 8405, so that a single failure is answered at once and a storm of them
//! is waited out in step with other routers.
//!
//! Prefix-only changes use the same delays, though they run no SPF: what arrives together is computed together.

use serde::{Deserialize, Serialize};

use crate::{Instant, SpfDelay};

/// The states of RFC 8405 §5.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackoffState {
    /// Nothing has happened for the hold-down interval.
    #[default]
    Quiet,
    /// Something has happened, and more of the same may follow.
    ShortWait,
    /// It does not stop happening.
    LongWait,
}

/// The state machine of RFC 8405 §5.
///
/// Its hold-down and learn timers only matter to the next event, so they are looked at then and wake nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    delays: SpfDelay,
    state: BackoffState,
    spf: Option<Instant>,
    hold_down: Option<Instant>,
    learn: Option<Instant>,
}

impl Backoff {
    /// A quiet one.
    #[must_use]
    pub fn new(delays: SpfDelay) -> Self {
        Self { delays, ..Self::default() }
    }

    /// Takes other delays from the next event on; a computation that is due stays due.
    pub fn configure(&mut self, delays: SpfDelay) {
        self.delays = delays;
    }

    /// Something happened that routes depend on.
    pub fn event(&mut self, now: Instant) {
        self.advance(now);
        let delay = match self.state {
            BackoffState::Quiet => {
                // RFC 8405 §5.2, transition 1.
                self.learn = Some(now + self.delays.time_to_learn);
                self.state = BackoffState::ShortWait;
                self.delays.initial
            }
            // Transition 2.
            BackoffState::ShortWait => self.delays.short,
            // Transition 4.
            BackoffState::LongWait => self.delays.long,
        };
        self.hold_down = Some(now + self.delays.hold_down);
        if self.spf.is_none() {
            self.spf = Some(now + delay);
        }
    }

    /// When to call [`Self::due`] again, if ever.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.spf
    }

    /// Whether routes are to be computed now; said once.
    pub fn due(&mut self, now: Instant) -> bool {
        let due = self.spf.is_some_and(|at| at <= now);
        if due {
            self.spf = None;
        }
        due
    }

    #[cfg(test)]
    /// The state as of now.
    #[must_use]
    pub fn state(&self, now: Instant) -> BackoffState {
        let mut copy = self.clone();
        copy.advance(now);
        copy.state
    }

    /// Lets the timers of the past expire. Hold-down wins where both have expired: quiet is quiet.
    fn advance(&mut self, now: Instant) {
        if self.hold_down.is_some_and(|at| at <= now) {
            // Transitions 5 and 6.
            self.hold_down = None;
            self.learn = None;
            self.state = BackoffState::Quiet;
        } else if self.learn.is_some_and(|at| at <= now) {
            // Transition 3.
            self.learn = None;
            self.state = BackoffState::LongWait;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const DELAYS: SpfDelay = SpfDelay {
        initial: Duration::from_millis(50),
        short: Duration::from_millis(200),
        long: Duration::from_millis(2000),
        hold_down: Duration::from_millis(4000),
        time_to_learn: Duration::from_millis(1000),
    };

    fn at(ms: u64) -> Instant {
        Instant(ms * 1000)
    }

    /// The times, in ms, at which events at the given times cause computations.
    fn computations(delays: SpfDelay, events: &[u64]) -> Vec<u64> {
        let mut backoff = Backoff::new(delays);
        let mut computed = Vec::new();
        let mut run_until = |backoff: &mut Backoff, until: u64| {
            while let Some(next) = backoff.next().filter(|next| *next <= at(until)) {
                assert!(!backoff.due(Instant(next.0 - 1)) || next.0 == 0, "not before its time");
                assert!(backoff.due(next));
                computed.push(next.0 / 1000);
            }
        };
        for event in events {
            run_until(&mut backoff, *event);
            backoff.event(at(*event));
        }
        run_until(&mut backoff, u64::MAX / 1000);
        computed
    }

    #[test]
    fn a_single_failure_is_answered_after_the_initial_delay() {
        assert_eq!(computations(DELAYS, &[10_000]), [10_050]);
        // RFC 8405 §5.2: the LSAs of both ends, within the initial delay, cost one computation.
        assert_eq!(computations(DELAYS, &[10_000, 10_020]), [10_050]);
    }

    #[test]
    fn a_node_failure_is_learnt_in_short_steps() {
        // Goal: LSAs of many neighbours arrive within time to learn; each burst waits for the short delay only.
        assert_eq!(computations(DELAYS, &[10_000, 10_100, 10_150, 10_400]), [10_050, 10_300, 10_600]);
    }

    #[test]
    fn a_storm_is_waited_out() {
        // Goal: an event every 300 ms for 4 s. After time to learn (11 s), only every 2 s.
        let events: Vec<u64> = (0..14).map(|n| 10_000 + n * 300).collect();
        assert_eq!(computations(DELAYS, &events), [10_050, 10_500, 10_800, 11_100, 13_200, 15_300]);
    }

    #[test]
    fn quiet_comes_back_after_hold_down_without_events() {
        let mut backoff = Backoff::new(DELAYS);
        backoff.event(at(10_000));
        assert_eq!(backoff.state(at(10_999)), BackoffState::ShortWait);
        assert_eq!(backoff.state(at(11_000)), BackoffState::LongWait);
        assert_eq!(backoff.state(at(14_000)), BackoffState::Quiet);
        // An event in long wait prolongs it.
        backoff.event(at(13_999));
        assert_eq!(backoff.state(at(14_000)), BackoffState::LongWait);
        assert_eq!(backoff.state(at(17_999)), BackoffState::Quiet);
        // And then it is fast again.
        assert!(backoff.due(at(16_000)));
        backoff.event(at(18_000));
        assert_eq!(backoff.next(), Some(at(18_050)));
    }

    #[test]
    fn hold_down_may_be_shorter_than_time_to_learn() {
        // Transition 6: from short wait straight to quiet.
        let delays = SpfDelay { hold_down: Duration::from_millis(500), ..DELAYS };
        assert_eq!(computations(delays, &[10_000, 10_600]), [10_050, 10_650]);
    }

    #[test]
    fn an_initial_delay_of_zero_is_due_at_once() {
        let mut backoff = Backoff::new(SpfDelay { initial: Duration::ZERO, ..DELAYS });
        backoff.event(at(0));
        assert!(backoff.due(at(0)));
        assert!(!backoff.due(at(0)), "said once");
    }

    proptest! {
        #[test]
        fn every_event_is_computed_within_the_long_delay(mut events in proptest::collection::vec(0_u64..60_000, 1..60)) {
            events.sort_unstable();
            let computed = computations(DELAYS, &events);
            for event in &events {
                prop_assert!(computed.iter().any(|c| c >= event && *c <= event + 2000), "{event} in {computed:?}");
            }
            prop_assert!(computed.len() <= events.len());
            prop_assert!(computed.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
