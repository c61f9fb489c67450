//! What FRR's isisd 8.4.4 really sends is read, verified, and written again byte for byte.
//!
//! `captures/isisd-8.4.4.txt` holds PDUs captured in a lab of our own: two isisd on one veth pair (r1 10.9.0.1, r2
//! 10.9.0.2, loopbacks 10.255.0.x and fd00::x, area 49.0001), one line of name and hex digits for each. Hellos were
//! signed by HMAC-MD5 with the key `hellokey` on the LAN of level 1 and by the password `hellokey` on that of level 2;
//! level 1 by HMAC-MD5 with `areakey`, level 2 by the password `domainkey`; point-to-point circuits not at all.
#![allow(clippy::unwrap_used)] // a failed step ends the test

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_isis_packet::{
    Algorithm, Authentication, CircuitType, Frame, Key, Level, Lsp, LspHeader, NewLsp, Pdu, PduKind, Prefix,
    ThreeWayState, Tlv, TlvList,
};

fn captures() -> BTreeMap<&'static str, Vec<u8>> {
    include_str!("captures/isisd-8.4.4.txt")
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, digits)| (name, hex::decode(digits).unwrap()))
        .collect()
}

fn md5(secret: &str) -> Authentication {
    Authentication::Cryptographic(vec![Key { id: 0, algorithm: Algorithm::HmacMd5, secret: secret.into() }])
}

/// The authentication under which a capture was made.
fn authentication(name: &str, kind: PduKind) -> Authentication {
    match kind {
        _ if ["point-to-point", "transition", "multi-topology", "psnp"]
            .iter()
            .any(|part| name.contains(part)) =>
        {
            Authentication::None
        }
        PduKind::LanHello(Level::One) => md5("hellokey"),
        PduKind::LanHello(Level::Two) => Authentication::Password("hellokey".into()),
        PduKind::Lsp(Level::One) | PduKind::Csnp(Level::One) => md5("areakey"),
        _ => Authentication::Password("domainkey".into()),
    }
}

fn lsp(name: &str) -> Lsp {
    Lsp::decode(&captures()[name]).unwrap()
}

/// Goal: isisd is believed when the secret is right, and we would have sent the same bytes.
#[test]
fn every_capture_verifies_and_is_written_the_same() {
    for (name, bytes) in captures() {
        let frame = Frame::parse(&bytes).unwrap();
        let ours = authentication(name, frame.kind());
        assert_eq!(frame.verify(&ours), Ok(()), "{name}");
        if ours != Authentication::None {
            assert!(frame.verify(&md5("wrong")).is_err(), "{name}");
        }
        let written = match frame.pdu().unwrap() {
            // The size of its hellos: a frame of 1,500 bytes less the LLC.
            Pdu::LanHello(hello) => hello.encode(&ours, Some(1497)).unwrap(),
            Pdu::PointToPointHello(hello) => hello.encode(&ours, Some(1497)).unwrap(),
            Pdu::Csnp(csnp) => csnp.encode(&ours).unwrap(),
            Pdu::Psnp(psnp) => psnp.encode(&ours).unwrap(),
            Pdu::Lsp(lsp) => {
                let LspHeader { id, lifetime, sequence, .. } = lsp.header();
                let new = NewLsp { level: lsp.level(), id, sequence, lifetime, flags: lsp.flags() };
                let tlvs: Vec<_> =
                    lsp.tlvs().filter(|tlv| !matches!(tlv, Tlv::Authentication { .. })).collect();
                assert_eq!(tlvs.malformed(), None, "{name}");
                Lsp::build(&new, &tlvs, &ours).unwrap().bytes().to_vec()
            }
        };
        assert_eq!(hex::encode(written), hex::encode(&bytes), "{name}");
    }
}

