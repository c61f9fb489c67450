//! Every PDU reads back as it was written, and no bytes at all make a decoder panic.
#![allow(clippy::unwrap_used)] // a failed step ends the test

use std::net::{Ipv4Addr, Ipv6Addr};

use braid_isis_packet::{
    Algorithm, AreaAddress, Authentication, AuthenticationValue, BuildError, CircuitType, Csnp, Frame,
    Ipv6Prefix, Key, LanHello, LanId, Level, Lsp, LspFlags, LspHeader, LspId, NarrowNeighbour, NarrowPrefix,
    NewLsp, Pdu, PointToPointHello, Psnp, RawTlv, SystemId, ThreeWay, ThreeWayState, Tlv, TlvList, Topology,
    WideNeighbour, WidePrefix, tlv::code,
};
use ipnet::{Ipv4Net, Ipv6Net};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
};

fn system() -> impl Strategy<Value = SystemId> {
    any::<[u8; 6]>().prop_map(SystemId)
}

fn node() -> impl Strategy<Value = LanId> {
    any::<[u8; 7]>().prop_map(LanId::from)
}

fn lsp_id() -> impl Strategy<Value = LspId> {
    any::<[u8; 8]>().prop_map(LspId::from)
}

fn level() -> impl Strategy<Value = Level> {
    select(&Level::ALL)
}

fn circuit_type() -> impl Strategy<Value = CircuitType> {
    select(&[CircuitType::L1, CircuitType::L2, CircuitType::L1L2])
}

fn net() -> impl Strategy<Value = Ipv4Net> {
    (any::<u32>(), 0..=32_u8)
        .prop_map(|(address, length)| Ipv4Net::new(Ipv4Addr::from(address), length).unwrap().trunc())
}

fn net6() -> impl Strategy<Value = Ipv6Net> {
    (any::<u128>(), 0..=128_u8)
        .prop_map(|(address, length)| Ipv6Net::new(Ipv6Addr::from(address), length).unwrap().trunc())
}

fn sub_tlvs() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => Just(Vec::new()), 1 => vec(any::<u8>(), 1..60)]
}

fn entry() -> impl Strategy<Value = LspHeader> {
    (lsp_id(), any::<u16>(), any::<u32>(), any::<u16>())
        .prop_map(|(id, lifetime, sequence, checksum)| LspHeader { id, lifetime, sequence, checksum })
}

fn narrow_neighbour() -> impl Strategy<Value = NarrowNeighbour> {
    (node(), 0..64_u8, any::<bool>()).prop_map(|(node, metric, external)| NarrowNeighbour {
        node,
        metric,
        external,
    })
}

fn wide_neighbour() -> impl Strategy<Value = WideNeighbour> {
    (node(), 0..=0xff_ffff_u32, sub_tlvs()).prop_map(|(node, metric, sub_tlvs)| WideNeighbour {
        node,
        metric,
        sub_tlvs,
    })
}

fn narrow_prefix() -> impl Strategy<Value = NarrowPrefix> {
    (net(), 0..64_u8, any::<bool>(), any::<bool>())
        .prop_map(|(net, metric, down, external_metric)| NarrowPrefix { net, metric, down, external_metric })
}

fn wide_prefix() -> impl Strategy<Value = WidePrefix> {
    (net(), any::<u32>(), any::<bool>(), sub_tlvs()).prop_map(|(net, metric, down, sub_tlvs)| WidePrefix {
        net,
        metric,
        down,
        sub_tlvs,
    })
}

fn ipv6_prefix() -> impl Strategy<Value = Ipv6Prefix> {
    (net6(), any::<u32>(), any::<bool>(), any::<bool>(), sub_tlvs()).prop_map(
        |(net, metric, down, external, sub_tlvs)| Ipv6Prefix { net, metric, down, external, sub_tlvs },
    )
}

fn three_way() -> impl Strategy<Value = ThreeWay> {
    let state = select(&[ThreeWayState::Up, ThreeWayState::Initializing, ThreeWayState::Down]);
    (state, option::of((any::<u32>(), option::of((system(), option::of(any::<u32>())))))).prop_map(
        |(state, rest)| ThreeWay {
            state,
            circuit: rest.map(|(circuit, _)| circuit),
            neighbour: rest.and_then(|(_, neighbour)| neighbour).map(|(neighbour, _)| neighbour),
            neighbour_circuit: rest.and_then(|(_, neighbour)| neighbour).and_then(|(_, circuit)| circuit),
        },
    )
}

