//! The route computation as RFC 2328 §16 tells it: step after step over a table that is written to, with Bellman and Ford's
//! distances. Slow, plain, and written apart from the crate. Router links have to cost something.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use braid_ospf_packet::{
    AreaId, ExternalLsa, LS_INFINITY, LinkKind, LsType, Lsa, LsaBody, LsaKey, Options, RouterFlags, RouterId,
    RouterLsa,
};
use braid_ospf_route::{AreaKind, Domain, NextHop, PathKind};
use ipnet::Ipv4Net;

use super::World;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: PathKind,
    pub area: Option<AreaId>,
    pub cost: u64,
    pub type2_cost: u32,
    pub hops: BTreeSet<NextHop>,
}

pub type Table = BTreeMap<Ipv4Net, Entry>;

/// A router (no second part), or a network by address and designated router.
type Vertex = (Ipv4Addr, Option<RouterId>);

#[derive(Default)]
struct Tree {
    distance: BTreeMap<Vertex, u64>,
    hops: BTreeMap<Vertex, BTreeSet<NextHop>>,
}

struct Book<'a> {
    world: &'a World,
    trees: BTreeMap<AreaId, Tree>,
}

pub fn routes(world: &World) -> Table {
    let mut book = Book { world, trees: BTreeMap::new() };
    for area in world.areas.keys().rev() {
        let tree = book.tree(*area);
        book.trees.insert(*area, tree);
    }
    let mut table = Table::new();
    for area in world.areas.keys() {
        book.intra(*area, &mut table);
    }
    book.inter(&mut table);
    book.transit(&mut table);
    book.externals(&mut table);
    for entry in table.values_mut() {
        entry.hops = std::mem::take(&mut entry.hops).into_iter().take(world.settings.max_paths).collect();
    }
    table
}

