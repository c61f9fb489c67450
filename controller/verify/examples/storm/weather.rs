//! The network of the storm, and the storm: link failures and repairs, and every FIB update they cause, in any order.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    net::Ipv4Addr,
};

use braid_proto::{InterfaceName, NodeName, VnId};
use braid_verify::{Action, InterfaceId, Link, Node, NodeId, Topology, Verifier, VnTopology};
use ipnet::Ipv4Net;

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// One thing that happens.
pub enum Step {
    Link { vn: VnId, ends: [InterfaceId; 2], up: bool },
    Fib { vn: VnId, node: NodeId, change: [(Ipv4Net, Option<Action>); 1] },
}

/// The next hops of a node for a destination: bits, by the node's interfaces.
type Hops = u64;

pub struct Weather {
    pub links: Vec<[usize; 2]>,
    pub vns: Vec<VnId>,
    pub nodes: usize,
    /// By node: its links, in the order of its interfaces.
    at: Vec<Vec<usize>>,
    /// By VN and link.
    metrics: Vec<Vec<u32>>,
    down: BTreeSet<usize>,
    /// By VN, destination and node.
    hops: Vec<Vec<Vec<Hops>>>,
}

impl Weather {
    /// A sparse network: nodes on a plane, each tied to the nearest one before it, and short links on top.
    pub fn new(nodes: usize, links: usize, vns: u32, random: &mut Random) -> Self {
        let places: Vec<[i64; 2]> =
            (0..nodes).map(|_| [random.below(100_000) as i64, random.below(100_000) as i64]).collect();
        let distance =
            |a: usize, b: usize| (places[a][0] - places[b][0]).pow(2) + (places[a][1] - places[b][1]).pow(2);
        let mut made: BTreeSet<[usize; 2]> = BTreeSet::new();
        for node in 1..nodes {
            let nearest = (0..node).min_by_key(|other| distance(node, *other));
            made.extend(nearest.map(|nearest| [nearest, node]));
        }
        while made.len() < links {
            let node = random.below(nodes);
            let free = (0..nodes).filter(|other| *other != node);
            let free = free.filter(|other| !made.contains(&[node.min(*other), node.max(*other)]));
            let nearest = free.min_by_key(|other| distance(node, *other));
            made.extend(nearest.map(|other| [node.min(other), node.max(other)]));
        }
        let links: Vec<[usize; 2]> = made.into_iter().collect();
        let mut at = vec![Vec::new(); nodes];
        for (number, ends) in links.iter().enumerate() {
            ends.iter().for_each(|end| at[*end].push(number));
        }
        let vns: Vec<VnId> = (1..=vns).filter_map(|vn| VnId::try_from(vn).ok()).collect();
        let metrics =
            vns.iter().map(|_| links.iter().map(|_| 1 + random.below(4) as u32).collect()).collect();
        let mut this = Self { links, vns, nodes, at, metrics, down: BTreeSet::new(), hops: Vec::new() };
        this.hops = (0..this.vns.len()).map(|vn| this.route(vn)).collect();
        this
    }

    pub fn name(node: usize) -> NodeName {
        format!("n{node:05}").parse().expect("a name")
    }

    fn interface_name(link: usize) -> InterfaceName {
        format!("l{link}").parse().expect("an interface name")
    }

