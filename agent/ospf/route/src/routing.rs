//! The computation as its owner sees it: what goes in, and what can be asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use braid_ospf_packet::{AreaId, LsType, Lsa, LsaKey, RouterFlags, RouterId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{
    area::{Area, own_prefixes, same_links},
    database::Database,
    evaluate::router_route,
    graph::VertexId,
    hops::{HopSets, HopsId},
    leaf::{Leaf, destination},
    route::{
        AreaKind, Domain, Neighbour, PathKind, Pending, Route, RouterRoute, Settings, VirtualLink,
        VirtualLinkState, Work,
    },
    table::{AS, ClaimKind, Extra, NONE, Path, Table},
    virtual_link,
};

/// The route computation of one router. See the crate's documentation for how it is used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Routing {
    pub(crate) database: Database,
    pub(crate) table: Table,
    pub(crate) sets: HopSets,
    /// Sorted.
    pub(crate) neighbours: Vec<Neighbour>,
    pub(crate) virtual_links: Vec<VirtualLink>,
    /// To each virtual link's endpoint, in its transit area, as of the last computation.
    pub(crate) ways: Vec<(RouterId, HopsId)>,
    /// The ways to ASBRs that AS-external LSAs take.
    pub(crate) asbrs: BTreeMap<RouterId, Path>,
    /// ASBRs to look at again.
    pub(crate) dirty_asbrs: BTreeSet<RouterId>,
}

impl Routing {
    /// An empty database, seen by router `root`.
    pub fn new(root: RouterId, settings: Settings) -> Self {
        Self {
            database: Database::new(root, settings),
            table: Table::default(),
            sets: HopSets::new(settings.max_paths),
            neighbours: Vec::new(),
            virtual_links: Vec::new(),
            ways: Vec::new(),
            asbrs: BTreeMap::new(),
            dirty_asbrs: BTreeSet::new(),
        }
    }

    /// The calculating router.
    pub const fn root(&self) -> RouterId {
        self.database.root
    }

    /// The choices made at the start.
    pub const fn settings(&self) -> Settings {
        self.database.settings
    }

    /// Attaches an area or changes its kind. The backbone has to be set also when only virtual links lead there. LSAs of
    /// areas that are not set are ignored.
    pub fn set_area(&mut self, area: AreaId, kind: AreaKind) {
        match self.database.number(area) {
            Some(number) => {
                let Some(area) = self.database.area_mut(number) else { return };
                if std::mem::replace(&mut area.kind, kind) == kind {
                    return;
                }
            }
            None => {
                self.database.attach(Area::new(area, kind));
            }
        }
        self.mark_everything();
    }

    /// Detaches an area, with all its LSAs.
    pub fn remove_area(&mut self, area: AreaId) {
        let Some(number) = self.database.number(area) else { return };
        for key in self.database.leaves.keys(number) {
            self.remove_leaf(number, &key);
        }
        if let Some(mut area) = self.database.detach(number) {
            let vertices: Vec<u32> = area.graph.vertices().map(|(_, vertex)| vertex).collect();
            for vertex in vertices {
                self.table.disclaim(*area.claims(vertex));
            }
        }
        self.mark_everything();
    }

