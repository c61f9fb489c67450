//! `braid debug routes`: the engine's route computation on a database from elsewhere.

use std::net::Ipv4Addr;

use braid_isis_packet::{Level, Lsp, LspId, SystemId};
use braid_isis_route::RoutesOfError;
use ipnet::Ipv4Net;
use serde::Serialize;
use thiserror::Error;

use crate::HexError;

/// A route as computed from LSPs alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComputedRoute {
    /// The destinations.
    pub prefix: Ipv4Net,
    /// How it is reached: `level 1`, `level 2`, `level 1, leaked`, …
    pub kind: String,
    /// Its metric.
    pub metric: u32,
    /// The ways; none: the router itself announces it.
    pub next_hops: Vec<ComputedNextHop>,
    /// The LSP that announces it.
    pub origin: LspId,
}

/// A way of a computed route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComputedNextHop {
    /// The next router's address; none if its LSPs do not tell one.
    pub via: Option<Ipv4Addr>,
}

/// Why a database has no routes.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// A line is no LSP.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// The LSPs do not tell where the router is.
    #[error(transparent)]
    Router(#[from] RoutesOfError),
}

/// The routes of a router at a level, from a database written as [`super::DatabaseEntry::hex`]: an LSP a line, in hexadecimal.
/// LSPs of the other level do not count, nor what follows `#`, nor empty lines.
///
/// # Errors
/// [`DatabaseError`]: the first line that is no LSP, or a router that has none.
pub fn routes_from_hex(
    text: &str,
    root: SystemId,
    level: Level,
) -> Result<Vec<ComputedRoute>, DatabaseError> {
    let mut lsps = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let digits: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        if digits.is_empty() {
            continue;
        }
        let lsp = Lsp::from_hex(&digits)
            .map_err(|error| HexError { line: index + 1, reason: error.to_string() })?;
        if lsp.level() == level {
            lsps.push(lsp);
        }
    }
    let route = |(prefix, route): (Ipv4Net, braid_isis_route::Route)| ComputedRoute {
        prefix,
        kind: route.kind.to_string(),
        metric: route.metric,
        next_hops: route.next_hops.iter().map(|hop| ComputedNextHop { via: hop.gateway }).collect(),
        origin: route.origin,
    };
    Ok(braid_isis_route::routes_of(root, level, &lsps)?.into_iter().map(route).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use braid_isis::{CircuitConfig, CircuitId, CircuitKind, Config, Input, Instance, Instant, Output};

    use super::*;

    /// An instance with one link, and its loopback.
    fn instance(n: u8) -> Instance {
        let net = format!("49.0001.0000.0000.000{n}.00").parse().unwrap();
        let circuit = |kind, address: [u8; 4], prefix: &str, metric| {
            let mut circuit = CircuitConfig::new("c", kind);
            circuit.addresses = vec![address.into()];
            circuit.prefixes = BTreeMap::from([(prefix.parse().unwrap(), metric)]);
            circuit
        };
        let mut config = Config::new(net);
        config.level = braid_isis_packet::CircuitType::L2;
        let (link, lo) = (CircuitKind::PointToPoint, CircuitKind::Loopback);
        config.circuits.insert(CircuitId(1), circuit(link, [10, 0, 0, n], "10.0.0.0/24", 10));
        config.circuits.insert(CircuitId(2), circuit(lo, [1, 1, 1, n], &format!("1.1.1.{n}/32"), 0));
        let mut instance = Instance::new(config, n.into(), Instant(0)).unwrap();
        for circuit in [1, 2] {
            instance
                .handle(Instant(0), Input::Carrier { circuit: CircuitId(circuit), up: true, mac: [n; 6] });
        }
        instance
    }

    /// The database of two routers that have met on a link, as hexadecimal lines.
    fn database() -> String {
        let mut routers = [instance(1), instance(2)];
        for now in (0..20).map(|second| Instant(second * 1_000_000)) {
            for from in [0, 1, 0, 1] {
                routers[from].handle(now, Input::Timeout);
                while let Some(output) = routers[from].poll_output() {
                    if let Output::Transmit { circuit, payload, .. } = output {
                        let packet = Input::Packet { circuit, source: [from as u8 + 1; 6], payload };
                        routers[1 - from].handle(now, packet);
                    }
                }
            }
        }
        let lsps = routers[0].database(Level::Two).iter();
        lsps.map(|(id, entry)| format!("  {} # {id}\n\n", entry.lsp.to_hex())).collect()
    }

    #[test]
    fn two_routers_and_what_they_announce_are_routes_of_each() {
        let text = database();
        let routes = |root: &str, level| routes_from_hex(&text, root.parse().unwrap(), level);
        let told = |route: &ComputedRoute| {
            let via = route.next_hops.iter().filter_map(|hop| hop.via).map(|via| via.to_string());
            format!("{} {} {}", route.prefix, route.metric, via.collect::<Vec<_>>().join(","))
        };
        let from_one: Vec<String> = routes("0000.0000.0001", Level::Two).unwrap().iter().map(told).collect();
        assert_eq!(from_one, ["1.1.1.1/32 0 ", "1.1.1.2/32 10 10.0.0.2", "10.0.0.0/24 10 "]);
        let stranger = routes("0000.0000.0009", Level::Two).unwrap_err();
        assert!(matches!(stranger, DatabaseError::Router(_)), "{stranger}");
        let other_level = routes("0000.0000.0001", Level::One).unwrap_err();
        assert!(matches!(other_level, DatabaseError::Router(_)), "{other_level}");
    }

    #[test]
    fn a_line_that_is_no_lsp_is_told_by_its_number() {
        for line in ["nonsense", "83", "0001"] {
            let error =
                routes_from_hex(&format!("\n# x\n{line}\n"), SystemId([0; 6]), Level::Two).unwrap_err();
            assert!(matches!(&error, DatabaseError::Hex(HexError { line: 3, .. })), "{error}");
        }
    }
}
