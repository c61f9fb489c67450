//! Atoms: the ranges of addresses of interest that no FIB entry tells apart.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use hashbrown::HashMap;
use ipnet::Ipv4Net;

use crate::{NodeId, table::range, topology::Node};

/// A prefix that verdicts are given for. Each address belongs to the longest prefix of interest that covers it.
#[derive(Debug)]
pub(crate) struct Interest {
    pub(crate) prefix: Ipv4Net,
    parent: Option<u32>,
    /// The nodes whose port lets these addresses out: this prefix, or one around it, is attached there.
    pub(crate) attached: Box<[u16]>,
    /// Its atoms, in no order.
    pub(crate) atoms: Vec<u32>,
}

/// What one node does with an atom, and what becomes of it from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) action: u32,
    pub(crate) outcome: u32,
}

/// An atom: an action and an outcome for every node.
#[derive(Debug, Clone)]
pub(crate) struct Atom {
    pub(crate) first: u32,
    pub(crate) interest: u32,
    /// The nodes that have this (single) address.
    pub(crate) owners: Box<[u16]>,
    pub(crate) cells: Box<[Cell]>,
}

/// Where one range ends and the next begins.
#[derive(Debug)]
struct Bound {
    /// How many prefixes begin or end here.
    holders: u32,
    /// The atom that begins here; none where no interest does.
    atom: Option<u32>,
}

/// All atoms of a VN.
#[derive(Debug)]
pub(crate) struct Atoms {
    bounds: BTreeMap<u64, Bound>,
    atoms: Vec<Atom>,
    free: Vec<u32>,
    interests: Vec<Interest>,
    by_prefix: HashMap<Ipv4Net, u32>,
}

