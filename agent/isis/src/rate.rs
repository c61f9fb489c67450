//! A bound on how often something may happen.

use serde::{Deserialize, Serialize};

use crate::Instant;

/// Tokens that come back with time: as many as a second brings are held twice over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// What is used up, in millionths of a token.
    used: u64,
    at: Instant,
}

impl Bucket {
    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, now: Instant, per_second: u32) -> bool {
        let per_second = u64::from(per_second);
        let back = now.0.saturating_sub(self.at.0).saturating_mul(per_second);
        self.at = now;
        self.used = self.used.saturating_sub(back);
        let after = self.used + 1_000_000;
        let fits = after <= per_second.saturating_mul(2_000_000);
        self.used = if fits { after } else { self.used };
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_bounded_and_time_brings_tokens_back() {
        let mut bucket = Bucket::default();
        let taken = (0..100).filter(|_| bucket.take(Instant(0), 10)).count();
        assert_eq!(taken, 20);
        assert!(!bucket.take(Instant(99_999), 10));
        assert!(bucket.take(Instant(200_000), 10));
    }
}
