//! Everything that can be written reads back the same, and nothing that arrives can do harm.

#![allow(clippy::unwrap_used)] // a test's panic is its report

use std::net::Ipv4Addr;

use braid_ospf_packet::*;
use proptest::{collection::vec, prelude::*};

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);

fn address() -> impl Strategy<Value = Ipv4Addr> + Clone {
    any::<u32>().prop_map(Ipv4Addr::from)
}

fn router_id() -> impl Strategy<Value = RouterId> + Clone {
    address().prop_map(RouterId)
}

fn link() -> impl Strategy<Value = RouterLink> {
    let kind = prop::sample::select(vec![
        LinkKind::PointToPoint,
        LinkKind::Transit,
        LinkKind::Stub,
        LinkKind::Virtual,
    ]);
    (kind, address(), address(), any::<u16>()).prop_map(|(kind, id, data, metric)| RouterLink {
        kind,
        id,
        data,
        metric,
    })
}

fn external() -> impl Strategy<Value = ExternalLsa> {
    (0..=32_u8, any::<bool>(), 0..=LS_INFINITY, address(), any::<u32>()).prop_map(
        |(mask, type2, metric, forwarding, tag)| ExternalLsa { mask, type2, metric, forwarding, tag },
    )
}

fn lsa_body() -> impl Strategy<Value = LsaBody> {
    let opaque = prop::sample::select(vec![LsType::OpaqueLink, LsType::OpaqueArea, LsType::OpaqueAs]);
    prop_oneof![
        (any::<u8>(), vec(link(), 0..12))
            .prop_map(|(flags, links)| LsaBody::Router(RouterLsa { flags: RouterFlags(flags), links })),
        (0..=32_u8, vec(router_id(), 0..12))
            .prop_map(|(mask, routers)| LsaBody::Network(NetworkLsa { mask, routers })),
        (0..=32_u8, 0..=LS_INFINITY).prop_map(|(mask, metric)| LsaBody::Summary(SummaryLsa { mask, metric })),
        (0..=LS_INFINITY).prop_map(|metric| LsaBody::AsbrSummary(SummaryLsa { mask: 0, metric })),
        external().prop_map(LsaBody::External),
        external().prop_map(LsaBody::Nssa),
        (opaque, vec(any::<u8>(), 0..64)).prop_map(|(ls_type, data)| LsaBody::Opaque { ls_type, data }),
    ]
}

prop_compose! {
    fn lsa()(
        age in 0..=MAX_AGE, options: u8, id in address(), router in router_id(), sequence: i32, body in lsa_body(),
    ) -> Lsa {
        Lsa::build(age, Options(options), id, router, SequenceNumber(sequence), &body).unwrap()
    }
}

fn headers() -> impl Strategy<Value = Vec<LsaHeader>> {
    vec(lsa().prop_map(|lsa| lsa.header()), 0..8)
}

prop_compose! {
    fn hello()(
        mask in address(), hello_interval: u16, options: u8, priority: u8, dead_interval: u32,
        designated_router in address(), backup in address(), neighbours in vec(router_id(), 0..20),
    ) -> Hello {
        let options = Options(options);
        Hello { mask, hello_interval, options, priority, dead_interval, designated_router, backup, neighbours }
    }
}

prop_compose! {
    fn description()(
        mtu: u16, options: u8, initial: bool, more: bool, master: bool, sequence: u32, headers in headers(),
    ) -> DatabaseDescription {
        DatabaseDescription { mtu, options: Options(options), initial, more, master, sequence, headers, unknown: 0 }
    }
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        hello().prop_map(Body::Hello),
        description().prop_map(Body::DatabaseDescription),
        headers().prop_map(|headers| Body::LinkStateRequest(LinkStateRequest {
            keys: headers.iter().map(|header| header.key).collect(),
            unknown: 0
        })),
        vec(lsa(), 0..8).prop_map(|lsas| Body::LinkStateUpdate(LinkStateUpdate { lsas, rejected: vec![] })),
        headers().prop_map(|headers| Body::LinkStateAck(LinkStateAck { headers, unknown: 0 })),
    ]
}

