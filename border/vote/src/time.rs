//! The caller's clock.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// A point on the caller's monotonic clock, in milliseconds from an origin of the caller's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// A point that never comes.
    pub(crate) const NEVER: Millis = Millis(u64::MAX);

    /// This point and `wait` more, in whole milliseconds; never past the end of the clock.
    #[must_use]
    pub fn after(self, wait: Duration) -> Millis {
        Millis(self.0.saturating_add(whole(wait)))
    }

    /// How long ago `earlier` was at this point; zero where it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Millis) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

fn whole(wait: Duration) -> u64 {
    wait.as_secs().saturating_mul(1000).saturating_add(u64::from(wait.subsec_millis()))
}

/// A duration in words: `200 ms`, `12.5 s`.
pub(crate) struct Lasting(pub Duration);

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match whole(self.0) {
            ms @ ..1000 => write!(f, "{ms} ms"),
            ms if ms.is_multiple_of(1000) => write!(f, "{} s", ms / 1000),
            ms => write!(f, "{}.{} s", ms / 1000, ms % 1000 / 100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_saturates_and_speaks() {
        assert_eq!(Millis(u64::MAX).after(Duration::MAX), Millis(u64::MAX));
        assert_eq!(Millis(5).since(Millis(9)), Duration::ZERO);
        let words = [200, 30_000, 12_510].map(|ms| Lasting(Duration::from_millis(ms)).to_string());
        assert_eq!(words, ["200 ms", "30 s", "12.5 s"]);
    }
}
