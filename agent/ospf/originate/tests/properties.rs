//! Properties of origination over random routers: areas of all kinds, interfaces in all states, externals, ranges, and
//! LSAs of others in all places.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use braid_ospf_originate::{
    InterfaceState, InterfaceView, NeighbourView, Network, Problem, StubRouter, VirtualLinkView,
};
use braid_ospf_packet::{AreaId, LsType, RouterFlags};
use braid_ospf_route::Domain;
use common::*;
use ipnet::Ipv4Net;
use proptest::prelude::*;

/// Few addresses, so that they collide.
fn prefix() -> impl Strategy<Value = String> {
    (0..4_u8, 0..3_u8, prop_oneof![Just(0_u8), Just(8), Just(16), Just(24), Just(30), Just(31), Just(32)])
        .prop_map(|(a, b, length)| Ipv4Net::new([10, a, b, 0].into(), length).unwrap().trunc().to_string())
}

fn state() -> impl Strategy<Value = InterfaceState> {
    use InterfaceState::*;
    prop::sample::select(vec![Down, Loopback, Waiting, PointToPoint, DrOther, Backup, Dr])
}

fn interface() -> impl Strategy<Value = InterfaceView> {
    let kind = prop::sample::select(vec![Network::PointToPoint, Network::Broadcast, Network::Loopback]);
    let neighbours = prop::collection::vec((1..5_u8, 1..4_u8, any::<bool>()), 0..4);
    (0..3_u8, 0..4_u8, 24..=32_u8, kind, state(), neighbours, any::<bool>()).prop_map(
        |(area, subnet, length, network, state, neighbours, unnumbered)| InterfaceView {
            area: AreaId([0, 0, 0, area].into()),
            address: Ipv4Net::new([10, 200, subnet, 1].into(), length).unwrap(),
            unnumbered: (unnumbered && network == Network::PointToPoint).then_some(u32::from(subnet) + 1),
            network,
            state,
            designated_router: [10, 200, subnet, 2].into(),
            neighbours: neighbours
                .into_iter()
                .map(|(router, host, full)| NeighbourView {
                    router_id: id(&format!("{router}.{router}.{router}.{router}")),
                    address: [10, 200, subnet, host].into(),
                    full,
                })
                .collect(),
            ..point_to_point(BACKBONE, "10.0.0.0/31")
        },
    )
}

