//! The prober's clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use braid_probe::Micros;

/// A monotonic clock, which also knows what its origin was by the calendar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    origin: Instant,
    /// In µs since 1970.
    epoch: u64,
}

/// One moment, by both clocks of the system.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Micros,
    calendar: Duration,
}

fn calendar() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { origin: Instant::now(), epoch: micros(calendar()) }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn now(&self) -> Micros {
        Micros(micros(self.origin.elapsed()))
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { now: self.now(), calendar: calendar() }
    }

    pub(super) fn instant(&self, at: Micros) -> Instant {
        self.origin + Duration::from_micros(at.0)
    }
}

impl Moment {
    /// When the kernel took a packet in, given its time stamp, which is by the calendar. It cannot be in the future, and a
    /// calendar that was set meanwhile is good for a second of error at the most.
    pub(super) fn of(&self, stamp: Duration) -> Micros {
        let ago = self.calendar.saturating_sub(stamp).min(Duration::from_secs(1));
        Micros(self.now.0.saturating_sub(micros(ago)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_stamp_is_found_on_the_other_clock() {
        let moment = Moment { now: Micros(5_000_000), calendar: Duration::from_secs(100) };
        assert_eq!(moment.of(Duration::from_millis(99_990)), Micros(4_990_000));
        assert_eq!(moment.of(Duration::from_secs(101)), Micros(5_000_000));
        assert_eq!(moment.of(Duration::ZERO), Micros(4_000_000));
    }
}