fn authentication() -> impl Strategy<Value = Authentication> {
    let algorithm = prop::sample::select(vec![
        Algorithm::Md5,
        Algorithm::HmacSha1,
        Algorithm::HmacSha256,
        Algorithm::HmacSha384,
        Algorithm::HmacSha512,
    ]);
    prop_oneof![
        Just(Authentication::None),
        any::<[u8; 8]>().prop_map(|password| Authentication::Simple(password.into())),
        (any::<u8>(), algorithm, any::<bool>(), vec(any::<u8>(), 0..80)).prop_map(
            |(id, algorithm, extended, secret)| {
                let key = Key { extended, ..Key::new(id, algorithm, Secret::new(secret)) };
                Authentication::Cryptographic(key.into())
            }
        ),
    ]
}

fn header() -> PacketHeader {
    PacketHeader { router_id: [192, 0, 2, 1].into(), area_id: [0, 0, 0, 7].into() }
}

proptest! {
    /// An LSA is the same after bytes, hexadecimal digits and a snapshot; its age can change without its
    /// checksum.
    #[test]
    fn lsas_read_back_the_same(
        body in lsa_body(), id in address(), router in router_id(), sequence: i32, age in 0..=MAX_AGE, other in 0..=MAX_AGE,
    ) {
        let lsa = Lsa::build(age, Options::E, id, router, SequenceNumber(sequence), &body).unwrap();
        prop_assert_eq!(lsa.body(), body.clone());
        prop_assert_eq!(lsa.bytes().len(), LsaHeader::LENGTH + body.length());
        prop_assert_eq!(lsa.key(), LsaKey::new(body.ls_type(), id, router));
        prop_assert_eq!(&Lsa::decode(&[lsa.bytes(), &[1, 2, 3]].concat()).unwrap(), &lsa);
        prop_assert_eq!(&Lsa::from_hex(&lsa.to_hex()).unwrap(), &lsa);
        let snapshot = postcard::to_stdvec(&lsa).unwrap();
        prop_assert_eq!(&postcard::from_bytes::<Lsa>(&snapshot).unwrap(), &lsa);
        let aged = lsa.with_age(other);
        prop_assert_eq!((lsa.age(), aged.age()), (age, other));
        prop_assert!(aged.is_intact());
        prop_assert_eq!(Lsa::decode(aged.bytes()).unwrap(), aged);
    }

    /// The views say what the parsed body says.
    #[test]
    fn views_agree_with_bodies(lsa in lsa()) {
        match lsa.body() {
            LsaBody::Router(router) => {
                let view = lsa.router().unwrap();
                prop_assert_eq!(view.flags(), router.flags);
                prop_assert_eq!(usize::from(view.link_count()), router.links.len());
                prop_assert_eq!(view.links().collect::<Vec<_>>(), router.links);
                prop_assert!(lsa.network().is_none());
            }
            LsaBody::Network(network) => {
                let view = lsa.network().unwrap();
                prop_assert_eq!(view.mask(), network.mask);
                prop_assert_eq!(view.routers().collect::<Vec<_>>(), network.routers);
                prop_assert!(lsa.router().is_none());
            }
            _ => prop_assert!(lsa.router().is_none() && lsa.network().is_none()),
        }
    }

    /// A packet is the same after bytes, with each authentication; another secret, source or byte is noticed.
    #[test]
    fn packets_read_back_the_same(body in body(), auth in authentication(), sequence: u64, flip: prop::sample::Index) {
        let mut packet = encode(header(), &body, &auth, SOURCE, sequence, 0).unwrap();
        let frame = Frame::parse(&packet).unwrap();
        prop_assert_eq!((frame.router_id(), frame.area_id(), frame.kind()), (header().router_id, header().area_id, body.kind()));
        prop_assert_eq!(frame.verify(&auth, SOURCE, 0), Ok(()));
        prop_assert_eq!(&frame.body().unwrap(), &body);
        prop_assert!(packet.len() <= HEADER_LENGTH + body.length() + auth.overhead());
        match frame.auth_type() {
            AuthType::Extended => prop_assert_eq!(frame.sequence(), Some(sequence)),
            AuthType::Cryptographic => prop_assert_eq!(frame.sequence(), Some(sequence & 0xffff_ffff)),
            _ => prop_assert_eq!(frame.sequence(), None),
        }
        let at = flip.index(packet.len());
        packet[at] ^= 1;
        let passed = Frame::parse(&packet).is_ok_and(|frame| frame.verify(&auth, SOURCE, 0).is_ok());
        let unprotected = matches!(auth, Authentication::None) && (16..24).contains(&at);
        prop_assert_eq!(passed, unprotected, "byte {}", at);
    }

    /// Each cut of a packet is an error of the frame, since the length field says that more must follow.
    #[test]
    fn cut_packets_are_errors(body in body(), auth in authentication()) {
        let packet = encode(header(), &body, &auth, SOURCE, 1, 0).unwrap();
        for length in 0..packet.len() {
            let accepted = Frame::parse(&packet[..length]).is_ok_and(|frame| frame.verify(&auth, SOURCE, 0).is_ok());
            prop_assert!(!accepted, "cut to {} bytes", length);
        }
    }

    /// Each cut of a packet's contents, with a length field that fits, is an error or fewer list entries:
    /// never a panic.
    #[test]
    fn cut_bodies_are_errors_or_shorter_lists(body in body()) {
        let packet = encode(header(), &body, &Authentication::None, SOURCE, 1, 0).unwrap();
        for length in HEADER_LENGTH..packet.len() {
            let cut = resealed(&packet[..length]);
            let entry = match &body {
                Body::Hello(_) => 4,
                Body::LinkStateRequest(_) => LinkStateRequest::KEY_LENGTH,
                Body::DatabaseDescription(_) | Body::LinkStateAck(_) => LsaHeader::LENGTH,
                Body::LinkStateUpdate(_) => usize::MAX,
            };
            let fixed = match &body {
                Body::Hello(_) => 20,
                Body::DatabaseDescription(_) => DatabaseDescription::FIXED_LENGTH,
                _ => 0,
            };
            let whole_entries = (length - HEADER_LENGTH).checked_sub(fixed).is_some_and(|rest| rest % entry == 0);
            let whole_entries = whole_entries && !matches!(body, Body::LinkStateUpdate(_));
            prop_assert_eq!(Frame::parse(&cut).unwrap().body().is_ok(), whole_entries, "cut to {} bytes", length);
        }
    }

    /// Each cut of an LSA is an error, also with a length field and a checksum that fit (but for lists that
    /// end earlier).
    #[test]
    fn cut_lsas_are_errors(lsa in lsa()) {
        for length in 0..lsa.bytes().len() {
            prop_assert!(Lsa::decode(&lsa.bytes()[..length]).is_err());
        }
    }

    /// Bytes from nowhere do not panic.
    #[test]
    fn noise_is_harmless(noise in vec(any::<u8>(), 0..200), kind in 1..=5_u8) {
        let _ = Lsa::decode(&noise);
        let _ = Frame::parse(&noise);
        let mut packet = [&[0; HEADER_LENGTH][..], &noise].concat();
        packet[0] = 2;
        packet[1] = kind;
        let packet = resealed(&packet);
        let _ = Frame::parse(&packet).unwrap().body();
    }

    /// A changed byte of a packet whose checksum was made right again does not panic either, nor does
    /// anything that it holds.
    #[test]
    fn changed_packets_are_harmless(body in body(), at: prop::sample::Index, byte: u8) {
        let mut packet = encode(header(), &body, &Authentication::None, SOURCE, 1, 0).unwrap();
        let at = at.index(packet.len() - HEADER_LENGTH + 1) + HEADER_LENGTH;
        if let Some(changed) = packet.get_mut(at) {
            *changed = byte;
        }
        if let Ok(Body::LinkStateUpdate(update)) = Frame::parse(&resealed(&packet)).unwrap().body() {
            for lsa in &update.lsas {
                let _ = (format!("{lsa:?}"), lsa.body());
            }
        }
    }
}

