//! Answers on the control socket, drawn from the instance.

use std::collections::{BTreeMap, BTreeSet};

use braid_isis::{Adjacency, AdjacencyState, CircuitId, Instant};
use braid_isis_packet::{CircuitType, Level};
use ipnet::Ipv4Net;

use super::{
    Circuit, CircuitStatus, DatabaseEntry, LevelStatus, Neighbour, Question, Route, Running, carried,
    router::Isis,
};
use crate::RouteNextHop;

/// Answers a question in JSON.
pub(super) fn answer(router: &Isis, now: Instant, question: &str) -> Result<String, String> {
    let question: Question =
        serde_json::from_str(question).map_err(|error| format!("no question that IS-IS answers: {error}"))?;
    let answer = match question {
        Question::Neighbours => serde_json::to_string(&neighbours(router, now)),
        Question::Circuits => serde_json::to_string(&circuits(router)),
        Question::Database => serde_json::to_string(&database(router, now)),
        Question::Routes => serde_json::to_string(&routes(router)),
        Question::Counters => serde_json::to_string(&counters(router)),
        Question::Announced { prefix } => {
            serde_json::to_string(&super::clone::announced(router, now, &prefix))
        }
        Question::Converged => serde_json::to_string(&super::clone::converged(router, now)),
        Question::Running => serde_json::to_string(&running(router)),
    };
    answer.map_err(|error| error.to_string())
}

fn neighbours(router: &Isis, now: Instant) -> Vec<Neighbour> {
    let neighbour = |(circuit, adjacency): (CircuitId, &Adjacency)| {
        let is_lan = router.instance.circuit(circuit).is_some_and(braid_isis::Circuit::is_broadcast);
        Neighbour {
            system_id: adjacency.system,
            host_name: router.instance.host_name(adjacency.system),
            interface: router.name(circuit),
            address: adjacency.gateway(),
            levels: adjacency.levels.to_string(),
            state: match adjacency.state {
                AdjacencyState::Initialising => "Initialising".to_owned(),
                AdjacencyState::Up => "Up".to_owned(),
            },
            adjacent: adjacency.is_up(),
            hold_ms: u64::try_from(adjacency.expires.since(now).as_millis()).unwrap_or(u64::MAX),
            priority: adjacency.priority,
            lan_id: is_lan.then_some(adjacency.lan_id),
        }
    };
    router.instance.neighbours().map(neighbour).collect()
}

/// All circuits of the file, also those that are not there, as the instance knows them.
fn circuits(router: &Isis) -> Vec<CircuitStatus> {
    let status = |(name, told): (&String, &Circuit)| {
        let circuit = router.instance.circuits().find(|circuit| circuit.config.name == *name);
        let Some(circuit) = circuit else { return absent(router, name, told) };
        let config = &circuit.config;
        let at =
            |level| LevelStatus { metric: config.metric[level], designated: circuit.lans[level].designated };
        let hello_ms = u64::try_from(config.hello.as_millis()).unwrap_or(u64::MAX);
        let known: BTreeSet<_> = Level::ALL
            .into_iter()
            .flat_map(|level| circuit.neighbours(level))
            .map(|n| (n.system, n.is_up()))
            .collect();
        CircuitStatus {
            name: name.clone(),
            addresses: told.addresses.clone(),
            network: told.network.to_string(),
            level: level_in_use(router, told),
            state: if circuit.up { "up" } else { "down" }.to_owned(),
            level_1: at(Level::One),
            level_2: at(Level::Two),
            hello_ms,
            hold_ms: hello_ms * u64::from(config.multiplier),
            mtu: config.mtu,
            passive: config.passive,
            neighbours: known.len(),
            adjacencies: known.iter().filter(|(_, is_up)| *is_up).count(),
        }
    };
    router.file.circuits.iter().map(status).collect()
}

/// The levels that a circuit and the router have in common; one that does not speak may have none.
fn level_in_use(router: &Isis, told: &Circuit) -> super::Level {
    let in_common = CircuitType::from(router.file.level).and(told.level.into());
    in_common.map_or(told.level, super::Level::from)
}

fn absent(router: &Isis, name: &str, told: &Circuit) -> CircuitStatus {
    let at = |level: Option<super::AtLevel>| LevelStatus {
        metric: level.and_then(|level| level.metric).unwrap_or_else(|| told.metric()),
        designated: None,
    };
    CircuitStatus {
        name: name.to_owned(),
        addresses: told.addresses.clone(),
        network: told.network.to_string(),
        level: level_in_use(router, told),
        state: "absent".to_owned(),
        level_1: at(told.level_1),
        level_2: at(told.level_2),
        hello_ms: told.hello_ms.into(),
        hold_ms: u64::from(told.hello_ms) * u64::from(told.multiplier),
        mtu: told.mtu,
        passive: told.passive,
        neighbours: 0,
        adjacencies: 0,
    }
}

