//! Any sequence of LSAs and settings into the route computation: nothing panics, each computation ends soon, and after each
//! the routes are those that a fresh computation over the same database finds.
#![no_main]

use std::collections::BTreeMap;

use braid_fuzz::{Bytes, address};
use braid_ospf_packet::{
    AreaId, ExternalLsa, LinkKind, Lsa, LsaBody, LsaKey, MAX_AGE, NetworkLsa, Options, RouterFlags, RouterId,
    RouterLink, RouterLsa, SequenceNumber, SummaryLsa,
};
use braid_ospf_route::{AreaKind, Domain, Neighbour, Routing, Settings, VirtualLink};
use ipnet::Ipv4Net;
use libfuzzer_sys::fuzz_target;

const ROOT: u8 = 1;
const AREAS: u8 = 3;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let choices = bytes.u8();
    let settings = Settings { max_paths: 1 + usize::from(choices >> 4), rfc1583: choices & 1 == 1 };
    let mut model = Model { settings, ..Model::default() };
    let mut routing = Routing::new(root(), settings);
    let mut told = BTreeMap::new();
    while !bytes.is_empty() {
        step(&mut bytes, &mut model, &mut routing);
        if bytes.u8() & 3 != 0 {
            continue;
        }
        compute(&mut routing, &mut told);
        model.check(&routing);
    }
    compute(&mut routing, &mut told);
    model.check(&routing);
    let _ = routing.lookup(address(bytes.u8()));
});

/// Computes, and follows what is told: told differences must add up to the routes that there are.
fn compute(routing: &mut Routing, told: &mut BTreeMap<Ipv4Net, braid_ospf_route::Route>) {
    for change in routing.compute().changes {
        let before = match change.new {
            Some(route) => told.insert(change.prefix, route),
            None => told.remove(&change.prefix),
        };
        assert_eq!(before.is_some(), change.old.is_some(), "{}", change.prefix);
    }
    let now: Vec<_> = routing.routes().map(|(prefix, route)| (prefix, route.cost, route.next_hops)).collect();
    let told: Vec<_> =
        told.iter().map(|(prefix, route)| (*prefix, route.cost, route.next_hops.clone())).collect();
    assert_eq!(now, told);
}

fn root() -> RouterId {
    RouterId(address(ROOT))
}

fn area(choice: u8) -> AreaId {
    AreaId([0, 0, 0, choice % AREAS].into())
}

/// What the computation has been told, to tell a fresh one.
#[derive(Default)]
struct Model {
    settings: Settings,
    areas: BTreeMap<AreaId, AreaKind>,
    database: BTreeMap<(Domain, LsaKey), Lsa>,
    neighbours: Vec<Neighbour>,
    virtual_links: Vec<VirtualLink>,
    ranges: BTreeMap<AreaId, Vec<Ipv4Net>>,
}

impl Model {
    fn check(&self, routing: &Routing) {
        let mut fresh = Routing::new(root(), self.settings);
        for (area, kind) in &self.areas {
            fresh.set_area(*area, *kind);
        }
        for (area, ranges) in &self.ranges {
            fresh.set_ranges(*area, ranges.clone());
        }
        fresh.set_neighbours(self.neighbours.clone());
        fresh.set_virtual_links(self.virtual_links.clone());
        for ((domain, _), lsa) in &self.database {
            fresh.install(*domain, lsa);
        }
        fresh.compute();
        assert_eq!(
            routing.routes().collect::<Vec<_>>(),
            fresh.routes().collect::<Vec<_>>(),
            "incremental (left) and full (right)"
        );
        for area in self.areas.keys().copied().map(Some).chain([None]) {
            let all = |routing: &Routing| routing.routers(area).collect::<Vec<_>>();
            assert_eq!(all(routing), all(&fresh), "routers of {area:?}");
        }
        for link in &self.virtual_links {
            assert_eq!(routing.virtual_link_state(link), fresh.virtual_link_state(link));
        }
        for area in self.areas.keys() {
            assert_eq!(routing.transit_capability(*area), fresh.transit_capability(*area));
            let intra = |routing: &Routing| routing.intra_area(*area).collect::<Vec<_>>();
            assert_eq!(intra(routing), intra(&fresh));
        }
        assert!(!fresh.pending().any(), "after a full computation: {:?}", fresh.pending());
        assert!(!routing.pending().any(), "after an incremental computation: {:?}", routing.pending());
    }
}

fn prefix(bytes: &mut Bytes) -> Ipv4Net {
    let (address, length) = (address(bytes.u8()), bytes.u8() % 33);
    Ipv4Net::new_assert(address, length).trunc()
}

