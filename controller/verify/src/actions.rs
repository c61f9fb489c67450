//! Actions as numbers: the fixed ones, and interned sets of next hops.

use crate::{Action, DropReason, InterfaceId, NodeId, interner::Interner, topology::Graph};

/// The node's FIB is not known.
pub(crate) const UNKNOWN: u32 = 0;
/// Out of the port.
pub(crate) const DELIVER: u32 = 1;
/// For the node itself.
pub(crate) const LOCAL: u32 = 2;
/// No route.
pub(crate) const NO_ROUTE: u32 = DROP;
const DROP: u32 = 3;
const FORWARD: u32 = DROP + DropReason::ALL.len() as u32;

/// What a number means.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Meaning<'a> {
    Unknown,
    Deliver,
    Local,
    Drop(DropReason),
    /// Interfaces by number, sorted.
    Forward(&'a [u32]),
}

/// The sets of next hops in use.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    sets: Interner,
}

impl Actions {
    /// The number of a node's action, held once more.
    pub(crate) fn hold(&mut self, action: &Action, node: NodeId, graph: &Graph) -> u32 {
        match action {
            Action::Deliver => DELIVER,
            Action::Local => LOCAL,
            Action::Drop(reason) => DROP + *reason as u32,
            Action::Forward(interfaces) => {
                let known = |i: &InterfaceId| if graph.owns(node, *i) { i.0 } else { InterfaceId::NOWHERE.0 };
                match &interfaces[..] {
                    [] => DROP + DropReason::DeadNextHop as u32,
                    [one] => FORWARD + self.sets.hold(&[known(one)]).0,
                    _ => {
                        let mut set: Vec<u32> = interfaces.iter().map(known).collect();
                        set.sort_unstable();
                        set.dedup();
                        FORWARD + self.sets.hold(&set).0
                    }
                }
            }
        }
    }

    pub(crate) fn release(&mut self, action: u32) {
        if let Some(set) = action.checked_sub(FORWARD) {
            self.sets.release(set);
        }
    }

    pub(crate) fn get(&self, action: u32) -> Meaning<'_> {
        match action {
            UNKNOWN => Meaning::Unknown,
            DELIVER => Meaning::Deliver,
            LOCAL => Meaning::Local,
            DROP..FORWARD => Meaning::Drop(DropReason::ALL[(action - DROP) as usize]),
            _ => Meaning::Forward(self.sets.get(action - FORWARD)),
        }
    }

    /// The interfaces an action sends to; none unless it forwards.
    pub(crate) fn next_hops(&self, action: u32) -> &[u32] {
        match action.checked_sub(FORWARD) {
            Some(set) => self.sets.get(set),
            None => &[],
        }
    }

    /// The action as it was given, but for order and doubles of its interfaces.
    pub(crate) fn describe(&self, action: u32) -> Action {
        match self.get(action) {
            Meaning::Deliver => Action::Deliver,
            Meaning::Local => Action::Local,
            Meaning::Unknown => Action::Drop(DropReason::NoRoute),
            Meaning::Drop(reason) => Action::Drop(reason),
            Meaning::Forward(set) => Action::Forward(set.iter().copied().map(InterfaceId).collect()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.sets.len()
    }
}