/// All TLVs but padding and authentication, which the encoders of PDUs add themselves. Lists stay below 255 bytes.
fn tlv() -> impl Strategy<Value = Tlv> {
    let area = vec(any::<u8>(), 1..=13).prop_map(|bytes| AreaAddress::try_from(bytes).unwrap());
    let topology = || 0..0x1000_u16;
    prop_oneof![
        vec(area, 0..4).prop_map(Tlv::AreaAddresses),
        vec(narrow_neighbour(), 0..20).prop_map(Tlv::IsNeighboursNarrow),
        vec(any::<[u8; 6]>(), 0..40).prop_map(Tlv::LanNeighbours),
        vec(entry(), 0..15).prop_map(Tlv::LspEntries),
        (system(), option::of(system()))
            .prop_map(|(originator, received_from)| Tlv::PurgeOriginator { originator, received_from }),
        vec(wide_neighbour(), 0..3).prop_map(Tlv::IsNeighbours),
        vec(narrow_prefix(), 0..20).prop_map(Tlv::InternalReach),
        vec(any::<u8>(), 0..10).prop_map(Tlv::ProtocolsSupported),
        vec(narrow_prefix(), 0..20).prop_map(Tlv::ExternalReach),
        vec(any::<[u8; 4]>().prop_map(Ipv4Addr::from), 0..60).prop_map(Tlv::IpInterfaceAddresses),
        vec(wide_prefix(), 0..3).prop_map(Tlv::ExtendedIp),
        "[a-z0-9.-]{1,255}".prop_map(Tlv::DynamicName),
        (topology(), vec(wide_neighbour(), 0..3))
            .prop_map(|(topology, neighbours)| Tlv::MtIs { topology, neighbours }),
        vec(
            (topology(), any::<bool>(), any::<bool>()).prop_map(|(id, overload, attached)| Topology {
                id,
                overload,
                attached
            }),
            0..5
        )
        .prop_map(Tlv::MultiTopology),
        vec(any::<[u8; 16]>().prop_map(Ipv6Addr::from), 0..15).prop_map(Tlv::Ipv6Interface),
        (topology(), vec(wide_prefix(), 0..3))
            .prop_map(|(topology, prefixes)| Tlv::MtIp { topology, prefixes }),
        vec(ipv6_prefix(), 0..3).prop_map(Tlv::Ipv6Reach),
        (topology(), vec(ipv6_prefix(), 0..3))
            .prop_map(|(topology, prefixes)| Tlv::MtIpv6 { topology, prefixes }),
        three_way().prop_map(Tlv::ThreeWay),
        (select(&[3_u8, 14, 133, 242, 255]), vec(any::<u8>(), 0..256))
            .prop_map(|(code, value)| Tlv::Unknown { code, value }),
    ]
}

fn authentication() -> impl Strategy<Value = Authentication> {
    let algorithm = select(&[
        Algorithm::HmacMd5,
        Algorithm::HmacSha1,
        Algorithm::HmacSha224,
        Algorithm::HmacSha256,
        Algorithm::HmacSha384,
        Algorithm::HmacSha512,
    ]);
    let key = (any::<u16>(), algorithm, "[a-z]{0,200}").prop_map(|(id, algorithm, secret)| Key {
        id,
        algorithm,
        secret: secret.as_str().into(),
    });
    prop_oneof![
        Just(Authentication::None),
        "[a-z]{0,254}".prop_map(|password| Authentication::Password(password.as_str().into())),
        vec(key, 1..4).prop_map(Authentication::Cryptographic),
    ]
}

fn new_lsp() -> impl Strategy<Value = NewLsp> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), level()).prop_map(
        |(partition, attached, overload, is_type)| LspFlags { partition, attached, overload, is_type },
    );
    (level(), lsp_id(), 1_u32.., any::<u16>(), flags)
        .prop_map(|(level, id, sequence, lifetime, flags)| NewLsp { level, id, sequence, lifetime, flags })
}

