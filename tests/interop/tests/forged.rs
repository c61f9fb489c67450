//! What strangers on a LAN can do to an embedded router's memory.
#![allow(clippy::unwrap_used)] // a failed step ends the test

use std::collections::BTreeMap;

use braid_injector::{Group, Wire, memory};
use braid_interop::{Kind, Network, Settings};
use braid_isis_packet::{
    Authentication, CircuitType, LanHello, Level, NLPID_IPV4, PointToPointHello, SystemId, Tlv,
};
use braid_world::{
    AreaKind, BACKBONE, End, Router, RouterIndex, Segment, SegmentKind, World,
    isis::{self, Levels},
};

const HELLOS: u32 = 30_000;
/// What an allocator may keep besides. Thirty thousand entries would be some megabytes.
const SLACK: u64 = 768 << 10;

/// One router, alone on a segment with the end of the segment that the test holds.
fn alone(kind: SegmentKind) -> Network {
    let router = |n: u8| Router {
        id: [192, 0, 2, n].into(),
        up: n == 1,
        stubs: vec![],
        externals: BTreeMap::new(),
        ranges: vec![],
        stub_router: false,
    };
    let end = |n: u8| End {
        router: RouterIndex(usize::from(n) - 1),
        address: [10, 0, 0, n].into(),
        cost: 10,
        priority: 64,
        passive: false,
        up: true,
    };
    let prefix = "10.0.0.0/29".parse().unwrap();
    let ends = vec![end(1), end(2)];
    let world = World {
        routers: vec![router(1), router(2)],
        segments: vec![Segment { area: BACKBONE, kind, prefix, ends, up: true }],
        areas: BTreeMap::from([(BACKBONE, AreaKind::Normal)]),
        virtual_links: vec![],
    };
    let domain = isis::flat(&world, Levels::Both);
    let mut network = Network::build(world, vec![Kind::Native; 2], Settings::isis(domain)).unwrap();
    network.start_all().unwrap();
    network
}

fn hello(kind: SegmentKind, number: u32) -> (Group, Vec<u8>) {
    let [_, a, b, c] = number.to_be_bytes();
    let source = SystemId([0x66, 0x66, 0, a, b, c]);
    let tlvs = vec![
        Tlv::AreaAddresses(vec!["49.0001".parse().unwrap()]),
        Tlv::ProtocolsSupported(vec![NLPID_IPV4]),
        Tlv::IpInterfaceAddresses(vec![[10, 0, 0, 2].into()]),
    ];
    let (circuit_type, holding_time) = (CircuitType::L1L2, u16::MAX);
    let (group, pdu) = match kind {
        SegmentKind::PointToPoint => {
            let hello = PointToPointHello { circuit_type, source, holding_time, circuit_id: 1, tlvs };
            (Group::All, hello.encode(&Authentication::None, None))
        }
        SegmentKind::Broadcast => {
            let level = Level::ALL[number as usize % 2];
            let lan_id = source.pseudonode(1);
            let hello = LanHello { level, circuit_type, source, holding_time, priority: 1, lan_id, tlvs };
            (Group::Of(level), hello.encode(&Authentication::None, None))
        }
    };
    (group, pdu.unwrap())
}

#[test]
fn thirty_thousand_hellos_of_strangers_leave_memory_as_it_was() {
    for kind in [SegmentKind::Broadcast, SegmentKind::PointToPoint] {
        let network = alone(kind);
        let pss = || memory(&network.pids(RouterIndex(0))).unwrap().pss;
        let wire = Wire::open(network.netns(RouterIndex(1)), "seg0").unwrap();
        let say = |numbers: std::ops::Range<u32>| {
            for number in numbers {
                let [_, a, b, c] = number.to_be_bytes();
                let (group, pdu) = hello(kind, number);
                wire.send([2, 0x66, 0, a, b, c], group, &pdu).unwrap();
                if number % 100 == 99 {
                    // It answers when it has taken what was said before.
                    let _ = network.neighbours(RouterIndex(0)).unwrap();
                }
            }
        };
        // The first fill what is bounded.
        say(0..1000);
        let before = pss();
        say(1000..HELLOS);
        let neighbours = network.neighbours(RouterIndex(0)).unwrap().len();
        assert!((1..=200).contains(&neighbours), "{kind:?}: {neighbours} neighbours");
        let after = pss();
        assert!(after < before + SLACK, "{kind:?}: {before} bytes have become {after}");
    }
}
