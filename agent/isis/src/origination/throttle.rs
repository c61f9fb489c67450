//! How often something may be said: at once after a quiet time, ever more slowly while it keeps changing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Instant, config::Pacing};

/// An exponential back-off: [`Throttle::request`] says when, [`Throttle::fired`] that it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    due: Option<Instant>,
    last: Option<Instant>,
    wait: Duration,
}

impl Throttle {
    /// Something is to be said; when it may be is [`Throttle::due`].
    pub fn request(&mut self, now: Instant, pacing: &Pacing) {
        if self.due.is_some() {
            return;
        }
        let first = now + pacing.initial;
        self.due = Some(match self.last {
            Some(last) if !self.is_calm(now, pacing) => first.max(last + self.wait),
            _ => {
                self.wait = Duration::ZERO;
                first
            }
        });
    }

    /// Something is to be said now, whatever was said before.
    pub fn request_at_once(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// Whether the last time is so long ago that the next is like the first.
    pub fn is_calm(&self, now: Instant, pacing: &Pacing) -> bool {
        self.last.is_none_or(|last| now >= last + pacing.max.saturating_mul(2))
    }

    /// When what was asked for may be said.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it may be said now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// There was nothing to say.
    pub fn cancel(&mut self) {
        self.due = None;
    }

    /// It was said.
    pub fn fired(&mut self, now: Instant, pacing: &Pacing) {
        self.due = None;
        self.last = Some(now);
        self.wait =
            if self.wait.is_zero() { pacing.hold } else { self.wait.saturating_mul(2) }.min(pacing.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACING: Pacing = Pacing {
        initial: Duration::from_millis(5),
        hold: Duration::from_millis(100),
        max: Duration::from_millis(400),
    };

    fn ms(ms: u64) -> Instant {
        Instant(0) + Duration::from_millis(ms)
    }

    #[test]
    fn waits_grow_while_changes_go_on_and_end_with_them() {
        let mut throttle = Throttle::default();
        let mut said = Vec::new();
        for now in 0..3000 {
            if now < 1500 || now == 2999 {
                throttle.request(ms(now), &PACING);
            }
            if throttle.is_due(ms(now)) {
                throttle.fired(ms(now), &PACING);
                said.push(now);
            }
        }
        assert_eq!(said, [5, 105, 305, 705, 1105, 1505]);
        assert_eq!(throttle.due(), Some(ms(3004)), "after a quiet time the first one hardly waits");
    }

    #[test]
    fn a_second_request_does_not_put_off_the_first() {
        let mut throttle = Throttle::default();
        throttle.request(ms(10), &PACING);
        throttle.request(ms(14), &PACING);
        assert_eq!(throttle.due(), Some(ms(15)));
    }
}