/// The packet, not authenticated, with length and checksum made right.
fn resealed(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let length = u16::try_from(packet.len()).unwrap();
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[12..24].fill(0);
    let (pairs, rest) = packet.as_chunks::<2>();
    let pairs = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair)));
    let mut sum = pairs.sum::<u32>() + rest.iter().map(|byte| u32::from(*byte) << 8).sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[12..14].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    packet
}

/// An LSA with this type and body whose length and checksum are right, whatever its contents are.
fn crafted(ls_type: u8, body: &[u8]) -> Vec<u8> {
    // An opaque LSA may hold any bytes: its checksum serves another type after the difference is made up for.
    let body = LsaBody::Opaque { ls_type: LsType::OpaqueArea, data: body.to_vec() };
    let lsa = Lsa::build(1, Options::E, SOURCE, RouterId(SOURCE), SequenceNumber::INITIAL, &body).unwrap();
    let mut bytes = lsa.bytes().to_vec();
    bytes[3] = ls_type;
    bytes[16..18].fill(0);
    let (mut c0, mut c1) = (0_u32, 0_u32);
    for byte in &bytes[2..] {
        c0 = (c0 + u32::from(*byte)) % 255;
        c1 = (c1 + c0) % 255;
    }
    let behind = (bytes.len() - 2 - 15) as u32;
    let x = (behind * c0 + 255 - c1) % 255;
    bytes[16] = if x == 0 { 255 } else { x as u8 };
    bytes[17] = match (510 - c0 - u32::from(bytes[16])) % 255 {
        0 => 255,
        y => y as u8,
    };
    bytes
}

