//! From the link-state database to routes: feeds `braid_ospf_route`, waits as RFC 8405 says, and reports what a FIB should
//! have, only ever the differences of one complete computation.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use braid_ospf_originate::{AreaType, AreaView, Discard, InterfaceState, InterfaceView};
use braid_ospf_packet::{AreaId, Lsa, LsaKey, RouterId};
use braid_ospf_route::{
    AreaKind, Domain, Neighbour, PathKind, Route, Routing, Settings, VirtualLink, VirtualLinkState, Work,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{InstalledRoute, Instant, InterfaceId, RouteUpdate, SpfDelay, backoff::Backoff};

/// The routing table, and when to compute it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoutingTable {
    router_id: RouterId,
    routing: Routing,
    backoff: Backoff,
    areas: BTreeMap<AreaId, (AreaKind, Vec<Ipv4Net>)>,
    virtual_links: Vec<VirtualLink>,
    neighbours: Vec<Neighbour>,
    ways: BTreeMap<Ipv4Addr, InterfaceId>,
    discards: BTreeMap<Ipv4Net, Discard>,
    /// Reported at the next computation, though their path may not have changed.
    stale: BTreeSet<Ipv4Net>,
}

impl RoutingTable {
    /// An empty one.
    #[must_use]
    pub fn new(router_id: RouterId, settings: Settings, delays: SpfDelay) -> Self {
        Self {
            router_id,
            routing: Routing::new(router_id, settings),
            backoff: Backoff::new(delays),
            areas: BTreeMap::new(),
            virtual_links: Vec::new(),
            neighbours: Vec::new(),
            ways: BTreeMap::new(),
            discards: BTreeMap::new(),
            stale: BTreeSet::new(),
        }
    }

    /// Takes other delays.
    pub fn configure(&mut self, delays: SpfDelay) {
        self.backoff.configure(delays);
    }

    /// The routes of the last computation.
    #[must_use]
    pub fn routing(&self) -> &Routing {
        &self.routing
    }

    /// An LSA is new in the database, or its contents changed (RFC 2328 §13.2), or it reached MaxAge. Need not be called
    /// when it was merely refreshed.
    pub fn lsa_changed(&mut self, now: Instant, domain: Domain, lsa: &Lsa) {
        if !lsa.ls_type().is_opaque() {
            self.routing.install(domain, lsa);
            self.note(now);
        }
    }

    /// An LSA left the database without having reached MaxAge there first.
    pub fn lsa_removed(&mut self, now: Instant, domain: Domain, key: &LsaKey) {
        if !key.ls_type.is_opaque() {
            self.routing.remove(domain, key);
            self.note(now);
        }
    }

    /// The areas that we are actively attached to ([`braid_ospf_originate::active_areas`]). `database` gives the LSAs of
    /// an area that was not among them before.
    pub fn set_areas<'a, L: IntoIterator<Item = &'a Lsa>>(
        &mut self,
        now: Instant,
        active: impl IntoIterator<Item = &'a AreaView>,
        database: impl Fn(AreaId) -> L,
    ) {
        let wanted: BTreeMap<_, _> = active
            .into_iter()
            .map(|area| (area.id, (area_kind(&area.kind), area.ranges.keys().copied().collect::<Vec<_>>())))
            .collect();
        if wanted == self.areas {
            return;
        }
        for area in self.areas.keys().filter(|area| !wanted.contains_key(area)) {
            self.routing.remove_area(*area);
        }
        for (area, (kind, ranges)) in &wanted {
            let known = self.areas.get(area);
            if known.is_none_or(|(known, _)| known != kind) {
                self.routing.set_area(*area, *kind);
            }
            if known.is_none_or(|(_, known)| known != ranges) {
                self.routing.set_ranges(*area, ranges.clone());
            }
            if known.is_none() {
                database(*area).into_iter().for_each(|lsa| self.routing.install(Domain::Area(*area), lsa));
            }
        }
        self.areas = wanted;
        self.note(now);
    }

    /// The configured virtual links.
    pub fn set_virtual_links(&mut self, now: Instant, mut links: Vec<VirtualLink>) {
        links.sort_unstable();
        if links != self.virtual_links {
            self.virtual_links.clone_from(&links);
            self.routing.set_virtual_links(links);
            self.note(now);
        }
    }

    /// How a configured virtual link stands: none while its endpoint cannot be reached through the transit area.
    #[must_use]
    pub fn virtual_link(&self, link: &VirtualLink) -> Option<VirtualLinkState> {
        self.routing.virtual_link_state(link)
    }

