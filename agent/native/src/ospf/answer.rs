//! Answers on the control socket, drawn from the instance.

use std::collections::BTreeMap;

use braid_ospf::{Counters, FloodingDomain, Instant, NeighbourState};
use braid_ospf_packet::{LinkKind, LsType};
use ipnet::Ipv4Net;

use super::{
    DatabaseEntry, InterfaceStatus, Neighbour, Question, Route, Running, router::Ospf, status::type2_cost,
};
use crate::RouteNextHop;

/// Answers a question in JSON.
pub(super) fn answer(router: &Ospf, now: Instant, question: &str) -> Result<String, String> {
    let question: Question =
        serde_json::from_str(question).map_err(|error| format!("no question that OSPF answers: {error}"))?;
    let answer = match question {
        Question::Neighbours => serde_json::to_string(&neighbours(router)),
        Question::Interfaces => serde_json::to_string(&interfaces(router)),
        Question::Database => serde_json::to_string(&database(router, now)),
        Question::Routes => serde_json::to_string(&routes(router)),
        Question::Counters => serde_json::to_string(&counters(router)),
        Question::Announced { prefix } => {
            serde_json::to_string(&super::clone::announced(router, now, &prefix))
        }
        Question::Converged => serde_json::to_string(&super::clone::converged(router, now)),
        Question::Running => serde_json::to_string(&running(router, now)),
    };
    answer.map_err(|error| error.to_string())
}

fn neighbours(router: &Ospf) -> Vec<Neighbour> {
    let neighbour = |neighbour: braid_ospf::NeighbourStatus| Neighbour {
        router_id: neighbour.router_id.0,
        address: neighbour.address,
        interface: neighbour.interface_name,
        adjacent: neighbour.state == NeighbourState::Full,
        state: neighbour.state.to_string(),
        priority: neighbour.priority,
        designated_router: neighbour.dr,
        backup: neighbour.backup,
    };
    router.instance.neighbours().into_iter().map(neighbour).collect()
}

fn interfaces(router: &Ospf) -> Vec<InterfaceStatus> {
    let config = router.instance.config();
    let status = |interface: braid_ospf::InterfaceStatus| {
        let configured = config.interfaces.get(&interface.interface);
        let (network, hello, dead) = match configured {
            Some(configured) => (configured.kind, configured.hello, configured.dead),
            // A virtual link.
            None => Default::default(),
        };
        InterfaceStatus {
            area: interface.area.0,
            address: configured.map_or_else(|| interface.address.into(), |configured| configured.address),
            network: match network {
                braid_ospf::Network::PointToPoint if configured.is_none() => "virtual-link".to_owned(),
                braid_ospf::Network::PointToPoint => super::Network::PointToPoint.to_string(),
                braid_ospf::Network::Broadcast => super::Network::Broadcast.to_string(),
                braid_ospf::Network::Loopback => super::Network::Loopback.to_string(),
            },
            state: format!("{:?}", interface.state),
            cost: u16::try_from(interface.cost).unwrap_or(u16::MAX),
            hello_s: hello.as_secs(),
            dead_s: dead.as_secs(),
            passive: interface.passive,
            neighbours: interface.neighbours,
            adjacencies: interface.full,
            designated_router: interface.dr,
            backup: interface.backup,
            name: interface.name,
        }
    };
    router.instance.interfaces().into_iter().map(status).collect()
}

fn database(router: &Ospf, now: Instant) -> Vec<DatabaseEntry> {
    let entry = |(domain, lsa): (FloodingDomain, braid_ospf_packet::Lsa)| {
        let header = lsa.header();
        DatabaseEntry {
            area: match domain {
                FloodingDomain::Area(area) => Some(area.0),
                FloodingDomain::Link(_) | FloodingDomain::As => None,
            },
            kind: kind(header.key.ls_type).to_owned(),
            id: header.key.link_state_id,
            advertising_router: header.key.advertising_router.0,
            age: header.age,
            sequence: header.sequence.0,
            checksum: header.checksum,
            length: header.length,
            hex: lsa.to_hex(),
        }
    };
    router.instance.database_at(now).map(entry).collect()
}

