//! Routes of a database alone, without the configuration of the router that holds it.

use std::collections::{BTreeMap, BTreeSet};

use braid_ospf_packet::{AreaId, LinkKind, LsType, Lsa, LsaKey, Options, RouterId};
use ipnet::Ipv4Net;

use crate::{
    leaf::destination,
    route::{AreaKind, Domain, Settings, VirtualLink},
    routing::Routing,
};

/// What is known of one area.
#[derive(Default)]
struct Area {
    own: Option<Lsa>,
    routers: BTreeSet<RouterId>,
    has_nssa: bool,
    /// The prefixes of our own type 3 summaries.
    own_summaries: Vec<Ipv4Net>,
}

/// The routes that router `root` computes from a database. What its configuration would tell is inferred: it is in the
/// areas that have a router-LSA of it; areas with type 7 LSAs are NSSAs, others without the E bit are stub areas; its
/// virtual links stand in its LSA; and a summary of its own for what is no route of its own is an active range. Neighbours'
/// addresses come from their LSAs.
///
/// Type 5 LSAs may come with any domain.
pub fn routes_of(
    root: RouterId,
    lsas: impl IntoIterator<Item = (Domain, Lsa)>,
    settings: Settings,
) -> Routing {
    let mut areas: BTreeMap<AreaId, Area> = BTreeMap::new();
    let mut database = Vec::new();
    for (domain, lsa) in lsas {
        let key = lsa.key();
        let domain = if key.ls_type == LsType::External { Domain::As } else { domain };
        if let Domain::Area(id) = domain {
            areas.entry(id).or_default().learn(root, &key, &lsa);
        }
        database.push((domain, lsa));
    }
    areas.retain(|_, area| area.own.is_some());

    let mut routing = Routing::new(root, settings);
    let is_border = areas.len() > 1 && areas.contains_key(&AreaId::BACKBONE);
    for (id, area) in &areas {
        routing.set_area(*id, area.kind(is_border));
    }
    routing.set_virtual_links(virtual_links(&areas));
    for (domain, lsa) in &database {
        routing.install(*domain, lsa);
    }
    routing.compute();
    let mut ranges: BTreeMap<AreaId, Vec<Ipv4Net>> = BTreeMap::new();
    for prefix in areas.get(&AreaId::BACKBONE).iter().flat_map(|area| &area.own_summaries) {
        for id in areas.keys().filter(|id| **id != AreaId::BACKBONE) {
            let is_route = routing.intra_area(*id).any(|(known, _)| known == *prefix);
            if !is_route && routing.active_range(*id, prefix).is_some() {
                ranges.entry(*id).or_default().push(*prefix);
            }
        }
    }
    for (id, ranges) in ranges {
        routing.set_ranges(id, ranges);
    }
    routing.compute();
    routing
}

impl Area {
    fn learn(&mut self, root: RouterId, key: &LsaKey, lsa: &Lsa) {
        let is_own = key.advertising_router == root;
        match key.ls_type {
            LsType::Router => {
                self.routers.insert(key.advertising_router);
                if is_own {
                    self.own = Some(lsa.clone());
                }
            }
            LsType::Nssa => self.has_nssa = true,
            LsType::Summary if is_own => {
                self.own_summaries.extend(destination(lsa).map(|(prefix, _)| prefix));
            }
            _ => {}
        }
    }

    fn kind(&self, is_border: bool) -> AreaKind {
        let has_externals = self.own.as_ref().is_some_and(|lsa| lsa.header().options.contains(Options::E));
        if self.has_nssa {
            let summaries = !is_border || self.own_summaries.iter().any(|prefix| prefix.prefix_len() > 0);
            AreaKind::Nssa { summaries }
        } else if has_externals {
            AreaKind::Normal
        } else {
            AreaKind::Stub
        }
    }

    fn has_address(&self, address: std::net::Ipv4Addr) -> bool {
        let links = self.own.as_ref().and_then(Lsa::router).map(|router| router.links());
        links.into_iter().flatten().any(|link| link.kind != LinkKind::Stub && link.data == address)
    }
}

/// The virtual links of our backbone LSA. The transit area is one where both ends are, if possible one in which the link's
/// address is ours.
fn virtual_links(areas: &BTreeMap<AreaId, Area>) -> Vec<VirtualLink> {
    let own = areas.get(&AreaId::BACKBONE).and_then(|area| area.own.as_ref()).and_then(Lsa::router);
    let links =
        own.into_iter().flat_map(|router| router.links()).filter(|link| link.kind == LinkKind::Virtual);
    let found = links.filter_map(|link| {
        let endpoint = RouterId(link.id);
        let shared =
            areas.iter().filter(|(id, area)| **id != AreaId::BACKBONE && area.routers.contains(&endpoint));
        let (transit, _) = shared.max_by_key(|(_, area)| area.has_address(link.data))?;
        Some(VirtualLink { transit: *transit, endpoint })
    });
    let links: BTreeSet<VirtualLink> = found.collect();
    links.into_iter().collect()
}