/// A PDU of any kind as bytes, with some authentication.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let lan = (level(), circuit_type(), system(), any::<u16>(), 0..128_u8, node()).prop_map(
        |(level, circuit_type, source, holding_time, priority, lan_id)| {
            let tlvs = Vec::new();
            LanHello { level, circuit_type, source, holding_time, priority, lan_id, tlvs }
        },
    );
    let point = (circuit_type(), system(), any::<u16>(), any::<u8>()).prop_map(
        |(circuit_type, source, holding_time, circuit_id)| {
            let tlvs = Vec::new();
            PointToPointHello { circuit_type, source, holding_time, circuit_id, tlvs }
        },
    );
    let csnp = (level(), system(), lsp_id(), lsp_id(), vec(entry(), 0..90))
        .prop_map(|(level, source, start, end, entries)| Csnp { level, source, start, end, entries });
    let psnp = (level(), system(), vec(entry(), 0..90)).prop_map(|(level, source, entries)| Psnp {
        level,
        source,
        entries,
    });
    let pdu = prop_oneof![
        (lan, vec(tlv(), 0..8), option::of(any::<u16>()))
            .prop_map(|(hello, tlvs, pad)| { Kind::Lan(LanHello { tlvs, ..hello }, pad) }),
        (point, vec(tlv(), 0..8), option::of(any::<u16>()))
            .prop_map(|(hello, tlvs, pad)| { Kind::Point(PointToPointHello { tlvs, ..hello }, pad) }),
        csnp.prop_map(Kind::Csnp),
        psnp.prop_map(Kind::Psnp),
        (new_lsp(), vec(tlv(), 0..8)).prop_map(|(new, tlvs)| Kind::Lsp(new, tlvs)),
    ];
    (pdu, authentication()).prop_map(|(pdu, authentication)| pdu.written(&authentication))
}

/// What a PDU is written from.
#[derive(Debug, Clone)]
enum Kind {
    Lan(LanHello, Option<u16>),
    Point(PointToPointHello, Option<u16>),
    Csnp(Csnp),
    Psnp(Psnp),
    Lsp(NewLsp, Vec<Tlv>),
}

impl Kind {
    /// The bytes, after making sure that they read back as the PDU and verify.
    fn written(self, authentication: &Authentication) -> Vec<u8> {
        let written = match &self {
            Kind::Lan(hello, pad) => hello.encode(authentication, *pad),
            Kind::Point(hello, pad) => hello.encode(authentication, *pad),
            Kind::Csnp(csnp) => csnp.encode(authentication),
            Kind::Psnp(psnp) => psnp.encode(authentication),
            Kind::Lsp(new, tlvs) => Lsp::build(new, tlvs, authentication).map(|lsp| lsp.bytes().to_vec()),
        }
        .unwrap();
        let frame = Frame::parse(&written).unwrap();
        frame.verify(authentication).unwrap();
        match (self, frame.pdu().unwrap()) {
            (Kind::Lan(hello, pad), Pdu::LanHello(read)) => {
                assert_eq!(hello, read);
                assert_padded(&written, &hello.encode(authentication, None).unwrap(), pad);
            }
            (Kind::Point(hello, pad), Pdu::PointToPointHello(read)) => {
                assert_eq!(hello, read);
                assert_padded(&written, &hello.encode(authentication, None).unwrap(), pad);
            }
            (Kind::Csnp(csnp), Pdu::Csnp(read)) => assert_eq!(csnp, read),
            (Kind::Psnp(psnp), Pdu::Psnp(read)) => assert_eq!(psnp, read),
            (Kind::Lsp(new, tlvs), Pdu::Lsp(read)) => {
                let NewLsp { level, id, sequence, lifetime, flags } = new;
                assert_eq!((read.level(), read.flags(), read.is_purge()), (level, flags, lifetime == 0));
                let LspHeader { checksum, .. } = read.header();
                assert_eq!(read.header(), LspHeader { id, lifetime, sequence, checksum });
                let told: Vec<_> =
                    read.tlvs().filter(|tlv| !matches!(tlv, Tlv::Authentication { .. })).collect();
                assert_eq!(tlvs, told);
                assert_eq!(Lsp::from_hex(&read.to_hex()).unwrap(), read);
                assert_fast_paths_agree(&read);
            }
            (written, read) => panic!("{written:?} was read as {read:?}"),
        }
        written
    }
}

fn assert_padded(padded: &[u8], bare: &[u8], pad: Option<u16>) {
    let Some(size) = pad.map(usize::from) else { return };
    assert_eq!(padded.len(), if size >= bare.len() + 2 { size } else { bare.len() });
}

