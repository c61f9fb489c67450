//! The nodes of a level, what they say, and the edges that follow from it.

use std::collections::{BTreeMap, BTreeSet};

use braid_isis_packet::{AreaAddress, LanId, MAX_LINK_METRIC, SystemId};
use serde::{Deserialize, Serialize};

use crate::{
    Adjacency, NextHop, PathKind,
    areas::{AreaSet, Areas},
    digest::{Header, Listed},
    hops::HopSets,
    links::{Link, Links, NodeIndex, UNUSABLE},
    prefixes::Announcer,
    tree::{Change, First},
};

/// The place of this router.
pub(crate) const ME: NodeIndex = 0;

/// A prefix that a node announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Announced {
    pub(crate) prefix: u32,
    pub(crate) metric: u32,
    pub(crate) kind: PathKind,
    pub(crate) fragment: u8,
}

impl Announced {
    /// The same as the prefix sees it.
    pub(crate) fn by(self, node: NodeIndex) -> Announcer {
        Announcer { node, metric: self.metric, kind: self.kind, fragment: self.fragment }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Node {
    id: LanId,
    /// Whether fragment 0 is there: without it nothing of the node counts (ISO 10589 §7.2.5).
    present: bool,
    overload: bool,
    attached: bool,
    dirty: bool,
    areas: AreaSet,
    /// By node ascending.
    listed: Box<[Listed]>,
    /// By fragment ascending, and in it by prefix and kind.
    announced: Box<[Announced]>,
}

impl Node {
    fn new(id: LanId) -> Node {
        let (listed, announced) = (Box::default(), Box::default());
        let areas = AreaSet::NONE;
        Node { id, present: false, overload: false, attached: false, dirty: false, areas, listed, announced }
    }

    fn is_empty(&self) -> bool {
        !self.present && self.listed.is_empty() && self.announced.is_empty()
    }

    /// The weight of the edge to `peer` if the node lists it, [`UNUSABLE`] if only for show.
    fn weight_to(&self, peer: LanId) -> Option<u32> {
        let start = self.listed.partition_point(|listed| listed.node < peer);
        let entries = self.listed[start..].iter().take_while(|listed| listed.node == peer);
        let least = entries.map(|listed| listed.weight()).min()?;
        Some(if self.is_no_transit() { UNUSABLE } else { least })
    }

    /// The overload bit of a pseudonode is none (RFC 3787 §4).
    fn is_no_transit(&self) -> bool {
        self.overload && !self.id.is_pseudonode()
    }
}

/// The graph of a level.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    index: BTreeMap<LanId, NodeIndex>,
    links: Links,
    areas: Areas,
    attached: BTreeSet<NodeIndex>,
    /// The nodes that may have other links than `links` has.
    dirty: Vec<NodeIndex>,
    emptied: Vec<NodeIndex>,
    free: Vec<NodeIndex>,
}

impl Graph {
    /// A graph in which nobody has said anything; this router is there.
    pub(crate) fn new(me: SystemId) -> Graph {
        let mut links = Links::default();
        links.push_node();
        Graph {
            nodes: vec![Node::new(me.node())],
            index: BTreeMap::from([(me.node(), ME)]),
            links,
            areas: Areas::new(),
            attached: BTreeSet::new(),
            dirty: Vec::new(),
            emptied: Vec::new(),
            free: Vec::new(),
        }
    }

    fn node(&self, node: NodeIndex) -> &Node {
        &self.nodes[node as usize]
    }

    fn node_mut(&mut self, node: NodeIndex) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    /// How many places there are for nodes.
    pub(crate) fn places(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn id(&self, node: NodeIndex) -> LanId {
        self.node(node).id
    }

    pub(crate) fn find(&self, id: LanId) -> Option<NodeIndex> {
        self.index.get(&id).copied()
    }

    /// Whether what the node says counts.
    pub(crate) fn is_present(&self, node: NodeIndex) -> bool {
        self.node(node).present
    }

    pub(crate) fn announced(&self, node: NodeIndex) -> &[Announced] {
        &self.node(node).announced
    }

    /// What `fragment` announces.
    pub(crate) fn announced_by(&mut self, node: NodeIndex, fragment: u8) -> &mut [Announced] {
        let announced = &mut self.node_mut(node).announced;
        let start = announced.partition_point(|announced| announced.fragment < fragment);
        let end = announced.partition_point(|announced| announced.fragment <= fragment);
        &mut announced[start..end]
    }

    /// Takes what `fragment` announces.
    pub(crate) fn set_announced(&mut self, node: NodeIndex, fragment: u8, now: &[Announced]) {
        let before = &self.node(node).announced;
        let start = before.partition_point(|announced| announced.fragment < fragment);
        let end = before.partition_point(|announced| announced.fragment <= fragment);
        self.node_mut(node).announced = [&before[..start], now, &before[end..]].concat().into();
    }

    /// The fragments of the node of which something is kept.
    pub(crate) fn fragments(&self, node: NodeIndex) -> BTreeSet<u8> {
        let node = self.node(node);
        let listing = node.listed.iter().map(|listed| listed.fragment);
        let announcing = node.announced.iter().map(|announced| announced.fragment);
        node.present.then_some(0).into_iter().chain(listing).chain(announcing).collect()
    }

    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        0..u32::try_from(self.nodes.len()).expect("places are counted in u32")
    }

