//! Probes and answers as bytes: the payload of a UDP datagram to port [`PORT`]. Version 1.
//!
//! Numbers are big-endian. Reserved bytes are zero, and a receiver refuses others. The last 16 bytes are HMAC-SHA-256
//! (RFC 2104) over all bytes before them, cut to its first 128 bits (RFC 2104 §5), with the network's key of 256 bits.
//!
//! | offset | bytes | of both | |
//! | --- | --- | --- | --- |
//! | 0 | 2 | `magic` | 0xb7a1 |
//! | 2 | 1 | `version` | 1 |
//! | 3 | 1 | `kind` | 1 probe, 2 answer |
//! | 4 | 1 | `vn` | the virtual network that the probe was sent into, 1 to 255 |
//! | 5 | 1 | `flags` | probe: bit 0 `help`, the answers of late have not come through: answer through another one too. Answer: how it came out: 1 at the responder's loopback, 2 out of the port and on to a prefix that is attached there, 3 out of the port though the target is in no prefix that is attached there |
//! | 6 | 1 | `length` | answer: the attached prefix's length (how 2), else 0. Probe: 0 |
//! | 7 | 1 | `ttl` | answer: what was left of the probe's time to live. Probe: 0 |
//! | 8 | 4 | `prober` | its loopback: the probe's source, the answer's destination |
//! | 12 | 4 | `target` | the probe's destination |
//! | 16 | 8 | `incarnation` | the prober's start, µs since 1970 |
//! | 24 | 8 | `sequence` | the probe's number in this virtual network, ascending |
//! | 32 | 8 | `nonce` | random |
//! | 40 | 8 | `sent_at` | the prober's clock, µs since 1970 |
//!
//! A probe goes on with the HMAC at 48 and ends at [`PROBE_BYTES`]. An answer repeats what the probe said, and goes on:
//!
//! | offset | bytes | of an answer | |
//! | --- | --- | --- | --- |
//! | 48 | 8 | `received_at` | the responder's clock, µs since 1970 |
//! | 56 | 4 | `responder` | its loopback: the border at which the probe came out |
//! | 60 | 4 | `network` | the attached prefix's address (how 2), else 0 |
//! | 64 | 1 | `through` | the virtual network that this answer was sent into |
//! | 65 | 7 | reserved | 0 |
//! | 72 | 16 | HMAC | |
//!
//! What makes a replay harmless: a responder answers a probe once (a window of 64 sequence numbers for each prober and
//! virtual network, and no incarnation older than the newest seen), and a prober takes an answer only to a probe that it
//! waits for, by virtual network, sequence, nonce and incarnation.

use std::{fmt, net::Ipv4Addr};

use braid_proto::VnId;
use hmac::{Hmac, Mac, digest::KeyInit};
use ipnet::Ipv4Net;
use sha2::Sha256;

/// The UDP port that probes and answers are sent to.
pub const PORT: u16 = 7607;
/// The length of a probe.
pub const PROBE_BYTES: usize = 64;
/// The length of an answer.
pub const ANSWER_BYTES: usize = 88;

const MAGIC: u16 = 0xb7a1;
const VERSION: u8 = 1;
const PROBE: u8 = 1;
const ANSWER: u8 = 2;
const HELP: u8 = 1;
const AT_LOOPBACK: u8 = 1;
const ATTACHED: u8 = 2;
const NOT_ATTACHED: u8 = 3;
const HMAC_BYTES: usize = 16;

/// A network's key. It is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub [u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A question: does this virtual network deliver to that target, and where?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The virtual network that it is sent into.
    pub vn: VnId,
    /// Whether an answer is wanted through another virtual network as well.
    pub help: bool,
    /// The loopback of the border that asks.
    pub prober: Ipv4Addr,
    /// A border's loopback, or an address of a prefix.
    pub target: Ipv4Addr,
    /// The prober's start, in µs since 1970.
    pub incarnation: u64,
    /// Its number in this virtual network.
    pub sequence: u64,
    /// What makes an answer impossible to guess from others.
    pub nonce: u64,
    /// The prober's clock, in µs since 1970.
    pub sent_at: u64,
}

/// How a probe came out of a virtual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// At the border's loopback, which was its target.
    Loopback,
    /// Out of the border's port, where its target is in this attached prefix.
    Attached(Ipv4Net),
    /// Out of the border's port, where its target is in no attached prefix.
    NotAttached,
}

