//! Not-so-stubby areas: type-7 LSAs and their translation to type 5 (RFC 3101).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use braid_ospf_packet::{ExternalLsa, LS_INFINITY, LsType, LsaBody, Options, RouterFlags};
use braid_ospf_route::{Domain, PathKind, Route};
use ipnet::Ipv4Net;

use crate::{
    AreaType, AreaView, Discard, InterfaceState, Local, Network, Origin, Problem, Translate,
    collect::Collector,
    external::{announced, body, is_on_link, reaches_as},
    is_area_border,
    link_state_id::link_state_ids,
    summary::{metric, most_specific},
};

/// Type 7 of each NSSA: our own routes, and the default of a border router.
pub(crate) fn type_7(local: &Local<'_>, out: &mut Collector) {
    for area in local.areas.iter().filter(|area| area.kind.is_nssa()) {
        let bodies = own_type_7(local, area);
        let ids = link_state_ids(bodies.keys().copied());
        for (prefix, (body, options)) in bodies {
            let Some(id) = ids.get(&prefix) else {
                out.problem(Problem::NoLinkStateId { prefix });
                continue;
            };
            out.add(Origin {
                domain: Domain::Area(area.id),
                ls_type: LsType::Nssa,
                link_state_id: *id,
                options,
                body: LsaBody::Nssa(body),
            });
        }
    }
}

fn own_type_7(local: &Local<'_>, area: &AreaView) -> BTreeMap<Ipv4Net, (ExternalLsa, Options)> {
    let mut bodies = BTreeMap::new();
    // RFC 3101 §2.4: who says it as type 5 as well does not want it translated.
    let translatable = !reaches_as(local);
    let forwarding = own_forwarding(local, area).filter(|_| translatable);
    for (prefix, external) in announced(local) {
        let rather = external.forwarding.filter(|address| is_on_link(local, *address, Some(area.id)));
        let forwarding = rather.or(forwarding);
        // Without a forwarding address nobody translates: then the P bit is not set either.
        let options = if translatable && forwarding.is_some() { Options::NP } else { Options::NONE };
        bodies.insert(prefix, (body(local, &prefix, external, forwarding), options));
    }
    if let AreaType::Nssa { default_cost, summaries: true, default_route: true, .. } = area.kind
        && is_area_border(local)
        && default_cost < LS_INFINITY
    {
        // RFC 3101 §2.4: never translated, so that it stays in the area.
        let default = ExternalLsa {
            mask: 0,
            type2: false,
            metric: metric(local, default_cost),
            forwarding: Ipv4Addr::UNSPECIFIED,
            tag: 0,
        };
        bodies.entry(Ipv4Net::default()).or_insert((default, Options::NONE));
    }
    bodies
}

/// RFC 3101 §2.3: an own address that is active in the area, a loopback's rather than a stub network's, and that rather
/// than another's; the first of them in the order of the interfaces.
fn own_forwarding(local: &Local<'_>, area: &AreaView) -> Option<Ipv4Addr> {
    local
        .interfaces
        .iter()
        .filter(|interface| interface.area == area.id && interface.state != InterfaceState::Down)
        .filter(|interface| interface.unnumbered.is_none())
        .min_by_key(|interface| (interface.network != Network::Loopback, !interface.passive))
        .map(|interface| interface.address.addr())
}

/// Whether the router translates the area's type-7 LSAs (RFC 3101 §3.1).
#[must_use]
pub fn translates(local: &Local<'_>, area: &AreaView) -> bool {
    match area.kind {
        AreaType::Nssa { translate: Translate::Candidate, .. } => {
            is_area_border(local) && (area.translating_still || is_elected(local, area))
        }
        AreaType::Nssa { translate: Translate::Always, .. } => is_area_border(local),
        AreaType::Nssa { translate: Translate::Never, .. } | AreaType::Normal | AreaType::Stub { .. } => {
            false
        }
    }
}

/// Whether no other border router of the area always translates or has a higher router id. For the caller that keeps
/// [`AreaView::translating_still`]: true on a border router that is elected now.
#[must_use]
pub fn is_elected(local: &Local<'_>, area: &AreaView) -> bool {
    is_area_border(local)
        && local
            .routing
            .routers(Some(area.id))
            .filter(|other| other.router != local.router_id && other.flags.contains(RouterFlags::B))
            .all(|other| !other.flags.contains(RouterFlags::NT) && other.router < local.router_id)
}

