//! What the control socket says of a prefix's evidence, and of routes that are about to change.

use braid_ospf::Instant;
use ipnet::Ipv4Net;

use super::{Announcement, answer::kind, router::Ospf, router::next_hops};
use crate::{Convergence, PendingRoute, RouteNextHop};

pub(super) fn announced(router: &Ospf, now: Instant, prefix: &Ipv4Net) -> Option<Announcement> {
    let (_, header) = router.instance.announced(&prefix.trunc(), now)?;
    Some(Announcement {
        kind: kind(header.key.ls_type).to_owned(),
        id: header.key.link_state_id,
        advertising_router: header.key.advertising_router.0,
        sequence: header.sequence.0,
        age: header.age,
    })
}

pub(super) fn converged(router: &Ospf, now: Instant) -> Convergence {
    let converged = router.instance.converged(now);
    // Kernel routes: their next hops alone count, and what is attached the kernel has by itself.
    let installed = |prefix: &Ipv4Net| router.instance.route(prefix).and_then(|route| next_hops(&route));
    let changes = converged.changes.into_iter().filter_map(|update| {
        let becomes = update.route.as_ref().and_then(next_hops);
        (becomes != installed(&update.prefix)).then(|| PendingRoute {
            prefix: update.prefix,
            next_hops: update.route.filter(|_| becomes.is_some()).map(|route| {
                let hop = |(interface, via)| RouteNextHop { interface: router.name(interface), via };
                route.next_hops.into_iter().map(hop).collect()
            }),
        })
    });
    Convergence {
        in_us: converged.at.0.saturating_sub(now.0),
        is_at_rest: converged.is_at_rest,
        changes: changes.collect(),
    }
}