impl Book<'_> {
    fn lsas(&self, domain: Domain, ls_type: LsType) -> impl Iterator<Item = (LsaKey, &Lsa)> {
        let inside = move |key: &(Domain, LsaKey)| key.0 == domain && key.1.ls_type == ls_type;
        self.world.lsas.iter().filter(move |(key, _)| inside(key)).map(|(key, lsa)| (key.1, lsa))
    }

    fn router_lsa(&self, area: AreaId, router: RouterId) -> Option<RouterLsa> {
        let key = LsaKey::new(LsType::Router, router.0, router);
        match self.world.lsas.get(&(Domain::Area(area), key))?.body() {
            LsaBody::Router(body) => Some(body),
            _ => None,
        }
    }

    /// Every one-way link of an area: tail, head, cost, Link Data.
    fn arcs(&self, area: AreaId) -> Vec<(Vertex, Vertex, u64, Ipv4Addr, LinkKind)> {
        let mut arcs = Vec::new();
        for (key, lsa) in self.lsas(Domain::Area(area), LsType::Router) {
            let LsaBody::Router(body) = lsa.body() else { continue };
            for link in body.links {
                let tail = (key.advertising_router.0, None);
                let mut add = |head| arcs.push((tail, head, u64::from(link.metric), link.data, link.kind));
                match link.kind {
                    LinkKind::Stub => {}
                    LinkKind::Transit => self
                        .lsas(Domain::Area(area), LsType::Network)
                        .filter(|(key, _)| key.link_state_id == link.id)
                        .for_each(|(key, _)| add((link.id, Some(key.advertising_router)))),
                    _ => add((link.id, None)),
                }
            }
        }
        for (key, lsa) in self.lsas(Domain::Area(area), LsType::Network) {
            let LsaBody::Network(body) = lsa.body() else { continue };
            for router in body.routers {
                let tail = (key.link_state_id, Some(key.advertising_router));
                arcs.push((tail, (router.0, None), 0, Ipv4Addr::UNSPECIFIED, LinkKind::Transit));
            }
        }
        let ends: BTreeSet<(Vertex, Vertex)> = arcs.iter().map(|arc| (arc.0, arc.1)).collect();
        arcs.retain(|arc| ends.contains(&(arc.1, arc.0)) && arc.0 != arc.1);
        arcs
    }

    fn tree(&self, area: AreaId) -> Tree {
        let mut tree = Tree::default();
        let root = (self.world.root.0, None);
        if self.router_lsa(area, self.world.root).is_none() {
            return tree;
        }
        let arcs = self.arcs(area);
        tree.distance.insert(root, 0);
        let mut is_moving = true;
        while std::mem::take(&mut is_moving) {
            for (tail, head, cost, ..) in &arcs {
                let Some(far) = tree.distance.get(tail).map(|near| near + cost) else { continue };
                if tree.distance.get(head).is_none_or(|old| *old > far) {
                    tree.distance.insert(*head, far);
                    is_moving = true;
                }
            }
        }
        is_moving = true;
        while std::mem::take(&mut is_moving) {
            for (tail, head, cost, data, kind) in &arcs {
                let (Some(near), Some(far)) = (tree.distance.get(tail), tree.distance.get(head)) else {
                    continue;
                };
                if near + cost != *far || *head == root {
                    continue;
                }
                let more = if *tail == root {
                    self.first_hop(area, *head, *data, *kind)
                } else {
                    let inherited = tree.hops.get(tail).cloned().unwrap_or_default();
                    inherited
                        .into_iter()
                        .flat_map(|hop| self.on_network(area, &arcs, *tail, *head, hop))
                        .collect()
                };
                let hops = tree.hops.entry(*head).or_default();
                let count = hops.len();
                hops.extend(more);
                is_moving |= hops.len() > count;
            }
        }
        tree
    }

    fn first_hop(&self, area: AreaId, head: Vertex, data: Ipv4Addr, kind: LinkKind) -> BTreeSet<NextHop> {
        match kind {
            LinkKind::Virtual => {
                let links = self.world.virtual_links.iter().filter(|link| link.endpoint.0 == head.0);
                let ways = links.filter_map(|link| self.border(link.transit, link.endpoint, RouterFlags::B));
                ways.flat_map(|(_, hops)| hops).collect()
            }
            LinkKind::PointToPoint => {
                let far = self.router_lsa(area, RouterId(head.0)).map(|lsa| lsa.links).unwrap_or_default();
                let back = far
                    .into_iter()
                    .filter(|link| link.kind == LinkKind::PointToPoint && link.id == self.world.root.0)
                    .map(|link| link.data);
                // the tests' links are /31s, so the other end is the nearest address; 0.x.y.z is no address
                let numbered = back.filter(|far| far.octets()[0] != 0 && data.octets()[0] != 0);
                let gateway = numbered.min_by_key(|far| u32::from(*far) ^ u32::from(data));
                BTreeSet::from([NextHop { out: data, gateway }])
            }
            _ => BTreeSet::from([NextHop { out: data, gateway: None }]),
        }
    }

    /// A next hop as inherited; when it ends on an attached network, completed by the router's addresses there.
    fn on_network(
        &self,
        area: AreaId,
        arcs: &[(Vertex, Vertex, u64, Ipv4Addr, LinkKind)],
        network: Vertex,
        router: Vertex,
        hop: NextHop,
    ) -> Vec<NextHop> {
        let own = (self.world.root.0, None);
        let is_attached = arcs.iter().any(|arc| arc.0 == own && arc.1 == network && arc.3 == hop.out);
        if hop.gateway.is_some() || !is_attached || network.1.is_none() {
            return vec![hop];
        }
        let links = self.router_lsa(area, RouterId(router.0)).map(|lsa| lsa.links).unwrap_or_default();
        let back = links.into_iter().filter(|link| link.kind == LinkKind::Transit && link.id == network.0);
        back.map(|link| NextHop { out: hop.out, gateway: Some(link.data) }).collect()
    }

    fn border(&self, area: AreaId, router: RouterId, bit: RouterFlags) -> Option<(u64, BTreeSet<NextHop>)> {
        let vertex = (router.0, None);
        let tree = self.trees.get(&area)?;
        let hops = tree.hops.get(&vertex).filter(|hops| !hops.is_empty())?;
        let lsa = self.router_lsa(area, router)?;
        lsa.flags.contains(bit).then(|| (tree.distance[&vertex], hops.clone()))
    }

    fn is_abr(&self) -> bool {
        self.world.areas.len() > 1 && self.world.areas.contains_key(&AreaId::BACKBONE)
    }

    fn intra(&self, area: AreaId, table: &mut Table) {
        let tree = &self.trees[&area];
        let mut networks: BTreeMap<Ipv4Net, (u64, Ipv4Addr, RouterId)> = BTreeMap::new();
        let mut found = Table::new();
        let entry = |cost, hops: &BTreeSet<NextHop>| Entry {
            kind: PathKind::IntraArea,
            area: Some(area),
            cost,
            type2_cost: 0,
            hops: hops.clone(),
        };
        for (key, lsa) in self.lsas(Domain::Area(area), LsType::Network) {
            let LsaBody::Network(body) = lsa.body() else { continue };
            let vertex = (key.link_state_id, Some(key.advertising_router));
            let (Some(cost), Some(hops)) = (tree.distance.get(&vertex), tree.hops.get(&vertex)) else {
                continue;
            };
            if hops.is_empty() {
                continue;
            }
            let net = Ipv4Net::new(key.link_state_id, body.mask).unwrap().trunc();
            let rank = (*cost, vertex.0, key.advertising_router);
            let replaces = networks
                .get(&net)
                .is_none_or(|old| rank.0 < old.0 || rank.0 == old.0 && (rank.1, rank.2) > (old.1, old.2));
            if replaces {
                networks.insert(net, rank);
                found.insert(net, entry(*cost, hops));
            }
        }
        for (key, lsa) in self.lsas(Domain::Area(area), LsType::Router) {
            let LsaBody::Router(body) = lsa.body() else { continue };
            let vertex = (key.advertising_router.0, None);
            let Some(distance) = tree.distance.get(&vertex) else { continue };
            for link in body.links.iter().filter(|link| link.kind == LinkKind::Stub) {
                let net = Ipv4Net::with_netmask(link.id, link.data).unwrap().trunc();
                let hops = if vertex.0 == self.world.root.0 {
                    let own = body.links.iter().filter(|link| {
                        let is_numbered = link.data.octets()[0] != 0;
                        matches!(link.kind, LinkKind::PointToPoint | LinkKind::Transit)
                            && is_numbered
                            && net.contains(&link.data)
                    });
                    let out = own.map(|link| link.data).min().unwrap_or(net.network());
                    BTreeSet::from([NextHop { out, gateway: None }])
                } else {
                    tree.hops.get(&vertex).cloned().unwrap_or_default()
                };
                if !hops.is_empty() {
                    merge(&mut found, net, entry(distance + u64::from(link.metric), &hops));
                }
            }
        }
        for (net, entry) in found {
            merge(table, net, entry);
        }
    }

    fn inter(&self, table: &mut Table) {
        let before = table.clone();
        for area in self.world.areas.keys() {
            if self.is_abr() && *area != AreaId::BACKBONE {
                continue;
            }
            for (net, cost, hops) in self.summaries(*area) {
                let own = self.world.ranges.iter().any(|(area, ranges)| {
                    let inside = |(net, entry): (&Ipv4Net, &Entry), range: &Ipv4Net| {
                        range.contains(net) && entry.area == Some(*area) && entry.kind == PathKind::IntraArea
                    };
                    ranges
                        .iter()
                        .any(|range| *range == net && before.iter().any(|found| inside(found, range)))
                });
                if !own && !before.contains_key(&net) {
                    let (kind, area) = (PathKind::InterArea, Some(*area));
                    merge(table, net, Entry { kind, area, cost, type2_cost: 0, hops });
                }
            }
        }
    }

    fn summaries(&self, area: AreaId) -> Vec<(Ipv4Net, u64, BTreeSet<NextHop>)> {
        let mut found = Vec::new();
        for (key, lsa) in self.lsas(Domain::Area(area), LsType::Summary) {
            let LsaBody::Summary(body) = lsa.body() else { continue };
            if body.metric == LS_INFINITY || key.advertising_router == self.world.root {
                continue;
            }
            if let Some((distance, hops)) = self.border(area, key.advertising_router, RouterFlags::B) {
                let net = Ipv4Net::new(key.link_state_id, body.mask).unwrap().trunc();
                found.push((net, distance + u64::from(body.metric), hops));
            }
        }
        found
    }

    fn transit_areas(&self) -> Vec<AreaId> {
        let is_transit = |area: &&AreaId| {
            let routers = self.lsas(Domain::Area(**area), LsType::Router);
            **area != AreaId::BACKBONE
                && routers
                    .into_iter()
                    .any(|(key, _)| self.border(**area, key.advertising_router, RouterFlags::V).is_some())
        };
        if self.is_abr() { self.world.areas.keys().filter(is_transit).copied().collect() } else { Vec::new() }
    }

    fn transit(&self, table: &mut Table) {
        for area in self.transit_areas() {
            for (net, cost, hops) in self.summaries(area) {
                if let Some(entry) = table.get_mut(&net).filter(|entry| entry.area == Some(AreaId::BACKBONE))
                {
                    better(&mut entry.cost, &mut entry.hops, cost, hops);
                }
            }
        }
    }

    /// The entries of an ASBR, one per area that has AS-external LSAs.
    fn asbr(&self, router: RouterId) -> Vec<Entry> {
        let mut entries = Vec::new();
        for area in self.world.areas.iter().filter(|area| *area.1 == AreaKind::Normal).map(|area| *area.0) {
            let entry = |kind, cost, hops| Entry { kind, area: Some(area), cost, type2_cost: 0, hops };
            let mut found =
                self.border(area, router, RouterFlags::E).map(|(c, h)| entry(PathKind::IntraArea, c, h));
            if found.is_none() && (!self.is_abr() || area == AreaId::BACKBONE) {
                for (cost, hops) in self.asbr_summaries(area, router) {
                    match &mut found {
                        Some(found) => better(&mut found.cost, &mut found.hops, cost, hops),
                        None => found = Some(entry(PathKind::InterArea, cost, hops)),
                    }
                }
            }
            let Some(mut found) = found else { continue };
            if area == AreaId::BACKBONE {
                for transit in self.transit_areas() {
                    for (cost, hops) in self.asbr_summaries(transit, router) {
                        better(&mut found.cost, &mut found.hops, cost, hops);
                    }
                }
            }
            entries.push(found);
        }
        entries
    }

    fn asbr_summaries(&self, area: AreaId, router: RouterId) -> Vec<(u64, BTreeSet<NextHop>)> {
        let described = self.lsas(Domain::Area(area), LsType::AsbrSummary);
        let mut found = Vec::new();
        for (key, lsa) in described.filter(|(key, _)| key.link_state_id == router.0) {
            let LsaBody::AsbrSummary(body) = lsa.body() else { continue };
            let way = self.border(area, key.advertising_router, RouterFlags::B);
            if let (Some((distance, hops)), true) = (way, body.metric < LS_INFINITY) {
                found.push((distance + u64::from(body.metric), hops));
            }
        }
        found
    }

    fn class(&self, entry: &Entry) -> u8 {
        let is_best = entry.kind == PathKind::IntraArea && entry.area != Some(AreaId::BACKBONE);
        u8::from(!is_best && !self.world.settings.rfc1583)
    }

    fn externals(&self, table: &mut Table) {
        let internal = table.clone();
        let mut ranks: BTreeMap<Ipv4Net, (PathKind, u32, u8, u64)> = BTreeMap::new();
        for ((domain, key), lsa) in &self.world.lsas {
            let (LsaBody::External(body) | LsaBody::Nssa(body)) = lsa.body() else { continue };
            let net = Ipv4Net::new(key.link_state_id, body.mask).unwrap().trunc();
            let is_ours = key.advertising_router == self.world.root;
            if is_ours || body.metric == LS_INFINITY || internal.contains_key(&net) {
                continue;
            }
            let propagate = lsa.header().options.contains(Options::NP);
            let way = match domain {
                Domain::As => self.as_way(*key, &body, &internal),
                Domain::Area(area) => self.nssa_way(*area, *key, &body, propagate, &internal),
            };
            let Some(way) = way else { continue };
            let (x, y, class) = (way.cost, body.metric, self.class(&way));
            let rank = if body.type2 {
                (PathKind::External2, y, class, x)
            } else {
                (PathKind::External1, 0, class, x + u64::from(y))
            };
            let entry = Entry { kind: rank.0, area: None, cost: rank.3, type2_cost: rank.1, hops: way.hops };
            match ranks.get(&net).map(|old| rank.cmp(old)) {
                Some(std::cmp::Ordering::Greater) => {}
                Some(std::cmp::Ordering::Equal) => table.get_mut(&net).unwrap().hops.extend(entry.hops),
                _ => {
                    ranks.insert(net, rank);
                    table.insert(net, entry);
                }
            }
        }
    }

    fn as_way(&self, key: LsaKey, body: &ExternalLsa, internal: &Table) -> Option<Entry> {
        let mut entries = self.asbr(key.advertising_router);
        let class = entries.iter().map(|entry| self.class(entry)).min()?;
        entries.retain(|entry| self.class(entry) == class);
        entries.sort_by_key(|entry| (entry.cost, std::cmp::Reverse(entry.area)));
        let entry = entries.into_iter().next()?;
        if body.forwarding.is_unspecified() {
            return Some(entry);
        }
        let way = self.forwarded(body.forwarding, internal)?;
        (self.world.areas[&way.area?] == AreaKind::Normal).then_some(way)
    }

    fn nssa_way(
        &self,
        area: AreaId,
        key: LsaKey,
        body: &ExternalLsa,
        propagate: bool,
        internal: &Table,
    ) -> Option<Entry> {
        let Some(AreaKind::Nssa { summaries }) = self.world.areas.get(&area) else { return None };
        if body.mask == 0 && self.is_abr() && (!propagate || !summaries) {
            return None;
        }
        let (cost, hops) = self.border(area, key.advertising_router, RouterFlags::E)?;
        if body.forwarding.is_unspecified() {
            return Some(Entry { kind: PathKind::IntraArea, area: Some(area), cost, type2_cost: 0, hops });
        }
        let way = self.forwarded(body.forwarding, internal)?;
        (way.area == Some(area) && way.kind == PathKind::IntraArea).then_some(way)
    }

    fn forwarded(&self, address: Ipv4Addr, internal: &Table) -> Option<Entry> {
        for area in self.world.areas.keys() {
            let links = self.router_lsa(*area, self.world.root).map(|lsa| lsa.links).unwrap_or_default();
            let is_own = links.iter().any(|link| match link.kind {
                LinkKind::Stub => link.id == address && link.data == Ipv4Addr::BROADCAST,
                LinkKind::Virtual => false,
                _ => link.data == address,
            });
            if is_own {
                return None;
            }
        }
        let holding = internal.iter().filter(|(net, _)| net.contains(&address));
        let mut entry = holding.max_by_key(|(net, _)| net.prefix_len())?.1.clone();
        let aim = |hop: NextHop| NextHop { gateway: hop.gateway.or(Some(address)), ..hop };
        entry.hops = entry.hops.into_iter().map(aim).collect();
        Some(entry)
    }
}

fn better(cost: &mut u64, hops: &mut BTreeSet<NextHop>, new_cost: u64, new_hops: BTreeSet<NextHop>) {
    if new_cost < *cost {
        (*cost, *hops) = (new_cost, new_hops);
    } else if new_cost == *cost {
        hops.extend(new_hops);
    }
}

/// Areas come in ascending order, so of equals the last has the greatest id.
fn merge(table: &mut Table, net: Ipv4Net, entry: Entry) {
    match table.get_mut(&net) {
        Some(old) if old.cost == entry.cost => {
            old.hops.extend(entry.hops);
            old.area = entry.area;
        }
        Some(old) if old.cost < entry.cost => {}
        _ => {
            table.insert(net, entry);
        }
    }
}
