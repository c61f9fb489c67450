//! One attached area: its graph, its shortest-path tree, and what waits for the next computation.

use std::collections::BTreeSet;

use braid_ospf_packet::{AreaId, LinkKind, Lsa, RouterFlags, RouterId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{
    exits::{Exits, Surroundings, is_address},
    graph::{Graph, VertexId, push},
    hops::{HopSets, HopsId},
    repair::repair,
    route::{AreaKind, NextHop, Work},
    spf::{Tree, full},
    table::NONE,
};

/// An area and all that is known of it, but for its summaries and externals.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Area {
    pub id: AreaId,
    pub kind: AreaKind,
    /// Configured address ranges.
    pub ranges: Vec<Ipv4Net>,
    pub graph: Graph,
    pub tree: Tree,
    pub exits: Exits,
    /// TransitCapability (RFC 2328 §6), as of the last computation.
    pub is_transit: bool,
    /// Per vertex, the head of its list of claims.
    claims: Vec<u32>,
    /// Routers with the V bit.
    virtual_ends: BTreeSet<u32>,
    /// Vertices whose first hop may differ though no cost does.
    pub reseeded: Vec<u32>,
    /// Whether the root's links, or addresses at their far ends, may have changed.
    pub exits_stale: bool,
    /// Whether the tree has to be computed from scratch.
    pub spoilt: bool,
    /// Whether links of cost 0 left their mark on the tree.
    had_zero_links: bool,
}

impl Area {
    pub fn new(id: AreaId, kind: AreaKind) -> Self {
        Self {
            id,
            kind,
            ranges: Vec::new(),
            graph: Graph::default(),
            tree: Tree::default(),
            exits: Exits::default(),
            is_transit: false,
            claims: Vec::new(),
            virtual_ends: BTreeSet::new(),
            reseeded: Vec::new(),
            exits_stale: false,
            spoilt: true,
            had_zero_links: false,
        }
    }

    /// The head of a vertex's list of claims.
    pub fn claims(&mut self, vertex: u32) -> &mut u32 {
        while self.claims.len() <= vertex as usize {
            push(&mut self.claims, NONE);
        }
        &mut self.claims[vertex as usize]
    }

    pub fn set_virtual_end(&mut self, vertex: u32, is_end: bool) {
        if is_end {
            self.virtual_ends.insert(vertex);
        } else {
            self.virtual_ends.remove(&vertex);
        }
    }

    /// Whether the root's first hops depend on a vertex.
    pub fn is_near(&self, vertex: u32, root: RouterId) -> bool {
        let id = VertexId::Router(root);
        self.graph.id(vertex) == id
            || self.graph.find(id).is_some_and(|root| self.graph.cost(root, vertex).is_some())
    }

    pub fn is_topology_pending(&self) -> bool {
        self.spoilt || self.exits_stale || !self.reseeded.is_empty() || self.graph.has_changes()
    }

    /// A router's distance and next hops, if it is reachable and has one of the bits.
    pub fn border(&self, router: RouterId, bit: RouterFlags) -> Option<(u32, HopsId)> {
        let vertex = self.graph.find(VertexId::Router(router))?;
        let at = vertex as usize;
        let is_there = self.exits.root != Some(vertex) && self.tree.reaches(vertex, &self.exits);
        (is_there && self.graph.flags(vertex).contains(bit))
            .then(|| (self.tree.distance[at], self.tree.hops[at]))
    }

    /// Brings the tree up to date. Returns the vertices whose distance or next hops changed.
    pub fn shortest_paths(
        &mut self,
        around: &Surroundings<'_>,
        sets: &mut HopSets,
        work: &mut Work,
    ) -> Vec<u32> {
        if !self.is_topology_pending() {
            return Vec::new();
        }
        let changes = self.graph.take_changes();
        let mut reseeded = std::mem::take(&mut self.reseeded);
        let mut spoilt =
            std::mem::take(&mut self.spoilt) || self.had_zero_links || self.graph.has_zero_links();
        if std::mem::take(&mut self.exits_stale) || changes.is_none() {
            let exits = Exits::build(&self.graph, around, sets);
            spoilt |= exits.root != self.exits.root;
            if !spoilt {
                reseeded.extend(exits.differences(&self.exits, &self.graph));
            }
            self.exits = exits;
        }
        self.had_zero_links = self.graph.has_zero_links();
        let old = if let (Some(changes), false) = (changes, spoilt) {
            // a repair that gives up leaves no trace of what was before
            let old = self.tree.clone();
            let seeds = (changes.as_slice(), reseeded.as_slice());
            if let Some(done) = repair(&self.graph, &self.exits, around, sets, &mut self.tree, seeds) {
                work.incremental_spf += 1;
                work.vertices += done.visited;
                return done.changed;
            }
            old
        } else {
            std::mem::take(&mut self.tree)
        };
        let (tree, visited) = full(&self.graph, &self.exits, around, sets);
        work.full_spf += 1;
        work.vertices += visited;
        self.tree = tree;
        self.differences(old)
    }

