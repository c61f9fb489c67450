//! Every packet that a router sends is one that it may send (ISO 10589 §9).

use std::ops::Range;

use braid_isis::{CircuitConfig, CircuitId, CircuitKind, Config, Group, LLC_LEN};
use braid_isis_packet::{Authentication, Level};

use super::{Envelope, database::LSP_ID};
use crate::{
    check::{ensure, fletcher_holds, short},
    protocol::Packet,
};

const TYPE: usize = 4;
/// Of a hello: circuit type, system id, holding time.
const HOLDING_TIME: Range<usize> = 15..17;
/// Of an LSP.
const LIFETIME: usize = 10;
const LAN_HELLO_1: u8 = 15;
const LAN_HELLO_2: u8 = 16;
const POINT_TO_POINT_HELLO: u8 = 17;
const LSP_1: u8 = 18;
const LSP_2: u8 = 20;
const CSNP_1: u8 = 24;
const CSNP_2: u8 = 25;
const PSNP_1: u8 = 26;
const PSNP_2: u8 = 27;
const TYPES: [u8; 9] =
    [LAN_HELLO_1, LAN_HELLO_2, POINT_TO_POINT_HELLO, LSP_1, LSP_2, CSNP_1, CSNP_2, PSNP_1, PSNP_2];
const AREA_ADDRESSES: u8 = 1;
const LSP_ENTRIES: u8 = 9;
const AUTHENTICATION: u8 = 10;

fn kind(payload: &[u8]) -> Option<u8> {
    payload.get(TYPE).map(|kind| kind & 0x1f)
}

fn is_lsp(payload: &[u8]) -> bool {
    (LSP_1..CSNP_1).contains(&kind(payload).unwrap_or(0))
}

fn is_hello(payload: &[u8]) -> bool {
    (LAN_HELLO_1..=POINT_TO_POINT_HELLO).contains(&kind(payload).unwrap_or(0))
}

/// Makes of any bytes something with a common header.
pub fn disguise(payload: &mut [u8], number: u8) {
    let kind = TYPES[usize::from(number) % TYPES.len()];
    let header = [0x83, header_length(kind), 1, 0, kind, 1, 0, 0];
    payload.iter_mut().zip(header).for_each(|(byte, value)| *byte = value);
    let (at, length) = (length_at(kind), payload.len() as u16);
    if let Some(bytes) = payload.get_mut(at..at + 2) {
        bytes.copy_from_slice(&length.to_be_bytes());
    }
}

/// A hello without authentication has no checksum: a holding time that grew would outlast any wait. An LSP's checksum takes 0 for 255,
/// and what it does not see stays until the next refresh.
pub fn spare(sent: &[u8], damaged: &mut [u8]) {
    if is_hello(damaged)
        && let Some(bytes) = damaged.get_mut(HOLDING_TIME)
    {
        let as_sent = sent.get(HOLDING_TIME).filter(|_| is_hello(sent));
        bytes.copy_from_slice(as_sent.unwrap_or(&[0, 10]));
    }
    if is_lsp(damaged)
        && let (Some(bytes), Some(as_sent)) = (damaged.get_mut(LSP_ID..), sent.get(LSP_ID..))
        && bytes.len() == as_sent.len()
        && fletcher_holds(bytes)
    {
        bytes.copy_from_slice(as_sent);
    }
}

fn header_length(kind: u8) -> u8 {
    match kind {
        POINT_TO_POINT_HELLO => 20,
        CSNP_1 | CSNP_2 => 33,
        PSNP_1 | PSNP_2 => 17,
        _ => 27,
    }
}

/// Where the length of the PDU is.
fn length_at(kind: u8) -> usize {
    if kind <= POINT_TO_POINT_HELLO { 17 } else { 8 }
}

