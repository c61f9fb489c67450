//! Which key signs, which verifies, and that no secret is ever printed.

#![allow(clippy::unwrap_used)] // a test's panic is its report

use std::net::Ipv4Addr;

use braid_ospf_packet::*;

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);

fn header() -> PacketHeader {
    PacketHeader { router_id: [192, 0, 2, 1].into(), area_id: AreaId::BACKBONE }
}

fn ack() -> Body {
    Body::LinkStateAck(LinkStateAck::default())
}

fn key(id: u8, send: (u64, u64), accept: (u64, u64)) -> Key {
    let validity = |(from, until)| Validity { from, until };
    let secret = format!("secret number {id}");
    Key {
        send: validity(send),
        accept: validity(accept),
        ..Key::new(id, Algorithm::HmacSha256, secret.as_str())
    }
}

fn chain(keys: impl IntoIterator<Item = Key>) -> Authentication {
    Authentication::Cryptographic(KeyChain::new(keys))
}

fn signed(auth: &Authentication, sequence: u64, now: u64) -> Vec<u8> {
    encode(header(), &ack(), auth, SOURCE, sequence, now).unwrap()
}

/// Goal: RFC 2328 §D.3: two routers change from key 1 to key 2 at different moments, and no packet is
/// refused.
#[test]
fn a_key_is_rolled_over_without_an_outage() {
    const END: u64 = u64::MAX;
    let old = key(1, (0, END), (0, 1_100));
    let new = key(2, (1_000, END), (900, END));
    let (ahead, behind) = (chain([old.clone(), new.clone()]), chain([new.clone(), old.clone()]));
    for now in [0, 899, 900, 999, 1_000, 1_050, 1_099] {
        // The neighbour's clock is 50 s late.
        let late = u64::saturating_sub(now, 50);
        let packet = signed(&ahead, 1, now);
        let expected = if now < 1_000 { 1 } else { 2 };
        assert_eq!(Frame::parse(&packet).unwrap().key_id(), Some(expected), "at {now}");
        assert_eq!(Frame::parse(&packet).unwrap().verify(&behind, SOURCE, late), Ok(()), "at {now}");
        let packet = signed(&behind, 1, late);
        assert_eq!(Frame::parse(&packet).unwrap().verify(&ahead, SOURCE, now), Ok(()), "at {now}");
    }
    let packet = signed(&chain([old]), 1, 0);
    let frame = Frame::parse(&packet).unwrap();
    assert_eq!(frame.verify(&ahead, SOURCE, 1_100), Err(AuthError::KeyNotValid(1)), "the old key is over");
    let packet = signed(&chain([new]), 1, 0);
    let frame = Frame::parse(&packet).unwrap();
    assert_eq!(frame.verify(&ahead, SOURCE, 899), Err(AuthError::KeyNotValid(2)), "the new key is not yet");
}

/// Goal: RFC 2328 §D.3: when the last key has expired it goes on, since anything else would end routing; an
/// operator is told.
#[test]
fn the_last_key_goes_on_after_its_end() {
    let keys = [key(1, (0, 10), (0, 10)), key(2, (5, 20), (5, 20)), key(3, (90, 99), (90, 99))];
    let auth = chain(keys);
    let Authentication::Cryptographic(ring) = &auth else { unreachable!() };
    assert!(!ring.expired(19) && ring.expired(20));
    let packet = signed(&auth, 1, 50);
    let frame = Frame::parse(&packet).unwrap();
    assert_eq!(frame.key_id(), Some(2), "not one whose time has not come");
    assert_eq!(frame.verify(&auth, SOURCE, 50), Ok(()));
    assert_eq!(frame.verify(&auth, SOURCE, 95), Err(AuthError::KeyNotValid(2)), "until another is valid");
    let empty = chain([]);
    assert_eq!(encode(header(), &ack(), &empty, SOURCE, 0, 0), Err(BuildError::NoKey));
    assert_eq!(frame.verify(&empty, SOURCE, 0), Err(AuthError::UnknownKey(2)));
}

/// Goal: two keys may share an id while both are configured: the digest tells.
#[test]
fn keys_with_one_id_are_tried_in_turn() {
    let other = Key { secret: "another".into(), ..key(1, (0, 9), (0, 9)) };
    let packet = signed(&chain([key(1, (0, 9), (0, 9))]), 1, 0);
    let frame = Frame::parse(&packet).unwrap();
    for auth in
        [chain([other.clone(), key(1, (0, 9), (0, 9))]), chain([key(1, (0, 9), (0, 9)), other.clone()])]
    {
        assert_eq!(frame.verify(&auth, SOURCE, 0), Ok(()));
    }
    assert_eq!(frame.verify(&chain([other]), SOURCE, 0), Err(AuthError::Digest(1)));
}

