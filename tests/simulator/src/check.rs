//! What the checkers of all protocols read packets with. They share no code with the engines but the types for asking; checksums
//! and headers are read anew.

/// Whether Fletcher's checksum (RFC 2328 §12.1.7, ISO 10589 §7.3.11) holds: over bytes with the checksum in place, both sums vanish.
pub fn fletcher_holds(bytes: &[u8]) -> bool {
    let (mut low, mut high) = (0_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 255;
        high = (high + low) % 255;
    }
    (low, high) == (0, 0)
}

/// A 16-bit number in network order.
pub fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// A 32-bit number in network order.
pub fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(short(bytes, at)?) << 16 | u32::from(short(bytes, at + 2)?))
}

/// An error unless something holds.
pub fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