/// Checks a packet that a router with this configuration sends by a circuit.
///
/// # Errors
/// What is wrong with it.
pub fn check(config: &Config, circuit: CircuitId, packet: &Packet<Envelope>) -> Result<(), String> {
    let settings = config.circuits.get(&circuit).ok_or("sent by a circuit that is not configured")?;
    let bytes = packet.payload.as_slice();
    let kind = kind(bytes).filter(|kind| TYPES.contains(kind)).ok_or("no IS-IS packet")?;
    ensure(bytes[..4] == [0x83, header_length(kind), 1, 0], || format!("common header {:x?}", &bytes[..4]))?;
    let own = &config.system().0;
    let is_lsp = is_lsp(bytes);
    let is_own_lsp = is_lsp && &bytes[LSP_ID..LSP_ID + 6] == own;
    // Reserved bytes are sent as 0. Those of others' LSPs, and of others' purges of own ones, may be part of their digest, and travel
    // on as they came.
    let is_as_received = is_lsp && (!is_own_lsp || short(bytes, LIFETIME) == Some(0));
    let is_plain = bytes[5] == 1 && [0, 3].contains(&bytes[7]) && (bytes[6] == 0 || is_as_received);
    ensure(is_plain, || format!("common header {:x?}", &bytes[..8]))?;
    let length = short(bytes, length_at(kind)).map(usize::from);
    ensure(length == Some(bytes.len()), || format!("says {length:?} bytes, has {}", bytes.len()))?;
    ensure(bytes.len() <= usize::from(settings.mtu - LLC_LEN), || {
        format!("{} bytes exceed the MTU", bytes.len())
    })?;
    ensure(!settings.passive && settings.kind != CircuitKind::Loopback, || {
        "sent by a passive circuit".to_owned()
    })?;
    let level = level(kind, settings, packet.envelope.group)?;
    ensure(level.is_none_or(|level| config.has_level(level) && settings.level.has(level)), || {
        format!("type {kind} by a circuit without the level")
    })?;
    let tlvs = tlvs(&bytes[usize::from(header_length(kind))..])?;
    let auth = match level {
        Some(level) if kind >= LSP_1 => config.auth(level),
        _ => &settings.hello_auth,
    };
    if !is_as_received {
        let is_signed = tlvs.iter().any(|(code, _)| *code == AUTHENTICATION);
        ensure(is_signed || *auth == Authentication::None, || format!("type {kind} without authentication"))?;
    }
    match kind {
        LSP_1 | LSP_2 => check_lsp(config, bytes, &tlvs, is_own_lsp),
        CSNP_1.. => check_entries(kind, bytes, &tlvs),
        _ => ensure(&bytes[9..15] == own, || "a hello of another's".to_owned()),
    }
}

/// The level that a packet is of; none of a hello on a point-to-point circuit.
fn level(kind: u8, settings: &CircuitConfig, group: Group) -> Result<Option<Level>, String> {
    let level = match kind {
        POINT_TO_POINT_HELLO => None,
        LAN_HELLO_1 | LSP_1 | CSNP_1 | PSNP_1 => Some(Level::One),
        _ => Some(Level::Two),
    };
    let wanted = match (settings.kind, level) {
        (CircuitKind::Broadcast, Some(Level::One)) => Some(Group::AllL1),
        (CircuitKind::Broadcast, Some(Level::Two)) => Some(Group::AllL2),
        (CircuitKind::PointToPoint, _) if ![LAN_HELLO_1, LAN_HELLO_2].contains(&kind) => Some(Group::AllIs),
        _ => None,
    };
    ensure(wanted == Some(group), || format!("type {kind} to {group:?}"))?;
    Ok(level)
}

/// The TLVs, which must fill the packet.
fn tlvs(mut bytes: &[u8]) -> Result<Vec<(u8, &[u8])>, String> {
    let mut all = Vec::new();
    while let [code, length, rest @ ..] = bytes {
        let value =
            rest.split_at_checked(usize::from(*length)).ok_or_else(|| format!("TLV {code} is cut off"))?;
        all.push((*code, value.0));
        bytes = value.1;
    }
    if bytes.is_empty() { Ok(all) } else { Err("a byte behind the last TLV".to_owned()) }
}

