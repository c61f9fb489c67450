//! How long an answer may take: RFC 6298's smoothed round-trip time.

use std::time::Duration;

use crate::time::whole;

/// No probe is given up sooner.
pub(crate) const MIN_TIMEOUT: Duration = Duration::from_millis(10);
/// No probe is waited for longer; also while no round trip is known (RFC 6298 §2.1).
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(1);

/// The estimator, in microseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rtt {
    smoothed: Option<u64>,
    variation: u64,
}

impl Rtt {
    /// Takes a measured round trip in.
    pub(crate) fn measure(&mut self, rtt: Duration) {
        let rtt = whole(rtt.min(Duration::from_secs(60)));
        match self.smoothed {
            // RFC 6298 (2.2)
            None => (self.smoothed, self.variation) = (Some(rtt), rtt / 2),
            // RFC 6298 (2.3): alpha = 1/8, beta = 1/4
            Some(smoothed) => {
                self.variation = (3 * self.variation + smoothed.abs_diff(rtt)) / 4;
                self.smoothed = Some((7 * smoothed + rtt) / 8);
            }
        }
    }

    /// The smoothed round trip.
    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.smoothed.map(Duration::from_micros)
    }

    /// How long to wait for an answer. Losses do not make it longer, unlike RFC 6298 (5.5): a probe is not sent again.
    pub(crate) fn timeout(&self) -> Duration {
        self.smoothed.map_or(MAX_TIMEOUT, |smoothed| {
            Duration::from_micros(smoothed + 4 * self.variation).clamp(MIN_TIMEOUT, MAX_TIMEOUT)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_out_follows_the_round_trips() {
        let mut rtt = Rtt::default();
        assert_eq!(rtt.timeout(), MAX_TIMEOUT);
        for _ in 0..50 {
            rtt.measure(Duration::from_micros(300));
        }
        assert_eq!((rtt.timeout(), rtt.smoothed()), (MIN_TIMEOUT, Some(Duration::from_micros(300))));
        for _ in 0..50 {
            rtt.measure(Duration::from_millis(80));
        }
        assert!((Duration::from_millis(79)..Duration::from_millis(120)).contains(&rtt.timeout()));
        rtt.measure(Duration::from_secs(3600));
        assert_eq!(rtt.timeout(), MAX_TIMEOUT);
    }
}