/// The iterators that do not allocate tell the same as the decoded TLVs.
fn assert_fast_paths_agree(lsp: &Lsp) {
    let tlvs: Vec<_> = lsp.tlvs().collect();
    let mut neighbours = Vec::new();
    let mut nets = Vec::new();
    for tlv in &tlvs {
        match tlv {
            Tlv::IsNeighboursNarrow(narrow) => {
                neighbours.extend(narrow.iter().map(|entry| (entry.node, u32::from(entry.metric), false)));
            }
            Tlv::IsNeighbours(wide) => {
                neighbours.extend(wide.iter().map(|entry| (entry.node, entry.metric, true)));
            }
            Tlv::InternalReach(narrow) | Tlv::ExternalReach(narrow) => {
                nets.extend(narrow.iter().map(|entry| (entry.net, u32::from(entry.metric), entry.down)));
            }
            Tlv::ExtendedIp(wide) => {
                nets.extend(wide.iter().map(|entry| (entry.net, entry.metric, entry.down)));
            }
            _ => {}
        }
    }
    assert!(lsp.neighbours().map(|fast| (fast.node, fast.metric, fast.wide)).eq(neighbours));
    assert!(lsp.prefixes().map(|fast| (fast.net, fast.metric, fast.down)).eq(nets));
    assert!(lsp.areas().eq(tlvs.areas()));
    assert!(lsp.interface_addresses().eq(tlvs.interface_addresses()));
}

/// Reads everything there is to read.
fn read_all(bytes: &[u8], authentication: &Authentication) {
    let Ok(frame) = Frame::parse(bytes) else { return };
    let _ = (frame.verify(authentication), frame.source(), frame.raw_tlvs().map(Tlv::decode).count());
    if let Ok(pdu) = frame.pdu() {
        let _ = format!("{pdu:?}");
    }
    if let Ok(lsp) = Lsp::decode(bytes) {
        let _ = (lsp.neighbours().count(), lsp.prefixes().count(), lsp.areas().count(), lsp.host_name());
        let _ = (lsp.illegal_in_purge(), lsp.with_lifetime(1).header(), lsp.to_string());
    }
}

