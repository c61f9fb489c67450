//! The clock that engines are given: the wall clock's time at the start, and a steady one from there.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970 by the wall clock as it stood when the process began. It never goes back, and a second life of a
/// process begins later than its first: what RFC 7474 and cryptographic sequence numbers ask for.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    base: Instant,
    base_us: u64,
}

impl Clock {
    /// The clock of this process.
    #[must_use]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { base: Instant::now(), base_us: u64::try_from(wall.as_micros()).unwrap_or(0) }
    }

    /// The time now.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.base_us + u64::try_from(self.base.elapsed().as_micros()).unwrap_or(0)
    }

    /// That time, to wait for.
    pub(crate) fn at(&self, us: u64) -> Instant {
        self.base + Duration::from_micros(us.saturating_sub(self.base_us))
    }
}
