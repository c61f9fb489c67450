//! Router-LSAs and network-LSAs: the router's own links (RFC 2328 §12.4.1, §12.4.2).

use std::net::Ipv4Addr;

use braid_ospf_packet::{
    AreaId, LinkKind, LsType, Lsa, LsaBody, LsaHeader, NetworkLsa, RouterFlags, RouterId, RouterLink,
    RouterLsa,
};

use crate::{
    AreaType, AreaView, InterfaceState, InterfaceView, Local, Network, Problem, StubRouter, Translate,
    VirtualLinkView, collect::Collector,
};

/// Metric of a link that nobody shall use for transit (RFC 6987 §3).
pub const MAX_LINK_METRIC: u16 = 0xffff;

/// What fits behind an LSA's header.
const MAX_BODY: usize = Lsa::MAX_LENGTH - LsaHeader::LENGTH;
const MAX_LINKS: usize = (MAX_BODY - 4) / 12;
const MAX_ATTACHED: usize = (MAX_BODY - 4) / 4;

/// The router-LSA of each area, with as many links as fit.
pub(crate) fn router_lsas(local: &Local<'_>, out: &mut Collector) {
    for area in local.areas {
        let mut links = links(local, area.id);
        let total = links.len();
        if total > MAX_LINKS {
            // A lost stub network costs one destination, a lost link the way to many: stable sort, stubs last.
            links.sort_by_key(|link| link.kind == LinkKind::Stub);
            links.truncate(MAX_LINKS);
            let omitted = total - MAX_LINKS;
            out.problem(Problem::RouterLsaTooLong { area: area.id, links: total, omitted });
        }
        let body = LsaBody::Router(RouterLsa { flags: flags(local, area), links });
        out.area(area, LsType::Router, local.router_id.0, body);
    }
}

/// The network-LSA of each network whose designated router we are with at least one full neighbour.
pub(crate) fn network_lsas(local: &Local<'_>, out: &mut Collector) {
    for area in local.areas {
        for interface in local.interfaces.iter().filter(|interface| interface.area == area.id) {
            if interface.network != Network::Broadcast || interface.state != InterfaceState::Dr {
                continue;
            }
            let mut routers: Vec<RouterId> = full_neighbours(interface).collect();
            if routers.is_empty() {
                continue;
            }
            routers.push(local.router_id);
            routers.sort_unstable();
            routers.dedup();
            let address = interface.address.addr();
            if routers.len() > MAX_ATTACHED {
                out.problem(Problem::NetworkLsaTooLong { address, omitted: routers.len() - MAX_ATTACHED });
                // Without ourselves in it, the network would not be ours.
                routers.retain(|router| *router != local.router_id);
                routers.truncate(MAX_ATTACHED - 1);
                routers.push(local.router_id);
            }
            let body = LsaBody::Network(NetworkLsa { mask: interface.address.prefix_len(), routers });
            out.area(area, LsType::Network, address, body);
        }
    }
}

/// The areas that the router is actively attached to: with an interface that is not down (RFC 3509 §1.2). The backbone
/// counts as well when a virtual link is configured, else none could ever come up.
pub fn active_areas(local: &Local<'_>) -> impl Iterator<Item = AreaId> {
    local.areas.iter().map(|area| area.id).filter(|area| {
        local.interfaces.iter().any(|i| i.area == *area && i.state != InterfaceState::Down)
            || (*area == AreaId::BACKBONE && !local.virtual_links.is_empty())
    })
}

/// Whether the router is an area border router: actively attached to the backbone and another area (RFC 3509 §2.1).
pub fn is_area_border(local: &Local<'_>) -> bool {
    active_areas(local).any(|area| area == AreaId::BACKBONE)
        && active_areas(local).any(|area| area != AreaId::BACKBONE)
}

/// Whether the router brings routes into the area, or could (RFC 3101 §3.1 has all border routers of an NSSA say so).
fn is_as_boundary(local: &Local<'_>, area: &AreaView) -> bool {
    match area.kind {
        AreaType::Stub { .. } => false,
        AreaType::Normal | AreaType::Nssa { .. } => {
            !local.externals.is_empty()
                || (is_area_border(local) && local.areas.iter().any(|area| area.kind.is_nssa()))
        }
    }
}

fn flags(local: &Local<'_>, area: &AreaView) -> RouterFlags {
    let mut flags = RouterFlags::NONE;
    let border = is_area_border(local);
    if border {
        flags = flags.with(RouterFlags::B);
    }
    if is_as_boundary(local, area) {
        flags = flags.with(RouterFlags::E);
    }
    if local.virtual_links.iter().any(|link| link.transit == area.id && link.full) {
        flags = flags.with(RouterFlags::V);
    }
    if border && matches!(area.kind, AreaType::Nssa { translate: Translate::Always, .. }) {
        flags = flags.with(RouterFlags::NT);
    }
    flags
}

