//! The shared sets that ballots name by number.

use crate::{EgressSet, NextHop, RouteEvidence, SortedSet, cell::Cell, intern::Interner};

/// Sets of next hops and of borders.
#[derive(Debug, Clone)]
pub(crate) struct Sets {
    pub next_hops: Interner<SortedSet<NextHop>>,
    pub egress: Interner<EgressSet>,
}

impl Sets {
    pub const fn new() -> Sets {
        Sets { next_hops: Interner::new(), egress: Interner::new() }
    }

    /// A cell's route as others read it.
    pub fn route(&self, cell: &Cell) -> RouteEvidence {
        match (cell.route.reason(), cell.route.next_hops()) {
            (Some(reason), _) => RouteEvidence::Unusable { reason },
            (None, None) => RouteEvidence::Missing,
            (None, Some(set)) => RouteEvidence::Usable {
                next_hops: self.next_hops.get(set).cloned().unwrap_or_default(),
                metric: cell.metric,
            },
        }
    }

    /// A cell that used some is no more.
    pub fn release(&mut self, cell: &Cell) {
        if let Some(set) = cell.route.next_hops() {
            self.next_hops.release(set);
        }
        for set in [cell.probe.egress(), cell.verification.egress()].into_iter().flatten() {
            self.egress.release(set);
        }
    }
}
