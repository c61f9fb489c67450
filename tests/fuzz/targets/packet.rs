//! Any bytes as an OSPF packet: nothing panics, and what decodes is encoded to something that decodes alike.
#![no_main]

use std::net::Ipv4Addr;

use braid_ospf_packet::{Authentication, Body, Frame, PacketHeader, encode};
use libfuzzer_sys::fuzz_target;

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fuzz_target!(|bytes: &[u8]| {
    let Ok(frame) = Frame::parse(bytes) else { return };
    let keys = braid_fuzz::keys();
    for authentication in [&Authentication::None, &keys] {
        let _ = frame.verify(authentication, SOURCE, braid_fuzz::NOW);
    }
    let Ok(body) = frame.body() else { return };
    let header = PacketHeader { router_id: frame.router_id(), area_id: frame.area_id() };
    for authentication in [&Authentication::None, &keys] {
        // What was left out of it may have been most of it, and digests are added: both may make it too long or short.
        let Ok(again) = encode(header, &body, authentication, SOURCE, 7, braid_fuzz::NOW) else { continue };
        let frame = Frame::parse(&again).expect("what is encoded can be parsed");
        frame.verify(authentication, SOURCE, braid_fuzz::NOW).expect("what is signed is believed");
        assert_eq!(said(frame.body().expect("what is encoded can be decoded")), said(body.clone()));
    }
});

/// What a body says, without the count of what could not be read.
fn said(body: Body) -> String {
    match body {
        Body::LinkStateUpdate(update) => format!("{:?}", update.lsas),
        Body::LinkStateRequest(request) => format!("{:?}", request.keys),
        Body::LinkStateAck(ack) => format!("{:?}", ack.headers),
        other => format!("{other:?}"),
    }
}