impl Atoms {
    /// The atoms of a network without FIBs; every atom has the given cells.
    pub(crate) fn new<'a>(nodes: impl Iterator<Item = &'a Node>, cells: &[Cell]) -> Self {
        let mut attached: BTreeMap<Ipv4Net, BTreeSet<u16>> = BTreeMap::new();
        let mut owners: BTreeMap<Ipv4Addr, BTreeSet<u16>> = BTreeMap::new();
        for (id, node) in (0..).zip(nodes) {
            for prefix in &node.attached {
                attached.entry(prefix.trunc()).or_default().insert(id);
            }
            for address in node.loopback.iter().chain(&node.addresses) {
                owners.entry(*address).or_default().insert(id);
            }
            if let Some(loopback) = node.loopback {
                attached.entry(loopback.into()).or_default();
            }
        }
        let (interests, by_prefix) = nest(attached);
        let mut this =
            Self { bounds: BTreeMap::new(), atoms: Vec::new(), free: Vec::new(), interests, by_prefix };

        let around = |address: u32| {
            let nets = (0..=32).rev().filter_map(|length| Ipv4Net::new(address.into(), length).ok());
            nets.filter_map(|net| this.by_prefix.get(&net.trunc()).copied()).next()
        };
        let mut bounds: BTreeMap<u64, u32> = BTreeMap::new();
        let singles = owners.keys().filter(|address| around(u32::from(**address)).is_some());
        for prefix in this.interests.iter().map(|i| i.prefix).chain(singles.map(|a| Ipv4Net::from(*a))) {
            let (low, high) = range(prefix);
            *bounds.entry(low).or_default() += 1;
            *bounds.entry(high).or_default() += 1;
        }
        for (at, holders) in bounds {
            let first = u32::try_from(at).ok();
            let atom = first.and_then(|first| Some((first, around(first)?))).map(|(first, interest)| {
                let owners = owners.get(&first.into()).into_iter().flatten().copied().collect();
                this.atoms.push(Atom { first, interest, owners, cells: cells.into() });
                let id = this.atoms.len() as u32 - 1;
                this.interests[interest as usize].atoms.push(id);
                id
            });
            this.bounds.insert(at, Bound { holders, atom });
        }
        this
    }

    pub(crate) fn get(&self, atom: u32) -> &Atom {
        &self.atoms[atom as usize]
    }

    /// An atom, to work on, and its interest.
    pub(crate) fn get_mut(&mut self, atom: u32) -> (&mut Atom, &Interest) {
        let atom = &mut self.atoms[atom as usize];
        let interest = &self.interests[atom.interest as usize];
        (atom, interest)
    }

    pub(crate) fn interest(&self, id: u32) -> &Interest {
        &self.interests[id as usize]
    }

    pub(crate) fn interests(&self) -> usize {
        self.interests.len()
    }

    pub(crate) fn find_interest(&self, prefix: Ipv4Net) -> Option<&Interest> {
        self.by_prefix.get(&prefix.trunc()).map(|id| self.interest(*id))
    }

    /// The atoms within a prefix.
    pub(crate) fn within(&self, prefix: Ipv4Net) -> impl Iterator<Item = u32> {
        let (low, high) = range(prefix);
        self.bounds.range(low..high).filter_map(|(_, bound)| bound.atom)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = u32> {
        self.bounds.values().filter_map(|bound| bound.atom)
    }

    /// The last address of an atom.
    pub(crate) fn last(&self, atom: &Atom) -> u32 {
        let end = self.bounds.range(u64::from(atom.first) + 1..).next();
        end.map_or(u32::MAX, |(end, _)| (end - 1) as u32)
    }

    /// Makes the bounds of a prefix that has its first route; calls `copied` with the cells of every new atom, which are those
    /// of the atom it was part of.
    pub(crate) fn cut(&mut self, prefix: Ipv4Net, mut copied: impl FnMut(&[Cell])) {
        if !self.is_inside_interest(prefix) {
            return;
        }
        let (low, high) = range(prefix);
        for at in [low, high] {
            if let Some(bound) = self.bounds.get_mut(&at) {
                bound.holders += 1;
                continue;
            }
            let whole = self.bounds.range(..at).next_back().and_then(|(_, bound)| bound.atom);
            let atom = whole.map(|whole| {
                let part = Atom { first: at as u32, ..self.atoms[whole as usize].clone() };
                copied(&part.cells);
                self.insert(part)
            });
            self.bounds.insert(at, Bound { holders: 1, atom });
        }
    }

    /// Takes away the bounds of a prefix that has no route any more; calls `gone` with the cells of every atom that is joined
    /// to the one before it, which has the same by now.
    pub(crate) fn join(&mut self, prefix: Ipv4Net, mut gone: impl FnMut(&[Cell])) {
        if !self.is_inside_interest(prefix) {
            return;
        }
        let (low, high) = range(prefix);
        for at in [high, low] {
            let Some(bound) = self.bounds.get_mut(&at) else { continue };
            bound.holders -= 1;
            if bound.holders == 0 {
                let atom = bound.atom;
                self.bounds.remove(&at);
                if let Some(id) = atom {
                    debug_assert!(self.is_like_the_one_before(id), "atoms at {at} differ without a bound");
                    let atom = &mut self.atoms[id as usize];
                    gone(&std::mem::take(&mut atom.cells));
                    self.interests[atom.interest as usize].atoms.retain(|other| *other != id);
                    self.free.push(id);
                }
            }
        }
    }

    fn is_like_the_one_before(&self, atom: u32) -> bool {
        let atom = self.get(atom);
        let before = self.bounds.range(..u64::from(atom.first)).next_back();
        let before = before.and_then(|(_, bound)| bound.atom).map(|before| self.get(before));
        before.is_some_and(|before| before.interest == atom.interest && before.cells == atom.cells)
    }

    pub(crate) fn len(&self) -> usize {
        self.atoms.len() - self.free.len()
    }

    fn insert(&mut self, atom: Atom) -> u32 {
        let interest = atom.interest as usize;
        let id = match self.free.pop() {
            Some(id) => {
                self.atoms[id as usize] = atom;
                id
            }
            None => {
                self.atoms.push(atom);
                self.atoms.len() as u32 - 1
            }
        };
        self.interests[interest].atoms.push(id);
        id
    }

    /// Whether all of a prefix is of interest, so that its bounds matter. A prefix around interests tells none of their
    /// addresses apart.
    fn is_inside_interest(&self, prefix: Ipv4Net) -> bool {
        let before = self.bounds.range(..=range(prefix).0).next_back();
        let mut at = before.and_then(|(_, bound)| bound.atom).map(|atom| self.get(atom).interest);
        while let Some(interest) = at.map(|id| self.interest(id)) {
            if interest.prefix.prefix_len() <= prefix.prefix_len() {
                return true;
            }
            at = interest.parent;
        }
        false
    }
}

/// The prefixes of interest (shorter before longer), each with the one around it.
fn nest(attached: BTreeMap<Ipv4Net, BTreeSet<u16>>) -> (Vec<Interest>, HashMap<Ipv4Net, u32>) {
    let mut interests: Vec<Interest> = Vec::with_capacity(attached.len());
    let mut by_prefix = HashMap::with_capacity(attached.len());
    let mut around: Vec<u32> = Vec::new();
    for (prefix, mut nodes) in attached {
        while let Some(id) = around.last()
            && !interests[*id as usize].prefix.contains(&prefix)
        {
            around.pop();
        }
        let parent = around.last().copied();
        nodes.extend(parent.iter().flat_map(|id| interests[*id as usize].attached.iter()));
        let id = interests.len() as u32;
        around.push(id);
        by_prefix.insert(prefix, id);
        let attached = nodes.into_iter().collect();
        interests.push(Interest { prefix, parent, attached, atoms: Vec::new() });
    }
    (interests, by_prefix)
}

impl Interest {
    pub(crate) fn is_attached_at(&self, node: NodeId) -> bool {
        self.attached.contains(&node.0)
    }
}
