//! One area's routers and transit networks as a graph: the links that both ends advertise (RFC 2328 §16.1 (2)).

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_ospf_packet::{LinkKind, LsType, Lsa, LsaKey, RouterFlags, RouterId};
use serde::{Deserialize, Serialize};

/// What a vertex is. Networks come first: at equal distance they are added to the tree first (RFC 2328 §16.1 (3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VertexId {
    /// A transit network: its network-LSA's Link State ID and originator.
    Network(Ipv4Addr, RouterId),
    /// A router.
    Router(RouterId),
}

impl VertexId {
    /// The vertex that an LSA describes, if it describes one.
    pub fn of(key: &LsaKey) -> Option<Self> {
        match key.ls_type {
            LsType::Router => Some(Self::Router(key.advertising_router)),
            LsType::Network => Some(Self::Network(key.link_state_id, key.advertising_router)),
            _ => None,
        }
    }

    pub const fn is_network(self) -> bool {
        matches!(self, Self::Network(..))
    }
}

/// A link's head and its cost; 0 from networks to their routers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    pub to: u32,
    pub cost: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Vertex {
    id: VertexId,
    lsa: Option<Lsa>,
    start: u32,
    len: u32,
    room: u32,
}

/// The graph. Vertices have dense numbers, their links lie together in one pool, sorted by head.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Graph {
    index: BTreeMap<VertexId, u32>,
    vertices: Vec<Vertex>,
    free: Vec<u32>,
    /// Vertices whose LSA went; they keep their number until [`Self::sweep`].
    dead: Vec<u32>,
    pool: Vec<Edge>,
    wasted: usize,
    /// Links of cost 0 that leave routers: none in a network as the RFC has it.
    zero_links: usize,
    /// The cost, at the last computation, of each link changed since.
    before: BTreeMap<(u32, u32), Option<u32>>,
    /// More changed than is worth keeping in `before`.
    upheaval: bool,
}

/// A link's cost then and now.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub from: u32,
    pub to: u32,
    pub old: Option<u32>,
    pub new: Option<u32>,
}

impl Graph {
    pub fn find(&self, id: VertexId) -> Option<u32> {
        self.index.get(&id).copied()
    }

    pub fn id(&self, vertex: u32) -> VertexId {
        self.vertices[vertex as usize].id
    }

    pub fn lsa(&self, vertex: u32) -> Option<&Lsa> {
        self.vertices[vertex as usize].lsa.as_ref()
    }

    /// The router's bits; none of a network.
    pub fn flags(&self, vertex: u32) -> RouterFlags {
        self.lsa(vertex).and_then(Lsa::router).map_or(RouterFlags::NONE, |router| router.flags())
    }

