//! Gathers what is originated: options by area, no key twice, sorted.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use braid_ospf_packet::{LsType, LsaBody, LsaKey, Options, RouterId};
use braid_ospf_route::Domain;

use crate::{AreaView, Discard, Origin, Origination, Problem};

pub(crate) struct Collector {
    router_id: RouterId,
    origins: BTreeMap<(Domain, LsaKey), Origin>,
    discards: Vec<Discard>,
    problems: Vec<Problem>,
}

impl Collector {
    pub(crate) fn new(router_id: RouterId) -> Self {
        Self { router_id, origins: BTreeMap::new(), discards: Vec::new(), problems: Vec::new() }
    }

    /// An LSA of an area, types 1 to 4.
    pub(crate) fn area(&mut self, area: &AreaView, ls_type: LsType, link_state_id: Ipv4Addr, body: LsaBody) {
        let options = if area.kind.takes_externals() { Options::E } else { Options::NONE };
        self.add(Origin { domain: Domain::Area(area.id), ls_type, link_state_id, options, body });
    }

    /// Any LSA. Two with one key can only come from two interfaces with one address: the first stays.
    pub(crate) fn add(&mut self, origin: Origin) {
        self.origins.entry((origin.domain, origin.key(self.router_id))).or_insert(origin);
    }

    pub(crate) fn discard(&mut self, discard: Discard) {
        self.discards.push(discard);
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(crate) fn finish(mut self) -> Origination {
        self.discards.sort_unstable();
        self.discards.dedup();
        Origination {
            origins: self.origins.into_values().collect(),
            discards: self.discards,
            problems: self.problems,
        }
    }
}