fn step(bytes: &mut Bytes, model: &mut Model, routing: &mut Routing) {
    match bytes.u8() % 16 {
        0 => {
            let area = area(bytes.u8());
            let kind = match bytes.u8() % 4 {
                0 => AreaKind::Stub,
                1 => AreaKind::Nssa { summaries: bytes.u8() & 1 == 1 },
                _ => AreaKind::Normal,
            };
            routing.set_area(area, kind);
            model.areas.insert(area, kind);
        }
        1 => {
            let area = area(bytes.u8());
            routing.remove_area(area);
            model.areas.remove(&area);
            model.ranges.remove(&area);
            model.database.retain(|(domain, _), _| *domain != Domain::Area(area));
        }
        2 => {
            let count = bytes.u8() % 4;
            model.neighbours = (0..count)
                .map(|_| Neighbour {
                    area: area(bytes.u8()),
                    out: address(bytes.u8()),
                    router: RouterId(address(bytes.u8())),
                    address: address(bytes.u8()),
                })
                .collect();
            routing.set_neighbours(model.neighbours.clone());
        }
        3 => {
            let count = bytes.u8() % 3;
            model.virtual_links = (0..count)
                .map(|_| VirtualLink {
                    transit: AreaId([0, 0, 0, 1 + bytes.u8() % (AREAS - 1)].into()),
                    endpoint: RouterId(address(bytes.u8())),
                })
                .collect();
            routing.set_virtual_links(model.virtual_links.clone());
        }
        4 => {
            let area = area(bytes.u8());
            if model.areas.contains_key(&area) {
                let count = bytes.u8() % 3;
                let ranges: Vec<Ipv4Net> = (0..count).map(|_| prefix(bytes)).collect();
                routing.set_ranges(area, ranges.clone());
                model.ranges.insert(area, ranges);
            }
        }
        5 => {
            let count = model.database.len();
            let chosen = model.database.keys().nth(usize::from(bytes.u8()) % count.max(1)).copied();
            if let Some((domain, key)) = chosen {
                routing.remove(domain, &key);
                model.database.remove(&(domain, key));
            }
        }
        _ => {
            let domain = Domain::Area(area(bytes.u8()));
            let Some(lsa) = lsa(bytes) else { return };
            let domain = if matches!(lsa.body(), LsaBody::External(_)) { Domain::As } else { domain };
            if let Domain::Area(area) = domain
                && !model.areas.contains_key(&area)
            {
                return;
            }
            routing.install(domain, &lsa);
            if lsa.age() >= MAX_AGE {
                model.database.remove(&(domain, lsa.key()));
            } else {
                model.database.insert((domain, lsa.key()), lsa);
            }
        }
    }
}

fn lsa(bytes: &mut Bytes) -> Option<Lsa> {
    let kind = bytes.u8();
    let advertising = RouterId(address(bytes.u8()));
    let mut id = address(bytes.u8());
    let mask = bytes.u8() % 33;
    let metric = match bytes.u8() {
        0xff => 0xff_ffff,
        metric => u32::from(metric),
    };
    let body = match kind % 8 {
        0..=2 => {
            id = advertising.0;
            LsaBody::Router(router(bytes, kind >> 4))
        }
        3 => {
            let count = bytes.u8() % 5;
            LsaBody::Network(NetworkLsa {
                mask,
                routers: (0..count).map(|_| RouterId(address(bytes.u8()))).collect(),
            })
        }
        4 => LsaBody::Summary(SummaryLsa { mask, metric }),
        5 => LsaBody::AsbrSummary(SummaryLsa { mask: 0, metric }),
        external => {
            let forwarding = address(bytes.u8());
            let external_lsa =
                ExternalLsa { mask, type2: bytes.u8() & 1 == 1, metric, forwarding, tag: kind.into() };
            if external == 6 { LsaBody::External(external_lsa) } else { LsaBody::Nssa(external_lsa) }
        }
    };
    let options = Options(if kind & 0x80 != 0 { 0x0a } else { 0x02 });
    let age = if kind & 0x78 == 0x78 { MAX_AGE } else { 1 };
    Lsa::build(age, options, id, advertising, SequenceNumber::INITIAL, &body).ok()
}

fn router(bytes: &mut Bytes, flags: u8) -> RouterLsa {
    let count = bytes.u8() % 8;
    let links = (0..count).map(|_| {
        let choice = bytes.u8();
        let kind = match choice & 3 {
            0 => LinkKind::PointToPoint,
            1 => LinkKind::Transit,
            2 => LinkKind::Stub,
            _ => LinkKind::Virtual,
        };
        let id = address(bytes.u8());
        let data = match kind {
            LinkKind::Stub => prefix(bytes).netmask(),
            _ => address(bytes.u8()),
        };
        let metric = if choice & 0x80 != 0 { u16::MAX } else { u16::from(choice >> 2) };
        RouterLink { kind, id, data, metric }
    });
    RouterLsa { flags: RouterFlags(flags & 7), links: links.collect() }
}