proptest! {
    #[test]
    fn pdus_read_back_as_they_were_written(bytes in bytes()) {
        prop_assert!(Frame::parse(&bytes).is_ok());
    }

    #[test]
    fn what_follows_a_pdu_is_left_out(bytes in bytes(), padding in vec(any::<u8>(), 0..60)) {
        let received = [bytes.clone(), padding].concat();
        prop_assert_eq!(Frame::parse(&received).unwrap().bytes(), &bytes[..]);
    }

    #[test]
    fn random_bytes_do_not_panic(bytes in vec(any::<u8>(), 0..300), authentication in authentication()) {
        read_all(&bytes, &authentication);
    }

    #[test]
    fn damaged_pdus_do_not_panic(
        mut bytes in bytes(),
        damages in vec((any::<Index>(), any::<u8>()), 1..6),
        length in any::<Index>(),
        authentication in authentication(),
    ) {
        read_all(&bytes[..length.index(bytes.len())], &authentication);
        for (at, byte) in damages {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_all(&bytes, &authentication);
        // Also as an LSP whose checksum nobody looks at.
        if let Some(lifetime) = bytes.get_mut(10..12) {
            lifetime.fill(0);
        }
        read_all(&bytes, &authentication);
    }

    #[test]
    fn any_value_of_any_tlv_reads_and_is_carried(code in any::<u8>(), value in vec(any::<u8>(), 0..256)) {
        let tlv = Tlv::decode(RawTlv { code, value: &value });
        prop_assert_eq!(tlv.code(), code);
        let mut written = Vec::new();
        tlv.encode(&mut written).unwrap();
        let again = Tlv::decode(RawTlv { code, value: &written[2..] });
        prop_assert_eq!(tlv, again);
    }

    #[test]
    fn long_lists_become_several_tlvs_and_lose_nothing(prefixes in vec(wide_prefix(), 0..200)) {
        let mut written = Vec::new();
        Tlv::ExtendedIp(prefixes.clone()).encode(&mut written).unwrap();
        let entries: usize = prefixes.iter().map(WidePrefix::encoded_len).sum();
        let mut read = Vec::new();
        let mut rest = &written[..];
        let mut heads = 0;
        while let [code, length, after @ ..] = rest {
            let (value, after) = after.split_at((*length).into());
            let Tlv::ExtendedIp(more) = Tlv::decode(RawTlv { code: *code, value }) else {
                panic!("TLV {code} in place of 135");
            };
            read.extend(more);
            heads += 2;
            rest = after;
        }
        prop_assert_eq!(read, prefixes);
        prop_assert_eq!(written.len(), heads + entries);
    }

    #[test]
    fn snp_capacity_is_exact(size in 17_u16..3000, authentication in authentication()) {
        let source = SystemId::default();
        let entry = LspHeader { id: LspId::FIRST, lifetime: 1, sequence: 1, checksum: 1 };
        let (start, end) = (LspId::FIRST, LspId::LAST);
        let level = Level::Two;
        let csnp = |entries| {
            let csnp = Csnp { level, source, start, end, entries: vec![entry; entries] };
            csnp.encode(&authentication).unwrap().len()
        };
        let psnp = |entries| {
            Psnp { level, source, entries: vec![entry; entries] }.encode(&authentication).unwrap().len()
        };
        for (capacity, encoded) in [
            (Csnp::capacity(size, &authentication), &csnp as &dyn Fn(usize) -> usize),
            (Psnp::capacity(size, &authentication), &psnp),
        ] {
            prop_assert!(capacity == 0 || encoded(capacity) <= size.into());
            prop_assert!(encoded(capacity + 1) > size.into());
        }
    }

    #[test]
    fn an_lsp_lives_on_without_losing_checksum_or_digest(
        new in new_lsp(),
        tlvs in vec(tlv(), 0..8),
        authentication in authentication(),
        lifetime in any::<u16>(),
    ) {
        let lsp = Lsp::build(&new, &tlvs, &authentication).unwrap();
        let aged = lsp.with_lifetime(lifetime);
        prop_assert_eq!(aged.header(), LspHeader { lifetime, ..lsp.header() });
        prop_assert_eq!(aged.same_content(&lsp), (lifetime == 0) == (new.lifetime == 0));
        prop_assert_eq!(Lsp::decode(aged.bytes()).unwrap(), aged.clone());
        Frame::parse(aged.bytes()).unwrap().verify(&authentication).unwrap();
    }
}

/// Goal: what does not fit is refused with the TLV named, whatever its form.
#[test]
fn what_does_not_fit_is_refused() {
    let too_long = vec![0; 256];
    let node = LanId::default();
    for (tlv, code, length) in [
        (Tlv::Unknown { code: 200, value: too_long.clone() }, 200, 256),
        (Tlv::DynamicName("x".repeat(256)), 137, 256),
        (Tlv::ProtocolsSupported(too_long.clone()), 129, 256),
        (Tlv::Authentication { kind: 1, value: AuthenticationValue(vec![0; 255]) }, 10, 256),
        (Tlv::IsNeighbours(vec![WideNeighbour { node, metric: 1, sub_tlvs: vec![0; 245] }]), 22, 256),
        (
            Tlv::MtIs {
                topology: 2,
                neighbours: vec![WideNeighbour { node, metric: 1, sub_tlvs: too_long }],
            },
            222,
            269,
        ),
    ] {
        assert_eq!(tlv.encoded_len(), Err(BuildError::TlvTooLong { code, length }));
    }
    let new = NewLsp {
        level: Level::One,
        id: LspId::FIRST,
        sequence: 1,
        lifetime: 1200,
        flags: LspFlags::new(Level::One),
    };
    let endless =
        Tlv::LspEntries(vec![LspHeader { id: LspId::FIRST, lifetime: 1, sequence: 1, checksum: 1 }; 5000]);
    assert!(matches!(Lsp::build(&new, &[endless], &Authentication::None), Err(BuildError::PduTooLong(_))));
    assert_eq!(Lsp::build(&new, &[], &Authentication::Cryptographic(vec![])), Err(BuildError::NoKey));
    let password = Authentication::Password("x".repeat(255).as_str().into());
    assert_eq!(Lsp::build(&new, &[], &password), Err(BuildError::TlvTooLong { code: 10, length: 256 }));
}

/// RFC 5303 §3.2: a state; with it a circuit; with both a neighbour; with all three the neighbour's circuit.
#[test]
fn a_three_way_tlv_has_one_of_four_lengths() {
    let value = [0; 20];
    let reads = |length: usize| {
        let raw = RawTlv { code: code::THREE_WAY, value: &value[..length] };
        matches!(Tlv::decode(raw), Tlv::ThreeWay(_))
    };
    assert_eq!((0..=20).filter(|length| reads(*length)).collect::<Vec<_>>(), [1, 5, 11, 15]);
}
