//! A virtual network, as `braid get vns` and `braid status` show it.

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::Row;
use crate::{page::Cell, units};

/// A virtual network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Vn {
    pub id: u32,
    pub name: String,
    pub engine: String,
    pub code_base: String,
    pub protocol: String,
    pub links: u32,
    pub routers: u32,
    pub routers_running: u32,
    pub adjacencies: u32,
    pub adjacencies_expected: u32,
    /// Routers whose FIB holds every loopback and every attached prefix.
    pub routers_converged: u32,
    pub votes_won: u32,
    pub rss_bytes: u64,
}

impl From<v1::Vn> for Vn {
    fn from(vn: v1::Vn) -> Self {
        Self {
            id: vn.id,
            name: vn.name,
            engine: vn.engine,
            code_base: vn.code_base,
            protocol: vn.protocol,
            links: vn.links,
            routers: vn.routers,
            routers_running: vn.routers_running,
            adjacencies: vn.adjacencies,
            adjacencies_expected: vn.adjacencies_expected,
            routers_converged: vn.routers_converged,
            votes_won: vn.votes_won,
            rss_bytes: vn.rss_bytes,
        }
    }
}

impl Row for Vn {
    const NOUN: &'static str = "virtual networks";
    const HEADER: &'static [&'static str] =
        &["ID", "VN", "ENGINE", "CODE BASE", "ROUTERS", "ADJACENCIES", "CONVERGED", "VOTES WON", "MEMORY"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::number(self.id),
            (&self.name).into(),
            (&self.engine).into(),
            (&self.code_base).into(),
            Cell::ratio(self.routers_running, self.routers),
            Cell::ratio(self.adjacencies, self.adjacencies_expected),
            Cell::ratio(self.routers_converged, self.routers),
            Cell::number(self.votes_won),
            Cell::quantity(units::size(self.rss_bytes)),
        ]
    }
}