#[test]
fn its_hellos_tell_who_is_there() {
    let captures = captures();
    let Pdu::LanHello(hello) = Frame::parse(&captures["lan-hello-level-1"]).unwrap().pdu().unwrap() else {
        panic!("a LAN hello is expected");
    };
    assert_eq!(hello.lan_id.to_string(), "0000.0000.0001.02");
    assert_eq!((hello.circuit_type, hello.priority), (CircuitType::L1L2, 1));
    assert!(hello.tlvs.areas().eq(["49.0001".parse().unwrap()]));
    assert!(hello.tlvs.protocols().eq([0xcc, 0x8e]));
    assert!(hello.tlvs.interface_addresses().eq([Ipv4Addr::new(10, 9, 0, 2)]));
    assert_eq!(hello.tlvs.lan_neighbours().count(), 1);

    let frame = Frame::parse(&captures["point-to-point-hello"]).unwrap();
    assert_eq!(frame.source().unwrap().to_string(), "0000.0000.0001");
    let Pdu::PointToPointHello(hello) = frame.pdu().unwrap() else {
        panic!("a point-to-point hello is expected");
    };
    let three_way = hello.tlvs.three_way().unwrap();
    assert_eq!(three_way.state, ThreeWayState::Up);
    assert_eq!(three_way.neighbour.unwrap().to_string(), "0000.0000.0002");
}

#[test]
fn its_lsps_tell_what_it_reaches() {
    let wide = lsp("router-lsp-level-1");
    assert_eq!(wide.host_name().as_deref(), Some("r1"));
    assert!(wide.flags().attached && !wide.flags().overload);
    assert!(wide.interface_addresses().eq([Ipv4Addr::new(10, 255, 0, 1)]));
    let told: Vec<_> = wide.prefixes().map(|Prefix { net, metric, .. }| format!("{net} {metric}")).collect();
    assert_eq!(told, ["10.9.0.0/24 10", "10.255.0.1/32 10"]);
    let told: Vec<_> = wide.neighbours().map(|neighbour| neighbour.node.to_string()).collect();
    assert_eq!(told, ["0000.0000.0001.02"]);

    let pseudonode = lsp("pseudonode-lsp-level-1");
    let told: Vec<_> = pseudonode.neighbours().map(|to| (to.node.to_string(), to.metric)).collect();
    assert_eq!(told, [("0000.0000.0001.00".to_owned(), 0), ("0000.0000.0002.00".to_owned(), 0)]);

    let both = lsp("router-lsp-transition");
    let told: Vec<_> = both.neighbours().map(|to| (to.wide, to.metric)).collect();
    assert_eq!(told, [(false, 40), (true, 40)]);
    // What it redistributes it says a second time, in TLV 128 and not in 130, with the metric 0.
    let told: Vec<_> = both.prefixes().map(|prefix| (prefix.wide, prefix.external, prefix.metric)).collect();
    let style = |wide| [40, 10, 0, 0].map(|metric| (wide, false, metric));
    assert_eq!(told, [style(false), style(true)].concat());

    let topologies = lsp("router-lsp-multi-topology");
    assert!(topologies.tlvs().any(|tlv| matches!(tlv, Tlv::MtIs { topology: 2, .. })));
    assert!(topologies.tlvs().any(|tlv| matches!(tlv, Tlv::MtIpv6 { topology: 2, .. })));
}

/// Goal: the purge of a pseudonode tells who made it and nothing that it must not (RFC 6232, 6233).
#[test]
fn its_purges_are_bare() {
    for name in ["purge-level-1", "purge-level-2"] {
        let purge = lsp(name);
        assert!(purge.is_purge());
        assert_eq!(purge.illegal_in_purge(), None);
        let originator = purge.tlvs().find_map(|tlv| match tlv {
            Tlv::PurgeOriginator { originator, .. } => Some(originator.to_string()),
            _ => None,
        });
        assert_eq!(originator.as_deref(), Some("0000.0000.0001"));
    }
}

#[test]
fn its_sequence_numbers_name_the_lsps() {
    let captures = captures();
    let Pdu::Csnp(csnp) = Frame::parse(&captures["csnp-level-1"]).unwrap().pdu().unwrap() else {
        panic!("a CSNP is expected");
    };
    let sent = lsp("router-lsp-level-1").header();
    let named = csnp.entries.iter().find(|entry| entry.id == sent.id).unwrap();
    assert_eq!((named.sequence, named.checksum), (sent.sequence, sent.checksum));
}
