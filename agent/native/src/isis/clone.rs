//! What the control socket says of a prefix's evidence, and of routes that are about to change.

use braid_isis::{CircuitId, Instant};
use ipnet::Ipv4Net;

use super::{Announcement, router::Isis, router::next_hops};
use crate::{Convergence, PendingRoute, RouteNextHop};

pub(super) fn announced(router: &Isis, now: Instant, prefix: &Ipv4Net) -> Option<Announcement> {
    let route = router.instance.routing().route(&prefix.trunc())?;
    let header = router.instance.database(route.level).get(&route.origin)?.header(now);
    Some(Announcement {
        level: route.level.number(),
        id: route.origin,
        host_name: router.instance.host_name(route.origin.node.system),
        sequence: header.sequence,
        lifetime: header.lifetime,
    })
}

pub(super) fn converged(router: &Isis, now: Instant) -> Convergence {
    let converged = router.instance.converged(now);
    let changes = converged.changes.into_iter().filter_map(|change| {
        // Kernel routes: their next hops alone count, and what is attached the kernel has by itself.
        let becomes = change.new.as_ref().and_then(next_hops);
        (becomes != change.old.as_ref().and_then(next_hops)).then(|| PendingRoute {
            prefix: change.prefix,
            next_hops: change.new.filter(|_| becomes.is_some()).map(|route| {
                let hop = |hop: &braid_isis_route::NextHop| RouteNextHop {
                    interface: router.name(CircuitId(hop.circuit)),
                    via: hop.gateway,
                };
                route.next_hops.iter().map(hop).collect()
            }),
        })
    });
    Convergence {
        in_us: converged.at.0.saturating_sub(now.0),
        is_at_rest: converged.is_at_rest,
        changes: changes.collect(),
    }
}
