//! Networks for tests: a plain database of LSAs, with short words for making them.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod textbook;

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_ospf_packet::{
    AreaId, ExternalLsa, LinkKind, Lsa, LsaBody, LsaKey, NetworkLsa, Options, RouterFlags, RouterId,
    RouterLink, RouterLsa, SequenceNumber, SummaryLsa,
};
use braid_ospf_route::{AreaKind, Domain, Neighbour, Routing, Settings, VirtualLink};
use ipnet::Ipv4Net;

/// All that a computation depends on.
#[derive(Clone)]
pub struct World {
    pub root: RouterId,
    pub settings: Settings,
    pub areas: BTreeMap<AreaId, AreaKind>,
    pub ranges: BTreeMap<AreaId, Vec<Ipv4Net>>,
    pub virtual_links: Vec<VirtualLink>,
    pub neighbours: Vec<Neighbour>,
    pub lsas: BTreeMap<(Domain, LsaKey), Lsa>,
}

impl World {
    pub fn new(root: u8, areas: &[(u8, AreaKind)]) -> Self {
        Self {
            root: router(root),
            settings: Settings::default(),
            areas: areas.iter().map(|(id, kind)| (area(*id), *kind)).collect(),
            ranges: BTreeMap::new(),
            virtual_links: Vec::new(),
            neighbours: Vec::new(),
            lsas: BTreeMap::new(),
        }
    }

    pub fn put(&mut self, domain: Domain, lsa: Lsa) -> &mut Self {
        self.lsas.insert((domain, lsa.key()), lsa);
        self
    }

    /// In area `id`.
    pub fn with(&mut self, id: u8, lsa: Lsa) -> &mut Self {
        self.put(Domain::Area(area(id)), lsa)
    }

    /// A fresh computation of all this.
    pub fn routing(&self) -> Routing {
        let mut routing = Routing::new(self.root, self.settings);
        for (area, kind) in &self.areas {
            routing.set_area(*area, *kind);
        }
        for (area, ranges) in &self.ranges {
            routing.set_ranges(*area, ranges.clone());
        }
        routing.set_virtual_links(self.virtual_links.clone());
        routing.set_neighbours(self.neighbours.clone());
        for ((domain, _), lsa) in &self.lsas {
            routing.install(*domain, lsa);
        }
        routing.compute();
        routing
    }
}

pub fn router(n: u8) -> RouterId {
    RouterId(Ipv4Addr::new(n, n, n, n))
}

pub fn area(n: u8) -> AreaId {
    AreaId(Ipv4Addr::new(0, 0, 0, n))
}

pub fn address(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub fn prefix(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn lsa(id: Ipv4Addr, from: RouterId, options: Options, body: &LsaBody) -> Lsa {
    Lsa::build(1, options, id, from, SequenceNumber::INITIAL, body).unwrap()
}

pub fn link(kind: LinkKind, id: &str, data: &str, metric: u16) -> RouterLink {
    RouterLink { kind, id: address(id), data: address(data), metric }
}

/// To a router, over a point-to-point link.
pub fn to(n: u8, data: &str, metric: u16) -> RouterLink {
    RouterLink { kind: LinkKind::PointToPoint, id: router(n).0, data: address(data), metric }
}

/// To a transit network, by its designated router's address.
pub fn transit(id: &str, data: &str, metric: u16) -> RouterLink {
    link(LinkKind::Transit, id, data, metric)
}

pub fn stub(net: &str, metric: u16) -> RouterLink {
    let net = prefix(net);
    RouterLink { kind: LinkKind::Stub, id: net.network(), data: net.netmask(), metric }
}

pub fn router_lsa(n: u8, flags: RouterFlags, links: &[RouterLink]) -> Lsa {
    let from = router(n);
    lsa(from.0, from, Options::E, &LsaBody::Router(RouterLsa { flags, links: links.to_vec() }))
}

pub fn network_lsa(net: &str, from: u8, routers: &[u8]) -> Lsa {
    let net = prefix(net);
    let routers = routers.iter().map(|n| router(*n)).collect();
    let body = LsaBody::Network(NetworkLsa { mask: net.prefix_len(), routers });
    lsa(net.addr(), router(from), Options::E, &body)
}

pub fn summary(net: &str, from: u8, metric: u32) -> Lsa {
    let net = prefix(net);
    let body = LsaBody::Summary(SummaryLsa { mask: net.prefix_len(), metric });
    lsa(net.network(), router(from), Options::E, &body)
}

pub fn asbr_summary(asbr: u8, from: u8, metric: u32) -> Lsa {
    lsa(router(asbr).0, router(from), Options::E, &LsaBody::AsbrSummary(SummaryLsa { mask: 0, metric }))
}

#[derive(Clone, Copy)]
pub struct Outside<'a> {
    pub net: &'a str,
    pub from: u8,
    pub type2: bool,
    pub metric: u32,
    pub forwarding: &'a str,
}

impl Outside<'_> {
    fn body(&self, tag: u32) -> ExternalLsa {
        let (type2, metric) = (self.type2, self.metric);
        let (mask, forwarding) = (prefix(self.net).prefix_len(), address(self.forwarding));
        ExternalLsa { mask, type2, metric, forwarding, tag }
    }

    pub fn type5(&self) -> Lsa {
        let body = LsaBody::External(self.body(5));
        lsa(prefix(self.net).network(), router(self.from), Options::E, &body)
    }

    pub fn type7(&self, propagate: bool) -> Lsa {
        let options = if propagate { Options::NP } else { Options::NONE };
        lsa(prefix(self.net).network(), router(self.from), options, &LsaBody::Nssa(self.body(7)))
    }
}