    /// Interfaces or neighbours changed: what next hops are called in the FIB, and the addresses of neighbours.
    pub fn set_interfaces<'a>(
        &mut self,
        now: Instant,
        interfaces: impl IntoIterator<Item = (InterfaceId, &'a InterfaceView)>,
    ) {
        let (mut ways, mut behind, mut neighbours) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (id, interface) in interfaces {
            let out = out_of(interface);
            ways.entry(out).or_insert(id);
            behind.extend(interface.prefixes.keys().map(|prefix| (prefix.network(), id)));
            behind.push((interface.address.network(), id));
            if interface.state != InterfaceState::Down {
                neighbours.extend(interface.neighbours.iter().map(|neighbour| Neighbour {
                    area: interface.area,
                    out,
                    router: neighbour.router_id,
                    address: neighbour.address,
                }));
            }
        }
        // An own network without an own address in it is called by its first address (see `NextHop::out`).
        for (network, id) in behind {
            ways.entry(network).or_insert(id);
        }
        neighbours.sort_unstable();
        if neighbours != self.neighbours {
            self.neighbours.clone_from(&neighbours);
            self.routing.set_neighbours(neighbours);
            self.note(now);
        }
        if ways != self.ways {
            let moved = |out: &Ipv4Addr| ways.get(out) != self.ways.get(out);
            let affected =
                self.routing.routes().filter(|(_, route)| route.next_hops.iter().any(|hop| moved(&hop.out)));
            let affected: Vec<_> = affected.map(|(prefix, _)| prefix).collect();
            self.ways = ways;
            self.mark_stale(now, affected);
        }
    }

    /// The discard routes that go with what is originated now.
    pub fn set_discards(&mut self, now: Instant, discards: Vec<Discard>) {
        let wanted: BTreeMap<_, _> = discards.into_iter().map(|discard| (discard.prefix, discard)).collect();
        if wanted == self.discards {
            return;
        }
        let differs = |prefix: &&Ipv4Net| wanted.get(*prefix) != self.discards.get(*prefix);
        let affected: Vec<_> = wanted.keys().chain(self.discards.keys()).filter(differs).copied().collect();
        self.discards = wanted;
        self.mark_stale(now, affected);
    }

    /// When to call [`Self::poll`] next, if ever.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.backoff.next()
    }

    /// Computes if it is time to. The differences are complete and sorted by prefix; there may be none.
    pub fn poll(&mut self, now: Instant) -> Option<(Vec<RouteUpdate>, Work)> {
        if !self.backoff.due(now) {
            return None;
        }
        let outcome = self.routing.compute();
        let mut prefixes = std::mem::take(&mut self.stale);
        prefixes.extend(outcome.changes.into_iter().map(|change| change.prefix));
        let changes = prefixes
            .into_iter()
            .map(|prefix| RouteUpdate { prefix, route: self.installed(&prefix) })
            .collect();
        Some((changes, outcome.work))
    }

    /// What a FIB should have for the prefix, as of the last computation.
    #[must_use]
    pub fn installed(&self, prefix: &Ipv4Net) -> Option<InstalledRoute> {
        let route = self.routing.route(prefix);
        match self.discards.get(prefix) {
            Some(discard) if route.as_ref().is_none_or(|route| route.kind != PathKind::IntraArea) => {
                Some(self.dropping(discard))
            }
            _ => route.and_then(|route| self.name_next_hops(*prefix, &route)),
        }
    }

    /// All that a FIB should have, sorted by prefix.
    pub fn all_installed(&self) -> impl Iterator<Item = InstalledRoute> + '_ {
        let mut prefixes: Vec<_> = self.routing.routes().map(|(prefix, _)| prefix).collect();
        prefixes.extend(self.discards.keys().copied());
        prefixes.sort_unstable();
        prefixes.dedup();
        prefixes.into_iter().filter_map(|prefix| self.installed(&prefix))
    }

    fn dropping(&self, discard: &Discard) -> InstalledRoute {
        InstalledRoute {
            prefix: discard.prefix,
            kind: PathKind::IntraArea,
            cost: discard.cost,
            type2_cost: 0,
            tag: 0,
            next_hops: Vec::new(),
            origin: self.router_id,
        }
    }

    fn note(&mut self, now: Instant) {
        if self.routing.pending().any() {
            self.backoff.event(now);
        }
    }

    fn mark_stale(&mut self, now: Instant, prefixes: Vec<Ipv4Net>) {
        if !prefixes.is_empty() {
            self.stale.extend(prefixes);
            self.backoff.event(now);
        }
    }

    /// A route is not installed over an interface that is gone; all its next hops gone, it is no route.
    fn name_next_hops(&self, prefix: Ipv4Net, route: &Route) -> Option<InstalledRoute> {
        let mut next_hops: Vec<_> = route
            .next_hops
            .iter()
            .filter_map(|hop| self.ways.get(&hop.out).map(|interface| (*interface, hop.gateway)))
            .collect();
        next_hops.sort_unstable();
        next_hops.dedup();
        (!next_hops.is_empty()).then_some(InstalledRoute {
            prefix,
            kind: route.kind,
            cost: route.cost,
            type2_cost: route.type2_cost,
            tag: route.tag,
            next_hops,
            origin: route.origin.advertising_router,
        })
    }
}

