//! How ballots are compared: by the strongest evidence that all of them have.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Ballot, electorate::Seat};

/// What two ballots must have in common to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// The set of borders that deliver the prefix: needs to be known of every voter.
    Egress,
    /// The set of next hops: needs every voter to be of one known layout class.
    NextHops,
    /// Having a usable route at all.
    Reachability,
}

impl Comparison {
    /// The strongest level that every one of `voters` supports.
    pub(crate) fn strongest<'s, 'a: 's>(voters: &(impl Iterator<Item = &'s Seat<'a>> + Clone)) -> Comparison {
        let mut classes = voters.clone().map(|seat| seat.elector.layout);
        if voters.clone().all(|seat| seat.ballot.egress().is_some()) {
            return Comparison::Egress;
        }
        match classes.next().flatten() {
            Some(class) if classes.all(|other| other == Some(class)) => Comparison::NextHops,
            _ => Comparison::Reachability,
        }
    }

    /// Whether two usable ballots agree. An equivalence, so voters fall into groups.
    pub(crate) fn agree(self, a: &Ballot, b: &Ballot) -> bool {
        match self {
            Comparison::Egress => a.egress() == b.egress(),
            Comparison::NextHops => a.next_hops() == b.next_hops(),
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
