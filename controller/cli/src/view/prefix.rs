//! An attached prefix, as `braid get prefixes` shows it.

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::Row;
use crate::page::Cell;

/// A customer prefix and the border to which it is attached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prefix {
    pub prefix: String,
    pub node: String,
    pub interface: String,
    /// The policy in words.
    pub policy: String,
    /// Borders whose verdict on it has a winner.
    pub borders_decided: u32,
    /// Borders that vote on it.
    pub borders_voting: u32,
}

impl From<v1::Prefix> for Prefix {
    fn from(prefix: v1::Prefix) -> Self {
        Self {
            prefix: prefix.prefix,
            node: prefix.node,
            interface: prefix.interface,
            policy: prefix.policy,
            borders_decided: prefix.borders_decided,
            borders_voting: prefix.borders_voting,
        }
    }
}

impl Row for Prefix {
    const NOUN: &'static str = "prefixes";
    const HEADER: &'static [&'static str] = &["PREFIX", "BORDER", "INTERFACE", "DECIDED", "POLICY"];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            (&self.prefix).into(),
            (&self.node).into(),
            (&self.interface).into(),
            Cell::ratio(self.borders_decided, self.borders_voting),
            (&self.policy).into(),
        ]
    }
}
