//! Any bytes as an LSA, and any body in an LSA with a right checksum: nothing panics, and what decodes is built again to
//! the same bytes where those are canonical.
#![no_main]

use braid_ospf_packet::{Lsa, LsaBody};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Lsa::decode(bytes);
    let Some(bytes) = braid_fuzz::seal(bytes) else { return };
    let Ok(lsa) = Lsa::decode(&bytes) else { return };
    // Too great an age is brought down to MaxAge.
    assert_eq!(lsa.bytes()[2..], bytes[2..]);
    let header = lsa.header();
    let key = header.key;
    let body = lsa.body();
    let _ = (lsa.to_string(), lsa.router().map(|view| view.links().count()), lsa.network().is_some());
    assert_eq!(Lsa::from_hex(&lsa.to_hex()).expect("its own hex"), lsa);
    assert_eq!(lsa.with_age(7).with_age(header.age), lsa);
    let built = Lsa::build(
        header.age,
        header.options,
        key.link_state_id,
        key.advertising_router,
        header.sequence,
        &body,
    )
    .expect("what was decoded fits");
    assert_eq!(built.body(), body, "{lsa}");
    assert_eq!(built.key(), key);
    assert!(built.is_intact() && built.bytes().len() <= bytes.len());
    // Types of service and reserved bits are dropped; opaque data has neither.
    if matches!(body, LsaBody::Opaque { .. }) {
        assert_eq!(built, lsa);
    }
});
