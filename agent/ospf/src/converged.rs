//! A converged clone: what the routes become once all pending work is done, found out before it is.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::{InstalledRoute, Instance, Instant, Output, RouteUpdate, timers::Timer};

/// Steps after which a clone is given up: routes and own LSAs that follow from each other without end.
const MOST_STEPS: usize = 64;

/// What a router's routes become if nothing more happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converged {
    /// When the last pending work is done: the time asked for if there is none.
    pub at: Instant,
    /// How the routes then differ from those of [`Instance::routes`], sorted by prefix.
    pub changes: Vec<RouteUpdate>,
    /// Whether the clone came to rest; if not, what is said here is how far it got.
    pub is_at_rest: bool,
}

impl Instance {
    /// What the routes become by what this router knows at `now`: a clone carries out the pending work, which is the SPF
    /// computation that its back-off holds back (RFC 8405) and the own LSAs that MinLSInterval does, in virtual time. No
    /// neighbour is lost meanwhile and no LSA ages out, since that is news still to come. The router itself is not touched.
    #[must_use]
    pub fn converged(&self, now: Instant) -> Converged {
        let now = self.now.max(now);
        if !self.dirty && !self.unsaid && self.next_work().is_none() {
            return Converged { at: now, changes: Vec::new(), is_at_rest: true };
        }
        let mut clone = self.clone();
        clone.outputs.clear();
        clone.now = now;
        let mut is_at_rest = false;
        for _ in 0..MOST_STEPS {
            if clone.settle_once() {
                continue;
            }
            let Some(next) = clone.next_work() else {
                is_at_rest = true;
                break;
            };
            clone.now = clone.now.max(next);
            if clone.timers.at(Timer::Originate).is_some_and(|at| at <= clone.now) {
                clone.timers.stop(Timer::Originate);
                clone.unsaid = true;
            }
        }
        Converged { at: clone.now, changes: self.differences(clone.outputs), is_at_rest }
    }

    /// When the next pending work is to be done.
    fn next_work(&self) -> Option<Instant> {
        [self.table.next(), self.timers.at(Timer::Originate)].into_iter().flatten().min()
    }

    /// What several computations come to.
    fn differences(&self, outputs: impl IntoIterator<Item = Output>) -> Vec<RouteUpdate> {
        let updates = outputs.into_iter().filter_map(|output| match output {
            Output::Routes(updates) => Some(updates),
            _ => None,
        });
        let last: BTreeMap<Ipv4Net, Option<InstalledRoute>> =
            updates.flatten().map(|update| (update.prefix, update.route)).collect();
        last.into_iter()
            .filter(|(prefix, route)| self.table.installed(prefix) != *route)
            .map(|(prefix, route)| RouteUpdate { prefix, route })
            .collect()
    }
}
