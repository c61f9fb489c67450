//! A converged clone: what the routes become once all pending work is done, found out before it is.

use std::collections::BTreeMap;

use braid_isis_packet::Level;
use braid_isis_route::{Route, RouteChange};
use ipnet::Ipv4Net;

use crate::{Instance, Instant, Output, clock::earlier};

/// Steps after which a clone is given up: routes and own LSPs that follow from each other without end.
const MOST_STEPS: usize = 64;

/// What a router's routes become if nothing more happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converged {
    /// When the last pending work is done: the time asked for if there is none.
    pub at: Instant,
    /// How the routes then differ from those of [`Instance::routes`], sorted by prefix.
    pub changes: Vec<RouteChange>,
    /// Whether the clone came to rest; if not, what is said here is how far it got.
    pub is_at_rest: bool,
}

impl Instance {
    /// What the routes become by what this router knows at `now`: a clone carries out the pending work, which is the
    /// decision process that its back-off holds back (RFC 8405) and the own LSPs that their pacing does, in virtual time. No
    /// adjacency is lost meanwhile and no LSP ages out, since that is news still to come. The router itself is not touched.
    #[must_use]
    pub fn converged(&self, now: Instant) -> Converged {
        let mut at = now;
        if self.next_work().is_none() {
            return Converged { at, changes: Vec::new(), is_at_rest: true };
        }
        let mut clone = self.clone();
        let mut last: BTreeMap<Ipv4Net, Option<Route>> = BTreeMap::new();
        let mut is_at_rest = false;
        for _ in 0..MOST_STEPS {
            while let Some(output) = clone.poll_output() {
                if let Output::Routes(changes) = output {
                    last.extend(changes.into_iter().map(|change| (change.prefix, change.new)));
                }
            }
            let Some(next) = clone.next_work() else {
                is_at_rest = true;
                break;
            };
            at = at.max(next);
            clone.compute(at);
            clone.originate(at);
        }
        let change = |(prefix, new)| RouteChange { prefix, old: self.routing.routing().route(&prefix), new };
        let changes = last.into_iter().map(change).filter(|change| change.old != change.new);
        Converged { at, changes: changes.collect(), is_at_rest }
    }

    /// When the next pending work is to be done. Refreshes of own LSPs are none, unless they come before it.
    fn next_work(&self) -> Option<Instant> {
        let changing = Level::ALL.into_iter().filter(|level| self.origination[*level].is_changing());
        let said = changing.filter_map(|level| self.origination[level].poll_timeout());
        said.fold(self.routing.poll_timeout(), |next, at| earlier(next, Some(at)))
    }
}
