//! Packets that BIRD 2.0.12 and FRR's ospfd 8.4.4 sent to each other in namespaces: what they mean, what
//! authenticates them, and that this crate writes the very same bytes.

#![allow(clippy::unwrap_used)] // a test's panic is its report

use std::net::Ipv4Addr;

use braid_ospf_packet::*;

/// One hello of BIRD with each algorithm: key id, algorithm, secret, packet.
const BIRD_HELLOS: [(u8, Algorithm, &str, &str); 6] = [
    (
        1,
        Algorithm::Md5,
        "braid secret 1",
        "0201002cc00002010000000000000002000001106b0129ebffffff000001020100000004000000000000000099a9dbb1\
         c05b6e8e98339714fdc53fa9",
    ),
    (
        2,
        Algorithm::HmacSha1,
        "braid secret 2",
        "0201002cc00002010000000000000002000002146b0129efffffff000001020100000004000000000000000076eef2b3\
         636beef5416c67a5ecf9f432f366f860",
    ),
    (
        3,
        Algorithm::HmacSha256,
        "braid secret 3",
        "0201002cc00002010000000000000002000003206b0129f4ffffff0000010201000000040000000000000000bd8f052d\
         53eb72237c3614288afe575c9dc7708147b8a2cc8f30b6a1fa0b4f19",
    ),
    (
        4,
        Algorithm::HmacSha384,
        "braid secret 4",
        "0201002cc00002010000000000000002000004306b0129f9ffffff0000010201000000040000000000000000dc8d9efc\
         17b5feead8ccd5322454f83b521367ca5234505d433787ebf565bd18adbbd6d07c22cb3c2e6b016bb3799d8c",
    ),
    (
        5,
        Algorithm::HmacSha512,
        "braid secret 5",
        "0201002cc00002010000000000000002000005406b0129feffffff00000102010000000400000000000000006044cafa\
         40bafb0d0b39df98b301069e93cafa29d8629e32f73e0a2acb860d4944d1663005a6e8b8f623c2c0db427b73b75face6\
         6d978ec89cca98ce31119ada",
    ),
    (
        6,
        Algorithm::HmacSha1,
        "a secret longer than its digest!",
        "0201002cc00002010000000000000002000006146b012a24ffffff00000502010000001400000000000000006f03ad8d\
         1cf21a981e0ef55a7a9ccefd39e64e48",
    ),
];