fn check_lsp(config: &Config, bytes: &[u8], tlvs: &[(u8, &[u8])], is_own: bool) -> Result<(), String> {
    let (lifetime, sequence) = (short(bytes, LIFETIME), &bytes[LSP_ID + 8..LSP_ID + 12]);
    if lifetime == Some(0) {
        return Ok(());
    }
    ensure(fletcher_holds(&bytes[LSP_ID..]), || "an LSP with a wrong checksum".to_owned())?;
    ensure(sequence != [0; 4], || "an LSP with sequence number 0".to_owned())?;
    if !is_own {
        return Ok(());
    }
    ensure(lifetime <= Some(config.lifetime), || format!("own LSP with lifetime {lifetime:?}"))?;
    ensure(bytes.len() <= usize::from(config.own_lsp_size()), || {
        format!("own LSP of {} bytes", bytes.len())
    })?;
    // What a first fragment says decides over the others; an empty one would take a router out of the network.
    let (pseudonode, fragment) = (bytes[LSP_ID + 6], bytes[LSP_ID + 7]);
    let says_area = tlvs.iter().any(|(code, value)| *code == AREA_ADDRESSES && !value.is_empty());
    let says_something = tlvs.iter().any(|(code, value)| *code != AUTHENTICATION && !value.is_empty());
    ensure(pseudonode > 0 || fragment > 0 || says_area, || "own first fragment without an area".to_owned())?;
    ensure(says_something || pseudonode > 0, || "own empty LSP".to_owned())
}

/// LSP entries are in order, and within the range of a complete sequence numbers packet.
fn check_entries(kind: u8, bytes: &[u8], tlvs: &[(u8, &[u8])]) -> Result<(), String> {
    let mut ids: Vec<&[u8]> = Vec::new();
    for (_, value) in tlvs.iter().filter(|(code, _)| *code == LSP_ENTRIES) {
        ensure(value.len().is_multiple_of(16), || format!("{} bytes of LSP entries", value.len()))?;
        ids.extend(value.chunks(16).map(|entry| &entry[2..10]));
    }
    if [PSNP_1, PSNP_2].contains(&kind) {
        return ensure(!ids.is_empty(), || "a partial sequence numbers packet without entries".to_owned());
    }
    ensure(ids.is_sorted_by(|a, b| a < b), || "LSP entries out of order".to_owned())?;
    let (first, last) = (&bytes[17..25], &bytes[25..33]);
    let is_within = ids.iter().all(|id| first <= *id && *id <= last);
    ensure(is_within, || "LSP entries out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use braid_isis_packet::{AreaAddress, Lsp, LspFlags, Net, NewLsp, SystemId, Tlv};

    use super::*;

    fn sent() -> (Config, Packet<Envelope>) {
        let area: AreaAddress = "49.0001".parse().expect("an area");
        let system = SystemId([0, 0, 0, 0, 0, 1]);
        let mut config = Config::new(Net { area, system });
        config.circuits.insert(CircuitId(1), CircuitConfig::new("seg0", CircuitKind::PointToPoint));
        let new = NewLsp {
            level: Level::Two,
            id: system.node().fragment(0),
            sequence: 3,
            lifetime: 1200,
            flags: LspFlags::new(Level::Two),
        };
        let lsp = Lsp::build(&new, &[Tlv::AreaAddresses(vec![area])], &Authentication::None).expect("an LSP");
        let envelope = Envelope { source: [2; 6], group: Group::AllIs };
        (config, Packet { envelope, payload: lsp.bytes().to_vec() })
    }

    #[test]
    fn a_good_lsp_passes_and_any_bit_that_flips_is_seen() {
        let (config, packet) = sent();
        assert_eq!(check(&config, CircuitId(1), &packet), Ok(()));
        assert!(check(&config, CircuitId(2), &packet).is_err());
        for bit in 0..packet.payload.len() * 8 {
            let mut bad = packet.clone();
            bad.payload[bit / 8] ^= 1 << (bit % 8);
            // Reserved bits of the type, and a shorter lifetime, are nobody's business.
            let is_free = (bit / 8 == TYPE && bit % 8 >= 5) || [10, 11].contains(&(bit / 8));
            assert!(is_free || check(&config, CircuitId(1), &bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn what_the_checksum_does_not_see_is_as_it_was_sent() {
        let (_, Packet { payload: sent, .. }) = sent();
        let mut damaged = sent.clone();
        let zero = (LSP_ID..sent.len()).find(|at| sent[*at] == 0).expect("a zero");
        damaged[zero] = 0xff;
        spare(&sent, &mut damaged);
        assert_eq!(damaged, sent);
        damaged[zero] = 1;
        let seen = damaged.clone();
        spare(&sent, &mut damaged);
        assert_eq!(damaged, seen);
    }
}
