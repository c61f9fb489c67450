//! What the model costs at the size of Deltacom and beyond: 754 nodes, 895 links, 100 prefixes at 100 borders.
//!
//! `cargo run --release -p braid-model --example figures`

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    collections::BTreeSet,
    hint::black_box,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use braid_layout::{Allocation, Plan};
use braid_model::Model;
use braid_proto::VnId;
use braid_topology::{AttachedPrefix, Border, Endpoint, Link, Node};
use ipnet::Ipv4Net;

const NODES: usize = 754;
const CHORDS: usize = 141;
const PREFIXES: usize = 100;

const PAIR: &str = r#"
name: figures
topology:
  nodes: { n0: {}, n1: {} }
  links: [{ endpoints: ["n0:a0", "n1:b0"] }]
vns: [{ id: 1, name: red, engine: bird-ospf }]
"#;

/// A ring with chords, whose ends and metrics come from a fixed sequence.
fn plan() -> Plan {
    let mut seed = 1_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let mut topology = braid_topology::parse(PAIR, "figures.yaml").unwrap();
    let (some_node, some_link) = (topology.nodes[0].clone(), topology.links[0].clone());
    let border = |node: usize| {
        let number = u8::try_from(node * PREFIXES / NODES).unwrap();
        let prefix = Ipv4Net::new(Ipv4Addr::new(198, 18, number, 0), 24).unwrap();
        let interface = "cust0".parse().unwrap();
        Border { prefixes: vec![AttachedPrefix { prefix, interface }] }
    };
    let is_first = |node: usize| node == 0 || node * PREFIXES / NODES != (node - 1) * PREFIXES / NODES;
    let node = |node: usize| Node {
        name: format!("n{node}").parse().unwrap(),
        border: is_first(node).then(|| border(node)),
        ..some_node.clone()
    };
    topology.nodes = (0..NODES).map(node).collect();
    let ring = (0..NODES).map(|node| (node, (node + 1) % NODES)).collect::<Vec<_>>();
    let chords = (0..CHORDS).map(|_| {
        let from = random(NODES);
        (from, (from + 2 + random(NODES - 3)) % NODES)
    });
    let pairs: Vec<_> = ring.into_iter().chain(chords.collect::<Vec<_>>()).collect();
    let links = pairs.into_iter().enumerate().map(|(number, (a, b))| {
        let end = |node, side| Endpoint {
            node: format!("n{node}").parse().unwrap(),
            interface: format!("{side}{number}").parse().unwrap(),
        };
        let metric = 10 * u16::try_from(1 + random(5)).unwrap();
        Link { a: end(a, "a"), b: end(b, "b"), metric, ..some_link.clone() }
    });
    topology.links = links.collect();
    let mut allocation = Allocation::default();
    allocation.update(&topology).unwrap();
    braid_layout::plan(&topology, &allocation).unwrap()
}

fn main() {
    let plan = plan();
    let vn = VnId::try_from(1_u32).unwrap();
    println!("{} nodes, {} links, {PREFIXES} prefixes", plan.nodes.len(), plan.links.len());

    let begin = Instant::now();
    let mut model = Model::new(&plan);
    println!("new: {:?}", begin.elapsed());

    let mut times: Vec<Duration> = Vec::new();
    for link in plan.links.iter().step_by(3) {
        for down in [BTreeSet::from([link.number]), BTreeSet::new()] {
            let begin = Instant::now();
            model.set_links_down(vn, &down);
            times.push(begin.elapsed());
        }
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!("a link down or up: p50 {:?}, p99 {:?}, longest {:?}", at(50), at(99), at(100));

    let everything: BTreeSet<u16> = plan.links.iter().map(|l| l.number).collect();
    model.set_links_down(vn, &everything);
    let begin = Instant::now();
    model.set_links_down(vn, &BTreeSet::new());
    println!("all links up at once, every path anew: {:?}", begin.elapsed());

    let begin = Instant::now();
    let mut asked = 0_u32;
    for node in &plan.nodes {
        for prefix in model.prefixes() {
            black_box(model.expected(vn, &node.name, prefix));
            asked += 1;
        }
    }
    println!("expected: {:?} each", begin.elapsed() / asked);
}