    pub(crate) fn area_set(&self, node: NodeIndex) -> AreaSet {
        self.node(node).areas
    }

    pub(crate) fn areas(&self, set: AreaSet) -> &[AreaAddress] {
        self.areas.get(set)
    }

    /// The sets of areas, some at least, that have none of `areas`.
    pub(crate) fn area_sets_without(&self, areas: &[AreaAddress]) -> Vec<AreaSet> {
        self.areas.without(areas)
    }

    /// The other routers that say that they reach other areas, and let packets through.
    pub(crate) fn attached(&self) -> impl Iterator<Item = NodeIndex> {
        self.attached.iter().copied().filter(|node| !self.node(*node).overload)
    }

    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// The place of the node `id`, now made if it had none.
    pub(crate) fn place(&mut self, id: LanId) -> NodeIndex {
        if let Some(node) = self.find(id) {
            return node;
        }
        let node = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::new(id));
            self.links.push_node();
            u32::try_from(self.nodes.len() - 1).expect("each node has an LSP, and no memory holds so many")
        });
        *self.node_mut(node) = Node::new(id);
        self.index.insert(id, node);
        node
    }

    /// Takes what fragment 0 says, or that it is gone; whether the node counts now and did not before or the other way,
    /// or the way out of the area that it offers differs.
    pub(crate) fn set_header(&mut self, node: NodeIndex, header: Option<&Header>) -> bool {
        let areas = header.map_or(&[][..], |header| &header.areas);
        self.nodes[node as usize].areas = self.areas.exchange(self.nodes[node as usize].areas, areas);
        let present = header.is_some();
        let overload = header.is_some_and(|header| header.overload);
        let attached = header.is_some_and(|header| header.attached);
        let was = self.node(node);
        let (comes, loads) = (was.present != present, was.overload != overload);
        let turns = was.attached != attached;
        let now = self.node_mut(node);
        (now.present, now.overload, now.attached) = (present, overload, attached);
        let stands = attached && node != ME && !self.id(node).is_pseudonode();
        if stands {
            self.attached.insert(node);
        } else {
            self.attached.remove(&node);
        }
        if node != ME && (comes || loads) {
            self.touch(node);
        }
        comes || loads || turns
    }

    /// Takes the neighbours that `fragment` lists, sorted. Those of this router do not count: its adjacencies do.
    pub(crate) fn set_listed(&mut self, node: NodeIndex, fragment: u8, listed: &[Listed]) {
        if node == ME {
            return;
        }
        let before = &self.node(node).listed;
        if before.iter().filter(|entry| entry.fragment == fragment).eq(listed) {
            return;
        }
        let others = before.iter().filter(|entry| entry.fragment != fragment);
        let mut merged: Vec<Listed> = others.chain(listed).copied().collect();
        merged.sort_unstable();
        self.node_mut(node).listed = merged.into();
        self.touch(node);
    }

    fn touch(&mut self, node: NodeIndex) {
        if !self.node(node).dirty {
            self.node_mut(node).dirty = true;
            self.dirty.push(node);
        }
    }

    /// Remembers to give the place of `node` back if it has nothing more to say.
    pub(crate) fn release(&mut self, node: NodeIndex) {
        if node != ME && self.node(node).is_empty() {
            self.emptied.push(node);
        }
    }

    /// Gives the places of nodes without an LSP back. Nothing may name them any more.
    pub(crate) fn sweep(&mut self) {
        for node in std::mem::take(&mut self.emptied) {
            let id = self.id(node);
            if self.node(node).is_empty() && self.index.get(&id) == Some(&node) {
                self.index.remove(&id);
                self.free.push(node);
            }
        }
    }

    /// Brings the links up to what the nodes say; the edges that differ.
    pub(crate) fn refresh(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for node in std::mem::take(&mut self.dirty) {
            let old = self.links.of(node).to_vec();
            let new = self.links_of(node);
            self.node_mut(node).dirty = false;
            for (peer, old, new) in differences(&old, &new) {
                let weights =
                    |link: Option<Link>| link.map_or((UNUSABLE, UNUSABLE), |link| (link.out, link.back));
                let ((old_out, old_back), (new_out, new_back)) = (weights(old), weights(new));
                if old_out != new_out {
                    changes.push(Change { from: node, to: peer, old: old_out, new: new_out });
                }
                if old_back != new_back {
                    changes.push(Change { from: peer, to: node, old: old_back, new: new_back });
                }
                // One that waits for its own turn finds the same then.
                if !self.node(peer).dirty {
                    self.links.mirror(node, peer, new);
                }
            }
            self.links.replace(node, &new);
        }
        changes
    }

    /// The links of `node`: to all that it lists and that list it (ISO 10589 §7.2.8.2, the two-way check), but for this
    /// router, which is on nobody's way.
    fn links_of(&self, node: NodeIndex) -> Vec<Link> {
        let this = self.node(node);
        if node == ME || !this.present {
            return Vec::new();
        }
        let mut links: Vec<Link> = Vec::with_capacity(this.listed.len());
        for entries in this.listed.chunk_by(|a, b| a.node == b.node) {
            let Some(peer) = self.find(entries[0].node).filter(|peer| *peer != ME) else { continue };
            let other = self.node(peer);
            if !other.present {
                continue;
            }
            let (Some(out), Some(back)) = (this.weight_to(other.id), other.weight_to(this.id)) else {
                continue;
            };
            links.push(Link { peer, out, back });
        }
        links.sort_unstable();
        links
    }

    /// The edges from this router over `adjacencies`, by node ascending. An adjacency counts if the neighbour lists us;
    /// on a LAN, if the pseudonode lists both routers, and the other one the pseudonode.
    pub(crate) fn first_edges(&self, adjacencies: &[Adjacency], sets: &mut HopSets) -> Vec<First> {
        let mut ways: Vec<(NodeIndex, u32, NextHop)> = adjacencies
            .iter()
            .filter(|adjacency| adjacency.metric < MAX_LINK_METRIC)
            .filter_map(|adjacency| {
                Some((self.other_side(adjacency)?, adjacency.metric, adjacency.next_hop()))
            })
            .collect();
        ways.sort_unstable();
        ways.chunk_by(|a, b| a.0 == b.0)
            .map(|ways| {
                let (node, weight, _) = ways[0];
                let hops = ways.iter().take_while(|way| way.1 == weight).map(|way| way.2).collect();
                First { node, weight, hops: sets.name(hops) }
            })
            .collect()
    }

    fn other_side(&self, adjacency: &Adjacency) -> Option<NodeIndex> {
        let present = |id| self.find(id).filter(|node| *node != ME && self.is_present(*node));
        let me = self.id(ME);
        let router = present(adjacency.router.node())?;
        if !adjacency.neighbour.is_pseudonode() {
            let listed = self.node(router).weight_to(me).is_some();
            return (listed && adjacency.neighbour == adjacency.router.node()).then_some(router);
        }
        let lan = self.node(present(adjacency.neighbour)?);
        let usable = lan.weight_to(self.id(router)).is_some_and(|weight| weight != UNUSABLE);
        let listed = lan.weight_to(me).is_some() && self.node(router).weight_to(lan.id).is_some();
        (usable && listed).then_some(router)
    }
}

/// The peers whose link differs between two sorted rows, with both.
fn differences(old: &[Link], new: &[Link]) -> Vec<(NodeIndex, Option<Link>, Option<Link>)> {
    let (mut old, mut new) = (old.iter().copied().peekable(), new.iter().copied().peekable());
    let mut differences = Vec::new();
    loop {
        let peer = match (old.peek(), new.peek()) {
            (None, None) => return differences,
            (Some(a), Some(b)) => a.peer.min(b.peer),
            (Some(a), None) => a.peer,
            (None, Some(b)) => b.peer,
        };
        let pair = (old.next_if(|link| link.peer == peer), new.next_if(|link| link.peer == peer));
        if pair.0 != pair.1 {
            differences.push((peer, pair.0, pair.1));
        }
    }
}
