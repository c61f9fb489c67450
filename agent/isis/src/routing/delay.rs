//! When routes are computed after a change: the back-off of RFC 8405.

use serde::{Deserialize, Serialize};

use crate::{Instant, config::SpfDelay};

/// RFC 8405 §5.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    #[default]
    Quiet,
    ShortWait,
    LongWait,
}

/// The state machine of RFC 8405 §5.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delay {
    state: State,
    spf: Option<Instant>,
    learn: Option<Instant>,
    hold_down: Option<Instant>,
}

impl Delay {
    /// Something changed that routes depend on ("IGP event", RFC 8405 §5.4, transitions 1, 2 and 4).
    pub fn change(&mut self, now: Instant, times: &SpfDelay) {
        self.advance(now);
        self.hold_down = Some(now + times.hold_down);
        let wait = match self.state {
            State::Quiet => {
                self.state = State::ShortWait;
                self.learn = Some(now + times.time_to_learn);
                times.initial
            }
            State::ShortWait => times.short,
            State::LongWait => times.long,
        };
        self.spf.get_or_insert(now + wait);
    }

    /// Takes the time that has come: gives whether routes are to be computed now.
    pub fn expire(&mut self, now: Instant) -> bool {
        self.advance(now);
        self.spf.take_if(|at| *at <= now).is_some()
    }

    /// Routes were computed out of turn: the wait for them is over.
    pub fn computed(&mut self) {
        self.spf = None;
    }

    /// When to call [`Delay::expire`]. The times between states need no call: they are looked at with the next change.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.spf
    }

    /// RFC 8405 §5.4, transitions 3, 5 and 6, in the order in which their times came.
    fn advance(&mut self, now: Instant) {
        let learned = self.learn.is_some_and(|at| at <= now);
        let calm = self.hold_down.is_some_and(|at| at <= now);
        if learned {
            self.learn = None;
            if self.state == State::ShortWait {
                self.state = State::LongWait;
            }
        }
        if calm {
            *self = Self { spf: self.spf, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TIMES: SpfDelay = SpfDelay {
        initial: Duration::from_millis(10),
        short: Duration::from_millis(50),
        long: Duration::from_millis(500),
        hold_down: Duration::from_millis(1000),
        time_to_learn: Duration::from_millis(200),
    };

    fn ms(ms: u64) -> Instant {
        Instant(0) + Duration::from_millis(ms)
    }

    /// Changes at these times; gives when routes were computed.
    fn runs(changes: &[u64]) -> Vec<u64> {
        let (mut delay, mut runs) = (Delay::default(), Vec::new());
        for now in 0..10_000 {
            for _ in changes.iter().filter(|at| **at == now) {
                delay.change(ms(now), &TIMES);
            }
            if delay.poll_timeout().is_some_and(|at| at <= ms(now)) && delay.expire(ms(now)) {
                runs.push(now);
            }
        }
        runs
    }

    #[test]
    fn a_single_change_waits_the_initial_delay() {
        assert_eq!(runs(&[100]), [110]);
    }

    #[test]
    fn changes_of_one_failure_wait_the_short_delay() {
        assert_eq!(runs(&[100, 105, 112, 120, 170]), [110, 162, 220]);
    }

    #[test]
    fn a_storm_waits_the_long_delay() {
        let storm: Vec<u64> = (0..200).map(|i| 100 + 20 * i).collect();
        let runs = runs(&storm);
        assert_eq!(&runs[..5], [110, 170, 230, 290, 800], "learning ends 200 ms after the first change");
        assert!(runs.windows(2).skip(4).all(|pair| pair[1] - pair[0] >= 500));
    }

    #[test]
    fn calm_makes_the_next_change_a_first_one_again() {
        assert_eq!(runs(&[100, 400, 2000]), [110, 900, 2010]);
    }

    #[test]
    fn computing_out_of_turn_ends_the_wait() {
        let mut delay = Delay::default();
        delay.change(ms(5), &TIMES);
        delay.computed();
        assert_eq!(delay.poll_timeout(), None);
        assert!(!delay.expire(ms(1000)));
    }
}
