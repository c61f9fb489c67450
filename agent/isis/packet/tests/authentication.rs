//! Who is believed: each kind of authentication, and each way to fail it.
#![allow(clippy::unwrap_used)] // a failed step ends the test

use braid_isis_packet::{
    Algorithm, AuthError, Authentication, AuthenticationValue, Frame, Key, Level, Lsp, LspFlags, LspHeader,
    LspId, NewLsp, Psnp, SystemId, Tlv,
};

fn key(id: u16, algorithm: Algorithm, secret: &str) -> Key {
    Key { id, algorithm, secret: secret.into() }
}

fn keys(keys: impl IntoIterator<Item = Key>) -> Authentication {
    Authentication::Cryptographic(keys.into_iter().collect())
}

fn psnp(authentication: &Authentication) -> Vec<u8> {
    let entries = vec![LspHeader { id: LspId::FIRST, lifetime: 1200, sequence: 7, checksum: 0x1234 }];
    Psnp { level: Level::One, source: SystemId([1; 6]), entries }.encode(authentication).unwrap()
}

fn verdict(pdu: &[u8], authentication: &Authentication) -> Result<(), AuthError> {
    Frame::parse(pdu).unwrap().verify(authentication)
}

const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::HmacMd5,
    Algorithm::HmacSha1,
    Algorithm::HmacSha224,
    Algorithm::HmacSha256,
    Algorithm::HmacSha384,
    Algorithm::HmacSha512,
];

#[test]
fn without_authentication_every_pdu_is_taken() {
    assert_eq!(verdict(&psnp(&Authentication::None), &Authentication::None), Ok(()));
    assert_eq!(verdict(&psnp(&Authentication::Password("x".into())), &Authentication::None), Ok(()));
}

#[test]
fn a_password_must_be_there_and_the_same() {
    let ours = Authentication::Password("secret".into());
    assert_eq!(verdict(&psnp(&ours), &ours), Ok(()));
    assert_eq!(verdict(&psnp(&Authentication::None), &ours), Err(AuthError::Missing));
    for wrong in ["", "secre", "secret1", "Secret"] {
        let theirs = Authentication::Password(wrong.into());
        assert_eq!(verdict(&psnp(&theirs), &ours), Err(AuthError::Password), "{wrong}");
    }
    let digest = keys([key(1, Algorithm::HmacMd5, "secret")]);
    assert_eq!(verdict(&psnp(&digest), &ours), Err(AuthError::Type(54)));
    assert_eq!(verdict(&psnp(&ours), &digest), Err(AuthError::Type(1)));
}

#[test]
fn a_digest_covers_every_byte() {
    for algorithm in ALGORITHMS {
        let ours = keys([key(9, algorithm, "secret")]);
        let sent = psnp(&ours);
        assert_eq!(verdict(&sent, &ours), Ok(()));
        assert_eq!(verdict(&sent, &keys([key(9, algorithm, "other")])), Err(AuthError::Digest));
        // All of header and entries; the changed bytes of the TLV's own head are other errors.
        for at in (10..17).chain(sent.len() - 16..sent.len()) {
            let mut changed = sent.clone();
            changed[at] ^= 1;
            assert_eq!(verdict(&changed, &ours), Err(AuthError::Digest), "byte {at}, {algorithm:?}");
        }
    }
}

/// Goal: the digests of RFC 5310 are those that another implementation computes. These are from Python's `hmac` over the PDU with
/// 0x878fe1f3 repeated in the digest's place.
#[test]
fn the_digests_of_rfc_5310_are_computed_over_apad() {
    for (algorithm, head, digest) in [
        (Algorithm::HmacSha1, "0a17030009", "ac750c53fab50164954459147bcae91a903c5a85"),
        (Algorithm::HmacSha224, "0a1f030009", "627a62ca534de743c96d4fb849a07e9860830caed2a4d1b89f84d28e"),
        (
            Algorithm::HmacSha256,
            "0a23030009",
            "9c80d53ed6f3f1d3f61b544f2cc5337aca59e0b3173382c163112cb4b0549e72",
        ),
        (
            Algorithm::HmacSha384,
            "0a33030009",
            "2220d9499a8b7c7eb0354e0cbcf69476b191a3182337fa5749fc4955f907fc6225a9d1aa692e894713846e971e1d9abc",
        ),
        (
            Algorithm::HmacSha512,
            "0a43030009",
            "8d0bd48c50208b225de18b2f65f5af56ce1acaf041902b8b08effacf28fbef4c\
             2e23c9298a856dafa6c0c9dbff08edc42c5e43850e680645938f4139136ea81d",
        ),
    ] {
        let sent = psnp(&keys([key(9, algorithm, "secret")]));
        assert_eq!(hex::encode(&sent[17..22]), head, "{algorithm:?}");
        assert_eq!(hex::encode(&sent[22..22 + algorithm.digest_len()]), digest, "{algorithm:?}");
    }
}

