//! The checkers: what must hold at any time, and what must hold in the end. They share no code with the engine but its types
//! for asking; checksums and headers are read anew here.

pub mod convergence;
pub mod database;
pub mod packet;

/// Fletcher's checksum as RFC 2328 §12.1.7 has it: over all but the age, with the checksum in place, both sums vanish.
fn fletcher_holds(lsa: &[u8]) -> bool {
    let (mut low, mut high) = (0_u32, 0_u32);
    for byte in lsa.iter().skip(2) {
        low = (low + u32::from(*byte)) % 255;
        high = (high + low) % 255;
    }
    (low, high) == (0, 0)
}

/// A 16-bit number in network order.
fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// A 32-bit number in network order.
fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(short(bytes, at)?) << 16 | u32::from(short(bytes, at + 2)?))
}