pub(super) fn kind(ls_type: LsType) -> &'static str {
    match ls_type {
        LsType::Router => "router",
        LsType::Network => "network",
        LsType::Summary => "summary",
        LsType::AsbrSummary => "asbr-summary",
        LsType::External => "external",
        LsType::Nssa => "nssa-external",
        LsType::OpaqueLink => "opaque-link",
        LsType::OpaqueArea => "opaque-area",
        LsType::OpaqueAs => "opaque-as",
    }
}

fn routes(router: &Ospf) -> Vec<Route> {
    let route = |route: braid_ospf::InstalledRoute| Route {
        prefix: route.prefix,
        kind: route.kind.to_string(),
        cost: route.cost,
        type2_cost: type2_cost(route.kind, route.type2_cost),
        tag: route.tag,
        next_hops: route
            .next_hops
            .iter()
            .map(|(interface, via)| RouteNextHop { interface: router.name(*interface), via: *via })
            .collect(),
    };
    router.instance.routes().map(route).collect()
}

fn counters(router: &Ospf) -> Vec<(String, u64)> {
    const PACKETS: [&str; 5] = ["hello", "database description", "request", "update", "acknowledgment"];
    let counted: &Counters = router.instance.counters();
    let mut all = Vec::new();
    for (kind, (received, sent)) in PACKETS.iter().zip(counted.received.iter().zip(&counted.sent)) {
        all.push((format!("{kind} packets received"), *received));
        all.push((format!("{kind} packets sent"), *sent));
    }
    all.extend(counted.refused.iter().map(|(why, count)| (format!("packets refused: {why}"), *count)));
    all.extend(
        counted.limited.iter().map(|(limit, count)| (format!("held back by the limit of {limit}"), *count)),
    );
    let rest = [
        ("packets that could not be sent", router.send_errors),
        ("LSAs undecodable", counted.bad_lsas),
        ("LSAs installed", counted.installed),
        ("LSAs originated", counted.originated),
        ("LSAs too soon after their last change", counted.too_soon),
        ("LSAs sent again", counted.retransmitted),
        ("route computations", counted.computations),
        ("areas computed in full", counted.work.full_spf.into()),
        ("areas repaired", counted.work.incremental_spf.into()),
        ("vertices looked at", counted.work.vertices.into()),
        ("prefixes chosen anew", counted.work.prefixes.into()),
    ];
    all.extend(rest.map(|(name, count)| (name.to_owned(), count)));
    all
}

fn running(router: &Ospf, now: Instant) -> Running {
    let config = router.instance.config();
    // Those that are not there have no state, and are known all the same.
    let mut known = interfaces(router);
    for (name, interface) in &router.file.interfaces {
        if !known.iter().any(|status| status.name == *name) {
            known.push(InterfaceStatus {
                name: name.clone(),
                area: interface.area,
                address: interface.address,
                network: interface.network.to_string(),
                state: "Absent".to_owned(),
                cost: interface.cost(),
                hello_s: interface.hello_s.into(),
                dead_s: interface.dead_s().into(),
                passive: interface.passive,
                neighbours: 0,
                adjacencies: 0,
                designated_router: [0; 4].into(),
                backup: [0; 4].into(),
            });
        }
    }
    known.retain(|status| router.file.interfaces.contains_key(&status.name));
    Running {
        router_id: config.router_id.0,
        interfaces: known,
        announced: announced(router, now),
        stub_router: config.stub_router != braid_ospf::StubRouter::Off,
    }
}

/// The stub networks of our own router-LSAs, beside those of the interfaces themselves.
fn announced(router: &Ospf, now: Instant) -> BTreeMap<Ipv4Net, u16> {
    let own = router.instance.router_id();
    let of_interfaces = |prefix: &Ipv4Net| {
        let mut interfaces = router.file.interfaces.values();
        // A link that has no neighbour is announced as the address alone.
        interfaces.any(|i| i.address.trunc() == *prefix || Ipv4Net::from(i.address.addr()) == *prefix)
    };
    router
        .instance
        .database_at(now)
        .filter(|(_, lsa)| lsa.ls_type() == LsType::Router && lsa.key().advertising_router == own)
        .flat_map(|(_, lsa)| lsa.router().map(|view| view.links().collect::<Vec<_>>()).unwrap_or_default())
        .filter(|link| link.kind == LinkKind::Stub)
        .filter_map(|link| Some((Ipv4Net::with_netmask(link.id, link.data).ok()?, link.metric)))
        .filter(|(prefix, _)| !of_interfaces(prefix))
        .collect()
}
