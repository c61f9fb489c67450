//! What a router can be asked.

use std::collections::BTreeMap;

use braid_isis_packet::{Level, SystemId};
use braid_isis_route::{Route, Routing};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{
    Adjacency, AdjacencyState, Circuit, CircuitId, Config, Database, External, Instance, Instant,
    instance::InstanceCounters, routing::RoutingCounters,
};

/// What a router counts; what a circuit counts is in [`Circuit::counters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Of the router as a whole.
    pub instance: InstanceCounters,
    /// Of its route computations.
    pub routing: RoutingCounters,
}

impl Instance {
    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// All circuits, with their neighbours, designated routers and counters.
    pub fn circuits(&self) -> impl Iterator<Item = &Circuit> {
        self.circuits.values()
    }

    /// A circuit.
    pub fn circuit(&self, id: CircuitId) -> Option<&Circuit> {
        self.circuits.get(&id)
    }

    /// All neighbours, whatever their state; one on a LAN at both levels comes twice.
    pub fn neighbours(&self) -> impl Iterator<Item = (CircuitId, &Adjacency)> {
        self.circuits.values().flat_map(|circuit| {
            let lans = Level::ALL.into_iter().flat_map(|level| circuit.lans[level].neighbours.values());
            circuit.neighbour.iter().chain(lans).map(|adjacency| (circuit.id, adjacency))
        })
    }

    /// A level's LSPs; see [`crate::Entry::header`] for their remaining lifetimes.
    pub fn database(&self, level: Level) -> &Database {
        &self.databases[level]
    }

    /// The best routes, also the router's own, which have no next hops.
    pub fn routes(&self) -> impl Iterator<Item = (Ipv4Net, Route)> {
        self.routing.routing().routes()
    }

    /// The decision process: routes of each level, what is reachable.
    pub fn routing(&self) -> &Routing {
        self.routing.routing()
    }

    /// The prefixes from outside that it announces.
    pub fn externals(&self) -> &BTreeMap<Ipv4Net, External> {
        &self.externals
    }

    /// What it counts.
    pub fn counters(&self) -> Counters {
        Counters { instance: self.counters, routing: self.routing.counters() }
    }

    /// When it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// A system's name, as its LSPs tell it (RFC 5301).
    pub fn host_name(&self, system: SystemId) -> Option<String> {
        let first = system.node().fragment(0);
        Level::ALL.into_iter().find_map(|level| {
            let lsps = self.databases[level].range(first..=system.node().fragment(u8::MAX));
            lsps.filter(|(_, entry)| !entry.is_purged()).find_map(|(_, entry)| entry.lsp.host_name())
        })
    }

    /// Whether it has purged its LSPs and said goodbye, after [`crate::Input::Leave`].
    pub fn has_left(&self) -> bool {
        self.left
    }

    /// Whether, as far as it can know, it knows all: every neighbour heard is adjacent, has sent what it has
    /// and was sent what is here; every LAN has its designated router; routes are computed from that. A
    /// neighbour that was never heard is not waited for.
    pub fn is_settled(&self) -> bool {
        let is_settled = |circuit: &Circuit| {
            Level::ALL.into_iter().all(|level| {
                let is_idle = circuit.flooding[level].is_idle();
                let are_up = circuit.neighbours(level).all(|neighbour| neighbour.state == AdjacencyState::Up);
                let lan = &circuit.lans[level];
                is_idle && are_up && (lan.neighbours.is_empty() || lan.designated.is_some())
            })
        };
        let is_due = |level: Level| self.origination[level].is_changing();
        self.circuits.values().all(is_settled)
            && self.routing.poll_timeout().is_none()
            && !self.config.level.levels().any(is_due)
    }
}
