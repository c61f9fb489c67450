//! The best intra-area and inter-area paths to a destination (RFC 2328 §16.1 second stage, §16.2, §16.3).
//!
//! Each function looks at all claims to one destination, in whatever order, and knows nothing of what was there before:
//! so an incremental computation cannot differ from one from scratch.

use std::cmp::{Ordering, Reverse};

use braid_ospf_packet::{LS_INFINITY, LsType, RouterFlags, RouterId};

use crate::{
    database::Database,
    graph::VertexId,
    hops::{HopSets, HopsId},
    route::{PathKind, RouterRoute},
    table::{AS, Claim, ClaimKind, Path, Table},
};

/// Paths of one kind, gathered: the cheapest so far, with the next hops of all that are as cheap.
struct Cheapest(Option<Path>);

impl Cheapest {
    /// `evidence` is the LSA; of equals the least counts. The area is the one with the greatest id.
    fn add(&mut self, path: Path, database: &Database, sets: &mut HopSets) {
        let Some(best) = &mut self.0 else {
            self.0 = Some(path);
            return;
        };
        match path.cost.cmp(&best.cost) {
            Ordering::Less => *best = path,
            Ordering::Greater => {}
            Ordering::Equal => {
                best.hops = sets.union(best.hops, path.hops);
                if database.id(path.area) > database.id(best.area) {
                    best.area = path.area;
                }
                if path.origin() < best.origin() {
                    (best.ls_type, best.router) = (path.ls_type, path.router);
                    best.link_state_id = path.link_state_id;
                }
            }
        }
    }
}

/// The best intra-area or inter-area path to a prefix.
pub fn internal(database: &Database, table: &Table, entry: u32, sets: &mut HopSets) -> Option<Path> {
    let mut path = match intra_area(database, table, entry, sets) {
        Some(path) => path,
        None => inter_area(database, table, entry, sets)?,
    };
    if database.is_area_border() && database.is_backbone(path.area) {
        for claim in table.claims(entry).filter(|claim| claim.kind == ClaimKind::Summary) {
            if let Some(offer) = summary_path(database, claim) {
                improve(database, &mut path, claim.area, offer, sets);
            }
        }
    }
    Some(path)
}

fn intra_area(database: &Database, table: &Table, entry: u32, sets: &mut HopSets) -> Option<Path> {
    let mut best = Cheapest(None);
    let mut networks: Vec<Path> = Vec::new();
    for claim in table.claims(entry) {
        let (Some(area), ClaimKind::Stub | ClaimKind::Transit) = (database.area(claim.area), claim.kind)
        else {
            continue;
        };
        if !area.tree.reaches(claim.owner, &area.exits) {
            continue;
        }
        let cost = area.tree.distance[claim.owner as usize].saturating_add(claim.metric);
        let (ls_type, router, link_state_id) = match area.graph.id(claim.owner) {
            VertexId::Router(router) => (LsType::Router, router, router.0),
            VertexId::Network(id, router) => (LsType::Network, router, id),
        };
        let hops = if area.exits.root == Some(claim.owner) {
            sets.intern(vec![area.own_hop(table.prefix(entry))])
        } else {
            area.tree.hops[claim.owner as usize]
        };
        let kind = PathKind::IntraArea;
        let path = Path { kind, ls_type, area: claim.area, cost, hops, router, link_state_id };
        if claim.kind == ClaimKind::Stub {
            best.add(path, database, sets);
        } else {
            // RFC 2328 §16.1 (4): of an area's network-LSAs for one network, as near, the greatest Link State ID counts
            let rank = |path: &Path| (Reverse(path.cost), path.link_state_id, path.router);
            match networks.iter_mut().find(|known| known.area == path.area) {
                Some(known) if rank(known) > rank(&path) => {}
                Some(known) => *known = path,
                None => networks.push(path),
            }
        }
    }
    for network in networks {
        best.add(network, database, sets);
    }
    best.0
}

/// The path that a summary of either type offers: its border router has to be within reach in the area (§16.2 (4)).
fn offer(database: &Database, area: u16, border: RouterId, metric: u32) -> Option<(u32, HopsId)> {
    if metric >= LS_INFINITY || border == database.root {
        return None;
    }
    let (distance, hops) = database.area(area)?.border(border, RouterFlags::B)?;
    Some((distance.saturating_add(metric), hops))
}

fn summary_path(database: &Database, claim: &Claim) -> Option<(u32, HopsId)> {
    let border = database.leaves.get(claim.owner)?.lsa.header().key.advertising_router;
    offer(database, claim.area, border, claim.metric)
}