/// Goal: HMAC-SHA-224, which isisd does not have, is right in the corners too: a key longer than a block, and an LSP, whose lifetime
/// and checksum count as zero. From Python's `hmac`, as above.
#[test]
fn hmac_sha_224_takes_long_keys_and_signs_lsps() {
    let long = keys([key(9, Algorithm::HmacSha224, &"k".repeat(100))]);
    assert_eq!(hex::encode(&psnp(&long)[22..50]), "87bdefd2b240067c4f12aa1d90e6277dc1929abfa862bfa156562027");

    let id = SystemId([0, 0, 0, 0, 0, 2]).node().fragment(0);
    let flags = LspFlags::new(Level::Two);
    let new = NewLsp { level: Level::Two, id, sequence: 1, lifetime: 1200, flags };
    let ours = keys([key(9, Algorithm::HmacSha224, "secret")]);
    let lsp = Lsp::build(&new, &[Tlv::DynamicName("r1".to_owned())], &ours).unwrap();
    assert_eq!(hex::encode(&lsp.bytes()[32..60]), "7d333ab072ac606c279cc8ba75be91b90e0325efc39f9e267dfb1e58");
    assert_eq!(verdict(lsp.with_lifetime(7).bytes(), &ours), Ok(()), "it ages on its way");
}

/// Goal: keys are rolled over without a loss. The new key is added everywhere, then put first, then the old one goes.
#[test]
fn the_first_key_signs_and_every_key_is_taken() {
    let old = key(1, Algorithm::HmacSha256, "old");
    let new = key(2, Algorithm::HmacSha512, "new");
    let md5 = key(3, Algorithm::HmacMd5, "older");
    let (before, added, first) =
        (keys([old.clone()]), keys([old.clone(), new.clone(), md5.clone()]), keys([new.clone(), old]));
    for (sender, receiver) in [(&before, &added), (&added, &before), (&added, &first), (&first, &added)] {
        assert_eq!(verdict(&psnp(sender), receiver), Ok(()));
    }
    assert_eq!(verdict(&psnp(&keys([md5.clone()])), &added), Ok(()));
    assert_eq!(verdict(&psnp(&first), &before), Err(AuthError::UnknownKey(2)));
    assert_eq!(verdict(&psnp(&before), &keys([md5])), Err(AuthError::UnknownKey(1)));
    assert_eq!(
        verdict(&psnp(&before), &keys([key(1, Algorithm::HmacSha1, "old")])),
        Err(AuthError::Length(35))
    );
}

/// Goal: an LSP is believed wherever its authentication TLV stands, but not with two of them or a cut one.
#[test]
fn the_tlv_may_stand_anywhere_but_once() {
    let password = Authentication::Password("secret".into());
    let tlv = |value: &[u8]| Tlv::Authentication { kind: 1, value: AuthenticationValue(value.to_vec()) };
    let name = Tlv::DynamicName("r1".to_owned());
    let new = NewLsp {
        level: Level::One,
        id: LspId::FIRST,
        sequence: 1,
        lifetime: 1200,
        flags: LspFlags::new(Level::One),
    };
    let lsp = |tlvs: &[Tlv]| Lsp::build(&new, tlvs, &Authentication::None).unwrap();
    let (right, wrong) = (tlv(b"secret"), tlv(b"wrong"));
    assert_eq!(verdict(lsp(&[name.clone(), right.clone(), name.clone()]).bytes(), &password), Ok(()));
    assert_eq!(verdict(lsp(&[name.clone(), wrong.clone()]).bytes(), &password), Err(AuthError::Password));
    for pair in [[right.clone(), right.clone()], [right.clone(), wrong.clone()], [wrong, right]] {
        assert_eq!(verdict(lsp(&pair).bytes(), &password), Err(AuthError::Multiple));
    }
    let empty = Tlv::Unknown { code: 10, value: vec![] };
    assert_eq!(verdict(lsp(&[empty]).bytes(), &password), Err(AuthError::Length(0)));
    for (kind, length) in [(54_u8, 5), (3, 1), (3, 5)] {
        let cut = Tlv::Authentication { kind, value: AuthenticationValue(vec![0; length]) };
        let ours = keys([key(0, Algorithm::HmacMd5, "s"), key(0, Algorithm::HmacSha1, "s")]);
        assert_eq!(verdict(lsp(&[cut]).bytes(), &ours), Err(AuthError::Length(length + 1)));
    }
}

/// Goal: a purge is signed (RFC 5304 §2), and one that carries a body is told (RFC 6233).
#[test]
fn purges_are_signed_and_carry_no_body() {
    let ours = keys([key(5, Algorithm::HmacSha256, "secret")]);
    let originator = Tlv::PurgeOriginator { originator: SystemId([1; 6]), received_from: None };
    let id = SystemId([2; 6]).node().fragment(0);
    let purge = Lsp::purge(Level::Two, id, 8, &[originator, Tlv::DynamicName("r1".into())], &ours).unwrap();
    assert!(purge.is_purge());
    assert_eq!(purge.illegal_in_purge(), None);
    assert_eq!(verdict(purge.bytes(), &ours), Ok(()));
    let body = Lsp::purge(Level::Two, id, 8, &[Tlv::ProtocolsSupported(vec![0xcc])], &ours).unwrap();
    assert_eq!(body.illegal_in_purge(), Some(129));
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let password = Authentication::Password("hunter2".into());
    let shown = format!("{password:?} {:?}", keys([key(1, Algorithm::HmacMd5, "hunter2")]));
    assert!(!shown.contains("hunter2"), "{shown}");
    let lsp = Lsp::purge(Level::One, LspId::FIRST, 1, &[], &password).unwrap();
    let shown = format!("{lsp:?}");
    assert!(shown.contains("8 bytes") || shown.contains("7 bytes"), "{shown}");
    assert!(!shown.contains("104, 117"), "the password's bytes: {shown}");
}
