//! The best external path to a prefix (RFC 2328 §16.4, RFC 3101 §2.5).

use std::{cmp::Reverse, net::Ipv4Addr};

use braid_ospf_packet::{LS_INFINITY, LsType, LsaKey, RouterFlags, RouterId};

use crate::{
    database::Database,
    evaluate::preference,
    hops::{EMPTY, HopSets, HopsId},
    leaf::ExternalView,
    route::{AreaKind, NextHop, PathKind},
    table::{AS, ClaimKind, Extra, Path, Table},
};

/// What decides among externals, the least first: type, type 2 metric, §16.4.1, distance.
type Rank = (PathKind, u32, u8, u32);

/// What decides which of equal LSAs is the evidence: RFC 3101 §2.5 (6e), the first first.
type Priority = (u8, Reverse<RouterId>, LsaKey);

struct Offer {
    rank: Rank,
    priority: Priority,
    hops: HopsId,
    tag: u32,
}

/// The best external path to a prefix. The internal paths have to be settled: forwarding addresses are looked up in them.
/// External routes are never looked at for that, so there is no order among externals and no cycle.
pub fn external(
    database: &Database,
    table: &Table,
    entry: u32,
    asbr: impl Fn(RouterId) -> Option<Path>,
    sets: &mut HopSets,
) -> Option<(Path, Extra)> {
    let mut best: Option<Offer> = None;
    for claim in table.claims(entry).filter(|claim| claim.kind == ClaimKind::External) {
        let Some(view) = database.leaves.get(claim.owner).and_then(|leaf| leaf.external()) else { continue };
        let found = if claim.area == AS {
            as_external(database, table, &view, &asbr, sets)
        } else {
            let is_default = table.prefix(entry).prefix_len() == 0;
            nssa(database, table, claim.area, &view, is_default, sets)
        };
        let Some(Way { distance, class, hops }) = found.filter(|way| way.hops != EMPTY) else { continue };
        let class = if database.settings.rfc1583 { 0 } else { class };
        let rank = if view.type2 {
            (PathKind::External2, view.metric, class, distance)
        } else {
            (PathKind::External1, 0, class, distance.saturating_add(view.metric))
        };
        let kind = match (view.key.ls_type, view.propagate) {
            (LsType::Nssa, true) => 0,
            (LsType::External, _) => 1,
            _ => 2,
        };
        let priority = (kind, Reverse(view.key.advertising_router), view.key);
        let offer = Offer { rank, priority, hops, tag: view.tag };
        best = Some(match best {
            Some(best) if best.rank < offer.rank => best,
            Some(best) if best.rank == offer.rank => {
                let hops = sets.union(best.hops, offer.hops);
                if best.priority < offer.priority { Offer { hops, ..best } } else { Offer { hops, ..offer } }
            }
            _ => offer,
        });
    }
    let Offer { rank: (kind, type2_cost, _, cost), priority: (_, _, key), hops, tag } = best?;
    let path = Path {
        kind,
        ls_type: key.ls_type,
        area: AS,
        cost,
        hops,
        router: key.advertising_router,
        link_state_id: key.link_state_id,
    };
    Some((path, Extra { type2_cost, tag }))
}

/// The way inside the AS to where an external path leaves it.
struct Way {
    distance: u32,
    class: u8,
    hops: HopsId,
}

fn as_external(
    database: &Database,
    table: &Table,
    view: &ExternalView,
    asbr: impl Fn(RouterId) -> Option<Path>,
    sets: &mut HopSets,
) -> Option<Way> {
    // RFC 2328 §16.4 (1)-(3)
    if view.metric >= LS_INFINITY || view.key.advertising_router == database.root {
        return None;
    }
    let path = asbr(view.key.advertising_router)?;
    let Some(address) = view.forwarding else {
        let class = preference(database, &path);
        return Some(Way { distance: path.cost, class, hops: path.hops });
    };
    // RFC 3101 §2.5 (3): through an area that has AS-external LSAs
    forward(database, table, address, sets, |path| database.carries_externals(path.area))
}

fn nssa(
    database: &Database,
    table: &Table,
    number: u16,
    view: &ExternalView,
    is_default: bool,
    sets: &mut HopSets,
) -> Option<Way> {
    let area = database.area(number)?;
    let AreaKind::Nssa { summaries } = area.kind else { return None };
    let router = view.key.advertising_router;
    if view.metric >= LS_INFINITY || router == database.root {
        return None;
    }
    // RFC 3101 §2.5 (3): area border routers take no defaults that are meant for the NSSA's inside
    if is_default && database.is_area_border() && (!view.propagate || !summaries) {
        return None;
    }
    let (distance, hops) = area.border(router, RouterFlags::E)?;
    let Some(address) = view.forwarding else { return Some(Way { distance, class: 0, hops }) };
    forward(database, table, address, sets, |path| path.kind == PathKind::IntraArea && path.area == number)
}

/// The way to a forwarding address, by an internal route that suits.
fn forward(
    database: &Database,
    table: &Table,
    address: Ipv4Addr,
    sets: &mut HopSets,
    suits: impl Fn(&Path) -> bool,
) -> Option<Way> {
    // packets handed to ourselves would come back here
    if database.areas().any(|area| area.is_own_address(address)) {
        return None;
    }
    let (_, path) = table.lookup_internal(address)?;
    if !suits(&path) {
        return None;
    }
    // on an attached network the forwarding address itself is the next hop
    let hops = if sets.get(path.hops).iter().any(|hop| hop.gateway.is_none()) {
        let hops = sets.get(path.hops).iter();
        let aimed = hops.map(|hop| NextHop { gateway: hop.gateway.or(Some(address)), ..*hop }).collect();
        sets.intern(aimed)
    } else {
        path.hops
    };
    Some(Way { distance: path.cost, class: preference(database, &path), hops })
}
