//! The caller's clock.

use std::time::Duration;

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

/// A point in time in five bytes, for what is kept a million times over: it holds 34 years, and saturates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp([u8; 5]);

impl Stamp {
    /// A point that never comes, or that nothing is known of.
    pub(crate) const NEVER: Stamp = Stamp([u8::MAX; 5]);

    pub(crate) fn known(self) -> Option<Millis> {
        (self != Stamp::NEVER).then(|| self.into())
    }
}

impl From<Millis> for Stamp {
    fn from(at: Millis) -> Stamp {
        let [a, b, c, d, e, 0, 0, 0] = at.0.to_le_bytes() else { return Stamp::NEVER };
        Stamp([a, b, c, d, e])
    }
}

impl From<Option<Millis>> for Stamp {
    fn from(at: Option<Millis>) -> Stamp {
        at.map_or(Stamp::NEVER, Stamp::from)
    }
}

impl From<Stamp> for Millis {
    fn from(Stamp([a, b, c, d, e]): Stamp) -> Millis {
        match Millis(u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])) {
            _ if [a, b, c, d, e] == Stamp::NEVER.0 => Millis::NEVER,
            at => at,
        }
    }
}

fn whole(wait: Duration) -> u64 {
    wait.as_secs().saturating_mul(1000).saturating_add(u64::from(wait.subsec_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_bytes_hold_a_lifetime() {
        for at in [0, 1, 255, 256, 1 << 39, (1 << 40) - 2] {
            assert_eq!(Stamp::from(Millis(at)).known(), Some(Millis(at)));
        }
        for at in [(1 << 40) - 1, 1 << 40, u64::MAX] {
            assert_eq!(Millis::from(Stamp::from(Millis(at))), Millis::NEVER);
        }
    }

    #[test]
    fn the_clock_saturates() {
        assert_eq!(Millis(u64::MAX).after(Duration::MAX), Millis(u64::MAX));
        assert_eq!(Millis(5).since(Millis(9)), Duration::ZERO);
    }
}