/// It came out here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The probe that this answers, without its wish for help.
    pub probe: Probe,
    /// How it came out.
    pub how: How,
    /// What was left of its time to live.
    pub ttl: u8,
    /// The responder's clock when it came, in µs since 1970.
    pub received_at: u64,
    /// The loopback of the border where it came out.
    pub responder: Ipv4Addr,
    /// The virtual network that this answer is sent into.
    pub through: VnId,
}

/// A message that can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// A question.
    Probe(Probe),
    /// An answer.
    Answer(Answer),
}

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// They are not of this format, or not of this version.
    Malformed,
    /// They are not from one who has the key.
    Forged,
}

impl Key {
    fn code(&self, covered: &[u8]) -> Hmac<Sha256> {
        // RFC 2104 §2: the key is filled up with zeros to the hash's block.
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut code = <Hmac<Sha256> as KeyInit>::new(&block.into());
        code.update(covered);
        code
    }

    /// A message as bytes.
    #[must_use]
    pub fn seal(&self, message: &Message) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ANSWER_BYTES);
        bytes.extend(MAGIC.to_be_bytes());
        match message {
            Message::Probe(probe) => {
                bytes.extend([VERSION, PROBE, probe.vn.get(), u8::from(probe.help) * HELP, 0, 0]);
                echo(&mut bytes, probe);
            }
            Message::Answer(answer) => {
                let (how, prefix) = match answer.how {
                    How::Loopback => (AT_LOOPBACK, Ipv4Net::default()),
                    How::Attached(prefix) => (ATTACHED, prefix),
                    How::NotAttached => (NOT_ATTACHED, Ipv4Net::default()),
                };
                let vn = answer.probe.vn.get();
                bytes.extend([VERSION, ANSWER, vn, how, prefix.prefix_len(), answer.ttl]);
                echo(&mut bytes, &answer.probe);
                bytes.extend(answer.received_at.to_be_bytes());
                bytes.extend(answer.responder.octets());
                bytes.extend(prefix.addr().octets());
                bytes.extend([answer.through.get(), 0, 0, 0, 0, 0, 0, 0]);
            }
        }
        let code = self.code(&bytes).finalize().into_bytes();
        bytes.extend(&code[..HMAC_BYTES]);
        bytes
    }

    /// The message that bytes are. Codes are compared in constant time.
    ///
    /// # Errors
    /// When they are none, or are from one who does not have the key.
    pub fn open(&self, bytes: &[u8]) -> Result<Message, Refusal> {
        let kind = match bytes {
            [0xb7, 0xa1, VERSION, kind, ..] => *kind,
            _ => return Err(Refusal::Malformed),
        };
        if (kind, bytes.len()) != (PROBE, PROBE_BYTES) && (kind, bytes.len()) != (ANSWER, ANSWER_BYTES) {
            return Err(Refusal::Malformed);
        }
        let (covered, code) = bytes.split_at(bytes.len() - HMAC_BYTES);
        self.code(covered).verify_truncated_left(code).map_err(|_| Refusal::Forged)?;
        read(kind, covered).ok_or(Refusal::Malformed)
    }
}

/// What a probe says and an answer repeats.
fn echo(bytes: &mut Vec<u8>, probe: &Probe) {
    bytes.extend(probe.prober.octets());
    bytes.extend(probe.target.octets());
    for number in [probe.incarnation, probe.sequence, probe.nonce, probe.sent_at] {
        bytes.extend(number.to_be_bytes());
    }
}

fn at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

fn number(bytes: &[u8], offset: usize) -> Option<u64> {
    at(bytes, offset).map(u64::from_be_bytes)
}

fn address(bytes: &[u8], offset: usize) -> Option<Ipv4Addr> {
    at::<4>(bytes, offset).map(Ipv4Addr::from)
}

