//! What the IS-IS targets share: sealed PDUs, names from a small pool, seeds.

mod forgery;
mod world;

use std::net::Ipv4Addr;

use braid_isis_packet::{
    Algorithm, Authentication, DISCRIMINATOR, Frame, Key, LanId, Level, Pdu, PduKind, Secret, SystemId,
};

use crate::Bytes;

pub use forgery::tlvs;
pub use world::World;

/// Bytes before the TLVs of an LSP (ISO 10589 §9.8).
const LSP_HEADER: usize = 27;
/// The checksum covers what begins here, the LSP id.
const LSP_ID: usize = 12;
const LSP_CHECKSUM: usize = 24;

const KINDS: [PduKind; 9] = [
    PduKind::LanHello(Level::One),
    PduKind::LanHello(Level::Two),
    PduKind::PointToPointHello,
    PduKind::Lsp(Level::One),
    PduKind::Lsp(Level::Two),
    PduKind::Csnp(Level::One),
    PduKind::Csnp(Level::Two),
    PduKind::Psnp(Level::One),
    PduKind::Psnp(Level::Two),
];

/// Keys of several algorithms; the first one signs.
#[must_use]
pub fn keys() -> Authentication {
    let key = |id, algorithm| Key { id, algorithm, secret: Secret::new("fuzz") };
    Authentication::Cryptographic(vec![
        key(3, Algorithm::HmacSha256),
        key(1, Algorithm::HmacMd5),
        key(2, Algorithm::HmacSha512),
    ])
}

/// System ids come from a small pool, so that what is said about them meets.
#[must_use]
pub fn system(choice: u8) -> SystemId {
    SystemId([0, 0, 0, 0, choice >> 4 & 1, 1 + (choice & 7)])
}

/// A router, or now and then a pseudonode.
#[must_use]
pub fn node(choice: u8) -> LanId {
    let pseudonode = if choice & 0x60 == 0x60 { 1 + (choice >> 7) } else { 0 };
    system(choice).pseudonode(pseudonode)
}

/// An address of a small pool.
#[must_use]
pub fn address(choice: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, choice >> 4, choice & 0x0f)
}

/// Gives any bytes the header of a PDU of a kind: discriminator, lengths, versions. `None` if it cannot be that long.
#[must_use]
pub fn seal_pdu(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut pdu = bytes.to_vec();
    let number = *pdu.get(4)? & 0x1f;
    let kind = KINDS.into_iter().find(|kind| kind.number() == number)?;
    let length = u16::try_from(pdu.len()).ok().filter(|length| usize::from(*length) >= kind.header_len())?;
    pdu[..4].copy_from_slice(&[DISCRIMINATOR, u8::try_from(kind.header_len()).ok()?, 1, 0]);
    pdu[5..8].copy_from_slice(&[1, 0, 0]);
    let at = match kind {
        PduKind::LanHello(_) | PduKind::PointToPointHello => 17,
        _ => 8,
    };
    pdu[at..at + 2].copy_from_slice(&length.to_be_bytes());
    Some(match kind {
        PduKind::Lsp(_) => seal_lsp(pdu),
        _ => pdu,
    })
}

/// Gives an LSP its checksum (ISO 10589 §7.3.11).
fn seal_lsp(mut pdu: Vec<u8>) -> Vec<u8> {
    if pdu.len() >= LSP_HEADER {
        crate::fletcher(&mut pdu[LSP_ID..], LSP_CHECKSUM - LSP_ID);
    }
    pdu
}

/// The PDUs of the captures of the packet crate: one a line, a name and hex.
///
/// # Errors
/// A line that is not so.
pub fn recorded(text: &str) -> Result<Vec<Vec<u8>>, hex::FromHexError> {
    let lines = text.lines().filter_map(|line| line.split_whitespace().nth(1));
    lines.map(hex::decode).collect()
}

/// Whether a PDU is an LSP.
#[must_use]
pub fn is_lsp(pdu: &[u8]) -> bool {
    matches!(Frame::parse(pdu).and_then(|frame| frame.pdu()), Ok(Pdu::Lsp(_)))
}

/// Seeds of the `isis_routes` target: a triangle with a LAN, in its own encoding.
#[must_use]
pub fn route_seeds() -> Vec<Vec<u8>> {
    let lsp = |node: u8, neighbours: &[(u8, u8)], prefixes: &[(u8, u8)]| {
        let mut bytes = vec![0, node, 0, 0, neighbours.len() as u8];
        neighbours.iter().for_each(|(node, metric)| bytes.extend([*node, *metric]));
        bytes.push(prefixes.len() as u8);
        prefixes.iter().for_each(|(prefix, metric)| bytes.extend([*prefix, *metric]));
        bytes
    };
    let triangle = [
        vec![0, 0],
        lsp(0, &[(1, 1), (2, 2), (0x61, 1)], &[(1, 0)]),
        lsp(1, &[(0, 1), (2, 1), (0x61, 1)], &[(2, 3)]),
        lsp(2, &[(0, 2), (1, 1)], &[(2, 1), (3, 9)]),
        lsp(0x61, &[(0, 0), (1, 0)], &[]),
        vec![4, 0],
        lsp(2, &[(0, 1), (1, 1)], &[(2, 1)]),
        vec![4, 0, 2, 1, 0, 4, 0],
    ];
    vec![triangle.concat()]
}

/// Seeds of the `isis_instance` target: conversations on each kind of circuit, and recorded PDUs amid one.
#[must_use]
pub fn talk_seeds(pdus: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let talk = [
        vec![3, 80, 15, 0, 1, 9, 15, 1, 2, 9, 3, 40],
        vec![8, 1, 1, 0, 9, 2, 0, 0, 10, 3, 1, 3, 20],
        vec![11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 3, 1, 2, 0, 1, 3, 40],
        vec![14, 1, 3, 60, 14, 0, 3, 60, 16, 1, 2, 3, 3, 40, 17, 1, 3, 60],
    ]
    .concat();
    let mut seeds: Vec<Vec<u8>> = (0..32).map(|choice| [&[choice * 8, choice][..], &talk].concat()).collect();
    for (number, pdu) in pdus.iter().enumerate() {
        let length = (pdu.len() as u16).to_be_bytes();
        let begin = [number as u8 & 1, 0, 3, 80, 7, number as u8 & 3, length[0], length[1]];
        seeds.push([&begin[..], pdu, &[3, 40]].concat());
    }
    seeds
}

/// A metric of a few bits, or now and then one of the greatest.
fn metric(bytes: &mut Bytes) -> u32 {
    match bytes.u8() {
        0xff => 0x00ff_ffff,
        0xfe => 0x00ff_fffe,
        small => u32::from(small),
    }
}
