//! Summary-LSAs: what an area border router tells each area of the others (RFC 2328 §12.4.3).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use braid_ospf_packet::{AreaId, LS_INFINITY, LsType, LsaBody, SummaryLsa};
use braid_ospf_route::{NextHop, PathKind, Route};
use ipnet::Ipv4Net;

use crate::{
    AreaType, AreaView, Discard, Local, Problem, Range, StubRouter, collect::Collector, is_area_border,
    link_state_id::link_state_ids,
};

/// Metric of summaries and externals of a drained router: dearer than any real path, and still reachable.
pub const DRAINED_METRIC: u32 = 0xff_0000;

/// Type 3 and 4 of all areas, and the discard routes of ranges.
pub(crate) fn summaries(local: &Local<'_>, out: &mut Collector) {
    if !is_area_border(local) {
        return;
    }
    let ways = Ways::new(local);
    let table = Table::new(local, &ways);
    for (area, prefix, cost, exact) in table.active_ranges() {
        if !exact {
            out.discard(Discard { prefix, area, cost: metric(local, cost) });
        }
    }
    for area in local.areas {
        networks(local, &table, area, out);
        if area.kind.takes_externals() {
            as_boundary_routers(local, &ways, area, out);
        }
    }
}

/// A metric as announced: raised when the router is drained.
pub(crate) fn metric(local: &Local<'_>, cost: u32) -> u32 {
    match local.stub_router {
        StubRouter::Off | StubRouter::Links => cost,
        StubRouter::All => cost.max(DRAINED_METRIC),
    }
}

/// Type 3 for one area, sorted out so that each prefix comes once.
fn networks(local: &Local<'_>, table: &Table<'_>, area: &AreaView, out: &mut Collector) {
    let mut costs = BTreeMap::new();
    if area.kind.takes_summaries() {
        table.announce(local, area, &mut costs);
    }
    match area.kind {
        AreaType::Normal => {}
        // RFC 2328 §12.4.3.1, RFC 3101 §2.7: one default in place of what the area does not let in.
        AreaType::Stub { default_cost, .. } | AreaType::Nssa { default_cost, summaries: false, .. } => {
            costs.insert(Ipv4Net::default(), default_cost);
        }
        AreaType::Nssa { .. } => {
            costs.remove(&Ipv4Net::default());
        }
    }
    costs.retain(|_, cost| *cost < LS_INFINITY);
    let ids = link_state_ids(costs.keys().copied());
    for (prefix, cost) in costs {
        let Some(id) = ids.get(&prefix) else {
            out.problem(Problem::NoLinkStateId { prefix });
            continue;
        };
        let body = SummaryLsa { mask: prefix.prefix_len(), metric: metric(local, cost) };
        out.area(area, LsType::Summary, *id, LsaBody::Summary(body));
    }
}

/// Type 4 for one area.
fn as_boundary_routers(local: &Local<'_>, ways: &Ways, area: &AreaView, out: &mut Collector) {
    for asbr in local.routing.routers(None) {
        if asbr.router == local.router_id || asbr.area == area.id || asbr.cost >= LS_INFINITY {
            continue;
        }
        // An inter-area path is the backbone's, which `asbr.area` says, so it never goes back there.
        if ways.lead_into(&asbr.next_hops, area.id) {
            continue;
        }
        let body = LsaBody::AsbrSummary(SummaryLsa { mask: 0, metric: metric(local, asbr.cost) });
        out.area(area, LsType::AsbrSummary, asbr.router.0, body);
    }
}

/// Which area each way out of the router belongs to.
struct Ways(BTreeMap<Ipv4Addr, BTreeSet<AreaId>>);

impl Ways {
    fn new(local: &Local<'_>) -> Self {
        let mut ways: BTreeMap<Ipv4Addr, BTreeSet<AreaId>> = BTreeMap::new();
        for interface in local.interfaces {
            let out = interface.unnumbered.map_or(interface.address.addr(), Ipv4Addr::from_bits);
            ways.entry(out).or_default().insert(interface.area);
        }
        Self(ways)
    }

