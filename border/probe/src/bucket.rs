//! Token buckets: what limits how many packets may go.

use crate::Micros;

/// A bucket of tokens that fills at a steady pace.
///
/// Kept as the one number of the generic cell rate algorithm: when the bucket will be full again.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// Microseconds for one token.
    pace: u64,
    /// Tokens that it holds when full.
    size: u64,
    full_at: Micros,
}

impl Bucket {
    /// A full bucket; `pace` is the microseconds for one token.
    pub(crate) fn new(pace: u64, size: u64) -> Self {
        Self { pace: pace.max(1), size, full_at: Micros(0) }
    }

    /// Changes its pace and size. What was taken stays taken.
    pub(crate) fn set(&mut self, pace: u64, size: u64) {
        (self.pace, self.size) = (pace.max(1), size);
    }

    /// When one token can be taken while `reserve` stay.
    pub(crate) fn ready_at(&self, reserve: u64) -> Micros {
        let spare = self.size.saturating_sub(reserve.saturating_add(1));
        Micros(self.full_at.0.saturating_sub(spare.saturating_mul(self.pace)))
    }

    /// Takes one token, if `reserve` stay.
    pub(crate) fn take(&mut self, now: Micros, reserve: u64) -> bool {
        // What was taken at a slower pace is no debt beyond an empty bucket.
        let empty = now.0.saturating_add(self.size.saturating_mul(self.pace));
        self.full_at = self.full_at.min(Micros(empty));
        let ready = self.ready_at(reserve) <= now;
        if ready {
            self.full_at = Micros(self.full_at.max(now).0.saturating_add(self.pace));
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_size_at_once_and_its_pace_for_ever() {
        let mut bucket = Bucket::new(1000, 4);
        let at_once = (0..10).filter(|_| bucket.take(Micros(0), 0)).count();
        assert_eq!(at_once, 4);
        let later = (1..=20_000).filter(|now| bucket.take(Micros(*now), 0)).count();
        assert_eq!(later, 20);
        assert!(!bucket.take(Micros(20_000), 2), "two must stay");
        assert_eq!(bucket.ready_at(2), Micros(23_000));
    }

    #[test]
    fn a_bucket_that_was_slow_is_soon_as_quick_as_any() {
        let mut bucket = Bucket::new(1_000_000, 4);
        assert_eq!((0..10).filter(|_| bucket.take(Micros(0), 0)).count(), 4);
        bucket.set(1000, 4);
        assert!(!bucket.take(Micros(0), 0), "it is empty");
        assert_eq!(bucket.ready_at(0), Micros(1000));
    }
}
