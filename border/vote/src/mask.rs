//! A set of seats.

/// Up to 256 seats, by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mask([u64; 4]);

impl Mask {
    /// The first `count` seats.
    pub fn first(count: usize) -> Mask {
        let word = |at: usize| match count.saturating_sub(64 * at) {
            0 => 0,
            bits @ 1..64 => (1 << bits) - 1,
            _ => u64::MAX,
        };
        Mask([word(0), word(1), word(2), word(3)])
    }

    pub fn contains(&self, seat: usize) -> bool {
        self.0[seat / 64] >> (seat % 64) & 1 == 1
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        for seat in self.iter() {
            if !keep(seat) {
                self.0[seat / 64] &= !(1 << (seat % 64));
            }
        }
    }

    /// In order of preference.
    pub fn iter(self) -> impl Iterator<Item = usize> + Clone {
        let mut words = self.0;
        let mut at = 0;
        std::iter::from_fn(move || {
            while *words.get(at)? == 0 {
                at += 1;
            }
            let bit = words[at].trailing_zeros() as usize;
            words[at] &= words[at] - 1;
            Some(64 * at + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_set_in_order() {
        for count in [0, 1, 63, 64, 65, 255, 256] {
            let mut mask = Mask::first(count);
            assert_eq!((mask.len(), mask.iter().count()), (count, count));
            mask.retain(|seat| seat % 64 == 63);
            assert_eq!(
                mask.iter().collect::<Vec<_>>(),
                (0..count).filter(|n| n % 64 == 63).collect::<Vec<_>>()
            );
        }
    }
}