prop_compose! {
    fn router()(
        kinds in prop::collection::vec(0..5_u8, 3),
        interfaces in prop::collection::vec(interface(), 0..6),
        links in prop::collection::vec((0..3_u8, 1..5_u8, 0..7_u8, prefix()), 0..6),
        summaries in prop::collection::vec((0..3_u8, 1..5_u8, prefix(), 0..40_u32), 0..8),
        type_7 in prop::collection::vec((0..3_u8, 1..5_u8, prefix(), 0..40_u32), 0..8),
        externals in prop::collection::vec((prefix(), 0..40_u32, any::<bool>()), 0..6),
        ranges in prop::collection::vec((0..3_u8, prefix(), any::<bool>()), 0..4),
        drained in any::<bool>(),
        virtual_link in prop::option::of((1..5_u8, any::<bool>())),
    ) -> Router {
        let mut router = Router::new();
        for (area, kind) in kinds.into_iter().enumerate() {
            let kind = match kind {
                // The backbone is an ordinary area.
                _ if area == 0 => NORMAL,
                0 => stub_area(true),
                1 => stub_area(false),
                2 => nssa(true),
                3 => nssa(false),
                _ => NORMAL,
            };
            router = router.area(&format!("0.0.0.{area}"), kind);
        }
        for (number, (area, neighbour, flags, stub)) in links.into_iter().enumerate() {
            let neighbour = format!("{neighbour}.{neighbour}.{neighbour}.{neighbour}");
            router = router.neighbour(
                &format!("0.0.0.{area}"), &format!("10.100.{number}.0/31"), &neighbour, RouterFlags(flags), &[(&stub, 1)],
            );
        }
        for interface in interfaces {
            router = router.interface(interface);
        }
        for (area, by, prefix, metric) in summaries {
            router = router.summary(&format!("0.0.0.{area}"), &prefix, &format!("{by}.{by}.{by}.{by}"), metric);
        }
        for (area, by, prefix, metric) in type_7 {
            let forwarding = format!("10.100.{area}.1");
            router = router.type_7(&format!("0.0.0.{area}"), &prefix, &format!("{by}.{by}.{by}.{by}"), metric, &forwarding);
        }
        for (prefix, metric, type2) in externals {
            router = router.external(&prefix, metric, type2, None);
        }
        for (area, range, advertise) in ranges {
            router = router.range(&format!("0.0.0.{area}"), &range, advertise, None);
        }
        router.stub_router = if drained { StubRouter::All } else { StubRouter::Off };
        router.virtual_links.extend(virtual_link.map(|(endpoint, full)| VirtualLinkView {
            transit: AreaId([0, 0, 0, 1].into()),
            endpoint: id(&format!("{endpoint}.{endpoint}.{endpoint}.{endpoint}")),
            address: Some(ip("10.100.0.0")),
            cost: 10,
            full,
        }));
        router
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// `originate()` in `common` checks on the way that it is deterministic, that it settles when fed with its own LSAs,
    /// that no two origins share a key, and that each becomes an LSA that decodes to the same.
    #[test]
    fn what_is_said_is_well_formed(mut router in router()) {
        let said = router.originate();
        // Host routes can fill a short prefix; nothing else is missing.
        let filled = |problem: &Problem| matches!(problem, Problem::NoLinkStateId { prefix } if prefix.prefix_len() >= 30);
        prop_assert!(said.problems.iter().all(filled), "{:?}", said.problems);

        let keys: Vec<_> = said.origins.iter().map(|origin| (origin.domain, origin.key(id(ME)))).collect();
        prop_assert!(keys.is_sorted());
        for area in &router.areas {
            let routers = keys.iter().filter(|(domain, key)| *domain == Domain::Area(area.id) && key.ls_type == LsType::Router);
            prop_assert_eq!(routers.count(), 1, "one router-LSA for each area");
        }

        for origin in &said.origins {
            match origin.domain {
                Domain::As => prop_assert_eq!(origin.ls_type, LsType::External),
                Domain::Area(area) => {
                    let area = router.areas.iter().find(|known| known.id == area).unwrap();
                    prop_assert_ne!(origin.ls_type, LsType::External);
                    prop_assert!(area.kind.is_nssa() || origin.ls_type != LsType::Nssa, "type 7 only in an NSSA");
                    prop_assert!(area.kind.takes_externals() || origin.ls_type != LsType::AsbrSummary);
                }
            }
        }

        // No prefix twice in one area and type, whatever its link state id.
        for area in ["0.0.0.0", "0.0.0.1", "0.0.0.2"] {
            for lines in [said.summaries(area), said.externals(area)] {
                let prefixes: BTreeSet<_> = lines.iter().map(|line| line.split(' ').next()).collect();
                prop_assert_eq!(prefixes.len(), lines.len(), "{:?}", lines);
            }
        }
    }

    /// Only area border routers summarise, and totally stubby areas hear of a default alone.
    #[test]
    fn summaries_are_for_border_routers(mut router in router()) {
        let said = router.originate();
        let border = said.router(BACKBONE).flags.contains(RouterFlags::B);
        for area in router.areas.clone() {
            let summaries = said.summaries(&area.id.to_string());
            prop_assert!(border || summaries.is_empty());
            if border && !area.kind.takes_summaries() {
                prop_assert_eq!(summaries, ["0.0.0.0/0 7"].map(|line| {
                    if router.stub_router == StubRouter::All { "0.0.0.0/0 16711680".to_string() } else { line.to_string() }
                }));
            }
        }
    }
}
