//! PDUs that the attacked router may believe.

use braid_isis_packet::{
    AreaAddress, Authentication, CircuitType, Csnp, LanHello, Level, Lsp, LspFlags, LspHeader, LspId, NewLsp,
    PointToPointHello, Psnp, ThreeWay, ThreeWayState, Tlv, WideNeighbour, WidePrefix,
};
use ipnet::Ipv4Net;

use super::{World, address, metric, node, system};
use crate::Bytes;

/// A level.
pub fn level(choice: u8) -> Level {
    if choice & 1 == 0 { Level::One } else { Level::Two }
}

fn area(choice: u8) -> AreaAddress {
    // Mostly the routers' own.
    let text = if choice & 0x70 == 0x70 { "49.0002" } else { "49.0001" };
    text.parse().expect("an area")
}

/// A hello, mostly with the parameters of the circuit. A broadcast one lists the attacked router, or not.
pub fn hello(bytes: &mut Bytes, world: &World, auth: &Authentication) -> Option<Vec<u8>> {
    let (choice, who) = (bytes.u8(), bytes.u8());
    let source =
        if choice & 0x80 != 0 { super::SystemId([2, 2, who, bytes.u8(), 0, 1]) } else { system(who) };
    let circuit_type = CircuitType::from_bits(1 + choice % 3)?;
    let common = vec![
        Tlv::AreaAddresses(vec![area(choice)]),
        Tlv::ProtocolsSupported(vec![braid_isis_packet::NLPID_IPV4]),
        Tlv::IpInterfaceAddresses(vec![address(bytes.u8())]),
    ];
    let holding_time = u16::from(bytes.u8() % 32);
    if choice & 4 == 0 {
        let neighbours =
            if choice & 8 == 0 { vec![world.attacked_mac()] } else { vec![[9; 6]; bytes.u8().into()] };
        let hello = LanHello {
            level: level(choice >> 3),
            circuit_type,
            source,
            holding_time,
            priority: bytes.u8(),
            lan_id: node(bytes.u8()),
            tlvs: [common, vec![Tlv::LanNeighbours(neighbours)]].concat(),
        };
        return hello.encode(auth, None).ok();
    }
    let three_way = ThreeWay {
        state: [ThreeWayState::Up, ThreeWayState::Initializing, ThreeWayState::Down][usize::from(who) % 3],
        circuit: Some(bytes.u8().into()),
        neighbour: (choice & 8 == 0).then(|| system(0)),
        neighbour_circuit: (choice & 16 == 0).then_some(1),
    };
    let tlvs = if choice & 32 == 0 { [common, vec![Tlv::ThreeWay(three_way)]].concat() } else { common };
    let hello = PointToPointHello { circuit_type, source, holding_time, circuit_id: who, tlvs };
    hello.encode(auth, None).ok()
}

/// The header of a known LSP, perhaps of another version of it, or of one that nobody knows.
fn header(bytes: &mut Bytes, world: &World, level: Level) -> LspHeader {
    let choice = bytes.u8();
    let unknown = LspHeader {
        id: node(choice).fragment(choice >> 6),
        lifetime: 1000,
        sequence: u32::from(choice),
        checksum: 7,
    };
    let mut header = world.known(level, usize::from(choice >> 2)).map_or(unknown, |lsp| lsp.header());
    match choice & 3 {
        1 => header.sequence = header.sequence.wrapping_add(bytes.u8() as i8 as u32),
        2 => header.lifetime = bytes.u16(),
        3 => header.checksum ^= 1,
        _ => {}
    }
    header
}

/// A sequence numbers PDU: of known and unknown LSPs.
pub fn sequence_numbers(bytes: &mut Bytes, world: &World, auth: &Authentication) -> Option<Vec<u8>> {
    let choice = bytes.u8();
    let (level, source) = (level(choice), system(choice >> 4));
    let mut entries: Vec<_> = (0..bytes.u8() % 6).map(|_| header(bytes, world, level)).collect();
    if choice & 2 == 0 {
        return Psnp { level, source, entries }.encode(auth).ok();
    }
    entries.sort_by_key(|entry| entry.id);
    let (start, end) = match choice & 12 {
        0 => (LspId::FIRST, LspId::LAST),
        4 => (node(bytes.u8()).fragment(0), LspId::LAST),
        8 => (LspId::FIRST, node(bytes.u8()).fragment(9)),
        _ => (LspId::LAST, LspId::FIRST),
    };
    Csnp { level, source, start, end, entries }.encode(auth).ok()
}

/// An LSP: a known one with another sequence number or lifetime, or one about the small pool of systems.
pub fn lsp(bytes: &mut Bytes, world: &World, auth: &Authentication) -> Option<Lsp> {
    let choice = bytes.u8();
    let level = level(choice);
    let known = world.known(level, usize::from(choice >> 2));
    let of = bytes.u8();
    let (id, sequence) = match (known, choice & 2) {
        (Some(known), 0) => (known.id(), known.header().sequence),
        _ => (node(of).fragment(of >> 5 & 3), u32::from(of)),
    };
    let sequence = match bytes.u8() {
        0x7f => u32::MAX,
        step => sequence.wrapping_add(step as i8 as u32),
    };
    let flags = bytes.u8();
    if flags & 0xe0 == 0xe0 {
        let originator = Tlv::PurgeOriginator { originator: system(of), received_from: None };
        return Lsp::purge(level, id, sequence, &[originator], auth).ok();
    }
    let new = NewLsp {
        level,
        id,
        sequence,
        lifetime: if flags & 0x10 == 0 { 1200 } else { bytes.u16() },
        flags: LspFlags {
            partition: false,
            attached: flags & 1 != 0,
            overload: flags & 2 != 0,
            is_type: level,
        },
    };
    let tlvs = tlvs(bytes);
    Lsp::build(&new, &tlvs, auth).ok()
}

/// What an LSP says: a few neighbours and prefixes, or any bytes.
pub fn tlvs(bytes: &mut Bytes) -> Vec<Tlv> {
    let choice = bytes.u8();
    if choice & 0xf0 == 0xf0 {
        let (code, length) = (bytes.u8(), bytes.u8());
        let value = bytes.take(length.into());
        return vec![Tlv::decode(braid_isis_packet::RawTlv { code, value })];
    }
    let neighbours = (0..choice & 7).map(|_| WideNeighbour::new(node(bytes.u8()), metric(bytes))).collect();
    let prefixes = (0..choice >> 4 & 7)
        .map(|_| {
            let (at, metric) = (bytes.u8(), metric(bytes));
            let net = Ipv4Net::new_assert(address(at), 24 + (at & 7)).trunc();
            WidePrefix { down: at & 0x80 != 0, ..WidePrefix::new(net, metric) }
        })
        .collect();
    vec![
        Tlv::AreaAddresses(vec![area(choice)]),
        Tlv::ProtocolsSupported(vec![braid_isis_packet::NLPID_IPV4]),
        Tlv::IsNeighbours(neighbours),
        Tlv::ExtendedIp(prefixes),
        Tlv::IpInterfaceAddresses(vec![address(choice)]),
    ]
}