/// An adjacency of BIRD (10.9.0.1) and ospfd (10.9.0.2) with keyed MD5, key id 7, secret `braidmd5`: last
/// byte of the source, packet.
const MD5_EXCHANGE: &[(u8, &str)] = &[
    (
        1,
        "0201002cc00002010000000000000002000007106b012aecffffff0000010201000000040000000000000000eaa219c0\
         f0b168976b9f239b4ab9594e",
    ),
    (
        2,
        "0201002cc00002020000000000000002000007106b012aedffffff000001020100000004000000000000000072af1fb9\
         dd454478b2a47360a1a0c443",
    ),
    (1, "02020020c00002010000000000000002000007106b012aed05dc42078446f2434c7de56162906100c0906c6e46db24e7"),
    (2, "02020020c00002020000000000000002000007106b012af105dc420702a57b897bcbe01d3ce630991e86a58cf5faf7af"),
    (
        1,
        "02020048c00002010000000000000002000007106b012aef05dc420002a57b8900030205c63364ffc000020180000001\
         3a3f002400034201c0000201c000020180000001b9de00304b68deb0219ad4c8472ca9e6146e26de",
    ),
    (
        2,
        "02020048c00002020000000000000002000007106b012af205dc420102a57b8a00000201c0000202c000020280000002\
         3d6c00240004020500000000c0000202800000010c01002487bc4d60754b814a2f52816bedd0b7ac",
    ),
    (
        1,
        "02030030c00002010000000000000002000007106b012aef00000001c0000202c00002020000000500000000c0000202\
         f4acd95d5ccd8f8fd16d69ffbcd537c5",
    ),
    (
        2,
        "02030030c00002020000000000000002000007106b012af300000001c0000201c000020100000005c63364ffc0000201\
         15898a90fa3c4903bf42adbc197fa518",
    ),
    (
        1,
        "02040070c00002010000000000000002000007106b012aef0000000200044201c0000201c000020180000001b9de0030\
         02000002c0000201ffffffff030000000a090000ffffff000300000a00040205c63364ffc0000201800000013a3f0024\
         ffffff00800027100000000000000000cc2d378165c2e9c57e64b2e75215bc72",
    ),
    (
        2,
        "020400a8c00002020000000000000002000007106b012af40000000400010201c0000202c0000202800000023d6c0024\
         020000010a090000ffffff000300000a0005020500000000c0000202800000010c010024000000008000000100000000\
         0000000000010201c0000202c000020280000003375b0024020000010a0900020a0900020200000a000102020a090002\
         c0000202800000017d7a0020ffffff00c0000201c0000202f376e69b4a375a1ef3b1bf4fc1a919fc",
    ),
    (
        1,
        "02050054c00002010000000000000002000007106b012aef00010201c0000202c0000202800000023d6c002400050205\
         00000000c0000202800000010c010024000102020a090002c0000202800000017d7a0020d8e1faadbafd6cbc3227b9d2\
         fdbbe436",
    ),
    (
        2,
        "02050040c00002020000000000000002000007106b012af600044201c0000201c000020180000001b9de003000040205\
         c63364ffc0000201800000013a3f0024ac1d98d165171d742146ba301bf486b6",
    ),
    (
        1,
        "0204004cc00002010000000000000002000007106b012af10000000100014201c0000201c000020180000002a2df0030\
         02000002c0000201ffffffff030000000a0900020a0900010200000acff2ec168046983105533e83562f2b10",
    ),
    (
        2,
        "0205002cc00002020000000000000002000007106b012af900014201c0000201c000020180000002a2df0030fe08173a\
         20d9623e7c8670d00b3918c0",
    ),
];

/// The same with the simple password `braid`.
const SIMPLE_EXCHANGE: &[(u8, &str)] = &[
    (1, "0201002cc0000201000000003ac900016272616964000000ffffff0000010201000000040000000000000000"),
    (2, "0201002cc0000202000000003ac800016272616964000000ffffff0000010201000000040000000000000000"),
    (1, "02020020c0000201000000001be70001627261696400000005dc4207b2882588"),
    (2, "02020020c00002020000000050d60001627261696400000005dc420751bf5161"),
    (
        1,
        "02020048c000020100000000a6fc0001627261696400000005dc420051bf516100030205c63364ffc000020180000001\
         3a3f002400034201c0000201c000020180000001b9de0030",
    ),
    (
        2,
        "02020048c000020200000000bce70001627261696400000005dc420151bf516200000201c0000202c000020280000002\
         3d6c00240004020500000000c0000202800000010c010024",
    ),
];

