//! What a fault came to.

use std::time::Duration;

use crate::Losses;

/// What a fault came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Of the measured flow.
    pub losses: Losses,
    /// How long the commands took that broke it: the outage may seem longer by so much.
    pub staged: Duration,
    /// Who drove the prefix when it was over.
    pub winner: String,
    /// Packets that left at a wrong border until then.
    pub strayed: u64,
    /// And after.
    pub strayed_later: u64,
}

/// The value below which this part of all lie, by nearest rank. `values` need no order.
///
/// # Panics
/// Without any.
#[must_use]
pub fn percentile(values: &mut [Duration], part: f64) -> Duration {
    values.sort_unstable();
    let rank = (part * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_of_fifty_is_the_greatest() {
        let mut values: Vec<Duration> = (1..=50).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut values, 0.99), Duration::from_millis(50));
        assert_eq!(percentile(&mut values, 0.5), Duration::from_millis(25));
    }
}
