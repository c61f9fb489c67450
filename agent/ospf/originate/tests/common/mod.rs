//! A router with a database: what it originates goes back into its own database until nothing changes any more.
#![allow(dead_code, clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use braid_ospf_originate::{
    AreaType, AreaView, Database, External, InterfaceState, InterfaceView, Local, NeighbourView, Network,
    Origin, Origination, Range, StubRouter, VirtualLinkView, active_areas, originate,
};
use braid_ospf_packet::{
    AreaId, ExternalLsa, LinkKind, LsType, Lsa, LsaBody, LsaKey, Options, RouterFlags, RouterId, RouterLink,
    RouterLsa, SequenceNumber, SummaryLsa,
};
use braid_ospf_route::{AreaKind, Domain, Routing, Settings, VirtualLink};
use ipnet::Ipv4Net;

pub const ME: &str = "5.5.5.5";
pub const BACKBONE: &str = "0.0.0.0";
pub const NORMAL: AreaType = AreaType::Normal;

pub fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

pub fn id(text: &str) -> RouterId {
    RouterId(ip(text))
}

pub fn area_id(text: &str) -> AreaId {
    AreaId(ip(text))
}

pub fn stub_area(summaries: bool) -> AreaType {
    AreaType::Stub { default_cost: 7, summaries }
}

pub fn nssa(summaries: bool) -> AreaType {
    AreaType::Nssa {
        default_cost: 7,
        summaries,
        translate: Default::default(),
        default_route: true,
        external_ranges: BTreeMap::new(),
    }
}

/// The link-state database of a [`Router`].
#[derive(Debug, Default)]
pub struct Lsdb(pub BTreeMap<(Domain, LsaKey), Lsa>);

impl Database for Lsdb {
    fn lsa(&self, domain: Domain, key: &LsaKey) -> Option<Lsa> {
        self.0.get(&(domain, *key)).cloned()
    }

    fn nssa(&self, area: AreaId) -> Vec<Lsa> {
        let of =
            |(domain, key): &(Domain, LsaKey)| *domain == Domain::Area(area) && key.ls_type == LsType::Nssa;
        self.0.iter().filter(|(key, _)| of(key)).map(|(_, lsa)| lsa.clone()).collect()
    }
}

#[derive(Debug)]
pub struct Router {
    pub areas: Vec<AreaView>,
    pub interfaces: Vec<InterfaceView>,
    pub virtual_links: Vec<VirtualLinkView>,
    pub externals: BTreeMap<Ipv4Net, External>,
    pub stub_router: StubRouter,
    pub lsdb: Lsdb,
}

impl Router {
    pub fn new() -> Self {
        Self {
            areas: Vec::new(),
            interfaces: Vec::new(),
            virtual_links: Vec::new(),
            externals: BTreeMap::new(),
            stub_router: StubRouter::Off,
            lsdb: Lsdb::default(),
        }
    }

    pub fn area(mut self, area: &str, kind: AreaType) -> Self {
        let id = area_id(area);
        self.areas.push(AreaView { id, kind, ranges: BTreeMap::new(), translating_still: false });
        self
    }

    pub fn range(mut self, area: &str, range: &str, advertise: bool, cost: Option<u32>) -> Self {
        let area = self.areas.iter_mut().find(|known| known.id == area_id(area)).unwrap();
        area.ranges.insert(net(range), Range { advertise, cost });
        self
    }

    pub fn external(mut self, prefix: &str, metric: u32, type2: bool, forwarding: Option<&str>) -> Self {
        let external = External { metric, type2, tag: 3, forwarding: forwarding.map(ip) };
        self.externals.insert(net(prefix), external);
        self
    }

    pub fn interface(mut self, interface: InterfaceView) -> Self {
        self.interfaces.push(interface);
        self
    }

