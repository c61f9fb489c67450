//! AS-external-LSAs: type 5 of our own routes and of translated ones (RFC 2328 §12.4.4).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use braid_ospf_packet::{AreaId, ExternalLsa, LS_INFINITY, LsType, LsaBody, LsaKey, Options, RouterId};
use braid_ospf_route::{Domain, PathKind};
use ipnet::Ipv4Net;

use crate::{
    External, InterfaceState, Local, Origin, Problem, active_areas,
    collect::Collector,
    link_state_id::{link_state_ids, usual_ids},
    nssa, summary,
};

/// What is flooded through the AS, when an attached area takes it.
pub(crate) fn externals(local: &Local<'_>, out: &mut Collector) {
    if !reaches_as(local) {
        return;
    }
    let mut bodies: BTreeMap<Ipv4Net, ExternalLsa> = BTreeMap::new();
    for (prefix, external) in announced(local) {
        let forwarding = external.forwarding.filter(|address| is_internal(local, *address));
        bodies.insert(prefix, body(local, &prefix, external, forwarding));
    }
    nssa::translate(local, &mut bodies, out);
    bodies.retain(|prefix, body| !said_by_another(local, prefix, body));
    let ids = link_state_ids(bodies.keys().copied());
    for (prefix, body) in bodies {
        let Some(id) = ids.get(&prefix) else {
            out.problem(Problem::NoLinkStateId { prefix });
            continue;
        };
        out.add(Origin {
            domain: Domain::As,
            ls_type: LsType::External,
            link_state_id: *id,
            options: Options::E,
            body: LsaBody::External(body),
        });
    }
}

/// Whether an area that we are attached to takes AS-externals.
pub(crate) fn reaches_as(local: &Local<'_>) -> bool {
    active_areas(local).any(|id| local.areas.iter().any(|area| area.id == id && area.kind.takes_externals()))
}

/// Our own externals, with prefixes in canonical form; a metric of LSInfinity means unreachable.
pub(crate) fn announced<'a>(local: &Local<'a>) -> impl Iterator<Item = (Ipv4Net, &'a External)> {
    local
        .externals
        .iter()
        .filter(|(_, external)| external.metric < LS_INFINITY)
        .map(|(prefix, external)| (prefix.trunc(), external))
}

pub(crate) fn body(
    local: &Local<'_>,
    prefix: &Ipv4Net,
    external: &External,
    forwarding: Option<Ipv4Addr>,
) -> ExternalLsa {
    ExternalLsa {
        mask: prefix.prefix_len(),
        type2: external.type2,
        metric: summary::metric(local, external.metric),
        forwarding: forwarding.unwrap_or(Ipv4Addr::UNSPECIFIED),
        tag: external.tag,
    }
}

/// Whether the network of an own interface that is up, in the area if one is named, holds the address.
pub(crate) fn is_on_link(local: &Local<'_>, address: Ipv4Addr, area: Option<AreaId>) -> bool {
    local.interfaces.iter().any(|interface| {
        interface.state != InterfaceState::Down
            && interface.unnumbered.is_none()
            && area.is_none_or(|area| interface.area == area)
            && interface.address.contains(&address)
    })
}

/// RFC 2328 §12.4.4.1, §16.4 (3): a forwarding address only helps if all routers reach it inside the AS.
fn is_internal(local: &Local<'_>, address: Ipv4Addr) -> bool {
    is_on_link(local, address, None)
        || local
            .routing
            .lookup(address)
            .is_some_and(|(_, route)| matches!(route.kind, PathKind::IntraArea | PathKind::InterArea))
}

/// RFC 2328 §12.4.4.1: of functionally equivalent LSAs (same destination, cost and forwarding address, which then is not
/// zero) only that of the highest router id stays, as long as that router can be reached.
fn said_by_another(local: &Local<'_>, prefix: &Ipv4Net, ours: &ExternalLsa) -> bool {
    let said_by = |router: RouterId| {
        usual_ids(prefix).into_iter().any(|id| {
            let key = LsaKey::new(LsType::External, id, router);
            local.database.lsa(Domain::As, &key).is_some_and(|lsa| match lsa.body() {
                LsaBody::External(theirs) => ExternalLsa { tag: ours.tag, ..theirs } == *ours,
                _ => false,
            })
        })
    };
    !ours.forwarding.is_unspecified()
        && local.routing.routers(None).any(|asbr| asbr.router > local.router_id && said_by(asbr.router))
}
