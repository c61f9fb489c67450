//! Bodies of packets that the attacked router may believe.

use std::net::Ipv4Addr;

use braid_ospf_packet::{
    Body, DatabaseDescription, Hello, LinkStateAck, LinkStateRequest, LsType, Lsa, LsaHeader, LsaKey,
    MAX_AGE, Options, RouterId, SequenceNumber,
};

use crate::{Bytes, World, address, seal, world::ROUTERS};

/// A hello, mostly with the parameters of the link.
pub fn hello(bytes: &mut Bytes) -> Body {
    let choice = bytes.u8();
    let router = |choice: u8| match choice {
        0 => Ipv4Addr::UNSPECIFIED,
        1 => Ipv4Addr::new(10, 9, 2, 1),
        2 => Ipv4Addr::new(10, 9, 2, 2),
        other => Ipv4Addr::new(10, 9, 1 + other % 3, other >> 2),
    };
    let mut neighbours: Vec<RouterId> = (0..choice & 3).map(|_| RouterId(address(bytes.u8()))).collect();
    if choice & 4 == 0 {
        neighbours.push(ROUTERS[0]);
    }
    Body::Hello(Hello {
        mask: Ipv4Addr::new(255, 255, 255, 0),
        hello_interval: 1,
        options: if choice & 8 == 0 { Options::E } else { Options(bytes.u8()) },
        priority: choice >> 4,
        dead_interval: 4,
        designated_router: router(bytes.u8()),
        backup: router(bytes.u8()),
        neighbours,
    })
}

/// A database description; its sequence number may fit.
pub fn description(bytes: &mut Bytes, world: &World) -> Body {
    let choice = bytes.u8();
    let headers = (0..choice >> 4 & 3).filter_map(|_| header(bytes, world)).collect();
    Body::DatabaseDescription(DatabaseDescription {
        mtu: if choice & 0x80 != 0 { bytes.u16() } else { 1500 },
        options: if choice & 0x40 != 0 { Options(bytes.u8()) } else { Options::E },
        initial: choice & 1 != 0,
        more: choice & 2 != 0,
        master: choice & 4 != 0,
        sequence: world.description_sequence().wrapping_add(u32::from(bytes.u8() % 4)),
        headers,
        unknown: 0,
    })
}

/// A request for what is known and what is not.
pub fn request(bytes: &mut Bytes, world: &World) -> Body {
    let count = bytes.u8() % 6;
    let keys = (0..count).filter_map(|_| header(bytes, world)).map(|header| header.key).collect();
    Body::LinkStateRequest(LinkStateRequest { keys, unknown: 0 })
}

/// An acknowledgment.
pub fn ack(bytes: &mut Bytes, world: &World) -> Body {
    let count = bytes.u8() % 6;
    let headers = (0..count).filter_map(|_| header(bytes, world)).collect();
    Body::LinkStateAck(LinkStateAck { headers, unknown: 0 })
}

/// The header of a known LSA, perhaps of another instance of it, or of a new one.
fn header(bytes: &mut Bytes, world: &World) -> Option<LsaHeader> {
    let choice = bytes.u8();
    if choice & 3 == 0 {
        return lsa(bytes, world).map(|lsa| lsa.header());
    }
    let mut header = world.known(usize::from(choice >> 2))?.header();
    match choice & 3 {
        1 => {}
        2 => header.sequence = SequenceNumber(header.sequence.0.wrapping_add(bytes.u8() as i8 as i32)),
        _ => header.age = bytes.u16().min(MAX_AGE),
    }
    Some(header)
}

/// A few LSAs.
pub fn lsas(bytes: &mut Bytes, world: &World) -> Vec<Lsa> {
    let count = 1 + bytes.u8() % 4;
    (0..count).filter_map(|_| lsa(bytes, world)).collect()
}

/// An LSA: any, or a known one with another age, sequence number or contents.
fn lsa(bytes: &mut Bytes, world: &World) -> Option<Lsa> {
    let choice = bytes.u8();
    let mut lsa = match choice & 3 {
        0 => {
            let length = usize::from(bytes.u8());
            bytes.take(length).to_vec()
        }
        1 => made(bytes, choice >> 2),
        _ => world.known(usize::from(choice >> 2))?.bytes().to_vec(),
    };
    if lsa.len() < LsaHeader::LENGTH {
        return None;
    }
    let change = bytes.u8();
    if change & 1 != 0 {
        let age = bytes.u16() % (MAX_AGE + 1);
        lsa[..2].copy_from_slice(&age.to_be_bytes());
    }
    if change & 2 != 0 {
        let sequence = i32::from_be_bytes([lsa[12], lsa[13], lsa[14], lsa[15]]);
        let sequence = match bytes.u8() {
            0x7f => i32::MAX,
            step => sequence.wrapping_add(i32::from(step as i8)),
        };
        lsa[12..16].copy_from_slice(&sequence.to_be_bytes());
    }
    if change & 4 != 0 {
        let at = usize::from(bytes.u8()) % lsa.len();
        lsa[at] = bytes.u8();
    }
    if change & 0x18 == 0x18 {
        lsa.truncate(LsaHeader::LENGTH + usize::from(bytes.u8()) % (lsa.len() - LsaHeader::LENGTH + 1));
    }
    Lsa::decode(&seal(&lsa)?).ok()
}

/// An LSA of a chosen type about the small pool of routers and networks.
fn made(bytes: &mut Bytes, choice: u8) -> Vec<u8> {
    let kind = LsType::ALL[usize::from(choice) % LsType::ALL.len()];
    let key = LsaKey::new(kind, address(bytes.u8()), RouterId(address(bytes.u8())));
    let mut lsa = vec![0, 1, bytes.u8(), kind.number()];
    lsa.extend(key.link_state_id.octets());
    lsa.extend(if kind == LsType::Router { key.link_state_id } else { key.advertising_router.0 }.octets());
    lsa.extend(SequenceNumber::INITIAL.0.to_be_bytes());
    lsa.extend([0; 4]);
    match kind {
        LsType::Router => {
            let count = bytes.u8() % 5;
            lsa.extend([bytes.u8() & 7, 0, 0, count]);
            for _ in 0..count {
                let link = bytes.u8();
                lsa.extend(address(bytes.u8()).octets());
                lsa.extend(if link & 3 == 2 { [255, 255, 255, 0] } else { address(bytes.u8()).octets() });
                lsa.extend([1 + (link & 3), 0, 0, link >> 2]);
            }
        }
        LsType::Network => {
            lsa.extend([255, 255, 255, 0]);
            for _ in 0..bytes.u8() % 4 {
                lsa.extend(address(bytes.u8()).octets());
            }
        }
        LsType::Summary | LsType::AsbrSummary => lsa.extend([255, 255, 255, 0, 0, 0, 0, bytes.u8()]),
        LsType::External | LsType::Nssa => {
            lsa.extend([255, 255, 255, 0, bytes.u8() & 0x80, 0, 0, bytes.u8()]);
            lsa.extend(address(bytes.u8()).octets());
            lsa.extend([0; 4]);
        }
        LsType::OpaqueLink | LsType::OpaqueArea | LsType::OpaqueAs => {
            let length = usize::from(bytes.u8() & 0x3c);
            lsa.extend(bytes.take(length));
        }
    }
    lsa
}
