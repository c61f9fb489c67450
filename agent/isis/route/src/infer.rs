//! Routes from a database alone: what a router with these LSPs ought to have.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use braid_isis_packet::{Comparison, LanId, Level, Lsp, LspId, SystemId};
use ipnet::Ipv4Net;
use thiserror::Error;

use crate::{Adjacency, MetricStyle, NextHop, Route, Routing, Settings};

/// Routes cannot be told from LSPs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoutesOfError {
    /// The router whose routes are asked for says nothing.
    #[error(
        "no LSP {id} of {level} is among the {count} LSPs: name a system that has one, or the other level, or dump the \
         database of a router in its area"
    )]
    Silent {
        /// The LSP that is missing.
        id: LspId,
        /// The level that was asked for.
        level: Level,
        /// How many LSPs of the level are there.
        count: usize,
    },
}

/// The routes that the router `me` has at `level` with the database `lsps`, by prefix. Of several versions of an LSP the
/// newest counts; LSPs of the other level and purges do not.
///
/// Adjacencies are taken from what the router's own LSP lists. A gateway is that address of the neighbour (TLV 132)
/// which lies in a prefix that both have, on parallel links that whose prefix has the metric of the link; without one,
/// the neighbour's first address. Circuits are [`NextHop::UNKNOWN_CIRCUIT`]. Metrics of both styles count.
///
/// # Errors
/// [`RoutesOfError`] if `me` has no LSP there.
pub fn routes_of(me: SystemId, level: Level, lsps: &[Lsp]) -> Result<Vec<(Ipv4Net, Route)>, RoutesOfError> {
    let database = Database::of(level, lsps);
    let id = me.node().fragment(0);
    let own =
        database.lsps.get(&id).ok_or(RoutesOfError::Silent { id, level, count: database.lsps.len() })?;
    let mut routing = Routing::new(me, Settings { metrics: MetricStyle::Both, ..Settings::default() });
    for lsp in database.lsps.values() {
        routing.install(level, lsp);
    }
    routing.set_adjacencies(&database.adjacencies(me, level));
    routing.set_attached_default(level == Level::One && own.flags().is_type == Level::One);
    routing.compute();
    Ok(routing.routes().collect())
}

/// The newest LSPs of a level, without purges.
struct Database<'a> {
    lsps: BTreeMap<LspId, &'a Lsp>,
}

/// A prefix on one of this router's circuits, with the metric that it announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Subnet {
    net: Ipv4Net,
    metric: u32,
}

impl<'a> Database<'a> {
    fn of(level: Level, lsps: &'a [Lsp]) -> Database<'a> {
        let mut newest: BTreeMap<LspId, &Lsp> = BTreeMap::new();
        for lsp in lsps.iter().filter(|lsp| lsp.level() == level) {
            let known = newest.entry(lsp.id()).or_insert(lsp);
            if lsp.header().compare(&known.header()) == Comparison::Newer {
                *known = lsp;
            }
        }
        newest.retain(|_, lsp| !lsp.is_purge());
        Database { lsps: newest }
    }

    /// The fragments of a node.
    fn fragments(&self, node: LanId) -> impl Iterator<Item = &'a Lsp> + '_ {
        self.lsps.range(node.fragment(0)..=node.fragment(u8::MAX)).map(|(_, lsp)| *lsp)
    }

    fn addresses(&self, router: SystemId) -> Vec<Ipv4Addr> {
        self.fragments(router.node()).flat_map(Lsp::interface_addresses).collect()
    }

    /// The routers of a LAN but for `me`.
    fn members(&self, lan: LanId, me: SystemId) -> BTreeSet<SystemId> {
        let listed = self.fragments(lan).flat_map(Lsp::neighbours).map(|neighbour| neighbour.node.system);
        listed.filter(|system| *system != me).collect()
    }

    fn subnets(&self, me: SystemId) -> BTreeSet<Subnet> {
        self.fragments(me.node())
            .flat_map(Lsp::prefixes)
            .filter(|prefix| !prefix.down && !prefix.external && prefix.net.prefix_len() < 32)
            .map(|prefix| Subnet { net: prefix.net, metric: prefix.metric })
            .collect()
    }

    fn adjacencies(&self, me: SystemId, level: Level) -> Vec<Adjacency> {
        let listed: BTreeSet<(LanId, u32)> = self
            .fragments(me.node())
            .flat_map(Lsp::neighbours)
            .filter(|neighbour| neighbour.node != me.node())
            .map(|neighbour| (neighbour.node, neighbour.metric))
            .collect();
        let (lans, links): (Vec<_>, Vec<_>) = listed.into_iter().partition(|(node, _)| node.is_pseudonode());
        let mut subnets = self.subnets(me);
        let mut adjacencies = Vec::new();
        let mut add = |neighbour: LanId, router: SystemId, metric: u32, subnets: &BTreeSet<Subnet>| {
            for gateway in gateways(&self.addresses(router), metric, subnets) {
                let circuit = NextHop::UNKNOWN_CIRCUIT;
                adjacencies.push(Adjacency { level, neighbour, router, circuit, gateway, metric });
            }
        };
        let mut of_lans: Vec<Subnet> = Vec::new();
        for (lan, metric) in lans {
            let members = self.members(lan, me);
            let shared = self.shared_by(&members, &subnets);
            for member in members {
                add(lan, member, metric, &shared);
            }
            of_lans.extend(shared);
        }
        // What is known to be a LAN's is not a point-to-point link's.
        subnets.retain(|subnet| !of_lans.contains(subnet));
        for (neighbour, metric) in links {
            add(neighbour, neighbour.system, metric, &subnets);
        }
        adjacencies
    }

    /// The subnets in which each of the `members` that has addresses has one.
    fn shared_by(&self, members: &BTreeSet<SystemId>, subnets: &BTreeSet<Subnet>) -> BTreeSet<Subnet> {
        let addresses: Vec<_> = members.iter().map(|member| self.addresses(*member)).collect();
        let in_all = |subnet: &&Subnet| {
            let mut with_any = addresses.iter().filter(|addresses| !addresses.is_empty());
            with_any.all(|addresses| addresses.iter().any(|address| subnet.net.contains(address)))
        };
        subnets.iter().filter(in_all).copied().collect()
    }
}

/// Where a neighbour with these addresses may be on a circuit with this metric, one at least.
fn gateways(addresses: &[Ipv4Addr], metric: u32, subnets: &BTreeSet<Subnet>) -> Vec<Option<Ipv4Addr>> {
    let within = |fits: &dyn Fn(&Subnet) -> bool| -> Vec<Option<Ipv4Addr>> {
        let nets: Vec<Ipv4Net> =
            subnets.iter().filter(|subnet| fits(subnet)).map(|subnet| subnet.net).collect();
        let found = addresses.iter().filter(|address| nets.iter().any(|net| net.contains(*address)));
        found.copied().map(Some).collect()
    };
    let alike = within(&|subnet| subnet.metric == metric);
    if !alike.is_empty() {
        return alike;
    }
    let any = within(&|_| true);
    if any.is_empty() { vec![addresses.first().copied()] } else { any }
}
