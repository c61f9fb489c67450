//! Virtual links' endpoints (RFC 2328 §15, §16.1).

use std::net::Ipv4Addr;

use braid_ospf_packet::{LinkKind, RouterFlags, RouterId};

use crate::{area::Area, exits::is_address, graph::VertexId, hops::HopSets, route::VirtualLinkState};

/// The greatest cost of a link.
const MAX_LINK_COST: u32 = 0xffff;

/// How the virtual link to `endpoint` through `area` stands.
pub fn state(area: &Area, endpoint: RouterId, sets: &HopSets) -> Option<VirtualLinkState> {
    let (cost, hops) = area.border(endpoint, RouterFlags::B)?;
    let out = sets.get(hops).first()?.out;
    let vertex = area.graph.find(VertexId::Router(endpoint))?;
    (cost <= MAX_LINK_COST).then(|| VirtualLinkState { cost, out, address: address(area, vertex, cost) })
}

/// The endpoint's address on the side of this router: the Link Data of its link that points back to its parent in the tree.
/// When no such link has an address, its least address elsewhere in the area.
fn address(area: &Area, endpoint: u32, cost: u32) -> Option<Ipv4Addr> {
    let links = || {
        let router = area.graph.lsa(endpoint).and_then(|lsa| lsa.router());
        router.into_iter().flat_map(|router| router.links()).filter(|link| is_address(link.data))
    };
    let is_parent = |vertex: u32| {
        // A vertex that came after the last computation has no distance yet.
        let distance = area.tree.distance.get(vertex as usize);
        let last = area.graph.cost(vertex, endpoint);
        distance.zip(last).is_some_and(|(distance, last)| distance.saturating_add(last) == cost)
    };
    let back = links().filter(|link| match link.kind {
        LinkKind::PointToPoint | LinkKind::Transit => area.graph.heads(link.kind, link.id).any(is_parent),
        LinkKind::Stub | LinkKind::Virtual => false,
    });
    let elsewhere = || {
        links().filter_map(|link| match link.kind {
            LinkKind::PointToPoint | LinkKind::Transit => Some(link.data),
            LinkKind::Stub => link.data.is_broadcast().then_some(link.id),
            LinkKind::Virtual => None,
        })
    };
    back.map(|link| link.data).min().or_else(|| elsewhere().min())
}