fn read(kind: u8, bytes: &[u8]) -> Option<Message> {
    let [vn, flags, length, ttl] = at(bytes, 4)?;
    let mut probe = Probe {
        vn: VnId::try_from(u32::from(vn)).ok()?,
        help: false,
        prober: address(bytes, 8)?,
        target: address(bytes, 12)?,
        incarnation: number(bytes, 16)?,
        sequence: number(bytes, 24)?,
        nonce: number(bytes, 32)?,
        sent_at: number(bytes, 40)?,
    };
    if kind == PROBE {
        probe.help = flags == HELP;
        return (flags & !HELP == 0 && length == 0 && ttl == 0).then_some(Message::Probe(probe));
    }
    let network = address(bytes, 60)?;
    let [through, reserved @ ..] = at::<8>(bytes, 64)?;
    let how = match flags {
        ATTACHED => {
            let prefix = Ipv4Net::new(network, length).ok()?;
            (prefix.trunc() == prefix).then_some(How::Attached(prefix))?
        }
        AT_LOOPBACK | NOT_ATTACHED if length != 0 || !network.is_unspecified() => return None,
        AT_LOOPBACK => How::Loopback,
        NOT_ATTACHED => How::NotAttached,
        _ => return None,
    };
    let answer = Answer {
        probe,
        how,
        ttl,
        received_at: number(bytes, 48)?,
        responder: address(bytes, 56)?,
        through: VnId::try_from(u32::from(through)).ok()?,
    };
    (reserved == [0; 7]).then_some(Message::Answer(answer))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: Key = Key([7; 32]);

    fn probes() -> impl Strategy<Value = Probe> {
        let numbers = any::<(u64, u64, u64, u64)>();
        (1..=255u32, any::<bool>(), any::<(Ipv4Addr, Ipv4Addr)>(), numbers).prop_map(
            |(vn, help, (prober, target), (incarnation, sequence, nonce, sent_at))| Probe {
                vn: VnId::try_from(vn).unwrap(),
                help,
                prober,
                target,
                incarnation,
                sequence,
                nonce,
                sent_at,
            },
        )
    }

    fn messages() -> impl Strategy<Value = Message> {
        let how = prop_oneof![
            Just(How::Loopback),
            Just(How::NotAttached),
            (any::<Ipv4Addr>(), 0..=32u8)
                .prop_map(|(address, length)| How::Attached(Ipv4Net::new(address, length).unwrap().trunc())),
        ];
        let answer = (probes(), how, any::<(u8, u64, Ipv4Addr)>(), 1..=255u32).prop_map(
            |(probe, how, (ttl, received_at, responder), through)| Answer {
                probe: Probe { help: false, ..probe },
                how,
                ttl,
                received_at,
                responder,
                through: VnId::try_from(through).unwrap(),
            },
        );
        prop_oneof![probes().prop_map(Message::Probe), answer.prop_map(Message::Answer)]
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_nothing_else_does(message in messages(), bit in 0..ANSWER_BYTES * 8) {
            let mut bytes = KEY.seal(&message);
            prop_assert_eq!(KEY.open(&bytes), Ok(message));
            prop_assert_eq!(Key([8; 32]).open(&bytes), Err(Refusal::Forged));
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(KEY.open(&bytes).is_err());
        }

        #[test]
        fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(KEY.open(&bytes).is_err());
        }

        #[test]
        fn sealed_garbage_opens_only_as_what_it_is(
            kind in 1..=2u8,
            mut body in prop::collection::vec(prop_oneof![3 => Just(0u8), 1 => any::<u8>()], 72),
        ) {
            // A peer that has the key and sends nonsense: what is taken is byte for byte what it would have sealed.
            body.truncate(if kind == PROBE { PROBE_BYTES } else { ANSWER_BYTES } - HMAC_BYTES);
            body[..4].copy_from_slice(&[0xb7, 0xa1, VERSION, kind]);
            let code = KEY.code(&body).finalize().into_bytes();
            body.extend(&code[..HMAC_BYTES]);
            if let Ok(message) = KEY.open(&body) {
                prop_assert_eq!(KEY.seal(&message), body);
            }
        }
    }

    #[test]
    fn the_layout_is_the_one_written_down() {
        let probe = Probe {
            vn: VnId::try_from(3u32).unwrap(),
            help: true,
            prober: Ipv4Addr::new(100, 64, 0, 1),
            target: Ipv4Addr::new(100, 64, 0, 2),
            incarnation: 1,
            sequence: 2,
            nonce: 3,
            sent_at: 4,
        };
        let bytes = KEY.seal(&Message::Probe(probe));
        assert_eq!(bytes.len(), PROBE_BYTES);
        assert_eq!(bytes[..16], [0xb7, 0xa1, 1, 1, 3, 1, 0, 0, 100, 64, 0, 1, 100, 64, 0, 2]);
        let answer = Answer {
            probe: Probe { help: false, ..probe },
            how: How::Attached("198.18.5.0/24".parse().unwrap()),
            ttl: 61,
            received_at: 5,
            responder: probe.target,
            through: probe.vn,
        };
        let bytes = KEY.seal(&Message::Answer(answer));
        assert_eq!(bytes.len(), ANSWER_BYTES);
        assert_eq!(bytes[..8], [0xb7, 0xa1, 1, 2, 3, 2, 24, 61]);
        assert_eq!(
            bytes[48..72],
            [0, 0, 0, 0, 0, 0, 0, 5, 100, 64, 0, 2, 198, 18, 5, 0, 3, 0, 0, 0, 0, 0, 0, 0]
        );
    }
}
