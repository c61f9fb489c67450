//! The caller's clock.

use std::time::Duration;

/// A point on the caller's monotonic clock, in microseconds from an origin of the caller's choice (its start).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub u64);

impl Micros {
    /// This point and `wait` more, in whole microseconds; never past the end of the clock.
    #[must_use]
    pub fn after(self, wait: Duration) -> Micros {
        Micros(self.0.saturating_add(whole(wait)))
    }

    /// How long ago `earlier` was at this point; zero where it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Micros) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in whole microseconds, as long as there are numbers.
pub(crate) fn whole(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