fn links(local: &Local<'_>, area: AreaId) -> Vec<RouterLink> {
    let mut links = Vec::new();
    for interface in local.interfaces.iter().filter(|interface| interface.area == area) {
        if interface.state == InterfaceState::Down {
            continue;
        }
        match (interface.state, interface.network) {
            (InterfaceState::Loopback, _) | (_, Network::Loopback) => links.extend(host_route(interface)),
            (_, Network::PointToPoint) => point_to_point(local, interface, &mut links),
            (_, Network::Broadcast) => links.push(broadcast(local, interface)),
        }
        links.extend(interface.prefixes.iter().map(|(prefix, metric)| RouterLink {
            kind: LinkKind::Stub,
            id: prefix.network(),
            data: prefix.netmask(),
            metric: *metric,
        }));
    }
    if area == AreaId::BACKBONE {
        links.extend(local.virtual_links.iter().filter_map(|link| virtual_link(local, link)));
    }
    links
}

fn full_neighbours(interface: &InterfaceView) -> impl Iterator<Item = RouterId> {
    interface.neighbours.iter().filter(|neighbour| neighbour.full).map(|neighbour| neighbour.router_id)
}

/// RFC 6987 §2: only links to other routers become unattractive.
fn transit_metric(local: &Local<'_>, cost: u16) -> u16 {
    match local.stub_router {
        StubRouter::Off => cost,
        StubRouter::Links | StubRouter::All => MAX_LINK_METRIC,
    }
}

/// RFC 2328 §12.4.1, interfaces in state Loopback. An unnumbered one has nothing to say.
fn host_route(interface: &InterfaceView) -> Option<RouterLink> {
    interface.unnumbered.is_none().then(|| RouterLink {
        kind: LinkKind::Stub,
        id: interface.address.addr(),
        data: Ipv4Addr::BROADCAST,
        metric: match interface.network {
            Network::Loopback => interface.cost,
            Network::PointToPoint | Network::Broadcast => 0,
        },
    })
}

/// RFC 2328 §12.4.1.1, its second option: the link's subnet is a stub network, also a /31 (RFC 3021). With a /32 that is
/// our own address; the other end announces its own.
fn point_to_point(local: &Local<'_>, interface: &InterfaceView, links: &mut Vec<RouterLink>) {
    let data = interface.unnumbered.map_or(interface.address.addr(), Ipv4Addr::from_bits);
    links.extend(full_neighbours(interface).map(|router| RouterLink {
        kind: LinkKind::PointToPoint,
        id: router.0,
        data,
        metric: transit_metric(local, interface.cost),
    }));
    if interface.unnumbered.is_none() {
        links.push(stub(interface));
    }
}

/// RFC 2328 §12.4.1.2: transit only with a full adjacency to the designated router, or as one with any.
fn broadcast(local: &Local<'_>, interface: &InterfaceView) -> RouterLink {
    let dr = interface.designated_router;
    let transit = match interface.state {
        InterfaceState::Dr => full_neighbours(interface).next().is_some(),
        InterfaceState::DrOther | InterfaceState::Backup => {
            !dr.is_unspecified() && interface.neighbours.iter().any(|n| n.full && n.address == dr)
        }
        InterfaceState::Down
        | InterfaceState::Loopback
        | InterfaceState::Waiting
        | InterfaceState::PointToPoint => false,
    };
    if !transit {
        return stub(interface);
    }
    RouterLink {
        kind: LinkKind::Transit,
        id: if interface.state == InterfaceState::Dr { interface.address.addr() } else { dr },
        data: interface.address.addr(),
        metric: transit_metric(local, interface.cost),
    }
}

fn stub(interface: &InterfaceView) -> RouterLink {
    RouterLink {
        kind: LinkKind::Stub,
        id: interface.address.network(),
        data: interface.address.netmask(),
        metric: interface.cost,
    }
}

/// RFC 2328 §12.4.1.3.
fn virtual_link(local: &Local<'_>, link: &VirtualLinkView) -> Option<RouterLink> {
    let data = link.address?;
    let cost = u16::try_from(link.cost).ok()?;
    link.full.then(|| RouterLink {
        kind: LinkKind::Virtual,
        id: link.endpoint.0,
        data,
        metric: transit_metric(local, cost),
    })
}