    /// All vertices with an LSA, networks first.
    pub fn vertices(&self) -> impl Iterator<Item = (VertexId, u32)> + '_ {
        self.index.iter().map(|(id, vertex)| (*id, *vertex)).filter(|(_, vertex)| self.lsa(*vertex).is_some())
    }

    /// One more than the greatest vertex number.
    pub fn bound(&self) -> usize {
        self.vertices.len()
    }

    pub fn has_zero_links(&self) -> bool {
        self.zero_links > 0
    }

    /// The links that leave a vertex. Each has its counterpart, so their heads are also those that lead here.
    pub fn edges(&self, vertex: u32) -> &[Edge] {
        let vertex = &self.vertices[vertex as usize];
        &self.pool[vertex.start as usize..(vertex.start + vertex.len) as usize]
    }

    pub fn cost(&self, from: u32, to: u32) -> Option<u32> {
        let edges = self.edges(from);
        edges.binary_search_by_key(&to, |edge| edge.to).ok().map(|at| edges[at].cost)
    }

    /// Puts in an LSA, new or for an older one, and mends the links.
    pub fn install(&mut self, id: VertexId, lsa: Lsa) -> u32 {
        let vertex = self.number(id);
        self.vertices[vertex as usize].lsa = Some(lsa);
        self.relink(vertex);
        vertex
    }

    /// As [`Self::install`], for an LSA that differs in nothing of interest.
    pub fn refresh(&mut self, vertex: u32, lsa: Lsa) {
        self.vertices[vertex as usize].lsa = Some(lsa);
    }

    /// Takes a vertex's LSA and links away. Its number stays until [`Self::sweep`].
    pub fn remove(&mut self, vertex: u32) -> Option<Lsa> {
        let lsa = self.vertices[vertex as usize].lsa.take()?;
        self.dead.push(vertex);
        self.relink(vertex);
        Some(lsa)
    }

    fn number(&mut self, id: VertexId) -> u32 {
        if let Some(vertex) = self.index.get(&id) {
            return *vertex;
        }
        let fresh = Vertex { id, lsa: None, start: 0, len: 0, room: 0 };
        let vertex = match self.free.pop() {
            Some(vertex) => {
                self.vertices[vertex as usize] = fresh;
                vertex
            }
            None => {
                push(&mut self.vertices, fresh);
                self.vertices.len() as u32 - 1
            }
        };
        self.index.insert(id, vertex);
        vertex
    }

    /// The vertices that a router's link may lead to: several networks when two routers claim one address.
    pub fn heads(&self, kind: LinkKind, id: Ipv4Addr) -> impl Iterator<Item = u32> + '_ {
        let (first, last) = match kind {
            LinkKind::PointToPoint | LinkKind::Virtual => {
                (VertexId::Router(RouterId(id)), VertexId::Router(RouterId(id)))
            }
            LinkKind::Transit => (
                VertexId::Network(id, RouterId(Ipv4Addr::UNSPECIFIED)),
                VertexId::Network(id, RouterId(Ipv4Addr::BROADCAST)),
            ),
            // an empty range
            LinkKind::Stub => (
                VertexId::Network(Ipv4Addr::UNSPECIFIED, RouterId(Ipv4Addr::UNSPECIFIED)),
                VertexId::Network(Ipv4Addr::UNSPECIFIED, RouterId(Ipv4Addr::UNSPECIFIED)),
            ),
        };
        let range = self.index.range(first..=last).map(|(_, vertex)| *vertex);
        range.filter(move |vertex| kind != LinkKind::Stub && self.lsa(*vertex).is_some())
    }

    /// The least cost of `from`'s links to `to`, by `from`'s LSA alone.
    fn advertised(&self, from: u32, to: u32) -> Option<u32> {
        let lsa = self.lsa(from)?;
        let target = self.id(to);
        if let Some(router) = lsa.router() {
            router
                .links()
                .filter(|link| match (link.kind, target) {
                    (LinkKind::PointToPoint | LinkKind::Virtual, VertexId::Router(RouterId(id)))
                    | (LinkKind::Transit, VertexId::Network(id, _)) => link.id == id,
                    _ => false,
                })
                .map(|link| u32::from(link.metric))
                .min()
        } else {
            let VertexId::Router(id) = target else { return None };
            lsa.network()?.routers().any(|router| router == id).then_some(0)
        }
    }

    /// A vertex's links as its LSA has them, those only that lead back, sorted.
    fn wanted(&self, vertex: u32) -> Vec<Edge> {
        let mut edges = Vec::new();
        let Some(lsa) = self.lsa(vertex) else { return edges };
        if let Some(router) = lsa.router() {
            for link in router.links() {
                let cost = u32::from(link.metric);
                edges.extend(self.heads(link.kind, link.id).map(|to| Edge { to, cost }));
            }
        } else if let Some(network) = lsa.network() {
            let routers = network.routers().flat_map(|router| self.heads(LinkKind::PointToPoint, router.0));
            edges.extend(routers.map(|to| Edge { to, cost: 0 }));
        }
        edges.sort_unstable_by_key(|edge| (edge.to, edge.cost));
        edges.dedup_by_key(|edge| edge.to);
        edges.retain(|edge| edge.to != vertex && self.advertised(edge.to, vertex).is_some());
        edges
    }

    fn relink(&mut self, vertex: u32) {
        let old = self.edges(vertex).to_vec();
        let new = self.wanted(vertex);
        self.reserve(vertex, new.len() as u32);
        for edge in &old {
            if new.binary_search_by_key(&edge.to, |new| new.to).is_err() {
                self.set(vertex, edge.to, None);
                self.set(edge.to, vertex, None);
            }
        }
        for edge in new {
            match old.binary_search_by_key(&edge.to, |old| old.to) {
                Ok(at) if old[at] == edge => {}
                Ok(_) => self.set(vertex, edge.to, Some(edge.cost)),
                Err(_) => {
                    self.set(vertex, edge.to, Some(edge.cost));
                    let back = self.advertised(edge.to, vertex);
                    self.set(edge.to, vertex, back);
                }
            }
        }
    }

    fn set(&mut self, from: u32, to: u32, cost: Option<u32>) {
        let place = self.edges(from).binary_search_by_key(&to, |edge| edge.to);
        let old = place.ok().map(|at| self.edges(from)[at].cost);
        if old == cost {
            return;
        }
        if !self.upheaval {
            self.before.entry((from, to)).or_insert(old);
            if self.before.len() > 64 + self.vertices.len() / 4 {
                self.upheaval = true;
                self.before = BTreeMap::new();
            }
        }
        if !self.id(from).is_network() {
            self.zero_links -= usize::from(old == Some(0));
            self.zero_links += usize::from(cost == Some(0));
        }
        let (start, len) =
            (self.vertices[from as usize].start as usize, self.vertices[from as usize].len as usize);
        match (place, cost) {
            (Ok(at), Some(cost)) => self.pool[start + at].cost = cost,
            (Ok(at), None) => {
                self.pool.copy_within(start + at + 1..start + len, start + at);
                self.vertices[from as usize].len -= 1;
            }
            (Err(at), Some(cost)) => {
                self.reserve(from, len as u32 + 1);
                let start = self.vertices[from as usize].start as usize;
                self.pool.copy_within(start + at..start + len, start + at + 1);
                self.pool[start + at] = Edge { to, cost };
                self.vertices[from as usize].len += 1;
            }
            (Err(_), None) => {}
        }
    }

    /// Makes room for `room` links of a vertex; at first for all that its LSA has, since they come one by one.
    fn reserve(&mut self, vertex: u32, room: u32) {
        let (start, len, has) = {
            let vertex = &self.vertices[vertex as usize];
            (vertex.start as usize, vertex.len as usize, vertex.room)
        };
        if room <= has {
            return;
        }
        let room = if has == 0 { room.max(self.degree(vertex)) } else { room.max(has + has / 2) };
        let moved = self.pool.len();
        if self.pool.capacity() < moved + room as usize {
            self.pool.reserve_exact(room as usize + moved / 8);
        }
        self.pool.extend_from_within(start..start + len);
        self.pool.resize(moved + room as usize, Edge { to: u32::MAX, cost: 0 });
        let vertex = &mut self.vertices[vertex as usize];
        (vertex.start, vertex.room) = (moved as u32, room);
        self.wasted += has as usize;
        if self.wasted > 1024 + self.pool.len() / 3 {
            self.compact();
        }
    }

    fn degree(&self, vertex: u32) -> u32 {
        let Some(lsa) = self.lsa(vertex) else { return 0 };
        match (lsa.router(), lsa.network()) {
            (Some(router), _) => router.links().filter(|link| link.kind != LinkKind::Stub).count() as u32,
            (_, Some(network)) => network.routers().count() as u32,
            _ => 0,
        }
    }

    fn compact(&mut self) {
        let used: u32 = self.vertices.iter().map(|vertex| vertex.room).sum();
        let mut pool = Vec::with_capacity(used as usize);
        for vertex in &mut self.vertices {
            let start = pool.len();
            pool.extend_from_slice(&self.pool[vertex.start as usize..(vertex.start + vertex.room) as usize]);
            vertex.start = start as u32;
        }
        self.pool = pool;
        self.wasted = 0;
    }

    /// What changed since the last call; none when that is too much to say.
    pub fn take_changes(&mut self) -> Option<Vec<Change>> {
        let before = std::mem::take(&mut self.before);
        if std::mem::take(&mut self.upheaval) {
            return None;
        }
        let changes = before.into_iter().map(|((from, to), old)| {
            let new = self.cost(from, to);
            Change { from, to, old, new }
        });
        Some(changes.filter(|change| change.old != change.new).collect())
    }

    pub fn has_changes(&self) -> bool {
        self.upheaval || !self.before.is_empty()
    }

    /// Gives the numbers of removed vertices back. To be called once nothing refers to them any more.
    pub fn sweep(&mut self) {
        for vertex in std::mem::take(&mut self.dead) {
            let gone = &mut self.vertices[vertex as usize];
            if gone.lsa.is_some() || self.index.get(&gone.id) != Some(&vertex) {
                continue;
            }
            self.index.remove(&gone.id);
            self.wasted += gone.room as usize;
            (gone.start, gone.len, gone.room) = (0, 0, 0);
            self.free.push(vertex);
        }
    }

    pub fn memory(&self) -> usize {
        self.vertices.capacity() * size_of::<Vertex>()
            + self.pool.capacity() * size_of::<Edge>()
            + tree_memory::<VertexId, u32>(self.index.len())
    }
}

/// Adds to a vector that grows by an eighth rather than to the double: memory counts here, and growth is rare.
pub fn push<T>(vec: &mut Vec<T>, item: T) {
    if vec.len() == vec.capacity() {
        vec.reserve_exact(vec.len() / 8 + 16);
    }
    vec.push(item);
}

/// About what a B-tree of so many entries takes.
pub const fn tree_memory<K, V>(entries: usize) -> usize {
    entries * (size_of::<K>() + size_of::<V>()) * 3 / 2
}