    /// Split horizon: whether packets would take a next hop in the area that is being told.
    fn lead_into(&self, next_hops: &[NextHop], area: AreaId) -> bool {
        next_hops.iter().any(|hop| self.0.get(&hop.out).is_some_and(|areas| areas.contains(&area)))
    }
}

/// The routing table as summaries see it.
struct Table<'a> {
    ways: &'a Ways,
    /// Reachable networks inside the AS.
    routes: Vec<(Ipv4Net, Route)>,
    /// For each route the range of its own area that it falls in, if any.
    ranges: Vec<Option<(Ipv4Net, Range)>>,
}

impl<'a> Table<'a> {
    fn new(local: &Local<'_>, ways: &'a Ways) -> Self {
        let configured: BTreeMap<AreaId, &BTreeMap<Ipv4Net, Range>> =
            local.areas.iter().map(|area| (area.id, &area.ranges)).collect();
        let routes: Vec<_> = local
            .routing
            .routes()
            .filter(|(_, route)| matches!(route.kind, PathKind::IntraArea | PathKind::InterArea))
            .filter(|(_, route)| route.cost < LS_INFINITY)
            .collect();
        let ranges = routes
            .iter()
            .map(|(prefix, route)| {
                let own = configured.get(&route.area.filter(|_| route.kind == PathKind::IntraArea)?)?;
                most_specific(own, prefix).map(|(range, settings)| (range, *settings))
            })
            .collect();
        Self { ways, routes, ranges }
    }

    /// Each announced range that has a network: its area, itself, its cost, and whether a network is exactly the range.
    fn active_ranges(&self) -> Vec<(AreaId, Ipv4Net, u32, bool)> {
        let mut active: BTreeMap<(AreaId, Ipv4Net), (u32, bool)> = BTreeMap::new();
        for ((prefix, route), range) in self.routes.iter().zip(&self.ranges) {
            if let (Some(area), Some((range, settings))) = (route.area, range)
                && settings.advertise
            {
                let (largest, exact) = active.entry((area, *range)).or_default();
                *largest = settings.cost.unwrap_or(route.cost.max(*largest));
                *exact |= prefix == range;
            }
        }
        active.into_iter().map(|((area, range), (cost, exact))| (area, range, cost, exact)).collect()
    }

    /// The costs to announce into an area, by prefix.
    fn announce(&self, local: &Local<'_>, area: &AreaView, costs: &mut BTreeMap<Ipv4Net, u32>) {
        let mut least = |prefix: Ipv4Net, cost: u32| {
            costs.entry(prefix).and_modify(|known| *known = cost.min(*known)).or_insert(cost);
        };
        // RFC 2328 §12.4.3: backbone ranges are ignored towards transit areas, since a virtual link's endpoint there
        // must know the true paths.
        let transit = local.routing.transit_capability(area.id);
        let ignores = |of: AreaId| of == AreaId::BACKBONE && transit;
        for (of, range, cost, _) in self.active_ranges() {
            if of != area.id && !ignores(of) {
                least(range, cost);
            }
        }
        for ((prefix, route), range) in self.routes.iter().zip(&self.ranges) {
            let Some(of) = route.area else { continue };
            if of == area.id || self.ways.lead_into(&route.next_hops, area.id) {
                continue;
            }
            if range.is_none() || ignores(of) {
                least(*prefix, route.cost);
            }
        }
    }
}

/// The narrowest range that the prefix lies in.
pub(crate) fn most_specific<'a, T>(
    ranges: &'a BTreeMap<Ipv4Net, T>,
    prefix: &Ipv4Net,
) -> Option<(Ipv4Net, &'a T)> {
    (0..=prefix.prefix_len()).rev().find_map(|length| {
        let range = Ipv4Net::new(prefix.addr(), length).ok()?.trunc();
        ranges.get(&range).map(|value| (range, value))
    })
}
