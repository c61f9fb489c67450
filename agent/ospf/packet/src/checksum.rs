//! The two checksums: Fletcher over LSAs, the Internet checksum over packets.

/// Where the checksum field stands, counted from the Options byte: the age in front of it is not summed.
const FIELD: usize = 14;

/// Bytes after which the sums are reduced: far below where 32 bits overflow.
const BLOCK: usize = 4096;

/// Both Fletcher sums modulo 255.
fn sums(bytes: &[u8]) -> (u32, u32) {
    let (mut c0, mut c1) = (0_u32, 0_u32);
    for block in bytes.chunks(BLOCK) {
        for byte in block {
            c0 += u32::from(*byte);
            c1 += c0;
        }
        c0 %= 255;
        c1 %= 255;
    }
    (c0, c1)
}

/// The checksum of an LSA (RFC 2328 §12.1.7, RFC 905 annex B), whose checksum field must be zero meanwhile.
/// `lsa` begins with the age and is at least a header long.
pub(crate) fn fletcher(lsa: &[u8]) -> u16 {
    let summed = &lsa[2..];
    let (c0, c1) = sums(summed);
    let behind = ((summed.len() - FIELD - 1) % 255) as u32;
    // Both are wanted in 1..=255: a zero byte and 255 are the same number here, and a checksum of 0 means
    // "none".
    let x = match (behind * c0 + 255 - c1) % 255 {
        0 => 255,
        x => x,
    };
    let y = match (510 - c0 - x) % 255 {
        0 => 255,
        y => y,
    };
    (x << 8 | y) as u16
}

/// Whether an LSA carries the right checksum. Zero is never right (RFC 2328 §12.1.7).
pub(crate) fn fletcher_right(lsa: &[u8]) -> bool {
    lsa[16..18] != [0, 0] && sums(&lsa[2..]) == (0, 0)
}

/// The Internet checksum (RFC 1071) over several pieces, of which all but the last have even length.
pub(crate) fn internet(pieces: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for piece in pieces {
        let (pairs, rest) = piece.as_chunks::<2>();
        sum += pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum::<u64>();
        sum += rest.iter().map(|byte| u64::from(*byte) << 8).sum::<u64>();
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_sums_up() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(internet(&[&bytes]), !0xddf2);
        assert_eq!(internet(&[&bytes[..4], &bytes[4..]]), !0xddf2, "pieces sum like the whole");
        assert_eq!(internet(&[&[0x12]]), !0x1200, "an odd byte is padded");
    }

    #[test]
    fn every_single_changed_byte_is_noticed() {
        let mut lsa: Vec<u8> = (0..60).collect();
        lsa[16..18].fill(0);
        let sum = fletcher(&lsa);
        lsa[16..18].copy_from_slice(&sum.to_be_bytes());
        assert!(fletcher_right(&lsa));
        for at in 2..lsa.len() {
            lsa[at] ^= 0x10;
            assert!(!fletcher_right(&lsa), "byte {at}");
            lsa[at] ^= 0x10;
        }
        lsa[0] = 7;
        assert!(fletcher_right(&lsa), "the age is not summed");
    }

    #[test]
    fn an_empty_checksum_is_wrong_even_when_the_sums_vanish() {
        assert!(!fletcher_right(&[0; 20]));
        assert_eq!(fletcher(&[0; 20]), 0xffff, "never written as zero");
        assert!(fletcher_right(&[&[0; 16][..], &[0xff, 0xff, 0, 0]].concat()));
    }

    #[test]
    fn long_input_does_not_overflow() {
        let mut lsa = vec![0xff; 65_535];
        lsa[16..18].fill(0);
        let sum = fletcher(&lsa);
        lsa[16..18].copy_from_slice(&sum.to_be_bytes());
        assert!(fletcher_right(&lsa));
    }
}