fn inter_area(database: &Database, table: &Table, entry: u32, sets: &mut HopSets) -> Option<Path> {
    let mut best = Cheapest(None);
    for claim in table.claims(entry).filter(|claim| claim.kind == ClaimKind::Summary) {
        if !database.heeds_summaries(claim.area) {
            continue;
        }
        let Some((cost, hops)) = summary_path(database, claim) else { continue };
        let Some(key) = database.leaves.get(claim.owner).map(|leaf| leaf.lsa.key()) else { continue };
        let path = Path {
            kind: PathKind::InterArea,
            ls_type: key.ls_type,
            area: claim.area,
            cost,
            hops,
            router: key.advertising_router,
            link_state_id: key.link_state_id,
        };
        best.add(path, database, sets);
    }
    // RFC 2328 §16.2 (3): an own range that is active is ours to describe
    best.0.filter(|_| !database.is_active_range(table, table.prefix(entry)))
}

/// RFC 2328 §16.3: a summary of a transit area may give a backbone path a shorter way through that area, or another one
/// as short. The path's type and area stay.
fn improve(database: &Database, path: &mut Path, area: u16, offer: (u32, HopsId), sets: &mut HopSets) {
    if database.is_backbone(area) || !database.area(area).is_some_and(|area| area.is_transit) {
        return;
    }
    let (cost, hops) = offer;
    match cost.cmp(&path.cost) {
        Ordering::Less => (path.cost, path.hops) = (cost, hops),
        Ordering::Equal => path.hops = sets.union(path.hops, hops),
        Ordering::Greater => {}
    }
}

/// The way to an ASBR that AS-external LSAs take (RFC 2328 §16.4 (3)): per area the intra-area path or else the best
/// inter-area one, and of the areas the best.
pub fn asbr(database: &Database, router: RouterId, sets: &mut HopSets) -> Option<Path> {
    if router == database.root {
        return None;
    }
    let areas: Vec<u16> = database.numbers().filter(|area| database.carries_externals(*area)).collect();
    let mut best: Option<Path> = None;
    for area in areas {
        let Some(path) = asbr_in(database, area, router, sets) else { continue };
        let rank = |path: &Path| {
            let class = if database.settings.rfc1583 { 0 } else { preference(database, path) };
            (class, path.cost, Reverse(database.id(path.area)))
        };
        if best.as_ref().is_none_or(|best| rank(&path) < rank(best)) {
            best = Some(path);
        }
    }
    best.filter(|path| path.is_usable())
}

fn asbr_in(database: &Database, number: u16, router: RouterId, sets: &mut HopSets) -> Option<Path> {
    let area = database.area(number)?;
    let path = |kind, ls_type, (cost, hops)| Path {
        kind,
        ls_type,
        area: number,
        cost,
        hops,
        router,
        link_state_id: router.0,
    };
    let intra =
        area.border(router, RouterFlags::E).map(|found| path(PathKind::IntraArea, LsType::Router, found));
    let summaries = || database.leaves.asbr_summaries(router);
    let mut found = match intra {
        Some(found) => found,
        None => {
            let mut best = Cheapest(None);
            for (_, border, metric) in summaries().filter(|summary| summary.0 == number) {
                if !database.heeds_summaries(number) {
                    continue;
                }
                if let Some(offer) = offer(database, number, border, metric) {
                    best.add(path(PathKind::InterArea, LsType::AsbrSummary, offer), database, sets);
                }
            }
            best.0?
        }
    };
    if database.is_area_border() && database.is_backbone(number) {
        for (area, border, metric) in summaries() {
            if let Some(offer) = offer(database, area, border, metric) {
                improve(database, &mut found, area, offer, sets);
            }
        }
    }
    Some(found)
}

/// RFC 2328 §16.4.1: 0 for intra-area paths through areas other than the backbone, 1 for all other internal paths.
pub fn preference(database: &Database, path: &Path) -> u8 {
    u8::from(path.kind != PathKind::IntraArea || database.is_backbone(path.area))
}

/// A path as the caller sees it.
pub fn router_route(
    database: &Database,
    router: RouterId,
    path: &Path,
    flags: RouterFlags,
    sets: &HopSets,
) -> Option<RouterRoute> {
    (path.area != AS).then(|| RouterRoute {
        router,
        flags,
        kind: path.kind,
        area: database.id(path.area),
        cost: path.cost,
        next_hops: sets.get(path.hops).clone(),
    })
}