/// What the interface's links have as Link Data, and next hops as `out`.
fn out_of(interface: &InterfaceView) -> Ipv4Addr {
    interface.unnumbered.map_or(interface.address.addr(), Ipv4Addr::from_bits)
}

fn area_kind(kind: &AreaType) -> AreaKind {
    match kind {
        AreaType::Normal => AreaKind::Normal,
        AreaType::Stub { .. } => AreaKind::Stub,
        AreaType::Nssa { summaries, .. } => AreaKind::Nssa { summaries: *summaries },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use braid_ospf_originate::{NeighbourView, Network};
    use braid_ospf_packet::{
        ExternalLsa, LinkKind, LsType, LsaBody, Options, RouterFlags, RouterLink, RouterLsa, SequenceNumber,
    };

    use super::*;

    const AREA: AreaId = AreaId::BACKBONE;

    fn id(number: u8) -> RouterId {
        RouterId::from([number; 4])
    }

    fn at(ms: u64) -> Instant {
        Instant(ms * 1000)
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    fn lsa(by: u8, age: u16, sequence: i32, body: &LsaBody) -> Lsa {
        let link_state_id = match body {
            LsaBody::External(_) => "198.18.0.0".parse().unwrap(),
            _ => id(by).0,
        };
        let sequence = SequenceNumber(SequenceNumber::INITIAL.0 + sequence);
        Lsa::build(age, Options::E, link_state_id, id(by), sequence, body).unwrap()
    }

    /// Routers in a row, 10.0.N.0/31 between N and N + 1, and a stub network 192.0.2.0/24 behind `stub`.
    fn router(number: u8, last: u8, stub: u8, metric: u16) -> LsaBody {
        let mut links = Vec::new();
        let link = |kind, id: Ipv4Addr, data: Ipv4Addr| RouterLink { kind, id, data, metric };
        if number > 1 {
            links.push(link(LinkKind::PointToPoint, id(number - 1).0, [10, 0, number - 1, 1].into()));
        }
        if number < last {
            links.push(link(LinkKind::PointToPoint, id(number + 1).0, [10, 0, number, 0].into()));
        }
        if number == stub {
            links.push(link(LinkKind::Stub, [192, 0, 2, 0].into(), [255, 255, 255, 0].into()));
        }
        LsaBody::Router(RouterLsa { flags: RouterFlags::E, links })
    }

    fn interface() -> InterfaceView {
        InterfaceView {
            area: AREA,
            address: net("10.0.1.0/31"),
            unnumbered: None,
            prefixes: BTreeMap::new(),
            network: Network::PointToPoint,
            passive: false,
            cost: 10,
            state: InterfaceState::PointToPoint,
            designated_router: Ipv4Addr::UNSPECIFIED,
            neighbours: vec![NeighbourView { router_id: id(2), address: [10, 0, 1, 1].into(), full: true }],
        }
    }

    fn area() -> AreaView {
        AreaView { id: AREA, kind: AreaType::Normal, ranges: BTreeMap::new(), translating_still: false }
    }

    const DELAYS: SpfDelay = SpfDelay {
        initial: Duration::from_millis(50),
        short: Duration::from_millis(200),
        long: Duration::from_secs(5),
        hold_down: Duration::from_secs(10),
        time_to_learn: Duration::from_millis(500),
    };

    /// Router 1 of a row of three, before its first computation.
    fn row() -> RoutingTable {
        let mut table = RoutingTable::new(id(1), Settings::default(), DELAYS);
        table.set_areas(at(0), [&area()], |_| []);
        table.set_interfaces(at(0), [(InterfaceId(7), &interface())]);
        for number in 1..=3 {
            table.lsa_changed(at(0), Domain::Area(AREA), &lsa(number, 1, 0, &router(number, 3, 3, 10)));
        }
        table
    }

    /// A difference in short: prefix, cost, interfaces.
    type Short = (String, Option<(u32, Vec<u32>)>);

    /// The differences of the next computation.
    fn next(table: &mut RoutingTable) -> Vec<Short> {
        let due = table.next().expect("something is due");
        assert_eq!(table.poll(Instant(due.0 - 1)), None);
        let (changes, _) = table.poll(due).expect("due");
        let short =
            |route: InstalledRoute| (route.cost, route.next_hops.iter().map(|(id, _)| id.0).collect());
        changes.into_iter().map(|change| (change.prefix.to_string(), change.route.map(short))).collect()
    }

    fn route(prefix: &str, cost: u32, interface: u32) -> Short {
        (prefix.into(), Some((cost, vec![interface])))
    }

    #[test]
    fn one_computation_after_the_delay_reports_each_difference_once() {
        let mut table = row();
        assert_eq!(table.next(), Some(at(50)));
        assert_eq!(next(&mut table), [route("192.0.2.0/24", 30, 7)]);
        assert_eq!(table.next(), None, "nothing to do");
        assert_eq!(table.all_installed().count(), 1);
        assert_eq!(
            table.installed(&net("192.0.2.0/24")).unwrap().next_hops,
            [(InterfaceId(7), Some([10, 0, 1, 1].into()))]
        );
    }

    #[test]
    fn a_flushed_lsa_takes_its_routes_along() {
        let mut table = row();
        next(&mut table);
        table.lsa_changed(at(20_000), Domain::Area(AREA), &lsa(3, 3600, 0, &router(3, 3, 3, 10)));
        assert_eq!(table.next(), Some(at(20_050)), "quiet again, so fast again");
        assert_eq!(next(&mut table), [("192.0.2.0/24".to_string(), None)]);
    }

    #[test]
    fn a_change_of_prefixes_alone_waits_alike_but_runs_no_spf() {
        let mut table = row();
        next(&mut table);
        let body =
            ExternalLsa { mask: 24, type2: false, metric: 5, forwarding: Ipv4Addr::UNSPECIFIED, tag: 0 };
        table.lsa_changed(at(100), Domain::As, &lsa(3, 1, 0, &LsaBody::External(body)));
        assert_eq!(table.next(), Some(at(300)), "the short delay");
        let (changes, work) = table.poll(at(300)).unwrap();
        assert_eq!(changes[0].prefix, net("198.18.0.0/24"));
        assert_eq!((work.full_spf, work.incremental_spf), (0, 0));
    }

    #[test]
    fn an_interface_with_another_number_is_reported_though_no_path_changed() {
        let mut table = row();
        next(&mut table);
        table.set_interfaces(at(20_000), [(InterfaceId(7), &interface())]);
        assert_eq!(table.next(), None, "the same as before");
        table.set_interfaces(at(20_000), [(InterfaceId(9), &interface())]);
        assert_eq!(next(&mut table), [route("192.0.2.0/24", 30, 9)]);
        table.set_interfaces(at(40_000), []);
        assert_eq!(next(&mut table), [("192.0.2.0/24".to_string(), None)], "no interface, no route");
    }

    #[test]
    fn discard_routes_come_and_go_and_yield_to_networks_of_the_area() {
        let mut table = row();
        next(&mut table);
        let discard = |prefix| Discard { prefix: net(prefix), area: AREA, cost: 30 };
        table.set_discards(at(20_000), vec![discard("192.0.0.0/16"), discard("192.0.2.0/24")]);
        let changes = next(&mut table);
        assert_eq!(
            changes,
            [("192.0.0.0/16".to_string(), Some((30, Vec::new()))), route("192.0.2.0/24", 30, 7)]
        );
        assert!(table.installed(&net("192.0.0.0/16")).unwrap().is_discard());
        table.set_discards(at(40_000), Vec::new());
        assert_eq!(next(&mut table)[0], ("192.0.0.0/16".to_string(), None));
    }

    #[test]
    fn an_area_that_becomes_active_brings_its_database_along() {
        let mut table = row();
        next(&mut table);
        table.set_areas(at(20_000), [], |_| []);
        assert_eq!(next(&mut table), [("192.0.2.0/24".to_string(), None)]);
        let database: Vec<Lsa> = (1..=3).map(|number| lsa(number, 1, 0, &router(number, 3, 3, 10))).collect();
        table.set_areas(at(40_000), [&area()], |_| &database);
        assert_eq!(next(&mut table), [route("192.0.2.0/24", 30, 7)]);
    }

    #[test]
    fn opaque_lsas_are_no_matter_of_routes() {
        let mut table = row();
        next(&mut table);
        let body = LsaBody::Opaque { ls_type: LsType::OpaqueArea, data: vec![0; 4] };
        table.lsa_changed(at(100), Domain::Area(AREA), &lsa(2, 1, 0, &body));
        assert_eq!(table.next(), None);
    }
}
