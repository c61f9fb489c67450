//! What `braid agent engine show` and `braid debug routes` show of IS-IS: as the engine itself says it.

use braid_native::{
    RouteNextHop,
    isis::{CircuitStatus, ComputedRoute, DatabaseEntry, LanId, Neighbour, Route},
};
use jiff::Timestamp;

use super::Row;
use crate::page::{Cell, Tone};

impl Row for Neighbour {
    const NOUN: &'static str = "neighbours";
    const HEADER: &'static [&'static str] =
        &["SYSTEM", "NAME", "INTERFACE", "ADDRESS", "LEVEL", "STATE", "HOLD", "PRIORITY", "LAN"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let tone = if self.adjacent { Tone::Good } else { Tone::Doubtful };
        let priority = self.lan_id.map(|_| self.priority);
        vec![
            self.system_id.to_string().into(),
            Cell::maybe(self.host_name.as_ref()),
            (&self.interface).into(),
            Cell::maybe(self.address),
            (&self.levels).into(),
            Cell::toned(&self.state, tone),
            Cell::quantity(format!("{} ms", self.hold_ms)),
            Cell::maybe(priority),
            Cell::maybe(self.lan_id),
        ]
    }
}

impl Row for CircuitStatus {
    const NOUN: &'static str = "interfaces with IS-IS";
    const HEADER: &'static [&'static str] = &[
        "INTERFACE",
        "ADDRESSES",
        "NETWORK",
        "LEVEL",
        "STATE",
        "METRIC",
        "HELLO",
        "HOLD",
        "ADJACENCIES",
        "DESIGNATED",
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let network = if self.passive { format!("{}, passive", self.network) } else { self.network.clone() };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let levels = [self.level_1, self.level_2];
        let metric = match levels.map(|level| level.metric) {
            [one, two] if one == two => one.to_string(),
            [one, two] => format!("{one}, {two}"),
        };
        let designated: Vec<String> =
            levels.iter().filter_map(|level| level.designated.as_ref().map(LanId::to_string)).collect();
        vec![
            (&self.name).into(),
            Cell::stack(&addresses),
            network.into(),
            self.level.to_string().into(),
            (&self.state).into(),
            Cell::quantity(metric),
            Cell::quantity(format!("{} ms", self.hello_ms)),
            Cell::quantity(format!("{} ms", self.hold_ms)),
            Cell::ratio(count(self.adjacencies), count(self.neighbours)),
            Cell::stack(&designated),
        ]
    }
}

impl Row for DatabaseEntry {
    const NOUN: &'static str = "LSPs";
    const HEADER: &'static [&'static str] =
        &["LEVEL", "LSP", "NAME", "LIFETIME", "SEQUENCE", "CHECKSUM", "LENGTH", "FLAGS", "CARRIES"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let flags = [(self.attached, "attached"), (self.overload, "overload")];
        let flags: Vec<String> =
            flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| (*name).to_owned()).collect();
        vec![
            Cell::number(self.level),
            self.id.to_string().into(),
            Cell::maybe(self.host_name.as_ref()),
            Cell::number(self.lifetime),
            format!("{:#010x}", self.sequence).into(),
            format!("{:#06x}", self.checksum).into(),
            Cell::number(self.length),
            Cell::maybe((!flags.is_empty()).then(|| flags.join(", "))),
            Cell::stack(&self.carried),
        ]
    }
}

impl Row for Route {
    const NOUN: &'static str = "routes";
    const HEADER: &'static [&'static str] = &["PREFIX", "KIND", "METRIC", "NEXT HOPS", "TOLD BY"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let way = |hop: &RouteNextHop| match hop.via {
            Some(via) => format!("via {via} dev {}", hop.interface),
            None => format!("dev {}", hop.interface),
        };
        vec![
            self.prefix.to_string().into(),
            (&self.kind).into(),
            Cell::number(self.metric),
            ways(&self.next_hops.iter().map(way).collect::<Vec<_>>()),
            self.origin.to_string().into(),
        ]
    }
}

impl Row for ComputedRoute {
    const NOUN: &'static str = "routes";
    const HEADER: &'static [&'static str] = Route::HEADER;

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let via = self.next_hops.iter().map(|hop| match hop.via {
            Some(via) => format!("via {via}"),
            None => "via a neighbour without address".to_owned(),
        });
        vec![
            self.prefix.to_string().into(),
            (&self.kind).into(),
            Cell::number(self.metric),
            ways(&via.collect::<Vec<_>>()),
            self.origin.to_string().into(),
        ]
    }
}

/// Without any, the router itself announces the prefix.
fn ways(ways: &[String]) -> Cell {
    if ways.is_empty() { Cell::toned("this router", Tone::Faint) } else { Cell::stack(ways) }
}
