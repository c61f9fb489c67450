//! A verdict of the verifier held against the model.

use std::{collections::BTreeSet, fmt};

use braid_proto::NodeName;
use braid_verify::{DropReason, NodeId, Summary, Verdict, Verifier};

/// How many loops, or drops, are named.
const MAX_NAMED: usize = 3;

/// What becomes of packets from a border to a foreign prefix in one virtual network, and what to think of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Some router on the way has not told its FIB.
    Unknown,
    /// All packets come out at these borders, to which the model has no objection.
    Delivers { egress: BTreeSet<NodeName> },
    /// All packets come out, but not only where the model expects it.
    Differs { egress: BTreeSet<NodeName>, expected: BTreeSet<NodeName> },
    /// Some packets loop; others may come out at `egress`.
    Loops { egress: BTreeSet<NodeName>, loops: Vec<Vec<NodeName>> },
    /// Some packets are dropped, none loops; others may come out at `egress`.
    Dropped { egress: BTreeSet<NodeName>, drops: Vec<(NodeName, DropReason)> },
}

/// What two findings have to share to be the same, going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Unknown,
    Delivers,
    Differs,
    /// Loops and drops turn into one another while a fault spreads.
    Undelivered,
}

impl Finding {
    /// `expected` are the borders that the model expects to deliver, if any is in reach.
    ///
    /// Engines may break ties or leave out equally near borders as they like, so any of those expected will do. A way round is no
    /// fault as long as packets come out where they should: next hops are held against the model's when an operator asks
    /// ([`detours`](super::Inspector::detours)).
    pub(super) fn of(verdict: &Verdict, verifier: &Verifier, expected: Option<&BTreeSet<&NodeName>>) -> Self {
        let name = |node: &NodeId| verifier.node_name(*node).cloned();
        let egress: BTreeSet<NodeName> = verdict.egress.iter().filter_map(name).collect();
        match verdict.summary() {
            Summary::Unknown => Self::Unknown,
            Summary::Loops => {
                let loops = verdict.loops.iter().map(|nodes| nodes.iter().filter_map(name).collect());
                Self::Loops { egress, loops: loops.collect() }
            }
            Summary::Dropped => {
                let drops = verdict.drops.iter().filter_map(|(node, reason)| Some((name(node)?, *reason)));
                Self::Dropped { egress, drops: drops.collect() }
            }
            Summary::Delivers => match expected {
                Some(expected) if !egress.iter().all(|e| expected.contains(e)) => {
                    Self::Differs { egress, expected: expected.iter().map(|e| (*e).clone()).collect() }
                }
                _ => Self::Delivers { egress },
            },
        }
    }

    pub(super) fn class(&self) -> Class {
        match self {
            Self::Unknown => Class::Unknown,
            Self::Delivers { .. } => Class::Delivers,
            Self::Differs { .. } => Class::Differs,
            Self::Loops { .. } | Self::Dropped { .. } => Class::Undelivered,
        }
    }

    /// Whether all that is wrong is that packets leave a border at which the prefix is not attached. No change of a link
    /// explains that.
    pub(super) fn is_misdelivery(&self) -> bool {
        matches!(self, Self::Dropped { drops, .. } if drops.iter().all(|(_, why)| *why == DropReason::NotAttached))
    }

    /// Where packets come out.
    pub(crate) fn egress(&self) -> impl Iterator<Item = &NodeName> {
        let egress = match self {
            Self::Unknown => None,
            Self::Delivers { egress }
            | Self::Differs { egress, .. }
            | Self::Loops { egress, .. }
            | Self::Dropped { egress, .. } => Some(egress),
        };
        egress.into_iter().flatten()
    }

    /// What is wrong, in words that follow on "the prefix"; none if nothing is.
    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Self::Unknown | Self::Delivers { .. } => None,
            Self::Differs { egress, expected } => Some(format!(
                "is delivered at {}, where the model expects {}",
                list(egress.iter()),
                list(expected.iter())
            )),
            Self::Loops { loops, .. } => {
                let round = |nodes: &Vec<NodeName>| {
                    let names: Vec<&str> = nodes.iter().chain(nodes.first()).map(NodeName::as_str).collect();
                    names.join(" → ")
                };
                Some(format!("loops: {}", list(loops.iter().map(round))))
            }
            Self::Dropped { drops, .. } => {
                let place = |(node, why): &(NodeName, DropReason)| format!("at {node} ({})", in_words(*why));
                Some(format!("is dropped {}", list(drops.iter().map(place))))
            }
        }
    }
}

fn list<T: fmt::Display>(items: impl ExactSizeIterator<Item = T>) -> String {
    let more = items.len().saturating_sub(MAX_NAMED);
    let named: Vec<String> = items.take(MAX_NAMED).map(|item| item.to_string()).collect();
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

pub(super) fn in_words(reason: DropReason) -> &'static str {
    match reason {
        DropReason::NoRoute => "no route",
        DropReason::Blackhole => "a blackhole route",
        DropReason::Unreachable => "an unreachable route",
        DropReason::Prohibited => "a prohibit route",
        DropReason::DeadNextHop => "its next hop is dead",
        DropReason::NotAttached => "it leaves the virtual network there, but is not attached there",
    }
}
