//! How the first hop out of the calculating router is found (RFC 2328 §16.1.1).

use std::net::Ipv4Addr;

use braid_ospf_packet::{AreaId, LinkKind, RouterId};
use serde::{Deserialize, Serialize};

use crate::{
    graph::{Graph, VertexId},
    hops::{EMPTY, HopSets, HopsId},
    route::{Neighbour, NextHop},
};

/// The root's own links, as next-hop sets per vertex behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exits {
    /// The root's vertex, when its LSA is there.
    pub root: Option<u32>,
    /// Sorted by vertex.
    behind: Vec<(u32, HopsId)>,
    /// Networks on which the root is itself, with its address there; sorted.
    attached: Vec<(u32, Ipv4Addr)>,
}

/// What the exits of an area are made from.
pub struct Surroundings<'a> {
    pub area: AreaId,
    pub root: RouterId,
    /// Sorted.
    pub neighbours: &'a [Neighbour],
    /// What the way to each virtual link's endpoint is, in its transit area; only in the backbone.
    pub virtual_links: &'a [(RouterId, HopsId)],
}

impl Surroundings<'_> {
    fn hints(&self, out: Ipv4Addr, router: RouterId) -> impl Iterator<Item = Ipv4Addr> {
        let first = Neighbour { area: self.area, out, router, address: Ipv4Addr::UNSPECIFIED };
        let from = self.neighbours.partition_point(|neighbour| *neighbour < first);
        let same = move |n: &&Neighbour| n.area == first.area && n.out == out && n.router == router;
        self.neighbours[from..].iter().take_while(same).map(|neighbour| neighbour.address)
    }
}

/// Whether a Link Data is an address rather than an interface index (RFC 2328 §A.4.2).
pub const fn is_address(data: Ipv4Addr) -> bool {
    data.octets()[0] != 0
}

impl Exits {
    pub fn build(graph: &Graph, around: &Surroundings<'_>, sets: &mut HopSets) -> Self {
        let Some(root) = graph.find(VertexId::Router(around.root)) else { return Self::default() };
        let Some(router) = graph.lsa(root).and_then(|lsa| lsa.router()) else { return Self::default() };
        let mut hops: Vec<(u32, NextHop)> = Vec::new();
        let mut virtual_hops: Vec<(u32, HopsId)> = Vec::new();
        let mut attached = Vec::new();
        for link in router.links().filter(|link| link.kind != LinkKind::Stub) {
            // of parallel links only the cheapest carry
            let heads = graph.heads(link.kind, link.id);
            for head in heads.filter(|head| graph.cost(root, *head) == Some(u32::from(link.metric))) {
                match link.kind {
                    LinkKind::PointToPoint => {
                        let gateway = around
                            .hints(link.data, RouterId(link.id))
                            .next()
                            .or_else(|| far_end(graph, head, around.root, link.data));
                        hops.push((head, NextHop { out: link.data, gateway }));
                    }
                    LinkKind::Virtual => {
                        let ways = around.virtual_links.iter().filter(|way| way.0.0 == link.id);
                        virtual_hops.extend(ways.map(|way| (head, way.1)));
                    }
                    LinkKind::Transit => {
                        hops.push((head, NextHop { out: link.data, gateway: None }));
                        attached.push((head, link.data));
                    }
                    LinkKind::Stub => {}
                }
            }
        }
        hops.sort_unstable();
        attached.sort_unstable();
        let mut behind: Vec<(u32, HopsId)> = hops
            .chunk_by(|a, b| a.0 == b.0)
            .map(|chunk| (chunk[0].0, sets.intern(chunk.iter().map(|hop| hop.1).collect())))
            .collect();
        for (head, set) in virtual_hops {
            match behind.binary_search_by_key(&head, |exit| exit.0) {
                Ok(at) => behind[at].1 = sets.union(behind[at].1, set),
                Err(at) => behind.insert(at, (head, set)),
            }
        }
        Self { root: Some(root), behind, attached }
    }

    /// The next hops towards `vertex` when the tree reaches it by way of `parent`, whose own next hops are `inherited`.
    pub fn via(
        &self,
        parent: u32,
        inherited: HopsId,
        vertex: u32,
        graph: &Graph,
        around: &Surroundings<'_>,
        sets: &mut HopSets,
    ) -> HopsId {
        if self.root == Some(parent) {
            return self
                .behind
                .binary_search_by_key(&vertex, |exit| exit.0)
                .map_or(EMPTY, |at| self.behind[at].1);
        }
        if !self.is_attached(parent) {
            return inherited;
        }
        let mut hops = Vec::new();
        for hop in sets.get(inherited).iter() {
            if hop.gateway.is_some() || self.attached.binary_search(&(parent, hop.out)).is_err() {
                hops.push(*hop);
                continue;
            }
            let VertexId::Router(router) = graph.id(vertex) else { continue };
            let before = hops.len();
            hops.extend(
                around.hints(hop.out, router).map(|address| NextHop { out: hop.out, gateway: Some(address) }),
            );
            if hops.len() == before {
                let addresses = addresses_on(graph, vertex, parent);
                hops.extend(addresses.map(|address| NextHop { out: hop.out, gateway: Some(address) }));
            }
        }
        sets.intern(hops)
    }

    fn is_attached(&self, network: u32) -> bool {
        let at = self.attached.partition_point(|(attached, _)| *attached < network);
        self.attached.get(at).is_some_and(|(attached, _)| *attached == network)
    }

    /// The vertices whose first hop differs, or may, between two states of the root's links.
    pub fn differences(&self, other: &Self, graph: &Graph) -> Vec<u32> {
        let mut vertices: Vec<u32> =
            self.behind.iter().chain(&other.behind).map(|(vertex, _)| *vertex).collect();
        for (network, _) in self.attached.iter().chain(&other.attached) {
            vertices.extend(graph.edges(*network).iter().map(|edge| edge.to));
        }
        vertices.sort_unstable();
        vertices.dedup();
        vertices
    }

    /// The numbers of the sets in use.
    pub fn users(&mut self) -> impl Iterator<Item = &mut HopsId> {
        self.behind.iter_mut().map(|exit| &mut exit.1)
    }
}

/// The address of a point-to-point neighbour, by its own LSA. Among parallel links the one whose address lies nearest: both
/// ends share a prefix. None on unnumbered links.
fn far_end(graph: &Graph, neighbour: u32, root: RouterId, out: Ipv4Addr) -> Option<Ipv4Addr> {
    if !is_address(out) {
        return None;
    }
    let links = graph.lsa(neighbour)?.router()?.links();
    let back = links.filter(|link| link.kind == LinkKind::PointToPoint && link.id == root.0);
    let addresses = back.map(|link| link.data).filter(|data| is_address(*data));
    addresses.min_by_key(|address| u32::from(*address) ^ u32::from(out))
}

/// A router's addresses on a network, by its LSA's links to it.
fn addresses_on(graph: &Graph, router: u32, network: u32) -> impl Iterator<Item = Ipv4Addr> {
    let id = match graph.id(network) {
        VertexId::Network(id, _) => Some(id),
        VertexId::Router(_) => None,
    };
    let links = graph.lsa(router).and_then(|lsa| lsa.router()).map(|router| router.links());
    links
        .into_iter()
        .flatten()
        .filter(move |link| link.kind == LinkKind::Transit && Some(link.id) == id)
        .map(|link| link.data)
}