/// The same without authentication, up to the flushing of LSAs.
const PLAIN_EXCHANGE: &[(u8, &str)] = &[
    (1, "0201002cc0000201000000003aca00000000000000000000ffffff0000010201000000040000000000000000"),
    (2, "0201002cc0000202000000003ac900000000000000000000ffffff0000010201000000040000000000000000"),
    (1, "02020020c000020100000000ab790000000000000000000005dc4207f2065678"),
    (2, "02020020c0000202000000007f3d0000000000000000000005dc42072da64714"),
    (
        1,
        "02020048c000020100000000d5640000000000000000000005dc42002da6471400030205c63364ffc000020180000001\
         3a3f002400024201c0000201c000020180000001b9de0030",
    ),
    (
        2,
        "02020048c000020200000000eb4e0000000000000000000005dc42012da6471500000201c0000202c000020280000002\
         3d6c00240004020500000000c0000202800000010c010024",
    ),
    (2, "02030030c000020200000000ca8b0000000000000000000000000001c0000201c000020100000005c63364ffc0000201"),
    (1, "02030030c000020100000000f5bc0000000000000000000000000001c0000202c00002020000000500000000c0000202"),
    (
        1,
        "02040070c00002010000000018a4000000000000000000000000000200034201c0000201c000020180000001b9de0030\
         02000002c0000201ffffffff030000000a090000ffffff000300000a00040205c63364ffc0000201800000013a3f0024\
         ffffff00800027100000000000000000",
    ),
    (
        2,
        "02040064c00002020000000019af000000000000000000000000000200010201c0000202c0000202800000023d6c0024\
         020000010a090000ffffff000300000a0005020500000000c0000202800000010c010024000000008000000100000000\
         00000000",
    ),
    (
        2,
        "02040060c0000202000000009739000000000000000000000000000200010201c0000202c000020280000003375b0024\
         020000010a0900020a0900020200000a000102020a090002c0000202800000017d7a0020ffffff00c0000201c0000202",
    ),
    (
        1,
        "02050054c000020100000000dc2a0000000000000000000000010201c0000202c0000202800000023d6c002400050205\
         00000000c0000202800000010c010024000102020a090002c0000202800000017d7a0020",
    ),
    (
        2,
        "02050040c00002020000000091fd0000000000000000000000034201c0000201c000020180000001b9de003000040205\
         c63364ffc0000201800000013a3f0024",
    ),
    (
        1,
        "0204004cc0000201000000007572000000000000000000000000000100014201c0000201c000020180000002a2df0030\
         02000002c0000201ffffffff030000000a0900020a0900010200000a",
    ),
    (2, "0205002cc00002020000000052b40000000000000000000000014201c0000201c000020180000002a2df0030"),
    (
        2,
        "02040040c000020200000000d7fd00000000000000000000000000010e100201c0000202c000020280000003375b0024\
         020000010a0900020a0900020200000a",
    ),
    (
        2,
        "0204003cc000020200000000defa00000000000000000000000000010e1002020a090002c0000202800000017d7a0020\
         ffffff00c0000201c0000202",
    ),
];

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

fn sources(exchange: &[(u8, &str)]) -> Vec<(Ipv4Addr, Vec<u8>)> {
    exchange.iter().map(|(last, digits)| (Ipv4Addr::new(10, 9, 0, *last), bytes(digits))).collect()
}

/// Verifies a packet, reads it, and writes it again: the bytes must be the same.
fn read_and_rewrite(packet: &[u8], auth: &Authentication, source: Ipv4Addr) -> Body {
    let frame = Frame::parse(packet).unwrap();
    frame.verify(auth, source, 0).unwrap();
    let body = frame.body().unwrap();
    let header = PacketHeader { router_id: frame.router_id(), area_id: frame.area_id() };
    let written = encode(header, &body, auth, source, frame.sequence().unwrap_or(0), 0).unwrap();
    assert_eq!(hex::encode(written), hex::encode(packet));
    body
}

/// Goal: BIRD's digests are ours, with each algorithm, also with a secret longer than the digest.
#[test]
fn hellos_of_bird_verify_with_every_algorithm() {
    let source = Ipv4Addr::new(10, 9, 0, 1);
    for (id, algorithm, secret, digits) in BIRD_HELLOS {
        let packet = bytes(digits);
        let auth = Authentication::Cryptographic(Key::new(id, algorithm, secret).into());
        let body = read_and_rewrite(&packet, &auth, source);
        let Body::Hello(hello) = body else { panic!("not a hello") };
        assert_eq!((hello.mask, hello.priority), (Ipv4Addr::new(255, 255, 255, 0), 1));
        assert!(hello.options.contains(Options::E) && hello.neighbours.is_empty());
        let frame = Frame::parse(&packet).unwrap();
        assert_eq!((frame.key_id(), frame.sequence().map(|number| number >> 16)), (Some(id), Some(0x6b01)));

        // Another secret or another algorithm does not.
        let verify = |key: Key| frame.verify(&Authentication::Cryptographic(key.into()), source, 0);
        assert_eq!(verify(Key::new(id, algorithm, "another")), Err(AuthError::Digest(id)));
        let other = if algorithm == Algorithm::Md5 { Algorithm::HmacSha1 } else { Algorithm::Md5 };
        assert_eq!(verify(Key::new(id, other, secret)), Err(AuthError::DigestLength(id)));
        assert_eq!(verify(Key::new(id + 1, algorithm, secret)), Err(AuthError::UnknownKey(id)));
    }
}

