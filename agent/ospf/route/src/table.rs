//! The destinations: which LSAs claim each prefix, and the best path to it.

use std::{collections::BTreeMap, net::Ipv4Addr};

use braid_ospf_packet::{LsType, LsaKey, RouterId};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{
    graph::{push, tree_memory},
    hops::{EMPTY, HopsId},
    route::PathKind,
};

/// No prefix, no claim.
pub const NONE: u32 = u32::MAX;

/// The place of the AS-wide database among the areas.
pub const AS: u16 = u16::MAX;

/// How an LSA claims a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimKind {
    /// A router's stub link; the owner is a vertex.
    Stub,
    /// A transit network; the owner is a vertex.
    Transit,
    /// A summary; the owner is a leaf.
    Summary,
    /// A type 5 or 7 external; the owner is a leaf.
    External,
}

/// One LSA's claim to one prefix. Claims form a list per prefix and a list per owner.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Claim {
    pub prefix: u32,
    pub owner: u32,
    pub metric: u32,
    next: u32,
    sibling: u32,
    /// The number of the area, or [`AS`].
    pub area: u16,
    pub kind: ClaimKind,
}

/// The best paths, in brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    pub kind: PathKind,
    /// Of the LSA that is the evidence, as are `router` and `link_state_id`.
    pub ls_type: LsType,
    /// The number of the area, or [`AS`].
    pub area: u16,
    pub cost: u32,
    pub hops: HopsId,
    pub router: RouterId,
    pub link_state_id: Ipv4Addr,
}

/// What only externals have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    pub type2_cost: u32,
    pub tag: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    prefix: Ipv4Net,
    is_dirty: bool,
    claims: u32,
    path: Option<Path>,
}

/// All prefixes with claims or a path.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Table {
    index: BTreeMap<Ipv4Net, u32>,
    entries: Vec<Entry>,
    free_entries: Vec<u32>,
    claims: Vec<Claim>,
    free_claims: Vec<u32>,
    extras: BTreeMap<u32, Extra>,
    /// Prefixes to look at again.
    dirty: Vec<u32>,
    /// How many intra-area and inter-area paths there are by prefix length: a lookup skips lengths without any.
    lengths: Vec<u32>,
}

impl Table {
    pub fn find(&self, prefix: &Ipv4Net) -> Option<u32> {
        self.index.get(prefix).copied()
    }

    pub fn prefix(&self, entry: u32) -> Ipv4Net {
        self.entries[entry as usize].prefix
    }

    pub fn path(&self, entry: u32) -> Option<Path> {
        self.entries[entry as usize].path
    }

    pub fn extra(&self, entry: u32) -> Extra {
        self.extras.get(&entry).copied().unwrap_or_default()
    }