    /// The prefixes of interest of a node: its loopback and an attached prefix.
    pub fn prefixes(node: usize) -> [Ipv4Net; 2] {
        let number = node as u32;
        let loopback = Ipv4Addr::from(u32::from(Ipv4Addr::new(100, 64, 0, 0)) + number);
        let attached = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + (number << 8));
        [loopback.into(), Ipv4Net::new(attached, 24).expect("a length")]
    }

    pub fn topology(&self, borders: usize) -> Topology {
        let nodes = (0..self.nodes).map(|node| {
            let [loopback, attached] = Self::prefixes(node);
            let node_entry = Node {
                // The names sort as the numbers do.
                border: node * borders / self.nodes != (node + 1) * borders / self.nodes,
                loopback: Some(loopback.addr()),
                attached: [attached].into(),
                ..Node::default()
            };
            (Self::name(node), node_entry)
        });
        let nodes: BTreeMap<_, _> = nodes.collect();
        let links = self.links.iter().enumerate().map(|(number, [a, b])| {
            let name = Self::interface_name(number);
            Link { ends: [(Self::name(*a), name.clone()), (Self::name(*b), name)] }
        });
        let vn = VnTopology { nodes: nodes.keys().cloned().collect(), links: links.collect() };
        Topology { vns: self.vns.iter().map(|id| (*id, vn.clone())).collect(), nodes }
    }

    /// The FIB of a node.
    pub fn fib(&self, vn: usize, node: usize, verifier: &Verifier) -> Vec<(Ipv4Net, Action)> {
        let routes = (0..self.nodes).flat_map(|to| {
            let actions = self.actions(vn, to, node, self.hops[vn][to][node], verifier);
            actions.filter_map(|(prefix, action)| Some((prefix, action?)))
        });
        routes.collect()
    }

    /// A link fails or is repaired; adds what follows from it, in any order.
    pub fn turn(&mut self, link: usize, verifier: &Verifier, random: &mut Random, steps: &mut Vec<Step>) {
        let up = !self.down.insert(link);
        if up {
            self.down.remove(&link);
        }
        let mut updates = Vec::new();
        for (number, vn) in self.vns.iter().copied().enumerate() {
            let ends = self.links[link].map(|end| self.interface(vn, end, link, verifier));
            steps.push(Step::Link { vn, ends, up });
            let hops = self.route(number);
            for (to, now) in hops.iter().enumerate() {
                for (node, now) in
                    now.iter().enumerate().filter(|(n, now)| self.hops[number][to][*n] != **now)
                {
                    let id = verifier.node(&Self::name(node)).expect("a node");
                    let changes = self.actions(number, to, node, *now, verifier);
                    updates.extend(changes.map(|change| Step::Fib { vn, node: id, change: [change] }));
                }
            }
            self.hops[number] = hops;
        }
        for last in (1..updates.len()).rev() {
            updates.swap(last, random.below(last + 1));
        }
        steps.append(&mut updates);
    }

    fn interface(&self, vn: VnId, node: usize, link: usize, verifier: &Verifier) -> InterfaceId {
        let id = verifier.node(&Self::name(node)).expect("a node");
        verifier.interface(vn, id, &Self::interface_name(link)).expect("an interface")
    }

    fn actions(
        &self,
        vn: usize,
        to: usize,
        node: usize,
        hops: Hops,
        verifier: &Verifier,
    ) -> impl Iterator<Item = (Ipv4Net, Option<Action>)> {
        let links = self.at[node].iter().enumerate().filter(|(bit, _)| hops >> bit & 1 == 1);
        let next: Vec<_> =
            links.map(|(_, link)| self.interface(self.vns[vn], node, *link, verifier)).collect();
        let actions = if to == node {
            [None, Some(Action::Deliver)]
        } else {
            let action = (!next.is_empty()).then_some(Action::Forward(next));
            [action.clone(), action]
        };
        Self::prefixes(to).into_iter().zip(actions)
    }

    /// All shortest ways in a VN: by destination and node, the next hops.
    fn route(&self, vn: usize) -> Vec<Vec<Hops>> {
        let metrics = &self.metrics[vn];
        let other = |link: usize, node: usize| self.links[link][usize::from(self.links[link][0] == node)];
        let to_one = |to: usize| {
            let mut distances = vec![u32::MAX; self.nodes];
            let mut queue = BinaryHeap::from([(Reverse(0), to)]);
            distances[to] = 0;
            while let Some((Reverse(distance), node)) = queue.pop() {
                if distance > distances[node] {
                    continue;
                }
                for link in self.at[node].iter().filter(|link| !self.down.contains(link)) {
                    let (peer, sum) = (other(*link, node), distance + metrics[*link]);
                    if sum < distances[peer] {
                        distances[peer] = sum;
                        queue.push((Reverse(sum), peer));
                    }
                }
            }
            let hops = |node: usize| {
                let up = self.at[node].iter().enumerate().filter(|(_, link)| !self.down.contains(link));
                let best = up.filter(|(_, link)| {
                    let rest = distances[other(**link, node)];
                    node != to && rest != u32::MAX && rest + metrics[**link] == distances[node]
                });
                best.fold(0, |hops, (bit, _)| hops | 1 << bit)
            };
            (0..self.nodes).map(hops).collect()
        };
        (0..self.nodes).map(to_one).collect()
    }
}