fn database(router: &Isis, now: Instant) -> Vec<DatabaseEntry> {
    let of_level = |level: Level| {
        router.instance.database(level).iter().map(move |(id, entry)| {
            let (header, flags) = (entry.header(now), entry.lsp.flags());
            DatabaseEntry {
                level: level.number(),
                id: *id,
                host_name: router.instance.host_name(id.node.system),
                sequence: header.sequence,
                checksum: header.checksum,
                lifetime: header.lifetime,
                length: entry.lsp.bytes().len(),
                attached: flags.attached,
                overload: flags.overload,
                carried: carried::words(&entry.lsp),
                hex: entry.lsp.with_lifetime(header.lifetime).to_hex(),
            }
        })
    };
    Level::ALL.into_iter().flat_map(of_level).collect()
}

fn routes(router: &Isis) -> Vec<Route> {
    let hop = |hop: &braid_isis_route::NextHop| RouteNextHop {
        interface: router.name(CircuitId(hop.circuit)),
        via: hop.gateway,
    };
    let route = |(prefix, route): (Ipv4Net, braid_isis_route::Route)| Route {
        prefix,
        level: route.level.number(),
        kind: route.kind.to_string(),
        metric: route.metric,
        next_hops: route.next_hops.iter().map(hop).collect(),
        origin: route.origin,
    };
    router.instance.routes().map(route).collect()
}

fn counters(router: &Isis) -> Vec<(String, u64)> {
    let counted = router.instance.counters();
    let mut all: Vec<(String, u64)> = Vec::new();
    let mut of_circuits: BTreeMap<&str, u64> = BTreeMap::new();
    let mut refused: BTreeMap<String, u64> = BTreeMap::new();
    for circuit in router.instance.circuits() {
        let counters = &circuit.counters;
        for (name, count) in [
            ("PDUs received", counters.received),
            ("PDUs sent", counters.sent),
            ("LSPs received", counters.lsps_received),
            ("LSPs sent", counters.lsps_sent),
            ("LSPs sent again", counters.retransmitted),
            ("adjacencies that came up", counters.adjacencies_up),
            ("neighbours that made room for others", counters.evicted),
        ] {
            *of_circuits.entry(name).or_default() += count;
        }
        for (why, count) in &counters.rejected {
            *refused.entry(format!("PDUs refused: {why}")).or_default() += count;
        }
    }
    all.extend(of_circuits.into_iter().map(|(name, count)| (name.to_owned(), count)));
    all.extend(refused);
    let rest = [
        ("PDUs that could not be sent", router.send_errors),
        ("PDUs that could not be built", counted.instance.unbuildable),
        ("own LSPs said", counted.instance.own_lsps),
        ("LSPs purged", counted.instance.purges),
        ("events of LSPs left out", counted.instance.events_left_out),
        ("route computations", counted.routing.runs),
        ("route computations without delay", counted.routing.runs_at_once),
        ("nodes looked at", counted.routing.nodes),
        ("prefixes chosen anew", counted.routing.prefixes),
        ("routes changed", counted.routing.changes),
    ];
    all.extend(rest.map(|(name, count)| (name.to_owned(), count)));
    all
}

fn running(router: &Isis) -> Running {
    let config = router.instance.config();
    Running {
        nets: config.nets.clone(),
        level: router.file.level,
        host_name: config.host_name.clone(),
        metric_style: router.file.metric_style,
        lsp_mtu: config.lsp_mtu,
        overload: config.overload,
        circuits: circuits(router),
        announced: announced(router),
    }
}

/// The prefixes of our own LSPs, beside the subnets of circuits.
fn announced(router: &Isis) -> BTreeMap<Ipv4Net, u32> {
    let own = router.instance.config().system().node();
    let of_circuits: BTreeSet<Ipv4Net> = router
        .file
        .circuits
        .values()
        .flat_map(|circuit| circuit.addresses.iter().map(Ipv4Net::trunc))
        .collect();
    let own_lsps = |level| {
        let all = own.fragment(0)..=own.fragment(u8::MAX);
        router.instance.database(level).range(all).filter(|(_, entry)| !entry.is_purged())
    };
    Level::ALL
        .into_iter()
        .flat_map(own_lsps)
        // What is leaked is no decision of this router's file alone.
        .flat_map(|(_, entry)| entry.lsp.prefixes().filter(|prefix| !prefix.down).collect::<Vec<_>>())
        .filter(|prefix| !of_circuits.contains(&prefix.net))
        .map(|prefix| (prefix.net, prefix.metric))
        .collect()
}