    fn differences(&self, mut old: Tree) -> Vec<u32> {
        let bound = self.graph.bound() as u32;
        old.grow(bound as usize);
        let differs = |vertex: &u32| {
            let at = *vertex as usize;
            (old.distance[at], old.hops[at]) != (self.tree.distance[at], self.tree.hops[at])
        };
        (0..bound).filter(differs).collect()
    }

    /// Whether a reachable router has the V bit (RFC 2328 §16.1 (3)).
    pub fn computed_transit(&self) -> bool {
        let is_reached =
            |vertex: &u32| self.exits.root != Some(*vertex) && self.tree.reaches(*vertex, &self.exits);
        self.virtual_ends.iter().any(is_reached)
    }

    /// The root's way to its own stub network: out by its address in there, or by the network's own when it has none.
    pub fn own_hop(&self, prefix: Ipv4Net) -> NextHop {
        let links =
            self.exits.root.and_then(|root| self.graph.lsa(root)?.router()).map(|router| router.links());
        let numbered = links.into_iter().flatten().filter(|link| {
            matches!(link.kind, LinkKind::PointToPoint | LinkKind::Transit) && is_address(link.data)
        });
        let inside = numbered.map(|link| link.data).filter(|address| prefix.contains(address)).min();
        NextHop { out: inside.unwrap_or(prefix.network()), gateway: None }
    }

    /// Whether an address is one of the root's own in this area.
    pub fn is_own_address(&self, address: std::net::Ipv4Addr) -> bool {
        let links =
            self.exits.root.and_then(|root| self.graph.lsa(root)?.router()).map(|router| router.links());
        links.into_iter().flatten().any(|link| match link.kind {
            LinkKind::PointToPoint | LinkKind::Transit => link.data == address,
            LinkKind::Stub => link.id == address && link.data.is_broadcast(),
            LinkKind::Virtual => false,
        })
    }

    pub fn users(&mut self) -> impl Iterator<Item = &mut HopsId> {
        self.tree.hops.iter_mut().chain(self.exits.users())
    }

    pub fn memory(&self) -> usize {
        self.graph.memory()
            + (self.tree.distance.capacity() + self.tree.hops.capacity() + self.claims.capacity()) * 4
    }
}

/// The prefixes that a router-LSA or network-LSA itself describes, with their metrics.
pub fn own_prefixes(lsa: &Lsa) -> Vec<(Ipv4Net, u32)> {
    if let Some(router) = lsa.router() {
        let stubs = router.links().filter(|link| link.kind == LinkKind::Stub);
        // a mask with holes names no prefix
        let prefix = |id, mask| Some(Ipv4Net::with_netmask(id, mask).ok()?.trunc());
        return stubs
            .filter_map(|link| Some((prefix(link.id, link.data)?, u32::from(link.metric))))
            .collect();
    }
    let id = lsa.key().link_state_id;
    let prefix = lsa.network().and_then(|network| Ipv4Net::new(id, network.mask()).ok());
    prefix.map(|prefix| (prefix.trunc(), 0)).into_iter().collect()
}

/// Whether two LSAs of one router or network have the same links to other vertices, addresses included.
pub fn same_links(a: &Lsa, b: &Lsa) -> bool {
    match (a.router(), b.router()) {
        (Some(a), Some(b)) => {
            let is_link = |link: &braid_ospf_packet::RouterLink| link.kind != LinkKind::Stub;
            a.links().filter(is_link).eq(b.links().filter(is_link))
        }
        _ => false,
    }
}
