//! The Fletcher checksum of LSPs (ISO 10589 §7.3.11, ISO 8473).

/// The checksum of `bytes` with zeros at `at` and `at + 1`, where it will stand. Never has a zero byte.
pub(crate) fn fletcher(bytes: &[u8], at: usize) -> u16 {
    let (c0, c1) = sums(bytes);
    // Bytes after the first of the checksum; modulo 255, so that the products stay small.
    let after = ((bytes.len() - at - 1) % 255) as u32;
    let first = (after * c0 + 255 - c1) % 255;
    let second = (c1 + 255 * 255 - (after + 1) * c0 % 255) % 255;
    let byte = |sum: u32| if sum == 0 { 255 } else { sum };
    (byte(first) << 8 | byte(second)) as u16
}

/// Whether bytes that hold their checksum at `at` are as they were sent. A checksum of zero never is.
pub(crate) fn right(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..at + 2).is_some_and(|checksum| checksum != [0, 0]) && sums(bytes) == (0, 0)
}

fn sums(bytes: &[u8]) -> (u32, u32) {
    let (mut c0, mut c1) = (0, 0);
    // Sums of so few bytes fit into 32 bits, so that a division for every byte is saved.
    for chunk in bytes.chunks(4096) {
        for byte in chunk {
            c0 += u32::from(*byte);
            c1 += c0;
        }
        c0 %= 255;
        c1 %= 255;
    }
    (c0, c1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_summed_is_right_until_a_byte_changes(
            mut bytes in prop::collection::vec(any::<u8>(), 15..3000),
            damaged in any::<prop::sample::Index>(),
            bit in 0_u32..8,
        ) {
            bytes[12..14].fill(0);
            let checksum = fletcher(&bytes, 12).to_be_bytes();
            prop_assert!(!checksum.contains(&0));
            bytes[12..14].copy_from_slice(&checksum);
            prop_assert!(right(&bytes, 12));
            let at = damaged.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(!right(&bytes, 12));
        }
    }
}
