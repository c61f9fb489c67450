//! The LSAs that are no part of the graph: summaries and externals.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use braid_ospf_packet::{LS_INFINITY, LsType, Lsa, LsaBody, LsaKey, Options, RouterId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::graph::{push, tree_memory};

/// A summary or external LSA.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Leaf {
    pub lsa: Lsa,
    /// The number of the area, or [`crate::table::AS`].
    pub area: u16,
    /// Its claim in the table.
    pub claim: u32,
}

/// What an external LSA says.
pub struct ExternalView {
    pub key: LsaKey,
    pub type2: bool,
    pub metric: u32,
    pub forwarding: Option<Ipv4Addr>,
    pub tag: u32,
    pub propagate: bool,
}

impl Leaf {
    pub fn external(&self) -> Option<ExternalView> {
        let (LsaBody::External(external) | LsaBody::Nssa(external)) = self.lsa.body() else { return None };
        let header = self.lsa.header();
        Some(ExternalView {
            key: header.key,
            type2: external.type2,
            metric: external.metric,
            forwarding: Some(external.forwarding).filter(|address| !address.is_unspecified()),
            tag: external.tag,
            propagate: header.options.contains(Options::NP),
        })
    }
}

/// The prefix that a summary or external LSA describes, and its metric; none for LSAs of other types.
pub fn destination(lsa: &Lsa) -> Option<(Ipv4Net, u32)> {
    let (mask, metric) = match lsa.body() {
        LsaBody::Summary(summary) => (summary.mask, summary.metric),
        LsaBody::External(external) | LsaBody::Nssa(external) => (external.mask, external.metric),
        _ => return None,
    };
    Some((Ipv4Net::new(lsa.key().link_state_id, mask).ok()?.trunc(), metric))
}

/// All leaves, with the ways in which they are looked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Leaves {
    index: BTreeMap<(u16, LsaKey), u32>,
    leaves: Vec<Option<Leaf>>,
    free: Vec<u32>,
    /// Type 4 summaries by the ASBR that they describe.
    asbrs: BTreeSet<(RouterId, u16, u32)>,
    /// Externals by forwarding address.
    forwarding: BTreeSet<(Ipv4Addr, u32)>,
}

impl Leaves {
    pub fn get(&self, leaf: u32) -> Option<&Leaf> {
        self.leaves.get(leaf as usize)?.as_ref()
    }

    pub fn find(&self, area: u16, key: &LsaKey) -> Option<u32> {
        self.index.get(&(area, *key)).copied()
    }

    /// Puts in a leaf that is not there yet.
    pub fn insert(&mut self, leaf: Leaf) -> u32 {
        let (area, key) = (leaf.area, leaf.lsa.key());
        let forwarding = leaf.external().and_then(|external| external.forwarding);
        let at = match self.free.pop() {
            Some(at) => {
                self.leaves[at as usize] = Some(leaf);
                at
            }
            None => {
                push(&mut self.leaves, Some(leaf));
                self.leaves.len() as u32 - 1
            }
        };
        self.index.insert((area, key), at);
        if key.ls_type == LsType::AsbrSummary {
            self.asbrs.insert((RouterId(key.link_state_id), area, at));
        }
        if let Some(address) = forwarding {
            self.forwarding.insert((address, at));
        }
        at
    }

    pub fn set_claim(&mut self, leaf: u32, claim: u32) {
        if let Some(Some(leaf)) = self.leaves.get_mut(leaf as usize) {
            leaf.claim = claim;
        }
    }

    /// Replaces an LSA by one that says the same.
    pub fn refresh(&mut self, leaf: u32, lsa: Lsa) {
        if let Some(Some(leaf)) = self.leaves.get_mut(leaf as usize) {
            leaf.lsa = lsa;
        }
    }

    pub fn remove(&mut self, area: u16, key: &LsaKey) -> Option<Leaf> {
        let at = self.index.remove(&(area, *key))?;
        let leaf = self.leaves[at as usize].take()?;
        self.free.push(at);
        self.asbrs.remove(&(RouterId(key.link_state_id), area, at));
        if let Some(address) = leaf.external().and_then(|external| external.forwarding) {
            self.forwarding.remove(&(address, at));
        }
        Some(leaf)
    }

    /// The leaves of one type and originator in one area.
    pub fn by_router(&self, area: u16, ls_type: LsType, router: RouterId) -> impl Iterator<Item = &Leaf> {
        let key = |id| (area, LsaKey::new(ls_type, id, router));
        let range = self.index.range(key(Ipv4Addr::UNSPECIFIED)..=key(Ipv4Addr::BROADCAST));
        range.filter_map(|(_, at)| self.get(*at))
    }

    /// All leaves of an area.
    pub fn keys(&self, area: u16) -> Vec<LsaKey> {
        self.index.keys().filter(|key| key.0 == area).map(|key| key.1).collect()
    }

    /// The type 4 summaries that describe a router: area, originator, metric.
    pub fn asbr_summaries(&self, router: RouterId) -> impl Iterator<Item = (u16, RouterId, u32)> + '_ {
        self.asbrs.range((router, 0, 0)..=(router, u16::MAX, u32::MAX)).filter_map(|(_, area, at)| {
            let leaf = self.get(*at)?;
            let LsaBody::AsbrSummary(summary) = leaf.lsa.body() else { return None };
            let originator = leaf.lsa.key().advertising_router;
            (summary.metric < LS_INFINITY).then_some((*area, originator, summary.metric))
        })
    }

    /// The routers that type 4 summaries describe.
    pub fn described_asbrs(&self) -> impl Iterator<Item = RouterId> + '_ {
        self.asbrs.iter().map(|(router, ..)| *router)
    }

    /// The claims of the externals whose forwarding address lies in a prefix.
    pub fn forwarded_into(&self, prefix: Ipv4Net) -> impl Iterator<Item = u32> + '_ {
        let range = (prefix.network(), 0)..=(prefix.broadcast(), u32::MAX);
        self.forwarding.range(range).filter_map(|(_, at)| Some(self.get(*at)?.claim))
    }

    pub fn has_forwarding(&self) -> bool {
        !self.forwarding.is_empty()
    }

    pub fn memory(&self) -> usize {
        self.leaves.capacity() * size_of::<Option<Leaf>>()
            + tree_memory::<(u16, LsaKey), u32>(self.index.len())
    }
}
