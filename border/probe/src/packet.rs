//! A probe's way through a virtual network: an IPv4 packet with one UDP datagram (RFC 791, RFC 768).

use std::net::Ipv4Addr;

const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
/// The IANA protocol number of UDP.
const UDP: u8 = 17;
const DONT_FRAGMENT: u16 = 0x4000;
/// More fragments, or an offset: part of a packet.
const FRAGMENT: u16 = 0x3fff;

/// A UDP datagram over IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// UDP source port.
    pub source_port: u16,
    /// UDP destination port.
    pub destination_port: u16,
    /// Time to live.
    pub ttl: u8,
    /// What is carried.
    pub payload: &'a [u8],
}

fn sum(bytes: &[u8]) -> u32 {
    let (words, last) = bytes.as_chunks::<2>();
    let whole: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    whole + last.first().map_or(0, |byte| u32::from(*byte) << 8)
}

/// The Internet checksum (RFC 1071) of what has been summed up.
fn checksum(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

impl<'a> Datagram<'a> {
    /// The packet, in place of what the buffer held. It must not be fragmented. The payload is at most 1,400 bytes; what
    /// is beyond is cut.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        let payload = &self.payload[..self.payload.len().min(1400)];
        let udp_length = (UDP_HEADER + payload.len()) as u16;
        buffer.clear();
        buffer.extend([0x45, 0]);
        buffer.extend((IP_HEADER as u16 + udp_length).to_be_bytes());
        buffer.extend([0, 0]);
        buffer.extend(DONT_FRAGMENT.to_be_bytes());
        buffer.extend([self.ttl, UDP, 0, 0]);
        buffer.extend(self.source.octets());
        buffer.extend(self.destination.octets());
        let header = checksum(sum(buffer));
        buffer[10..12].copy_from_slice(&header.to_be_bytes());
        buffer.extend(self.source_port.to_be_bytes());
        buffer.extend(self.destination_port.to_be_bytes());
        buffer.extend(udp_length.to_be_bytes());
        buffer.extend([0, 0]);
        buffer.extend(payload);
        let pseudo = sum(&buffer[12..IP_HEADER]) + u32::from(UDP) + u32::from(udp_length);
        let udp = match checksum(pseudo + sum(&buffer[IP_HEADER..])) {
            // Zero on the wire would mean that there is none.
            0 => 0xffff,
            udp => udp,
        };
        buffer[IP_HEADER + 6..IP_HEADER + 8].copy_from_slice(&udp.to_be_bytes());
    }

    /// The datagram in a packet. `None` if it is something else, a fragment, or cut. Checksums are not looked at: the
    /// message's own code says more.
    #[must_use]
    pub fn decode(packet: &'a [u8]) -> Option<Self> {
        let header: &[u8; IP_HEADER] = packet.first_chunk()?;
        let half = |offset: usize| u16::from_be_bytes([header[offset], header[offset + 1]]);
        let header_length = usize::from(header[0] & 0xf) * 4;
        if header[0] >> 4 != 4 || header_length < IP_HEADER || header[9] != UDP || half(6) & FRAGMENT != 0 {
            return None;
        }
        let datagram = packet.get(..usize::from(half(2)))?.get(header_length..)?;
        let [a, b, c, d, e, f, _, _] = *datagram.first_chunk::<UDP_HEADER>()?;
        let address = |offset| Some(Ipv4Addr::from(*header.get(offset..)?.first_chunk::<4>()?));
        Some(Self {
            source: address(12)?,
            destination: address(16)?,
            source_port: u16::from_be_bytes([a, b]),
            destination_port: u16::from_be_bytes([c, d]),
            ttl: header[8],
            payload: datagram.get(UDP_HEADER..usize::from(u16::from_be_bytes([e, f])))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_packet_is_read_as_it_was_written(
            (source, destination, source_port, destination_port, ttl) in any::<(Ipv4Addr, Ipv4Addr, u16, u16, u8)>(),
            payload in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            let datagram = Datagram { source, destination, source_port, destination_port, ttl, payload: &payload };
            let mut packet = Vec::new();
            datagram.encode(&mut packet);
            prop_assert_eq!(Datagram::decode(&packet), Some(datagram));
            // With its checksum in place a header sums up to nothing, and so does a datagram with its pseudo-header.
            prop_assert_eq!(checksum(sum(&packet[..20])), 0);
            let pseudo = sum(&packet[12..20]) + 17 + (packet.len() as u32 - 20);
            prop_assert_eq!(checksum(pseudo + sum(&packet[20..])), 0);
        }

        #[test]
        fn garbage_does_no_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Datagram::decode(&bytes);
            if let [first, .., ] = &mut bytes[..] {
                *first = 0x45;
            }
            let _ = Datagram::decode(&bytes);
        }
    }
}