    /// A point-to-point link of cost 10 with a full neighbour, whose router-LSA has a link back and the given stubs.
    pub fn neighbour(
        self,
        area: &str,
        own: &str,
        router: &str,
        flags: RouterFlags,
        stubs: &[(&str, u16)],
    ) -> Self {
        let own = net(own);
        let address = own.hosts().find(|host| *host != own.addr()).unwrap();
        let mut links = vec![
            link(LinkKind::PointToPoint, ip(ME), address, 10),
            link(LinkKind::Stub, own.network(), own.netmask(), 10),
        ];
        links.extend(stubs.iter().map(|(prefix, metric)| {
            link(LinkKind::Stub, net(prefix).network(), net(prefix).netmask(), *metric)
        }));
        self.interface(InterfaceView {
            neighbours: vec![NeighbourView { router_id: id(router), address, full: true }],
            ..point_to_point(area, &own.to_string())
        })
        .lsa(area, ip(router), router, LsaBody::Router(RouterLsa { flags, links }))
    }

    /// An LSA of somebody else.
    pub fn lsa(self, domain: &str, link_state_id: Ipv4Addr, by: &str, body: LsaBody) -> Self {
        self.lsa_with(domain, link_state_id, by, Options::E, body)
    }

    pub fn lsa_with(
        mut self,
        domain: &str,
        link_state_id: Ipv4Addr,
        by: &str,
        options: Options,
        body: LsaBody,
    ) -> Self {
        let domain = if domain == "as" { Domain::As } else { Domain::Area(area_id(domain)) };
        let lsa = Lsa::build(1, options, link_state_id, id(by), SequenceNumber::INITIAL, &body).unwrap();
        self.lsdb.0.insert((domain, lsa.key()), lsa);
        self
    }

    pub fn summary(self, area: &str, prefix: &str, by: &str, metric: u32) -> Self {
        let body = LsaBody::Summary(SummaryLsa { mask: net(prefix).prefix_len(), metric });
        self.lsa(area, net(prefix).network(), by, body)
    }

    /// A type-7 LSA with the P bit.
    pub fn type_7(self, area: &str, prefix: &str, by: &str, metric: u32, forwarding: &str) -> Self {
        let body = ExternalLsa {
            mask: net(prefix).prefix_len(),
            type2: true,
            metric,
            forwarding: ip(forwarding),
            tag: 9,
        };
        self.lsa_with(area, net(prefix).network(), by, Options::NP, LsaBody::Nssa(body))
    }

    fn local<'a>(&'a self, routing: &'a Routing) -> Local<'a> {
        Local {
            router_id: id(ME),
            areas: &self.areas,
            interfaces: &self.interfaces,
            virtual_links: &self.virtual_links,
            externals: &self.externals,
            stub_router: self.stub_router,
            routing,
            database: &self.lsdb,
        }
    }

    fn routing(&self) -> Routing {
        let mut routing = Routing::new(id(ME), Settings::default());
        let active: Vec<AreaId> = active_areas(&self.local(&routing.clone())).collect();
        for area in self.areas.iter().filter(|area| active.contains(&area.id)) {
            let kind = match &area.kind {
                AreaType::Normal => AreaKind::Normal,
                AreaType::Stub { .. } => AreaKind::Stub,
                AreaType::Nssa { summaries, .. } => AreaKind::Nssa { summaries: *summaries },
            };
            routing.set_area(area.id, kind);
            routing.set_ranges(area.id, area.ranges.keys().copied().collect());
        }
        routing.set_virtual_links(
            self.virtual_links
                .iter()
                .map(|link| VirtualLink { transit: link.transit, endpoint: link.endpoint })
                .collect(),
        );
        for ((domain, _), lsa) in &self.lsdb.0 {
            routing.install(*domain, lsa);
        }
        routing.compute();
        routing
    }

    /// Originates into the own database until that is stable.
    pub fn originate(&mut self) -> Origination {
        let mut last = Origination::default();
        for _ in 0..10 {
            let routing = self.routing();
            let now = originate(&self.local(&routing));
            assert_eq!(now, originate(&self.local(&routing)), "the same twice");
            if now == last {
                return now;
            }
            self.lsdb.0.retain(|(_, key), _| key.advertising_router != id(ME));
            for origin in &now.origins {
                let lsa = build(origin);
                assert!(self.lsdb.0.insert((origin.domain, lsa.key()), lsa).is_none(), "no key twice");
            }
            last = now;
        }
        panic!("does not settle: {last:#?}");
    }
}