    /// The attached areas, in order.
    pub fn areas(&self) -> impl Iterator<Item = (AreaId, AreaKind)> + '_ {
        self.database.areas().map(|area| (area.id, area.kind))
    }

    /// Whether this router joins areas: it has the backbone and another area (RFC 3509; there need be no adjacency yet).
    pub fn is_area_border(&self) -> bool {
        self.database.is_area_border()
    }

    /// All neighbours on own links, as known from their hellos.
    pub fn set_neighbours(&mut self, mut neighbours: Vec<Neighbour>) {
        neighbours.sort_unstable();
        neighbours.dedup();
        if neighbours != self.neighbours {
            self.neighbours = neighbours;
            self.database.areas_mut().for_each(|area| area.exits_stale = true);
        }
    }

    /// All configured virtual links.
    pub fn set_virtual_links(&mut self, virtual_links: Vec<VirtualLink>) {
        if virtual_links != self.virtual_links {
            self.virtual_links = virtual_links;
            if let Some(number) = self.database.number(AreaId::BACKBONE)
                && let Some(area) = self.database.area_mut(number)
            {
                area.exits_stale = true;
            }
        }
    }

    /// The configured address ranges of an area (RFC 2328 §3.5), active or not.
    pub fn set_ranges(&mut self, area: AreaId, mut ranges: Vec<Ipv4Net>) {
        let Some(number) = self.database.number(area) else { return };
        let Some(area) = self.database.area_mut(number) else { return };
        ranges.sort_unstable();
        ranges.dedup();
        let old = std::mem::replace(&mut area.ranges, ranges.clone());
        for range in old.iter().chain(&ranges) {
            self.table.mark_prefix(range);
        }
    }

    /// Takes an LSA in, new or for an older instance; one at MaxAge is removed. Its place has to be right for its type:
    /// type 5 in the AS, all others in an attached area; opaque LSAs and misplaced ones are ignored.
    pub fn install(&mut self, domain: Domain, lsa: &Lsa) {
        let key = lsa.key();
        if lsa.is_max_age() {
            self.remove(domain, &key);
            return;
        }
        match (domain, key.ls_type) {
            (Domain::Area(area), LsType::Router | LsType::Network) => {
                if let (Some(number), Some(id)) = (self.database.number(area), VertexId::of(&key)) {
                    self.install_vertex(number, id, lsa);
                }
            }
            (Domain::Area(area), LsType::Summary | LsType::AsbrSummary | LsType::Nssa) => {
                if let Some(number) = self.database.number(area) {
                    self.install_leaf(number, &key, lsa);
                }
            }
            (Domain::As, LsType::External) => self.install_leaf(AS, &key, lsa),
            _ => {}
        }
    }

    /// Takes an LSA away, if it is there.
    pub fn remove(&mut self, domain: Domain, key: &LsaKey) {
        let number = match domain {
            Domain::As => AS,
            Domain::Area(area) => match self.database.number(area) {
                Some(number) => number,
                None => return,
            },
        };
        let Some(id) = VertexId::of(key) else {
            self.remove_leaf(number, key);
            return;
        };
        let root = self.database.root;
        let Some(area) = self.database.area_mut(number) else { return };
        let Some(vertex) = area.graph.find(id).filter(|vertex| area.graph.lsa(*vertex).is_some()) else {
            return;
        };
        let flags = area.graph.flags(vertex);
        area.exits_stale |= area.is_near(vertex, root);
        area.graph.remove(vertex);
        area.set_virtual_end(vertex, false);
        area.reseeded.push(vertex);
        let claims = std::mem::replace(area.claims(vertex), NONE);
        self.table.disclaim(claims);
        self.mark_dependents(number, id, flags);
    }

    fn install_vertex(&mut self, number: u16, id: VertexId, lsa: &Lsa) {
        let root = self.database.root;
        let Some(area) = self.database.area_mut(number) else { return };
        let known = area.graph.find(id).filter(|vertex| area.graph.lsa(*vertex).is_some());
        let mut old_flags = RouterFlags::NONE;
        let mut is_moved = true;
        if let Some(vertex) = known
            && let Some(old) = area.graph.lsa(vertex)
        {
            if old.same_content(lsa) {
                area.graph.refresh(vertex, lsa.clone());
                return;
            }
            is_moved = !same_links(old, lsa);
            old_flags = area.graph.flags(vertex);
            area.exits_stale |= is_moved && area.is_near(vertex, root);
        }
        let vertex = if is_moved {
            let vertex = area.graph.install(id, lsa.clone());
            area.exits_stale |= area.is_near(vertex, root);
            area.reseeded.push(vertex);
            vertex
        } else {
            let vertex = known.unwrap_or_default();
            area.graph.refresh(vertex, lsa.clone());
            vertex
        };
        let flags = area.graph.flags(vertex);
        area.set_virtual_end(vertex, flags.contains(RouterFlags::V));

        let first = *area.claims(vertex);
        let wanted = own_prefixes(lsa);
        let kind = if id.is_network() { ClaimKind::Transit } else { ClaimKind::Stub };
        let has = self.table.claims_of(first).map(|claim| (self.table.prefix(claim.prefix), claim.metric));
        if !has.eq(wanted.iter().rev().copied()) {
            self.table.disclaim(first);
            let mut first = NONE;
            for (prefix, metric) in wanted {
                first = self.table.claim(prefix, (number, kind, vertex), metric, first);
            }
            if let Some(area) = self.database.area_mut(number) {
                *area.claims(vertex) = first;
            }
        } else if id == VertexId::Router(root) {
            // their next hops are made from the links
            self.table.mark_claims(first);
        }
        if id == VertexId::Router(root) {
            // whether a forwarding address is our own
            self.mark_forwarded();
        }
        if flags != old_flags {
            self.mark_dependents(number, id, flags.with(old_flags));
        }
    }

    fn install_leaf(&mut self, number: u16, key: &LsaKey, lsa: &Lsa) {
        if let Some(at) = self.database.leaves.find(number, key) {
            if self.database.leaves.get(at).is_some_and(|leaf| leaf.lsa.same_content(lsa)) {
                self.database.leaves.refresh(at, lsa.clone());
                return;
            }
            self.remove_leaf(number, key);
        }
        let at = self.database.leaves.insert(Leaf { lsa: lsa.clone(), area: number, claim: NONE });
        if let Some((prefix, metric)) = destination(lsa) {
            let kind = if key.ls_type == LsType::Summary { ClaimKind::Summary } else { ClaimKind::External };
            let claim = self.table.claim(prefix, (number, kind, at), metric, NONE);
            self.database.leaves.set_claim(at, claim);
        } else {
            self.dirty_asbrs.insert(RouterId(key.link_state_id));
        }
    }

    fn remove_leaf(&mut self, number: u16, key: &LsaKey) {
        if let Some(leaf) = self.database.leaves.remove(number, key) {
            self.table.disclaim(leaf.claim);
            if key.ls_type == LsType::AsbrSummary {
                self.dirty_asbrs.insert(RouterId(key.link_state_id));
            }
        }
    }

    /// Marks all that depends on the way to a vertex, whose bits are or were `flags`.
    pub(crate) fn mark_dependents(&mut self, number: u16, id: VertexId, flags: RouterFlags) {
        let Database { leaves, .. } = &self.database;
        let VertexId::Router(router) = id else { return };
        if flags.contains(RouterFlags::B) {
            for leaf in leaves.by_router(number, LsType::Summary, router) {
                self.table.mark_claims(leaf.claim);
            }
            for leaf in leaves.by_router(number, LsType::AsbrSummary, router) {
                self.dirty_asbrs.insert(RouterId(leaf.lsa.key().link_state_id));
            }
        }
        if flags.contains(RouterFlags::E) {
            for leaf in leaves.by_router(number, LsType::Nssa, router) {
                self.table.mark_claims(leaf.claim);
            }
            self.dirty_asbrs.insert(router);
        }
    }

    /// Marks all externals with a forwarding address.
    fn mark_forwarded(&mut self) {
        if self.database.leaves.has_forwarding() {
            for claim in self.database.leaves.forwarded_into(Ipv4Net::default()) {
                self.table.mark_claims(claim);
            }
        }
    }

    /// After a change that touches the rules themselves.
    fn mark_everything(&mut self) {
        self.table.mark_all();
        self.dirty_asbrs.extend(self.asbrs.keys());
        self.dirty_asbrs.extend(self.database.leaves.described_asbrs());
        for area in self.database.areas_mut() {
            let routers = area
                .graph
                .vertices()
                .filter(|(_, vertex)| area.graph.flags(*vertex).contains(RouterFlags::E));
            self.dirty_asbrs.extend(routers.filter_map(|(id, _)| match id {
                VertexId::Router(router) => Some(router),
                VertexId::Network(..) => None,
            }));
            area.exits_stale = true;
        }
    }

    /// What waits for [`Self::compute`].
    pub fn pending(&self) -> Pending {
        Pending {
            topology: self.database.areas().any(Area::is_topology_pending),
            prefixes: self.table.has_marks() || !self.dirty_asbrs.is_empty(),
        }
    }

    pub(crate) fn view(&self, path: &Path, extra: Extra) -> Route {
        Route {
            kind: path.kind,
            area: (path.area != AS).then(|| self.database.id(path.area)),
            cost: path.cost,
            type2_cost: extra.type2_cost,
            tag: extra.tag,
            next_hops: self.sets.get(path.hops).clone(),
            origin: path.origin(),
        }
    }

    /// All routes of the last computation, in order.
    pub fn routes(&self) -> impl Iterator<Item = (Ipv4Net, Route)> + '_ {
        self.table.paths().map(|(prefix, entry, path)| (prefix, self.view(&path, self.table.extra(entry))))
    }

    /// The routes to prefixes inside `range`, itself included, in order.
    pub fn routes_within(&self, range: Ipv4Net) -> impl Iterator<Item = (Ipv4Net, Route)> + '_ {
        let paths = self.table.paths_within(range.trunc());
        paths.map(|(prefix, entry, path)| (prefix, self.view(&path, self.table.extra(entry))))
    }

    /// The route to exactly this prefix.
    pub fn route(&self, prefix: &Ipv4Net) -> Option<Route> {
        let entry = self.table.find(prefix)?;
        Some(self.view(&self.table.path(entry)?, self.table.extra(entry)))
    }

    /// The longest match.
    pub fn lookup(&self, address: Ipv4Addr) -> Option<(Ipv4Net, Route)> {
        let entry = self.table.lookup(address)?;
        Some((self.table.prefix(entry), self.view(&self.table.path(entry)?, self.table.extra(entry))))
    }

    /// The routing table entry of a router. In an area: an area border router or ASBR by its intra-area path. In none: an
    /// ASBR by the path that AS-external LSAs take (RFC 2328 §16.4 (3)), intra-area or inter-area.
    pub fn router(&self, area: Option<AreaId>, router: RouterId) -> Option<RouterRoute> {
        let Some(area) = area else {
            let path = self.asbrs.get(&router)?;
            return self.asbr_route(router, path);
        };
        let number = self.database.number(area)?;
        let vertex = self.database.area(number)?.graph.find(VertexId::Router(router))?;
        self.border_route(number, router, vertex)
    }

    /// All routers' entries, by id; see [`Self::router`].
    pub fn routers(&self, area: Option<AreaId>) -> impl Iterator<Item = RouterRoute> + '_ {
        let asbrs = area.is_none().then_some(&self.asbrs).into_iter().flatten();
        let number = area.and_then(|area| self.database.number(area));
        let inside = number.and_then(|number| Some((number, self.database.area(number)?)));
        let vertices = inside
            .into_iter()
            .flat_map(|(number, area)| area.graph.vertices().map(move |(id, vertex)| (number, id, vertex)));
        let borders = vertices.filter_map(|(number, id, vertex)| match id {
            VertexId::Router(router) => self.border_route(number, router, vertex),
            VertexId::Network(..) => None,
        });
        asbrs.filter_map(|(router, path)| self.asbr_route(*router, path)).chain(borders)
    }

    fn asbr_route(&self, router: RouterId, path: &Path) -> Option<RouterRoute> {
        let mut flags = RouterFlags::E;
        if path.kind == PathKind::IntraArea
            && let Some(area) = self.database.area(path.area)
            && let Some(vertex) = area.graph.find(VertexId::Router(router))
        {
            flags = flags.with(area.graph.flags(vertex));
        }
        router_route(&self.database, router, path, flags, &self.sets)
    }

    fn border_route(&self, number: u16, router: RouterId, vertex: u32) -> Option<RouterRoute> {
        let area = self.database.area(number)?;
        let flags = area.graph.flags(vertex);
        if !flags.contains(RouterFlags::B) && !flags.contains(RouterFlags::E) {
            return None;
        }
        let (cost, hops) = area.border(router, RouterFlags::NONE)?;
        let next_hops = self.sets.get(hops).clone();
        Some(RouterRoute { router, flags, kind: PathKind::IntraArea, area: area.id, cost, next_hops })
    }

    /// Whether a router is reachable inside an area, by distance; its bits do not matter. 0 for this router itself.
    pub fn distance(&self, area: AreaId, router: RouterId) -> Option<u32> {
        let area = self.database.area(self.database.number(area)?)?;
        let vertex = area.graph.find(VertexId::Router(router))?;
        area.tree.reaches(vertex, &area.exits).then(|| area.tree.distance[vertex as usize])
    }

    /// The prefixes with an intra-area route in an area, with their costs, in order.
    pub fn intra_area(&self, area: AreaId) -> impl Iterator<Item = (Ipv4Net, u32)> + '_ {
        let number = self.database.number(area);
        let inside = move |path: &Path| path.kind == PathKind::IntraArea && Some(path.area) == number;
        self.table
            .paths()
            .filter(move |(_, _, path)| inside(path))
            .map(|(prefix, _, path)| (prefix, path.cost))
    }

    /// The largest cost among the intra-area routes inside an area's range; none when the range is not active.
    pub fn active_range(&self, area: AreaId, range: &Ipv4Net) -> Option<u32> {
        self.database.largest_cost(&self.table, self.database.number(area)?, range.trunc())
    }

    /// TransitCapability of an area (RFC 2328 §6): a virtual link of some router runs through it.
    pub fn transit_capability(&self, area: AreaId) -> bool {
        self.database
            .number(area)
            .and_then(|number| self.database.area(number))
            .is_some_and(|area| area.is_transit)
    }

    /// How a virtual link stands; none while its endpoint cannot be reached through the transit area, or only at a cost
    /// that is more than a link may have (RFC 2328 §15).
    pub fn virtual_link_state(&self, link: &VirtualLink) -> Option<VirtualLinkState> {
        let area = self.database.area(self.database.number(link.transit)?)?;
        virtual_link::state(area, link.endpoint, &self.sets)
    }

    /// Computes all shortest paths from scratch, and nothing else: for measuring. Finds what is there already.
    pub fn recompute(&mut self) -> Work {
        let mut work = Work::default();
        self.compute();
        for area in self.database.areas_mut() {
            area.spoilt = true;
        }
        for number in self.database.numbers() {
            self.shortest_paths(number, &mut work);
        }
        work
    }

    /// About how many bytes all this takes on the heap, the LSAs' own bytes (which are shared) left out.
    pub fn memory(&self) -> usize {
        let areas: usize = self.database.areas().map(Area::memory).sum();
        areas + self.table.memory() + self.database.leaves.memory() + self.sets.memory()
    }
}
