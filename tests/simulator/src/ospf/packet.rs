//! Every packet that a router sends is one that it may send.

use braid_ospf::{ALL_D_ROUTERS, ALL_SPF_ROUTERS, Config, InterfaceId};
use braid_ospf_packet::{Authentication, Body, Frame, Lsa, MAX_AGE};

use super::Envelope;
use crate::{
    check::{ensure, fletcher_holds, long, short},
    protocol::Packet,
};

const HEADER: usize = 24;
const UPDATE: u8 = 4;

/// Checks a packet that a router with this configuration sends by an interface.
///
/// # Errors
/// What is wrong with it.
pub fn check(config: &Config, interface: InterfaceId, packet: &Packet<Envelope>) -> Result<(), String> {
    let settings = config.interfaces.get(&interface).ok_or("sent by an interface that is not configured")?;
    let (bytes, envelope) = (packet.payload.as_slice(), packet.envelope);
    let (Some(router), Some(area), Some(length)) = (long(bytes, 4), long(bytes, 8), short(bytes, 2)) else {
        return Err(format!("{} bytes are no OSPF packet", bytes.len()));
    };
    let (kind, length) = (bytes[1], usize::from(length));
    ensure(bytes[0] == 2 && (1..=5).contains(&kind), || format!("version {} type {kind}", bytes[0]))?;
    ensure(router == u32::from(config.router_id.0), || "another router's id".to_owned())?;
    ensure(!settings.passive, || "sent by a passive interface".to_owned())?;
    let multicast = [ALL_SPF_ROUTERS, ALL_D_ROUTERS].contains(&envelope.destination);
    let crosses_an_area = area == 0 && settings.area.0.to_bits() != 0;
    if crosses_an_area {
        ensure(!multicast && envelope.ttl > 1, || "a virtual link's packet cannot travel".to_owned())?;
        ensure(!config.virtual_links.is_empty(), || "there is no virtual link".to_owned())?;
        // Which link's authentication signed it is not visible here.
        return Ok(());
    }
    ensure(area == settings.area.0.to_bits(), || {
        format!("another area in the header than {}", settings.area)
    })?;
    ensure(envelope.source == settings.address.addr() || area == 0, || {
        format!("source {}", envelope.source)
    })?;
    let crypto = matches!(settings.authentication, Authentication::Cryptographic(_));
    let digest = bytes.len().checked_sub(length).ok_or("shorter than it says")?;
    ensure(length >= HEADER && crypto == (digest > 0), || format!("{digest} bytes behind the packet"))?;
    ensure(crypto || checksum_holds(bytes), || "wrong checksum".to_owned())?;
    let lsas = if kind == UPDATE { updates(&bytes[..length])? } else { 0 };
    let fits = bytes.len() + 20 <= usize::from(settings.mtu);
    ensure(fits || lsas == 1, || format!("{} bytes with {lsas} LSAs exceed the MTU", bytes.len()))
}

/// The number of LSAs in an update, each of which must be intact.
fn updates(bytes: &[u8]) -> Result<u32, String> {
    let count = long(bytes, HEADER).ok_or("an update without count")?;
    let mut rest = &bytes[HEADER + 4..];
    for n in 0..count {
        let length = short(rest, 18).map(usize::from).filter(|length| *length >= 20 && *length <= rest.len());
        let (lsa, behind) = rest.split_at(length.ok_or_else(|| format!("LSA {n} of {count} does not fit"))?);
        ensure(fletcher_holds(&lsa[2..]), || format!("LSA {n} of {count} has a wrong checksum"))?;
        ensure(short(lsa, 0).is_some_and(|age| age <= MAX_AGE), || format!("LSA {n} is too old"))?;
        rest = behind;
    }
    ensure(rest.is_empty(), || format!("{} bytes behind the last LSA", rest.len()))?;
    Ok(count)
}

/// The Internet checksum without the authentication field (RFC 2328 §A.3.1).
fn checksum_holds(bytes: &[u8]) -> bool {
    let mut sum = 0_u32;
    for (n, pair) in bytes.chunks(2).enumerate() {
        if !(8..12).contains(&n) {
            sum += u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from);
        }
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum == 0xffff
}

