//! How VNs that keep losing a prefix are held back: the route flap damping of RFC 2439, per VN and prefix.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Millis;

/// What one flap adds to a figure of merit, the unit of the thresholds.
pub const FLAP: u32 = 1000;

/// Parameters of the figure of merit of RFC 2439 §4.2, kept per VN and prefix.
///
/// Each flap adds [`FLAP`]: losing the prefix by hard evidence, or a contradiction that had settled. The figure decays by
/// half each `half_life`. A VN whose figure reaches `suppress` stands back behind others until it has decayed below `reuse`,
/// at the longest `max_suppress` after its last flap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Damping {
    /// The figure decays by half in this time. Zero: there is no damping.
    pub half_life: Duration,
    /// The figure at which a VN is held back.
    pub suppress: u32,
    /// The figure below which it no longer is.
    pub reuse: u32,
    /// It is held back no longer than this. So short that a figure may not reach `suppress`, there is no damping.
    pub max_suppress: Duration,
}

impl Damping {
    /// The defaults: half-life 60 s, suppress 3000, reuse 750, at most 600 s.
    ///
    /// The shape and the limit are those of RFC 2439 §4.2. A flap of 1000, suppress at 3000 and reuse at 750 are the
    /// vendor's defaults that RFC 7196 §3 lists (Juniper). That RFC asks for no less than 6000, since a path's every change
    /// counts in BGP; here only losses count, and holding back costs no reachability while another VN has the prefix.
    /// Times are scaled from minutes to seconds (half-life 15 min and limit 60 min there): ballots are of one network and
    /// converge in seconds, not of the whole Internet.
    pub const DEFAULT: Damping = Damping {
        half_life: Duration::from_secs(60),
        suppress: 3000,
        reuse: 750,
        max_suppress: Duration::from_secs(600),
    };

    /// The figure as `merit` decays in `time`.
    fn decayed(&self, merit: u32, time: Duration) -> u32 {
        match time.as_millis().saturating_mul(STEPS as u128).checked_div(self.half_life.as_millis()) {
            Some(steps) => decayed(merit, u64::try_from(steps).unwrap_or(u64::MAX)),
            None => 0,
        }
    }

    /// The highest figure: from there it decays to `reuse` in `max_suppress`.
    fn ceiling(&self) -> u32 {
        let Some(whole) = self.max_suppress.as_millis().checked_div(self.half_life.as_millis()) else {
            return 0;
        };
        let doublings = u32::try_from(whole).map_or(31, |whole| (whole + 1).min(31));
        let above = u64::from(self.reuse).saturating_mul(1 << doublings);
        let above = u32::try_from(above).unwrap_or(u32::MAX);
        self.decayed(above, self.half_life.saturating_mul(doublings).saturating_sub(self.max_suppress))
    }
}

impl Default for Damping {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Steps of decay in a half-life.
const STEPS: u64 = 64;

/// 2^(-i/64) in parts of 2^32, by repeated multiplication with 2^(-1/64).
static DECAY: [u64; STEPS as usize] = {
    let mut table = [1 << 32; STEPS as usize];
    let mut i = 1;
    while i < STEPS as usize {
        table[i] = (table[i - 1] * 4_248_701_965) >> 32;
        i += 1;
    }
    table
};

fn decayed(merit: u32, steps: u64) -> u32 {
    let (whole, part) = (steps / STEPS, steps % STEPS);
    let halved = u64::from(merit).checked_shr(u32::try_from(whole).unwrap_or(u32::MAX)).unwrap_or(0);
    // Never above `merit`, since no entry of the table is above one.
    u32::try_from((halved * DECAY[part as usize]) >> 32).unwrap_or(u32::MAX)
}

/// A VN's figure of merit for one prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Merit {
    /// The figure just after the last flap.
    pub figure: u32,
    /// When that was.
    pub at: Millis,
    /// It has reached the point of suppression and has not been seen below that of reuse since.
    pub suppressed: bool,
}

impl Merit {
    /// The figure now.
    pub fn figure(&self, now: Millis, damping: &Damping) -> u32 {
        damping.decayed(self.figure, now.since(self.at))
    }

    /// After one more flap.
    pub fn flapped(self, now: Millis, damping: &Damping) -> Merit {
        let figure = self.figure(now, damping).saturating_add(FLAP).min(damping.ceiling().max(FLAP));
        let suppressed = figure >= damping.suppress || self.held_until(damping) > now;
        Merit { figure, at: now, suppressed }
    }

    /// Until when it is held back; the origin of the clock if it is not.
    pub fn held_until(&self, damping: &Damping) -> Millis {
        if !self.suppressed {
            return Millis(0);
        }
        let (mut low, mut high) = (0, 33 * STEPS);
        while low < high {
            let middle = low.midpoint(high);
            match decayed(self.figure, middle) < damping.reuse {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        let wait = damping.half_life.saturating_mul(low as u32) / STEPS as u32;
        // Up to the next whole millisecond, at which the figure has decayed that far.
        self.at.after(wait.min(damping.max_suppress) + Duration::from_micros(999))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merit_halves_with_each_half_life() {
        assert_eq!([0, 64, 128, 640, 9999].map(|steps| decayed(8000, steps)), [8000, 4000, 2000, 7, 0]);
        let half = decayed(1_000_000, 32);
        assert!((707_100..=707_110).contains(&half), "{half}");
    }

    #[test]
    fn four_flaps_in_a_row_hold_back_until_the_merit_has_decayed() {
        let damping = Damping::default();
        let mut merit = Merit::default();
        for second in 0..2 {
            merit = merit.flapped(Millis(second * 1000), &damping);
            assert_eq!(merit.held_until(&damping), Millis(0));
        }
        for second in 2..4 {
            merit = merit.flapped(Millis(second * 1000), &damping);
        }
        let until = merit.held_until(&damping);
        // log2(3930 / 750) half-lives.
        assert!((140_000..=150_000).contains(&(until.0 - 3000)), "{until:?}");
        assert!(merit.figure(until, &damping) <= damping.reuse);
        assert!(merit.figure(Millis(until.0 - 2000), &damping) >= damping.reuse);
    }

    #[test]
    fn nobody_is_held_back_for_longer_than_the_limit() {
        for max_suppress in [150, 600, 630] {
            let max_suppress = Duration::from_secs(max_suppress);
            let damping = Damping { max_suppress, ..Damping::default() };
            let mut merit = Merit::default();
            for flap in 0..2000 {
                merit = merit.flapped(Millis(flap * 10), &damping);
            }
            let held = merit.held_until(&damping).since(merit.at);
            assert!(held <= max_suppress + Duration::from_millis(1), "{held:?}");
            assert!(held >= max_suppress.mul_f64(0.97), "{held:?}");
        }
    }

    #[test]
    fn without_a_half_life_there_is_no_damping() {
        let damping = Damping { half_life: Duration::ZERO, ..Damping::default() };
        let merit = (0..9).fold(Merit::default(), |merit, at| merit.flapped(Millis(at), &damping));
        assert!(!merit.suppressed);
    }
}