/// Goal: a whole adjacency with keyed MD5, in both directions: ospfd's and BIRD's packets verify and are
/// written alike.
#[test]
fn an_exchange_under_md5_is_written_alike() {
    let auth = Authentication::Cryptographic(Key::new(7, Algorithm::Md5, "braidmd5").into());
    let packets = sources(MD5_EXCHANGE);
    let kinds: std::collections::BTreeSet<_> =
        packets.iter().map(|(source, packet)| read_and_rewrite(packet, &auth, *source).kind()).collect();
    assert_eq!(kinds.len(), 5, "all five types are in the recording");
}

/// Goal: simple passwords of both daemons.
#[test]
fn an_exchange_under_a_password_is_written_alike() {
    for (source, packet) in sources(SIMPLE_EXCHANGE) {
        read_and_rewrite(&packet, &Authentication::Simple(Password::new(b"braid")), source);
        let frame = Frame::parse(&packet).unwrap();
        let wrong = Authentication::Simple(Password::new(b"braids"));
        assert_eq!(frame.verify(&wrong, source, 0), Err(AuthError::Password));
    }
}

/// Goal: the LSAs of both daemons, of every type that a small network has: checksums, contents, and the same
/// bytes from us.
#[test]
fn lsas_of_both_daemons_are_built_alike() {
    let mut types = std::collections::BTreeSet::new();
    let mut flushed = 0;
    for (source, packet) in sources(PLAIN_EXCHANGE) {
        let Body::LinkStateUpdate(update) = read_and_rewrite(&packet, &Authentication::None, source) else {
            continue;
        };
        assert!(update.rejected.is_empty());
        for lsa in &update.lsas {
            let header = lsa.header();
            let (id, router) = (header.key.link_state_id, header.key.advertising_router);
            let built = Lsa::build(header.age, header.options, id, router, header.sequence, &lsa.body());
            assert_eq!(built.as_ref(), Ok(lsa));
            types.insert(header.key.ls_type);
            flushed += usize::from(header.is_max_age());
        }
    }
    assert_eq!(types.into_iter().collect::<Vec<_>>(), [LsType::Router, LsType::Network, LsType::External]);
    assert!(flushed > 0, "ospfd flushed its network-LSA when it ended");
}

/// Goal: an LSA prints as one line that says all about its instance. (BIRD sets host bits in link state ids:
/// RFC 2328 §E.)
#[test]
fn a_recorded_lsa_prints_as_one_line() {
    let update = sources(PLAIN_EXCHANGE).into_iter().find_map(|(source, packet)| {
        match read_and_rewrite(&packet, &Authentication::None, source) {
            Body::LinkStateUpdate(update) => Some(update),
            _ => None,
        }
    });
    let lsa = &update.expect("an update").lsas[1];
    assert_eq!(
        lsa.to_string(),
        "external 198.51.100.255 by 192.0.2.1, sequence 0x80000001, age 4 s, options E, checksum 0x3a3f, 36 bytes"
    );
    let forwarding = Ipv4Addr::UNSPECIFIED;
    assert_eq!(
        lsa.body(),
        LsaBody::External(ExternalLsa { mask: 24, type2: true, metric: 10_000, forwarding, tag: 0 })
    );
}