/// Takes back damage that would forge an LSA: both of OSPF's checksums miss it when words change places that lie a multiple of five
/// apart and whose sums of bytes differ by a multiple of 51 (RFC 2328 §12.1.7 counts modulo 255). An LSA of a router that does not
/// exist would then stay for an hour wherever it arrived, and OSPF has no remedy but authentication.
pub fn spare(sent: &[u8], damaged: &mut Vec<u8>) {
    let before = lsas(sent);
    if lsas(damaged).iter().any(|lsa| !before.contains(lsa)) {
        sent.clone_into(damaged);
    }
}

/// The LSAs of an update that pass for sound.
fn lsas(payload: &[u8]) -> Vec<Lsa> {
    match Frame::parse(payload).and_then(|frame| frame.body()) {
        Ok(Body::LinkStateUpdate(update)) => update.lsas,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use braid_ospf::InterfaceConfig;
    use braid_ospf_packet::{
        AreaId, LinkKind, LinkStateUpdate, LsaBody, Options, PacketHeader, RouterFlags, RouterId, RouterLink,
        RouterLsa, SequenceNumber, encode,
    };

    use super::*;

    fn sent() -> (Config, Packet<Envelope>) {
        let router = RouterId([192, 0, 2, 1].into());
        let mut config = Config::new(router);
        let address = "10.0.0.1/24".parse().expect("a prefix");
        config.interfaces.insert(InterfaceId(1), InterfaceConfig::new("seg0", address));
        let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links: vec![] });
        let lsa =
            Lsa::build(1, Options::E, router.0, router, SequenceNumber::INITIAL, &body).expect("an LSA");
        let update = Body::LinkStateUpdate(LinkStateUpdate { lsas: vec![lsa], rejected: vec![] });
        let header = PacketHeader { router_id: router, area_id: AreaId::BACKBONE };
        let payload = encode(header, &update, &Authentication::None, address.addr(), 0, 0).expect("a packet");
        let envelope = Envelope { source: address.addr(), destination: ALL_SPF_ROUTERS, ttl: 1 };
        (config, Packet { envelope, payload })
    }

    #[test]
    fn a_good_update_passes() {
        let (config, packet) = sent();
        assert_eq!(check(&config, InterfaceId(1), &packet), Ok(()));
        assert!(check(&config, InterfaceId(2), &packet).is_err());
    }

    #[test]
    fn any_bit_that_flips_is_seen() {
        let (config, packet) = sent();
        for bit in 0..packet.payload.len() * 8 {
            let mut bad = packet.clone();
            bad.payload[bit / 8] ^= 1 << (bit % 8);
            // The field of the password is no part of anything here.
            let seen = check(&config, InterfaceId(1), &bad).is_err();
            assert_eq!(seen, !(16..24).contains(&(bit / 8)), "bit {bit}");
        }
    }

    #[test]
    fn damage_that_no_checksum_tells_is_taken_back() {
        // Many words of many values: some pair of them can change places unnoticed.
        let links = (0..20_u8).map(|n| RouterLink {
            kind: LinkKind::PointToPoint,
            id: [192, 0, n % 3, n * 7].into(),
            data: [10, n, n / 2, 255 - n].into(),
            metric: u16::from(n) * 51,
        });
        let body = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links: links.collect() });
        let id = RouterId::from([192, 0, 0, 15]);
        let lsa = Lsa::build(1, Options::E, id.0, id, SequenceNumber::INITIAL, &body).unwrap();
        let update = Body::LinkStateUpdate(LinkStateUpdate { lsas: vec![lsa], rejected: vec![] });
        let header = PacketHeader { router_id: id, area_id: AreaId::BACKBONE };
        let sent = encode(header, &update, &Authentication::None, id.0, 0, 0).unwrap();
        let (mut forged, mut damaged) = (0, 0);
        for a in (0..sent.len() - 1).step_by(2) {
            for b in (0..a).step_by(2) {
                let mut bytes = sent.clone();
                bytes.swap(a, b);
                bytes.swap(a + 1, b + 1);
                forged += usize::from(!lsas(&bytes).is_empty() && lsas(&bytes) != lsas(&sent));
                spare(&sent, &mut bytes);
                damaged += usize::from(bytes != sent);
                assert!(lsas(&bytes).is_empty() || lsas(&bytes) == lsas(&sent));
            }
        }
        assert!(forged > 0 && damaged > 1000, "{forged} {damaged}");
    }
}
