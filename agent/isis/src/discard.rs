//! Discard routes: packets for an own summary that no route within it takes must not follow a less specific route out again, to
//! come back by the summary (RFC 1195 §3.2 asks for summaries; that they must end such packets is RFC 4632 §5.1).

use std::collections::BTreeSet;

use braid_isis_packet::Level;
use braid_isis_route::{PathKind, Route};
use ipnet::Ipv4Net;

use crate::{Instance, Output, RouteUpdate};

impl Instance {
    /// A prefix's update, now that its best route is this.
    pub(crate) fn update_route(&mut self, prefix: Ipv4Net, new: Option<Route>) -> RouteUpdate {
        let discard = self.discards(&prefix, new.as_ref());
        if discard {
            self.discarded.insert(prefix);
        } else {
            self.discarded.remove(&prefix);
        }
        RouteUpdate { prefix, new, discard }
    }

    /// Tells of summaries that have become discard routes, or are none any more, while their best route stayed the same.
    pub(crate) fn revise_discards(&mut self) {
        let summaries = &self.config.leak.summaries;
        if summaries.is_empty() && self.discarded.is_empty() {
            return;
        }
        let prefixes: BTreeSet<Ipv4Net> = summaries.keys().chain(&self.discarded).copied().collect();
        let mut updates = Vec::new();
        for prefix in prefixes {
            let route = self.routing.routing().route(&prefix);
            if self.discards(&prefix, route.as_ref()) != self.discarded.contains(&prefix) {
                updates.push(self.update_route(prefix, route));
            }
        }
        if !updates.is_empty() {
            self.outputs.push_back(Output::Routes(updates));
        }
    }

    /// Whether a prefix is a summary that this router says, and nothing else: a route of the area to all of it goes first, and so
    /// does another router's better summary, which ends no later than there.
    fn discards(&self, prefix: &Ipv4Net, route: Option<&Route>) -> bool {
        let is_own_of_level_2 = |route: &Route| route.kind == PathKind::L2 && route.next_hops.is_empty();
        self.config.leak.summaries.contains_key(prefix)
            && route.is_some_and(is_own_of_level_2)
            && !self.is_attached(prefix)
    }

    /// Whether this router has a prefix itself: then the kernel has a route of somebody else's.
    fn is_attached(&self, prefix: &Ipv4Net) -> bool {
        let external = self.externals.get(prefix);
        external.is_some_and(|external| external.level.has(Level::Two))
            || self
                .circuits
                .values()
                .any(|circuit| circuit.up && circuit.config.prefixes.contains_key(prefix))
    }
}
