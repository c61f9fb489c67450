//! How ballots are compared: by the strongest evidence that all of them have.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::electorate::Seat;

/// What two ballots must have in common to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// The set of borders that deliver the prefix: needs to be known of all.
    Egress,
    /// The set of next hops: needs all to be of one known layout class.
    NextHops,
    /// Having a usable route at all.
    Reachability,
}

impl Comparison {
    /// The strongest level that every one of `seats` supports.
    pub(crate) fn strongest<'s>(seats: impl Iterator<Item = &'s Seat> + Clone) -> Comparison {
        if seats.clone().all(|seat| seat.egress.is_some()) {
            return Comparison::Egress;
        }
        let mut classes = seats.map(|seat| seat.layout);
        match classes.next().flatten() {
            Some(class) if classes.all(|other| other == Some(class)) => Comparison::NextHops,
            _ => Comparison::Reachability,
        }
    }

    /// Whether two usable ballots agree. An equivalence, so seats fall into groups.
    pub(crate) fn agree(self, a: &Seat, b: &Seat) -> bool {
        match self {
            Comparison::Egress => a.egress == b.egress,
            Comparison::NextHops => a.next_hops == b.next_hops,
            Comparison::Reachability => true,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::Egress => "egress borders",
            Comparison::NextHops => "next hops",
            Comparison::Reachability => "reachability",
        })
    }
}