    /// All prefixes with a path, in order.
    pub fn paths(&self) -> impl Iterator<Item = (Ipv4Net, u32, Path)> + '_ {
        self.index.iter().filter_map(|(prefix, entry)| Some((*prefix, *entry, self.path(*entry)?)))
    }

    /// The prefixes with a path inside `range`, itself included, in order.
    pub fn paths_within(&self, range: Ipv4Net) -> impl Iterator<Item = (Ipv4Net, u32, Path)> + '_ {
        self.index
            .range(range..)
            .take_while(move |(prefix, _)| range.contains(&prefix.network()))
            .filter_map(|(prefix, entry)| Some((*prefix, *entry, self.path(*entry)?)))
    }

    /// The longest prefix with an intra-area or inter-area path that holds an address.
    pub fn lookup_internal(&self, address: Ipv4Addr) -> Option<(u32, Path)> {
        let lengths = self.lengths.iter().enumerate().rev().filter(|(_, count)| **count > 0);
        for (length, _) in lengths {
            let prefix = Ipv4Net::new(address, length as u8).ok()?.trunc();
            if let Some(entry) = self.find(&prefix)
                && let Some(path) = self.path(entry)
                && path.kind <= PathKind::InterArea
            {
                return Some((entry, path));
            }
        }
        None
    }

    /// The longest prefix with any path that holds an address.
    pub fn lookup(&self, address: Ipv4Addr) -> Option<u32> {
        (0..=32).rev().find_map(|length| {
            let prefix = Ipv4Net::new(address, length).ok()?.trunc();
            self.find(&prefix).filter(|entry| self.path(*entry).is_some())
        })
    }

    pub fn set(&mut self, entry: u32, path: Option<Path>, extra: Extra) {
        let length = usize::from(self.prefix(entry).prefix_len());
        let is_internal = |path: Option<Path>| path.is_some_and(|path| path.kind <= PathKind::InterArea);
        let old = std::mem::replace(&mut self.entries[entry as usize].path, path);
        self.lengths.resize(33, 0);
        self.lengths[length] -= u32::from(is_internal(old));
        self.lengths[length] += u32::from(is_internal(path));
        if extra == Extra::default() {
            if !self.extras.is_empty() {
                self.extras.remove(&entry);
            }
        } else {
            self.extras.insert(entry, extra);
        }
    }

    pub fn mark(&mut self, entry: u32) {
        let is_dirty = &mut self.entries[entry as usize].is_dirty;
        if !std::mem::replace(is_dirty, true) {
            self.dirty.push(entry);
        }
    }

    pub fn mark_prefix(&mut self, prefix: &Ipv4Net) {
        if let Some(entry) = self.find(prefix) {
            self.mark(entry);
        }
    }

    pub fn mark_all(&mut self) {
        for entry in 0..self.entries.len() as u32 {
            if self.entries[entry as usize].claims != NONE || self.path(entry).is_some() {
                self.mark(entry);
            }
        }
    }

    pub fn has_marks(&self) -> bool {
        !self.dirty.is_empty()
    }

    pub fn take_marks(&mut self) -> Vec<u32> {
        let dirty = std::mem::take(&mut self.dirty);
        for entry in &dirty {
            self.entries[*entry as usize].is_dirty = false;
        }
        dirty
    }

    /// The claims to a prefix.
    pub fn claims(&self, entry: u32) -> impl Iterator<Item = &Claim> {
        let mut at = self.entries[entry as usize].claims;
        std::iter::from_fn(move || {
            let claim = self.claims.get(at as usize)?;
            at = claim.next;
            Some(claim)
        })
    }

    /// Adds a claim at the head of its owner's list `first`, marks the prefix, and returns the new head.
    pub fn claim(
        &mut self,
        prefix: Ipv4Net,
        (area, kind, owner): (u16, ClaimKind, u32),
        metric: u32,
        first: u32,
    ) -> u32 {
        let entry = self.number(prefix);
        let next = self.entries[entry as usize].claims;
        let claim = Claim { prefix: entry, owner, metric, next, sibling: first, area, kind };
        let at = match self.free_claims.pop() {
            Some(at) => {
                self.claims[at as usize] = claim;
                at
            }
            None => {
                push(&mut self.claims, claim);
                self.claims.len() as u32 - 1
            }
        };
        self.entries[entry as usize].claims = at;
        self.mark(entry);
        at
    }

    /// Takes back all claims of an owner's list and marks their prefixes.
    pub fn disclaim(&mut self, first: u32) {
        let mut at = first;
        while let Some(claim) = self.claims.get(at as usize).copied() {
            let entry = &mut self.entries[claim.prefix as usize];
            if entry.claims == at {
                entry.claims = claim.next;
            } else {
                let mut before = entry.claims;
                while self.claims[before as usize].next != at {
                    before = self.claims[before as usize].next;
                }
                self.claims[before as usize].next = claim.next;
            }
            self.mark(claim.prefix);
            self.free_claims.push(at);
            at = claim.sibling;
        }
    }

    /// The claims of an owner's list, latest first.
    pub fn claims_of(&self, first: u32) -> impl Iterator<Item = &Claim> {
        let mut at = first;
        std::iter::from_fn(move || {
            let claim = self.claims.get(at as usize)?;
            at = claim.sibling;
            Some(claim)
        })
    }

    /// Marks the prefixes of an owner's list.
    pub fn mark_claims(&mut self, first: u32) {
        let mut at = first;
        while let Some(claim) = self.claims.get(at as usize) {
            at = claim.sibling;
            self.mark(claim.prefix);
        }
    }

    fn number(&mut self, prefix: Ipv4Net) -> u32 {
        if let Some(entry) = self.index.get(&prefix) {
            return *entry;
        }
        let fresh = Entry { prefix, is_dirty: false, claims: NONE, path: None };
        let entry = match self.free_entries.pop() {
            Some(entry) => {
                self.entries[entry as usize] = fresh;
                entry
            }
            None => {
                push(&mut self.entries, fresh);
                self.entries.len() as u32 - 1
            }
        };
        self.index.insert(prefix, entry);
        entry
    }

    /// Forgets a prefix that no one claims and that has no path.
    pub fn release(&mut self, entry: u32) {
        let gone = &self.entries[entry as usize];
        if gone.claims == NONE
            && gone.path.is_none()
            && !gone.is_dirty
            && self.index.remove(&gone.prefix).is_some()
        {
            self.free_entries.push(entry);
        }
    }

    /// The numbers of the sets in use.
    pub fn users(&mut self) -> impl Iterator<Item = &mut HopsId> {
        self.entries.iter_mut().filter_map(|entry| entry.path.as_mut()).map(|path| &mut path.hops)
    }

    pub fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.claims.capacity() * size_of::<Claim>()
            + tree_memory::<Ipv4Net, u32>(self.index.len())
            + tree_memory::<u32, Extra>(self.extras.len())
            + (self.free_claims.capacity() + self.free_entries.capacity() + self.dirty.capacity()) * 4
    }
}

impl Path {
    /// The LSA that is the evidence.
    pub const fn origin(&self) -> LsaKey {
        LsaKey::new(self.ls_type, self.link_state_id, self.router)
    }

    /// Whether a kernel or a summary could not tell them apart.
    pub fn same(&self, other: &Self) -> bool {
        (self.kind, self.area, self.cost, self.hops) == (other.kind, other.area, other.cost, other.hops)
    }

    /// Whether there is a next hop.
    pub const fn is_usable(&self) -> bool {
        self.hops != EMPTY
    }
}