/// Goal: RFC 7474: the sequence number has 64 bits, and a packet replayed from another source address is
/// noticed.
#[test]
fn extended_sequence_numbers_and_sources_are_signed() {
    let extended = Key { extended: true, ..Key::new(9, Algorithm::HmacSha384, "extended") };
    let auth = chain([extended]);
    let sequence = 0x0000_0001_0000_0007;
    let packet = signed(&auth, sequence, 0);
    assert_eq!(packet.len(), EXTENDED_HEADER_LENGTH + 48);
    assert_eq!(packet[20..28], sequence.to_be_bytes());
    let frame = Frame::parse(&packet).unwrap();
    assert_eq!((frame.auth_type(), frame.sequence()), (AuthType::Extended, Some(sequence)));
    assert_eq!(frame.verify(&auth, SOURCE, 0), Ok(()));
    assert_eq!(frame.verify(&auth, Ipv4Addr::new(10, 9, 0, 2), 0), Err(AuthError::Digest(9)));

    let plain = chain([Key::new(9, Algorithm::HmacSha384, "extended")]);
    let mismatch = AuthError::Type { received: AuthType::Extended, expected: AuthType::Cryptographic };
    assert_eq!(frame.verify(&plain, SOURCE, 0), Err(mismatch));
    let packet = signed(&plain, sequence, 0);
    let frame = Frame::parse(&packet).unwrap();
    assert_eq!(frame.sequence(), Some(7), "without it, the low 32 bits are left");
    assert_eq!(frame.verify(&plain, Ipv4Addr::new(1, 2, 3, 4), 0), Ok(()), "and the source is not signed");
}

/// Goal: RFC 5613 §2.2: a link-local signalling block behind packet and digest changes nothing.
#[test]
fn link_local_signalling_is_passed_over() {
    let block = [0xff, 0xf6, 0, 3, 0, 1, 0, 4, 0, 0, 0, 1];
    let auths = [
        Authentication::None,
        Authentication::Simple(Password::new(b"braid")),
        chain([Key::new(1, Algorithm::Md5, "secret")]),
        chain([key(1, (0, 9), (0, 9))]),
    ];
    for auth in auths {
        let packet = [&signed(&auth, 1, 0)[..], &block].concat();
        let frame = Frame::parse(&packet).unwrap();
        assert_eq!(frame.verify(&auth, SOURCE, 0), Ok(()), "{auth:?}");
        assert_eq!(frame.body(), Ok(ack()));
    }
}

/// Goal: each type of authentication refuses every other, and says which it was.
#[test]
fn other_types_of_authentication_are_refused() {
    let extended = Key { extended: true, ..Key::new(1, Algorithm::Md5, "secret") };
    let auths = [
        Authentication::None,
        Authentication::Simple(Password::new(b"braid")),
        chain([Key::new(1, Algorithm::Md5, "secret")]),
        chain([extended]),
    ];
    for (i, sender) in auths.iter().enumerate() {
        for (j, receiver) in auths.iter().enumerate() {
            let packet = signed(sender, 1, 0);
            let result = Frame::parse(&packet).unwrap().verify(receiver, SOURCE, 0);
            if i == j {
                assert_eq!(result, Ok(()));
            } else {
                let (received, expected) = (sender.auth_type(0), receiver.auth_type(0));
                assert_eq!(result, Err(AuthError::Type { received, expected }));
            }
        }
    }
}

/// Goal: a digest that is missing, cut short, or longer than it says is refused without a panic.
#[test]
fn digests_of_the_wrong_length_are_refused() {
    let auth = chain([key(1, (0, 9), (0, 9))]);
    let packet = signed(&auth, 1, 0);
    for length in HEADER_LENGTH..packet.len() {
        let frame = Frame::parse(&packet[..length]).unwrap();
        assert_eq!(frame.verify(&auth, SOURCE, 0), Err(AuthError::DigestLength(1)), "{length} bytes");
    }
    for stated in [0, 1, 31, 33, 255] {
        let mut packet = packet.clone();
        packet[19] = stated;
        let frame = Frame::parse(&packet).unwrap();
        assert_eq!(frame.verify(&auth, SOURCE, 0), Err(AuthError::DigestLength(1)), "{stated} stated");
    }
}

/// Goal: whatever is logged with `Debug`, no secret is in it, and a snapshot still holds them.
#[test]
fn secrets_are_not_printed() {
    let simple = Authentication::Simple(Password::new(b"hushhush"));
    let digest = chain([Key::new(1, Algorithm::Md5, "hushhush")]);
    for auth in [simple, digest] {
        let printed = format!("{auth:?} {auth:#?}");
        assert!(!printed.contains("hush") && !printed.contains("104"), "{printed}");
        let snapshot = postcard::to_stdvec(&auth).unwrap();
        assert_eq!(postcard::from_bytes::<Authentication>(&snapshot).unwrap(), auth);
    }
}

/// Goal: a password longer than eight bytes counts by its first eight, a shorter one is filled with zeros (as
/// ospfd has it).
#[test]
fn passwords_have_eight_bytes() {
    assert_eq!(Password::new(b"12345678"), Password::new(b"123456789"));
    assert_eq!(Password::new(b"123"), Password::from(*b"123\0\0\0\0\0"));
}
