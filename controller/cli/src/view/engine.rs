//! What `braid agent engine show` and `braid debug routes` show of OSPF: as the engine itself says it.

use braid_native::ospf::{ComputedRoute, DatabaseEntry, InterfaceStatus, Neighbour, Route};
use jiff::Timestamp;
use serde::Serialize;

use super::Row;
use crate::page::{Cell, Tone};

/// Something that was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figure {
    pub name: String,
    pub value: u64,
}

impl Row for Figure {
    const NOUN: &'static str = "counters";
    const HEADER: &'static [&'static str] = &["COUNTER", "VALUE"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![(&self.name).into(), Cell::number(self.value)]
    }
}

impl Row for Neighbour {
    const NOUN: &'static str = "neighbours";
    const HEADER: &'static [&'static str] =
        &["ROUTER", "INTERFACE", "ADDRESS", "STATE", "PRIORITY", "DESIGNATED", "BACKUP"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let tone = if self.adjacent { Tone::Good } else { Tone::Doubtful };
        vec![
            self.router_id.to_string().into(),
            (&self.interface).into(),
            self.address.to_string().into(),
            Cell::toned(&self.state, tone),
            Cell::number(self.priority),
            named(self.designated_router),
            named(self.backup),
        ]
    }
}

impl Row for InterfaceStatus {
    const NOUN: &'static str = "interfaces with OSPF";
    const HEADER: &'static [&'static str] = &[
        "INTERFACE",
        "AREA",
        "ADDRESS",
        "NETWORK",
        "STATE",
        "COST",
        "HELLO",
        "DEAD",
        "ADJACENCIES",
        "DESIGNATED",
        "BACKUP",
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let network = if self.passive { format!("{}, passive", self.network) } else { self.network.clone() };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        vec![
            (&self.name).into(),
            self.area.to_string().into(),
            self.address.to_string().into(),
            network.into(),
            (&self.state).into(),
            Cell::number(self.cost),
            Cell::quantity(format!("{} s", self.hello_s)),
            Cell::quantity(format!("{} s", self.dead_s)),
            Cell::ratio(count(self.adjacencies), count(self.neighbours)),
            named(self.designated_router),
            named(self.backup),
        ]
    }
}

impl Row for DatabaseEntry {
    const NOUN: &'static str = "LSAs";
    const HEADER: &'static [&'static str] =
        &["AREA", "TYPE", "LINK STATE ID", "ADVERTISING ROUTER", "AGE", "SEQUENCE", "CHECKSUM", "LENGTH"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::maybe(self.area),
            (&self.kind).into(),
            self.id.to_string().into(),
            self.advertising_router.to_string().into(),
            Cell::number(self.age),
            format!("{:#010x}", self.sequence).into(),
            format!("{:#06x}", self.checksum).into(),
            Cell::number(self.length),
        ]
    }
}

impl Row for Route {
    const NOUN: &'static str = "routes";
    const HEADER: &'static [&'static str] = &["PREFIX", "KIND", "COST", "TYPE 2 COST", "TAG", "NEXT HOPS"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let ways: Vec<String> = self
            .next_hops
            .iter()
            .map(|hop| match hop.via {
                Some(via) => format!("via {via} dev {}", hop.interface),
                None => format!("dev {}", hop.interface),
            })
            .collect();
        route_cells(self.prefix, &self.kind, self.cost, self.type2_cost, self.tag, &ways)
    }
}

impl Row for ComputedRoute {
    const NOUN: &'static str = "routes";
    const HEADER: &'static [&'static str] = Route::HEADER;

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let ways: Vec<String> = self
            .next_hops
            .iter()
            .map(|hop| match hop.via {
                Some(via) => format!("via {via} out of {}", hop.out),
                None => format!("out of {}", hop.out),
            })
            .collect();
        route_cells(self.prefix, &self.kind, self.cost, self.type2_cost, self.tag, &ways)
    }
}

fn route_cells(
    prefix: ipnet::Ipv4Net,
    kind: &str,
    cost: u32,
    type2_cost: Option<u32>,
    tag: u32,
    ways: &[String],
) -> Vec<Cell> {
    vec![
        prefix.to_string().into(),
        kind.into(),
        Cell::number(cost),
        Cell::maybe(type2_cost),
        Cell::number(tag),
        Cell::stack(ways),
    ]
}

/// An address, or nothing where the protocol says 0.0.0.0.
fn named(address: std::net::Ipv4Addr) -> Cell {
    Cell::maybe((!address.is_unspecified()).then_some(address))
}
