//! What the fuzz targets share: reading choices from bytes, sealing LSAs and packets with right checksums, and the keys that
//! both sides of a fuzzed conversation know. What is of IS-IS is in [`isis`], what is of the border in `probes` and `records` (feature
//! `border`); the rest is of OSPF or of both.
//!
//! It must not decide what is right: that is the targets' business (`targets/`), each of which says its property first.
//!
//! ```text
//!  seeds/recorded.hex (tests/fuzz/record: FRR and BIRD) ──► targets/seeds.rs ──► seeds per target ─┐
//!  our own codec ─────────────────────────────────────────►                                       ▼
//!                                        libFuzzer: mutate, run, keep what reaches new code ──► a target
//! ```
//!
//! `tests/fuzz/run SECONDS [TARGET...]` builds and runs the targets. This is a workspace of its own, so that ordinary builds
//! know nothing of it.
//!
//! # Example
//!
//! ```
//! let mut lsa = vec![0; 20];
//! lsa[3] = 1; // a router-LSA without even a body
//! assert!(braid_fuzz::seal(&lsa).is_some());
//! ```

mod bytes;
pub mod forgery;
pub mod isis;
#[cfg(feature = "border")]
pub mod probes;
#[cfg(feature = "border")]
pub mod records;
pub mod routing;
pub mod script;
mod talk;
mod world;

use std::net::Ipv4Addr;

use braid_ospf_packet::{Algorithm, Authentication, Key, KeyChain};

pub use bytes::Bytes;
pub use talk::Talk;
pub use world::World;

/// The wall clock of all targets, in seconds since 1970.
pub const NOW: u64 = 1_795_000_000;

/// An authentication with keys of several algorithms; the last one signs.
#[must_use]
pub fn keys() -> Authentication {
    let mut extended = Key::new(3, Algorithm::HmacSha512, "fuzz");
    extended.extended = true;
    Authentication::Cryptographic(KeyChain::new([
        Key::new(1, Algorithm::Md5, "fuzz"),
        Key::new(2, Algorithm::HmacSha256, "fuzz"),
        extended,
    ]))
}

/// Router ids and addresses come from a small pool, so that what is said about them meets.
#[must_use]
pub fn address(choice: u8) -> Ipv4Addr {
    match choice {
        0xff => Ipv4Addr::BROADCAST,
        0xfe => Ipv4Addr::UNSPECIFIED,
        _ => Ipv4Addr::new(10, 0, choice >> 4, choice & 0x0f),
    }
}

/// Gives an LSA its length and checksum. `None` if it is shorter than a header or longer than an LSA can be.
#[must_use]
pub fn seal(lsa: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(lsa.len()).ok().filter(|length| *length >= 20)?;
    let mut lsa = lsa.to_vec();
    lsa[18..20].copy_from_slice(&length.to_be_bytes());
    fletcher(&mut lsa[2..], 14);
    Some(lsa)
}

/// Writes the checksum of RFC 905 annex B, byte by byte, at an offset of what it covers.
fn fletcher(covered: &mut [u8], at: usize) {
    covered[at..at + 2].fill(0);
    let (mut c0, mut c1) = (0_i64, 0_i64);
    for byte in covered.iter() {
        c0 = (c0 + i64::from(*byte)) % 255;
        c1 = (c1 + c0) % 255;
    }
    let behind = covered.len() as i64 - at as i64 - 1;
    let nonzero = |value: i64| if value == 0 { 255 } else { value as u8 };
    let x = nonzero((behind * c0 - c1).rem_euclid(255));
    covered[at] = x;
    covered[at + 1] = nonzero((-c0 - i64::from(x)).rem_euclid(255));
}

/// Gives a packet version, length and checksum (RFC 2328 §D.4). `None` if it is shorter than a header or longer than a
/// packet can be.
#[must_use]
pub fn seal_packet(packet: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(packet.len()).ok().filter(|length| *length >= 24)?;
    let mut packet = packet.to_vec();
    packet[0] = 2;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[12..14].fill(0);
    // The authentication field is not summed.
    let summed = packet[..16].iter().chain(&packet[24..]).copied().enumerate();
    let mut sum: u32 = summed.map(|(at, byte)| u32::from(byte) << if at % 2 == 0 { 8 } else { 0 }).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[12..14].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_lsa_is_decoded() {
        let mut lsa = vec![0; 24];
        lsa[3] = 1;
        lsa[15] = 1;
        braid_ospf_packet::Lsa::decode(&seal(&lsa).unwrap()).unwrap();
    }

    #[test]
    fn a_sealed_packet_is_parsed() {
        let mut packet = vec![7; 45];
        packet[1] = 1;
        packet[14..16].fill(0);
        braid_ospf_packet::Frame::parse(&seal_packet(&packet).unwrap()).unwrap();
    }
}
