//! A small world for tests: nodes by letter, one VN, links such as `ab`, whose interfaces are named by the far end (`to-b`).

use braid_proto::{InterfaceName, NodeName, VnId};
use braid_verify::{Action, InterfaceId, Link, Node, NodeId, Topology, Verdict, Verifier, VnTopology};
use ipnet::Ipv4Net;

pub fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

pub fn vn() -> VnId {
    VnId::try_from(1_u32).unwrap()
}

pub fn name(letter: char) -> NodeName {
    letter.to_string().parse().unwrap()
}

pub fn port(peer: char) -> InterfaceName {
    format!("to-{peer}").parse().unwrap()
}

/// Nodes that are all borders; node `a` has loopback 100.64.0.1, `b` 100.64.0.2 and so on.
pub fn topology(nodes: &str, links: &str, attached: &[(char, &str)]) -> Topology {
    let mut topology = Topology::default();
    for (number, letter) in (1..).zip(nodes.chars()) {
        let own = attached.iter().filter(|(at, _)| *at == letter);
        let node = Node {
            border: true,
            loopback: Some([100, 64, 0, number].into()),
            attached: own.map(|(_, prefix)| net(prefix)).collect(),
            ..Node::default()
        };
        topology.nodes.insert(name(letter), node);
    }
    let link = |link: &str| {
        let [a, b]: [char; 2] = link.chars().collect::<Vec<_>>().try_into().unwrap();
        Link { ends: [(name(a), port(b)), (name(b), port(a))] }
    };
    let vn_topology = VnTopology {
        nodes: topology.nodes.keys().cloned().collect(),
        links: links.split_whitespace().map(link).collect(),
    };
    topology.vns.insert(vn(), vn_topology);
    topology
}

/// A verifier of one VN, spoken to in letters.
pub struct World(pub Verifier);

impl World {
    /// A world in which every FIB is known and empty.
    pub fn new(nodes: &str, links: &str, attached: &[(char, &str)]) -> Self {
        let mut this = Self(Verifier::new(&topology(nodes, links, attached)).unwrap());
        nodes.chars().for_each(|node| this.snapshot(node, &[]));
        this.0.changes();
        this
    }

    pub fn node(&self, letter: char) -> NodeId {
        self.0.node(&name(letter)).unwrap()
    }

    pub fn interface(&self, node: char, peer: char) -> InterfaceId {
        self.0.interface(vn(), self.node(node), &port(peer)).unwrap()
    }

    pub fn to(&self, node: char, peers: &str) -> Action {
        Action::Forward(peers.chars().map(|peer| self.interface(node, peer)).collect())
    }

    pub fn set(&mut self, node: char, prefix: &str, action: Action) {
        self.0.apply(vn(), self.node(node), &[(net(prefix), Some(action))]).unwrap();
    }

    /// `node` sends `prefix` to `peers`.
    pub fn send(&mut self, node: char, prefix: &str, peers: &str) {
        self.set(node, prefix, self.to(node, peers));
    }

    pub fn remove(&mut self, node: char, prefix: &str) {
        self.0.apply(vn(), self.node(node), &[(net(prefix), None)]).unwrap();
    }

    pub fn snapshot(&mut self, node: char, routes: &[(&str, Action)]) {
        let routes: Vec<_> = routes.iter().map(|(prefix, action)| (net(prefix), action.clone())).collect();
        self.0.set_snapshot(vn(), self.node(node), &routes).unwrap();
    }

    pub fn link(&mut self, node: char, peer: char, up: bool) {
        self.0.set_link(vn(), self.interface(node, peer), up).unwrap();
    }

    pub fn letter(&self, node: NodeId) -> char {
        self.0.node_name(node).unwrap().as_str().chars().next().unwrap()
    }

    /// A verdict as text, such as `at d, dropped at c (NoRoute), loop ab, unknown at e, in part`.
    pub fn verdict(&self, prefix: &str, ingress: char) -> String {
        self.show(&self.0.verdict(vn(), net(prefix), self.node(ingress)).unwrap())
    }

    pub fn show(&self, verdict: &Verdict) -> String {
        let Verdict { egress, loops, drops, unknown, partial } = verdict;
        let mut parts = Vec::new();
        parts.extend(egress.iter().map(|node| format!("at {}", self.letter(*node))));
        parts.extend(drops.iter().map(|(node, why)| format!("dropped at {} ({why:?})", self.letter(*node))));
        let letters = |nodes: &Vec<NodeId>| nodes.iter().map(|node| self.letter(*node)).collect::<String>();
        parts.extend(loops.iter().map(|nodes| format!("loop {}", letters(nodes))));
        parts.extend(unknown.iter().map(|node| format!("unknown at {}", self.letter(*node))));
        parts.extend(partial.then(|| "in part".to_owned()));
        parts.join(", ")
    }

    /// The changes since last asked, as `prefix ingress: verdict`, sorted.
    pub fn changes(&mut self) -> Vec<String> {
        let changes = self.0.changes();
        let mut lines: Vec<String> = changes
            .iter()
            .map(|c| format!("{} {}: {}", c.prefix, self.letter(c.ingress), self.show(&c.verdict)))
            .collect();
        lines.sort();
        lines
    }
}