/// Translation, RFC 3101 §3.2: adds to the type-5 bodies, or replaces what they say.
pub(crate) fn translate(local: &Local<'_>, bodies: &mut BTreeMap<Ipv4Net, ExternalLsa>, out: &mut Collector) {
    for area in local.areas {
        let AreaType::Nssa { external_ranges, .. } = &area.kind else { continue };
        if !translates(local, area) {
            continue;
        }
        let mut by_range: BTreeMap<Ipv4Net, Vec<Translatable>> = BTreeMap::new();
        for lsa in translatable(local, area) {
            match most_specific(external_ranges, &lsa.prefix) {
                None => one_to_one(local, bodies, &lsa),
                Some((_, None)) => {}
                Some((range, Some(_))) => by_range.entry(range).or_default().push(lsa),
            }
        }
        for (range, lsas) in by_range {
            match lsas.as_slice() {
                // (3): alone in a range that is its own prefix, it is translated as if there were no range.
                [lsa] if lsa.prefix == range => one_to_one(local, bodies, lsa),
                lsas => {
                    let tag = external_ranges.get(&range).copied().flatten().unwrap_or_default();
                    let body = aggregate(range, lsas, bodies.get(&range), tag);
                    if lsas.iter().all(|lsa| lsa.prefix != range) && !bodies.contains_key(&range) {
                        out.discard(Discard {
                            prefix: range,
                            area: area.id,
                            cost: metric(local, body.metric),
                        });
                    }
                    bodies.insert(range, ExternalLsa { metric: metric(local, body.metric), ..body });
                }
            }
        }
    }
}

/// A type-7 LSA that wants translation and is what our own routing uses for its prefix.
struct Translatable {
    prefix: Ipv4Net,
    body: ExternalLsa,
    /// Path type and metric from here, in order of preference.
    distance: (bool, u32),
}

/// RFC 3101 §3.2 (1): P bit, a forwarding address, no default; "installed" is read as: origin of the route.
fn translatable(local: &Local<'_>, area: &AreaView) -> Vec<Translatable> {
    let examine = |lsa: braid_ospf_packet::Lsa| {
        let header = lsa.header();
        let LsaBody::Nssa(body) = lsa.body() else { return None };
        let prefix = Ipv4Net::new(header.key.link_state_id, body.mask).ok()?.trunc();
        if header.key.advertising_router == local.router_id
            || !header.options.contains(Options::NP)
            || body.forwarding.is_unspecified()
            || body.metric >= LS_INFINITY
            || prefix.prefix_len() == 0
        {
            return None;
        }
        let route = local.routing.route(&prefix)?;
        (route.origin == header.key).then_some(())?;
        Some(Translatable { prefix, body, distance: distance(&route)? })
    };
    local.database.nssa(area.id).into_iter().filter_map(examine).collect()
}

fn distance(route: &Route) -> Option<(bool, u32)> {
    match route.kind {
        PathKind::External1 => Some((false, route.cost)),
        PathKind::External2 => Some((true, route.type2_cost)),
        PathKind::IntraArea | PathKind::InterArea => None,
    }
}

/// (2): the same network, type, metric, forwarding address and tag, unless an own external is preferred.
fn one_to_one(local: &Local<'_>, bodies: &mut BTreeMap<Ipv4Net, ExternalLsa>, lsa: &Translatable) {
    let translated = ExternalLsa { metric: metric(local, lsa.body.metric), ..lsa.body };
    match bodies.get(&lsa.prefix) {
        Some(own) if (own.type2, own.metric) <= lsa.distance => {}
        _ => {
            bodies.insert(lsa.prefix, translated);
        }
    }
}

/// (3): the worst path type within the range, and the largest metric of that type, plus 1 for type 2.
fn aggregate(range: Ipv4Net, lsas: &[Translatable], own: Option<&ExternalLsa>, tag: u32) -> ExternalLsa {
    let (type2, largest) = lsas
        .iter()
        .map(|lsa| lsa.distance)
        .chain(own.map(|own| (own.type2, own.metric)))
        .max()
        .unwrap_or_default();
    ExternalLsa {
        mask: range.prefix_len(),
        type2,
        metric: largest.saturating_add(u32::from(type2)).min(LS_INFINITY - 1),
        forwarding: Ipv4Addr::UNSPECIFIED,
        tag,
    }
}
