//! Any bytes as an OSPF packet: nothing panics, and what decodes is encoded to something that decodes alike.
#![no_main]

use std::net::Ipv4Addr;

use braid_ospf_packet::{Authentication, Body, Frame, PacketHeader, Password, encode};
use libfuzzer_sys::fuzz_target;

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // As good as never is a checksum right by chance.
    if let Some(sealed) = braid_fuzz::seal_packet(bytes) {
        check(&sealed);
    }
});

fn check(bytes: &[u8]) {
    let Ok(frame) = Frame::parse(bytes) else { return };
    let ways = [Authentication::None, Authentication::Simple(Password::new(b"fuzz")), braid_fuzz::keys()];
    for way in &ways {
        let _ = frame.verify(way, SOURCE, braid_fuzz::NOW);
    }
    let Ok(body) = frame.body() else { return };
    let header = PacketHeader { router_id: frame.router_id(), area_id: frame.area_id() };
    for way in &ways {
        // A digest is added, which may make it too long.
        let Ok(again) = encode(header, &body, way, SOURCE, 7, braid_fuzz::NOW) else { continue };
        let frame = Frame::parse(&again).expect("what is encoded can be parsed");
        frame.verify(way, SOURCE, braid_fuzz::NOW).expect("what is signed is believed");
        assert_eq!(said(frame.body().expect("what is encoded can be decoded")), said(body.clone()));
    }
}

/// What a body says, without account of what could not be read.
fn said(mut body: Body) -> Body {
    match &mut body {
        Body::Hello(_) => {}
        Body::DatabaseDescription(description) => description.unknown = 0,
        Body::LinkStateRequest(request) => request.unknown = 0,
        Body::LinkStateUpdate(update) => update.rejected.clear(),
        Body::LinkStateAck(ack) => ack.unknown = 0,
    }
    body
}