/// Goal: each way in which an LSA's body can be malformed is named, with the byte where it is.
#[test]
fn malformed_lsas_are_named() {
    use Fault::{LinkKind as Kind, Mask, Trailing, Truncated, UnknownType};
    let link =
        |kind, tos| [&[1, 1, 1, 1, 2, 2, 2, 2, kind, tos, 0, 1][..], &vec![9; 4 * usize::from(tos)]].concat();
    let router = |count, links: &[Vec<u8>]| [vec![0, 0, 0, count], links.concat()].concat();
    let cases: Vec<(&str, u8, Vec<u8>, u32, Fault)> = vec![
        ("router: empty", 1, vec![], 20, Truncated),
        ("router: no links where one is promised", 1, router(1, &[]), 24, Truncated),
        ("router: half a link", 1, [router(1, &[]), vec![0; 6]].concat(), 30, Truncated),
        ("router: more links than promised", 1, router(1, &[link(1, 0), link(2, 0)]), 36, Trailing),
        ("router: link type 0", 1, router(1, &[link(0, 0)]), 32, Kind(0)),
        ("router: link type 5", 1, router(2, &[link(3, 2), link(5, 0)]), 52, Kind(5)),
        (
            "router: metrics for types of service missing",
            1,
            router(1, &[link(1, 3)[..20].to_vec()]),
            44,
            Truncated,
        ),
        ("network: empty", 2, vec![], 20, Truncated),
        ("network: mask with holes", 2, vec![255, 0, 255, 0, 1, 1, 1, 1], 20, Mask),
        ("network: half a router", 2, vec![255, 255, 255, 0, 1, 1], 26, Truncated),
        ("summary: no metric", 3, vec![255, 255, 255, 0], 24, Truncated),
        ("summary: mask with holes", 3, vec![255, 255, 1, 0, 0, 0, 0, 1], 20, Mask),
        ("summary: half a metric behind", 3, vec![255, 255, 255, 0, 0, 0, 0, 1, 5], 29, Truncated),
        ("asbr-summary: no metric", 4, vec![0; 4], 24, Truncated),
        ("external: no tag", 5, vec![0; 12], 32, Truncated),
        ("external: mask with holes", 5, [vec![0, 255, 0, 0], vec![0; 12]].concat(), 20, Mask),
        ("external: half a type of service", 5, vec![0; 20], 40, Truncated),
        ("nssa: empty", 7, vec![], 20, Truncated),
        ("group membership", 6, vec![0; 4], 3, UnknownType(6)),
        ("external attributes", 8, vec![0; 4], 3, UnknownType(8)),
        ("type 0", 0, vec![0; 4], 3, UnknownType(0)),
        ("type 255", 255, vec![0; 4], 3, UnknownType(255)),
    ];
    for (name, ls_type, body, offset, fault) in cases {
        let error = Lsa::decode(&crafted(ls_type, &body)).expect_err(name);
        assert_eq!((error.offset, error.fault), (offset, fault), "{name}: {error}");
    }
}

/// Goal: what others may send although we do not is read: metrics for types of service, masks in type 4.
#[test]
fn unusual_lsas_are_read() {
    let tos = [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 1, 2, 0, 7, 8, 0, 0, 1, 16, 0, 0, 2];
    let lsa = Lsa::decode(&crafted(1, &tos)).unwrap();
    let links: Vec<_> = lsa.router().unwrap().links().map(|link| link.metric).collect();
    assert_eq!(links, [7]);
    let lsa = Lsa::decode(&crafted(4, &[255, 1, 255, 1, 0, 0, 0, 9])).unwrap();
    assert_eq!(lsa.body(), LsaBody::AsbrSummary(SummaryLsa { mask: 0, metric: 9 }));
    let lsa = Lsa::decode(&crafted(5, &[[0; 16], [9; 16]].concat()[..28])).unwrap();
    assert!(matches!(lsa.body(), LsaBody::External(ExternalLsa { mask: 0, .. })));
}