/// The LSA of an origin; it decodes to what it was built from.
pub fn build(origin: &Origin) -> Lsa {
    let sequence = SequenceNumber::INITIAL;
    let lsa = Lsa::build(0, origin.options, origin.link_state_id, id(ME), sequence, &origin.body).unwrap();
    assert_eq!(lsa.key(), origin.key(id(ME)));
    let decoded = Lsa::decode(lsa.bytes()).unwrap();
    assert_eq!(decoded.body(), origin.body);
    decoded
}

pub fn link(kind: LinkKind, id: Ipv4Addr, data: Ipv4Addr, metric: u16) -> RouterLink {
    RouterLink { kind, id, data, metric }
}

pub fn point_to_point(area: &str, address: &str) -> InterfaceView {
    InterfaceView {
        area: area_id(area),
        address: net(address),
        unnumbered: None,
        prefixes: BTreeMap::new(),
        network: Network::PointToPoint,
        passive: false,
        cost: 10,
        state: InterfaceState::PointToPoint,
        designated_router: Ipv4Addr::UNSPECIFIED,
        neighbours: Vec::new(),
    }
}

pub fn loopback(area: &str, address: &str) -> InterfaceView {
    InterfaceView {
        network: Network::Loopback,
        cost: 0,
        state: InterfaceState::Loopback,
        ..point_to_point(area, &format!("{address}/32"))
    }
}

/// Questions to what was originated, in short words.
pub trait Said {
    fn router(&self, area: &str) -> RouterLsa;
    /// `prefix metric` of each summary into the area, in the order of their ids.
    fn summaries(&self, area: &str) -> Vec<String>;
    /// `router metric` of each type 4.
    fn asbr_summaries(&self, area: &str) -> Vec<String>;
    /// `prefix E1|E2 metric via forwarding`, with ` P` behind if that bit is set, of type 5 (`as`) or type 7 (an area).
    fn externals(&self, domain: &str) -> Vec<String>;
}

impl Said for Origination {
    fn router(&self, area: &str) -> RouterLsa {
        let domain = Domain::Area(area_id(area));
        let bodies = self.origins.iter().filter(|origin| origin.domain == domain).map(|origin| &origin.body);
        bodies
            .filter_map(|body| match body {
                LsaBody::Router(body) => Some(body.clone()),
                _ => None,
            })
            .next()
            .unwrap()
    }

    fn summaries(&self, area: &str) -> Vec<String> {
        let domain = Domain::Area(area_id(area));
        self.origins
            .iter()
            .filter(|origin| origin.domain == domain)
            .filter_map(|origin| match &origin.body {
                LsaBody::Summary(body) => {
                    let prefix = Ipv4Net::new(origin.link_state_id, body.mask).unwrap().trunc();
                    Some(format!("{prefix} {}", body.metric))
                }
                _ => None,
            })
            .collect()
    }

    fn asbr_summaries(&self, area: &str) -> Vec<String> {
        let domain = Domain::Area(area_id(area));
        self.origins
            .iter()
            .filter(|origin| origin.domain == domain)
            .filter_map(|origin| match &origin.body {
                LsaBody::AsbrSummary(body) => Some(format!("{} {}", origin.link_state_id, body.metric)),
                _ => None,
            })
            .collect()
    }

    fn externals(&self, domain: &str) -> Vec<String> {
        let domain = if domain == "as" { Domain::As } else { Domain::Area(area_id(domain)) };
        self.origins
            .iter()
            .filter(|origin| origin.domain == domain)
            .filter_map(|origin| match &origin.body {
                LsaBody::External(body) | LsaBody::Nssa(body) => {
                    let prefix = Ipv4Net::new(origin.link_state_id, body.mask).unwrap().trunc();
                    let kind = if body.type2 { "E2" } else { "E1" };
                    let p = if origin.options.contains(Options::NP) { " P" } else { "" };
                    Some(format!("{prefix} {kind} {} via {}{p}", body.metric, body.forwarding))
                }
                _ => None,
            })
            .collect()
    }
}
