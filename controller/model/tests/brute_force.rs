//! The model against an enumeration of every simple path, on small random networks whose links come and go.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, net::Ipv4Addr};

use braid_layout::{Allocation, Plan};
use braid_model::{Expected, Model, NextHop};
use braid_proto::{NodeName, VnId};
use braid_topology::{AttachedPrefix, Border, Endpoint, Link, Node};
use ipnet::Ipv4Net;
use proptest::prelude::*;

const NODES: usize = 6;
const PREFIXES: usize = 3;

fn prefix(number: usize) -> Ipv4Net {
    Ipv4Net::new(Ipv4Addr::new(198, 18, u8::try_from(number).unwrap(), 0), 24).unwrap()
}

/// The smallest network there is. Others are made from it by hand, since a file may neither attach a prefix to several
/// nodes nor leave nodes without a way between them.
const PAIR: &str = r#"
name: net
topology:
  nodes: { n0: {}, n1: {} }
  links: [{ endpoints: ["n0:a0", "n1:b0"] }]
vns: [{ id: 1, name: red, engine: bird-ospf }]
"#;

/// Nodes n0 to n5; `owned[node]` says which prefixes are attached there; links as (end, end, metric).
fn plan(owned: &[Vec<bool>], links: &[(usize, usize, u16)]) -> Plan {
    let mut topology = braid_topology::parse(PAIR, "net.yaml").unwrap();
    let (some_node, some_link) = (topology.nodes[0].clone(), topology.links[0].clone());
    let nodes = owned.iter().enumerate().map(|(node, owned)| {
        let attached =
            |p| AttachedPrefix { prefix: prefix(p), interface: format!("cust{p}").parse().unwrap() };
        let prefixes: Vec<_> = (0..PREFIXES).filter(|p| owned[*p]).map(attached).collect();
        let border = (!prefixes.is_empty()).then_some(Border { prefixes });
        Node { name: format!("n{node}").parse().unwrap(), border, ..some_node.clone() }
    });
    topology.nodes = nodes.collect();
    let links = links.iter().enumerate().map(|(number, (a, b, metric))| {
        let end = |node, side| Endpoint {
            node: format!("n{node}").parse().unwrap(),
            interface: format!("{side}{number}").parse().unwrap(),
        };
        Link { a: end(*a, "a"), b: end(*b, "b"), metric: *metric, ..some_link.clone() }
    });
    topology.links = links.collect();
    let mut allocation = Allocation::default();
    allocation.update(&topology).unwrap();
    braid_layout::plan(&topology, &allocation).unwrap()
}

/// What is read off from every simple path, by the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Enumerated {
    egress: BTreeSet<NodeName>,
    distance: u32,
    next_hops: BTreeSet<NextHop>,
}

/// Follows every simple path from `at`; at owners, offers what it has come to.
fn walk(
    plan: &Plan,
    down: &BTreeSet<u16>,
    wanted: Ipv4Net,
    path: &mut Vec<NodeName>,
    (distance, first): (u32, Option<NextHop>),
    best: &mut Option<Enumerated>,
) {
    let node = plan.node(path.last().unwrap()).unwrap();
    let router = &node.routers[0];
    if router.attached.contains(&wanted) {
        let port = || {
            let port = router.port.as_ref().unwrap();
            NextHop { interface: port.router_interface.clone(), gateway: port.node_address.addr() }
        };
        let found = Enumerated {
            egress: [node.name.clone()].into(),
            distance,
            next_hops: [first.clone().unwrap_or_else(port)].into(),
        };
        match best {
            Some(best) if best.distance < distance => {}
            Some(best) if best.distance == distance => {
                best.egress.extend(found.egress);
                best.next_hops.extend(found.next_hops);
            }
            _ => *best = Some(found),
        }
    }
    for link in &router.links {
        if down.contains(&link.link) || path.contains(&link.peer_node) {
            continue;
        }
        let hop = NextHop { interface: link.interface.clone(), gateway: link.peer_address };
        let next = (distance + u32::from(link.metric), Some(first.clone().unwrap_or(hop)));
        path.push(link.peer_node.clone());
        walk(plan, down, wanted, path, next, best);
        path.pop();
    }
}

fn enumerate(plan: &Plan, down: &BTreeSet<u16>, at: &NodeName, wanted: Ipv4Net) -> Option<Enumerated> {
    let mut best = None;
    walk(plan, down, wanted, &mut vec![at.clone()], (0, None), &mut best);
    best
}

fn read(expected: &Expected) -> Enumerated {
    let (egress, next_hops) = (expected.egress.clone(), expected.next_hops.clone());
    Enumerated { egress, distance: expected.distance, next_hops }
}

/// Links of small metrics, so that ties are common; also several between two nodes.
fn links() -> impl Strategy<Value = Vec<(usize, usize, u16)>> {
    let link = (0..NODES, 0..NODES, 1_u16..4).prop_filter("a link joins two nodes", |(a, b, _)| a != b);
    prop::collection::vec(link, 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_model_says_what_every_simple_path_says_and_since_when(
        owned in prop::collection::vec(prop::collection::vec(prop::bool::weighted(0.3), PREFIXES), NODES),
        links in links(),
        steps in prop::collection::vec(prop::collection::btree_set(0_usize..10, 0..4), 1..6),
    ) {
        let plan = plan(&owned, &links);
        let vn = VnId::try_from(1_u32).unwrap();
        let mut model = Model::new(&plan);
        let places = || plan.nodes.iter().flat_map(|node| (0..PREFIXES).map(move |p| (&node.name, prefix(p))));
        let mut before: Vec<Option<Expected>> = places().map(|(at, to)| model.expected(vn, at, to)).collect();
        for step in steps {
            let down: BTreeSet<u16> =
                step.iter().filter_map(|link| plan.links.get(*link)).map(|link| link.number).collect();
            model.set_links_down(vn, &down);
            for ((at, to), before) in places().zip(&mut before) {
                let expected = model.expected(vn, at, to);
                prop_assert_eq!(expected.as_ref().map(read), enumerate(&plan, &down, at, to), "{} to {}", at, to);
                let egress = model.egress(vn, at, to).map(|e| e.into_iter().cloned().collect());
                prop_assert_eq!(expected.as_ref().map(|e| e.egress.clone()), egress);
                if let (Some(old), Some(new)) = (&*before, &expected) {
                    let same = read(old) == read(new);
                    prop_assert_eq!(new.since, if same { old.since } else { model.revision() });
                    let same = old.egress == new.egress;
                    prop_assert_eq!(new.egress_since, if same { old.egress_since } else { model.revision() });
                } else if let Some(new) = &expected {
                    prop_assert_eq!((new.since, new.egress_since), (model.revision(), model.revision()));
                }
                *before = expected;
            }
        }
    }
}