/// Goal: an age over MaxAge, DoNotAge included, means MaxAge, whatever its number is.
#[test]
fn ages_over_max_age_are_max_age() {
    let mut bytes = crafted(10, &[1, 2, 3, 4]);
    for age in [3601_u16, 0x8000, 0x8001, 0xffff] {
        bytes[..2].copy_from_slice(&age.to_be_bytes());
        let lsa = Lsa::decode(&bytes).unwrap();
        assert!(lsa.age() == MAX_AGE && lsa.is_intact(), "{age}");
    }
}

/// Goal: RFC 2328 §13 (1), (2): a bad LSA spoils itself only, but an impossible length spoils the update.
#[test]
fn a_bad_lsa_in_an_update_spoils_itself_only() {
    let good = crafted(2, &[255, 255, 255, 0, 1, 1, 1, 1]);
    let mut broken = good.clone();
    broken[16] ^= 1;
    let unknown = crafted(6, &[0; 4]);
    let update = |lsas: &[&[u8]], count: u8| {
        let head = encode(
            header(),
            &Body::LinkStateUpdate(LinkStateUpdate::default()),
            &Authentication::None,
            SOURCE,
            0,
            0,
        );
        let mut packet = head.unwrap();
        packet[27] = count;
        packet.extend(lsas.concat());
        resealed(&packet)
    };
    let packet = update(&[&broken, &good, &unknown, &good], 4);
    let Ok(Body::LinkStateUpdate(read)) = Frame::parse(&packet).unwrap().body() else {
        panic!("not an update")
    };
    assert_eq!(read.lsas.len(), 2);
    let faults: Vec<_> = read.rejected.iter().map(|error| (error.offset, error.fault)).collect();
    assert_eq!(faults, [(28 + 16, Fault::Checksum), (28 + 28 + 28 + 3, Fault::UnknownType(6))]);

    let mut short = good.clone();
    short[18..20].copy_from_slice(&[0, 19]);
    for (lsas, count, offset, fault) in [
        (vec![&good[..], &short], 2, 28 + 28 + 18, Fault::Length(19)),
        (vec![&good, &good[..27]], 2, 28 + 28 + 18, Fault::Length(28)),
        (vec![&good], 2, 56, Fault::Truncated),
        (vec![&good], 0, 28, Fault::Trailing),
    ] {
        let error = Frame::parse(&update(&lsas, count)).unwrap().body().unwrap_err();
        assert_eq!((error.offset, error.fault), (offset, fault), "{error}");
    }
}

/// Goal: each way in which a packet header can be malformed is named, with the byte where it is.
#[test]
fn malformed_headers_are_named() {
    let hello = Body::LinkStateAck(LinkStateAck::default());
    let good = encode(header(), &hello, &Authentication::None, SOURCE, 0, 0).unwrap();
    for (at, byte, offset, fault) in [
        (0, 3, 0, Fault::Version(3)),
        (1, 0, 1, Fault::UnknownType(0)),
        (1, 6, 1, Fault::UnknownType(6)),
        (3, 23, 2, Fault::Length(23)),
        (3, 25, 2, Fault::Length(25)),
        (12, 99, 12, Fault::Checksum),
        (15, 4, 14, Fault::UnknownAuthType(4)),
        (15, 3, 2, Fault::Length(24)),
    ] {
        let mut bad = good.clone();
        bad[at] = byte;
        let error = Frame::parse(&bad).unwrap_err();
        assert_eq!((error.item, error.offset, error.fault), (Item::PacketHeader, offset, fault), "byte {at}");
    }
    for length in 0..good.len() {
        assert!(Frame::parse(&good[..length]).is_err());
    }
    assert!(Frame::parse(&[good, vec![7; 30]].concat()).is_ok(), "a block behind the packet is ignored");
}

