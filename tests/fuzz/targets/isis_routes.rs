//! Histories of databases: after whatever was installed and removed, in whatever order, routes are those that a computation from
//! nothing gives.
#![no_main]

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_fuzz::{
    Bytes,
    isis::{node, system, tlvs},
};
use braid_isis_packet::{Authentication, CircuitType, Level, Lsp, LspFlags, LspId, NewLsp};
use braid_isis_route::{Adjacency, MetricStyle, Route, Routing, Settings};
use ipnet::Ipv4Net;
use libfuzzer_sys::fuzz_target;

/// Steps beyond these tell nothing new and take long.
const STEPS: usize = 200;

type Databases = BTreeMap<(Level, LspId), Lsp>;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let choice = bytes.u8();
    let metrics = [MetricStyle::Wide, MetricStyle::Narrow, MetricStyle::Both][usize::from(choice % 3)];
    let settings = Settings { max_paths: 1 + usize::from(choice >> 4), metrics };
    let mut routing = Routing::new(system(0), settings);
    let (mut lsps, mut adjacencies) = (Databases::new(), neighbours(bytes.u8()));
    routing.set_levels(CircuitType::L1L2);
    routing.set_adjacencies(&adjacencies);
    let mut told = BTreeMap::new();
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        match bytes.u8() % 6 {
            0 | 1 => {
                if let Some((level, lsp)) = lsp(&mut bytes) {
                    routing.install(level, &lsp);
                    lsps.insert((level, lsp.id()), lsp);
                }
            }
            2 => {
                let (of, level) = (bytes.u8(), level(bytes.u8()));
                let id = node(of).fragment(0);
                routing.remove(level, &id);
                lsps.remove(&(level, id));
            }
            3 => {
                adjacencies = neighbours(bytes.u8());
                routing.set_adjacencies(&adjacencies);
            }
            4 => {
                let wanted = bytes.u8() & 1 == 0;
                routing.set_attached_default(wanted);
                follow(&mut routing, &mut told);
                let mut fresh = Routing::new(system(0), settings);
                fresh.set_levels(CircuitType::L1L2);
                fresh.set_attached_default(wanted);
                fresh.set_adjacencies(&adjacencies);
                lsps.iter().for_each(|((level, _), lsp)| fresh.install(*level, lsp));
                fresh.compute();
                assert_eq!(told, fresh.routes().collect(), "routes told and those from nothing");
            }
            _ => follow(&mut routing, &mut told),
        }
    }
    follow(&mut routing, &mut told);
});

/// Computes, and follows the changes as a kernel would.
fn follow(routing: &mut Routing, told: &mut BTreeMap<Ipv4Net, Route>) {
    for change in routing.compute().changes {
        let before = match change.new {
            Some(route) => told.insert(change.prefix, route),
            None => told.remove(&change.prefix),
        };
        assert_eq!(before, change.old, "{}: what the route was before", change.prefix);
    }
    assert_eq!(*told, routing.routes().collect(), "what was told and what is");
}

fn level(choice: u8) -> Level {
    if choice & 1 == 0 { Level::One } else { Level::Two }
}

/// Adjacencies with some of the pool, some over a LAN.
fn neighbours(choice: u8) -> Vec<Adjacency> {
    let up = (1..=4_u8).filter(|n| choice >> n & 1 == 0);
    let adjacency = |n: u8| {
        let neighbour = if n > 2 { node(0x61) } else { system(n).node() };
        Level::ALL.map(|level| Adjacency {
            level,
            neighbour,
            router: system(n),
            circuit: n.min(3).into(),
            gateway: Some(Ipv4Addr::new(10, 1, 0, n)),
            metric: u32::from(choice >> 5) + 1,
        })
    };
    up.flat_map(adjacency).collect()
}

fn lsp(bytes: &mut Bytes) -> Option<(Level, Lsp)> {
    let (of, choice) = (bytes.u8(), bytes.u8());
    let level = level(choice);
    let new = NewLsp {
        level,
        id: node(of).fragment(choice >> 2 & 1),
        sequence: 1,
        lifetime: if choice & 0xf0 == 0xf0 { 0 } else { 1200 },
        flags: LspFlags {
            partition: false,
            attached: choice & 8 != 0,
            overload: choice & 16 != 0,
            is_type: level,
        },
    };
    Some((level, Lsp::build(&new, &tlvs(bytes), &Authentication::None).ok()?))
}
