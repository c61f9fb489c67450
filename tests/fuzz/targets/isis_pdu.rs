//! Any bytes as a PDU of IS-IS: nothing panics, and what decodes is encoded to something that decodes alike.
#![no_main]

use braid_fuzz::isis::{keys, seal_pdu};
use braid_isis_packet::{Authentication, BuildError, Frame, Pdu};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // As good as never are lengths and checksums right by chance.
    if let Some(sealed) = seal_pdu(bytes) {
        check(&sealed);
    }
});

fn check(bytes: &[u8]) {
    let Ok(frame) = Frame::parse(bytes) else { return };
    let ways = [Authentication::None, Authentication::Password("fuzz".into()), keys()];
    for way in &ways {
        let _ = frame.verify(way);
    }
    let Ok(pdu) = frame.pdu() else { return };
    for way in &ways {
        // A digest is added, which may make it too long.
        let Ok(again) = encode(&pdu, way) else { continue };
        let frame = Frame::parse(&again).expect("what is encoded can be parsed");
        frame.verify(way).expect("what is signed is believed");
        assert_eq!(frame.pdu().expect("what is encoded can be decoded"), pdu);
    }
}

fn encode(pdu: &Pdu, way: &Authentication) -> Result<Vec<u8>, BuildError> {
    match pdu {
        Pdu::LanHello(hello) => hello.encode(way, Some(1497)).or_else(|_| hello.encode(way, None)),
        Pdu::PointToPointHello(hello) => hello.encode(way, Some(1497)).or_else(|_| hello.encode(way, None)),
        Pdu::Csnp(csnp) => csnp.encode(way),
        Pdu::Psnp(psnp) => psnp.encode(way),
        // An LSP is its bytes, with its own signature: see the target `isis_lsp`.
        Pdu::Lsp(_) => Err(BuildError::NoKey),
    }
}