/// Goal: entries of unknown LS type in lists are counted, the others are kept.
#[test]
fn unknown_types_in_lists_are_counted() {
    let key = LsaKey::new(LsType::Router, SOURCE, RouterId(SOURCE));
    let request = Body::LinkStateRequest(LinkStateRequest { keys: vec![key; 3], unknown: 0 });
    let mut packet = encode(header(), &request, &Authentication::None, SOURCE, 0, 0).unwrap();
    packet[HEADER_LENGTH + 3] = 6;
    packet[HEADER_LENGTH + 12 + 2] = 1;
    let read = Frame::parse(&resealed(&packet)).unwrap().body().unwrap();
    assert_eq!(read, Body::LinkStateRequest(LinkStateRequest { keys: vec![key], unknown: 2 }));

    let headers = vec![Lsa::decode(&crafted(10, &[])).unwrap().header(); 2];
    let ack = Body::LinkStateAck(LinkStateAck { headers: headers.clone(), unknown: 0 });
    let mut packet = encode(header(), &ack, &Authentication::None, SOURCE, 0, 0).unwrap();
    packet[HEADER_LENGTH + 3] = 99;
    let read = Frame::parse(&resealed(&packet)).unwrap().body().unwrap();
    assert_eq!(read, Body::LinkStateAck(LinkStateAck { headers: headers[1..].to_vec(), unknown: 1 }));
}

/// Goal: what does not fit is an error of the builder, not a wrapped length.
#[test]
fn what_is_too_long_is_not_built() {
    let build =
        |body: &LsaBody| Lsa::build(0, Options::E, SOURCE, RouterId(SOURCE), SequenceNumber::INITIAL, body);
    let opaque = |length| LsaBody::Opaque { ls_type: LsType::OpaqueArea, data: vec![0; length] };
    let longest = build(&opaque(Lsa::MAX_LENGTH - LsaHeader::LENGTH)).unwrap();
    assert!(matches!(build(&opaque(Lsa::MAX_LENGTH)), Err(BuildError::TooLong { .. })));
    let links = vec![RouterLink { kind: LinkKind::Stub, id: SOURCE, data: SOURCE, metric: 1 }; 66_000];
    let router = LsaBody::Router(RouterLsa { flags: RouterFlags::NONE, links });
    assert!(matches!(build(&router), Err(BuildError::TooLong { .. })));

    let key = Key { extended: true, ..Key::new(1, Algorithm::HmacSha512, "x") };
    let auth = Authentication::Cryptographic(key.into());
    let update = |lsas| Body::LinkStateUpdate(LinkStateUpdate { lsas, rejected: vec![] });
    assert!(encode(header(), &update(vec![longest.clone()]), &auth, SOURCE, 0, 0).is_ok());
    let error = encode(header(), &update(vec![longest.clone(), longest]), &auth, SOURCE, 0, 0);
    assert!(matches!(error, Err(BuildError::TooLong { .. })));
    assert_eq!(room(1500, &Authentication::None), 1456);
    assert_eq!(room(1500, &auth), 1456 - 64 - 4);
    assert_eq!(room(0, &auth), 28, "even where nothing fits, one LSA header goes");
}

/// Goal: values that do not fit their fields are errors of the builder.
#[test]
fn what_does_not_fit_a_field_is_not_built() {
    let build =
        |age, body| Lsa::build(age, Options::E, SOURCE, RouterId(SOURCE), SequenceNumber::INITIAL, &body);
    let summary = |mask, metric| LsaBody::Summary(SummaryLsa { mask, metric });
    assert_eq!(build(0, summary(33, 1)), Err(BuildError::PrefixLength(33)));
    assert_eq!(build(0, summary(32, 0x100_0000)), Err(BuildError::Metric(0x100_0000)));
    assert_eq!(build(3601, summary(32, 1)), Err(BuildError::Age(3601)));
    let opaque = LsaBody::Opaque { ls_type: LsType::Router, data: vec![] };
    assert_eq!(build(0, opaque), Err(BuildError::NotOpaque(LsType::Router)));
}

/// Goal: hexadecimal lines that are none are errors with the byte where it goes wrong.
#[test]
fn bad_hexadecimal_lines_are_errors() {
    let lsa = Lsa::decode(&crafted(2, &[255, 255, 255, 0])).unwrap();
    assert_eq!(Lsa::from_hex(&format!("  {}\n", lsa.to_hex())).unwrap(), lsa);
    let error = Lsa::from_hex("00zz").unwrap_err();
    assert_eq!((error.offset, error.fault), (1, Fault::Hex));
    assert_eq!(Lsa::from_hex("000").unwrap_err().fault, Fault::Hex);
    assert_eq!(Lsa::from_hex(&format!("{}00", lsa.to_hex())).unwrap_err().fault, Fault::Trailing);
}
