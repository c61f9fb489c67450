//! Single points of failure: nodes and links whose loss cuts a network in two.

use std::collections::{BTreeMap, HashMap};

use braid_proto::{NodeName, VnId};
use petgraph::{
    algo::{articulation_points, bridges::bridges},
    graph::{EdgeIndex, NodeIndex, UnGraph},
    visit::EdgeRef,
};
use serde::Serialize;

use crate::plan::{LinkEndPlan, LinkPlan, NodePlan, Plan};

/// The single points of failure of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct SinglePoints {
    /// Nodes whose loss parts other nodes, by number.
    pub nodes: Vec<CutNode>,
    /// Links whose loss parts nodes, by number.
    pub links: Vec<CutLink>,
}

/// A node whose loss parts other nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CutNode {
    /// The node.
    pub node: NodeName,
    /// What it would cut off: each of the parts left but the largest.
    pub cuts_off: Vec<Side>,
}

/// A link whose loss parts nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CutLink {
    /// Its number.
    pub link: u16,
    /// Its first end, as `node:interface`.
    pub a: String,
    /// Its second end, as `node:interface`.
    pub b: String,
    /// What it would cut off: the smaller of the two parts left.
    pub cuts_off: Side,
}

/// A part of the network that would be cut off from the largest one. The largest has the most nodes; with equally many, the
/// most borders; with equally many, the node of lowest number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// How many nodes it has.
    pub node_count: usize,
    /// How many of them are borders.
    pub border_count: usize,
    /// Its nodes by number, at most the first [`Side::NAMED`].
    pub nodes: Vec<NodeName>,
    /// Its borders by number, at most the first [`Side::NAMED`].
    pub borders: Vec<NodeName>,
}

impl Side {
    /// How many nodes and borders a side names at most: in a chain of thousands of nodes, all names of all sides would not
    /// fit into memory.
    pub const NAMED: usize = 100;
}

/// The single points of failure of the physical network.
///
/// Takes time proportional to the network's size for each point that it finds.
#[must_use]
pub fn single_points(plan: &Plan) -> SinglePoints {
    find(plan, plan.links.iter())
}

/// The single points of failure of a virtual network, where its layout is not the whole physical network; `None` where it
/// is, or if there is no such virtual network.
#[must_use]
pub fn single_points_of_vn(plan: &Plan, vn: VnId) -> Option<SinglePoints> {
    let vn = plan.vn(vn).filter(|vn| vn.links.len() < plan.links.len())?;
    Some(find(plan, vn.links.iter().filter_map(|number| plan.link(*number))))
}

/// Nodes by place in the plan. One edge joins two neighbours, whatever the number of links between them, which its weight
/// lists: petgraph finds bridges in simple graphs only.
type Graph<'a> = UnGraph<&'a NodePlan, Vec<&'a LinkPlan>>;

fn find<'a>(plan: &'a Plan, links: impl Iterator<Item = &'a LinkPlan>) -> SinglePoints {
    let graph = simple_graph(plan, links);

    // petgraph compares no weights here, but wants edges that could be compared.
    let bare = graph.map(|_, _| (), |_, _| ());
    let mut cut_nodes: Vec<_> = articulation_points::articulation_points(&bare).into_iter().collect();
    cut_nodes.sort_unstable();
    let nodes = cut_nodes.into_iter().map(|node| CutNode {
        node: graph[node].name.clone(),
        cuts_off: all_but_largest(parts(
            &graph,
            &graph.neighbors(node).collect::<Vec<_>>(),
            Without::Node(node),
        ))
        .iter()
        .map(|part| side(&graph, part))
        .collect(),
    });
    let nodes = nodes.collect();

    let mut links: Vec<_> = bridges(&graph)
        .filter_map(|edge| {
            let [link] = edge.weight()[..] else { return None };
            let parts = parts(&graph, &[edge.source(), edge.target()], Without::Edge(edge.id()));
            let smaller = all_but_largest(parts).into_iter().next()?;
            Some(CutLink {
                link: link.number,
                a: endpoint(&link.a),
                b: endpoint(&link.b),
                cuts_off: side(&graph, &smaller),
            })
        })
        .collect();
    links.sort_unstable_by_key(|l| l.link);
    SinglePoints { nodes, links }
}

fn simple_graph<'a>(plan: &'a Plan, links: impl Iterator<Item = &'a LinkPlan>) -> Graph<'a> {
    let mut graph = Graph::new_undirected();
    let indices: HashMap<&NodeName, NodeIndex> =
        plan.nodes.iter().map(|node| (&node.name, graph.add_node(node))).collect();
    let mut between: BTreeMap<(NodeIndex, NodeIndex), Vec<&LinkPlan>> = BTreeMap::new();
    for link in links {
        if let (Some(&a), Some(&b)) = (indices.get(&link.a.node), indices.get(&link.b.node))
            && a != b
        {
            between.entry((a.min(b), a.max(b))).or_default().push(link);
        }
    }
    for ((a, b), links) in between {
        graph.add_edge(a, b, links);
    }
    graph
}

/// What is taken out of the graph.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Node(NodeIndex),
    Edge(EdgeIndex),
}

/// A connected part of the graph.
struct Part {
    /// By number.
    nodes: Vec<NodeIndex>,
    borders: usize,
}

/// The parts that hold `starts` once something is taken out.
fn parts(graph: &Graph<'_>, starts: &[NodeIndex], without: Without) -> Vec<Part> {
    let mut seen = vec![false; graph.node_count()];
    if let Without::Node(node) = without {
        seen[node.index()] = true;
    }
    let mut parts = Vec::new();
    for &start in starts {
        if seen[start.index()] {
            continue;
        }
        seen[start.index()] = true;
        let mut nodes = vec![start];
        let mut next = 0;
        while let Some(&node) = nodes.get(next) {
            next += 1;
            for edge in graph.edges(node) {
                let neighbor = edge.target();
                if without != Without::Edge(edge.id()) && !seen[neighbor.index()] {
                    seen[neighbor.index()] = true;
                    nodes.push(neighbor);
                }
            }
        }
        nodes.sort_unstable();
        let borders = nodes.iter().filter(|node| graph[**node].border.is_some()).count();
        parts.push(Part { nodes, borders });
    }
    parts
}

/// Takes the largest part away; the others come by their lowest node.
fn all_but_largest(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_unstable_by_key(|part| part.nodes.first().copied());
    let size = |part: &Part| (part.nodes.len(), part.borders);
    // `max_by_key` would take the last of equals; reversed, that is the one with the lowest node.
    let largest = (0..parts.len()).rev().max_by_key(|index| size(&parts[*index]));
    if let Some(largest) = largest {
        parts.remove(largest);
    }
    parts
}

fn side(graph: &Graph<'_>, part: &Part) -> Side {
    let names = |borders_only: bool| {
        let nodes = part.nodes.iter().map(|node| graph[*node]);
        nodes
            .filter(|node| !borders_only || node.border.is_some())
            .take(Side::NAMED)
            .map(|node| node.name.clone())
            .collect()
    };
    Side {
        node_count: part.nodes.len(),
        border_count: part.borders,
        nodes: names(false),
        borders: names(true),
    }
}

fn endpoint(end: &LinkEndPlan) -> String {
    format!("{}:{}", end.node, end.interface)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use braid_proto::Engine;
    use braid_topology::LayoutRule;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Build, link, network, vn_id};

    fn names(side: &Side) -> Vec<&str> {
        side.nodes.iter().map(NodeName::as_str).collect()
    }

    #[test]
    fn a_tail_on_a_ring_hangs_by_its_link_and_its_node() {
        // a, b, c, f in a ring; d hangs on c, e on d.
        let plan = network(
            &["a", "b", "c", "d", "e", "f"],
            &["a:e1 b:e1", "b:e2 c:e1", "c:e2 f:e1", "c:e3 d:e1", "d:e2 e:e1", "f:e2 a:e2"],
        )
        .attach("e", &["198.18.5.0/24"])
        .planned();
        let points = single_points(&plan);

        let nodes: Vec<_> = points.nodes.iter().map(|n| (n.node.as_str(), names(&n.cuts_off[0]))).collect();
        assert_eq!(nodes, [("c", vec!["d", "e"]), ("d", vec!["e"])]);
        assert_eq!(points.nodes[0].cuts_off[0].borders, ["e".parse().unwrap()]);
        assert_eq!(
            (points.nodes[0].cuts_off[0].node_count, points.nodes[0].cuts_off[0].border_count),
            (2, 1)
        );

        let links: Vec<_> =
            points.links.iter().map(|l| (l.link, l.a.as_str(), l.b.as_str(), names(&l.cuts_off))).collect();
        assert_eq!(links, [(4, "c:e3", "d:e1", vec!["d", "e"]), (5, "d:e2", "e:e1", vec!["e"])]);
    }

    #[test]
    fn a_doubled_link_is_no_bridge_but_its_nodes_still_cut() {
        let plan = network(&["a", "b", "c"], &["a:e1 b:e1", "a:e2 b:e2", "b:e3 c:e1"]).planned();
        let points = single_points(&plan);
        assert_eq!(points.links.iter().map(|l| l.link).collect::<Vec<_>>(), [3]);
        assert_eq!(points.nodes.iter().map(|n| n.node.as_str()).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn of_halves_the_one_with_more_borders_stays_then_the_one_with_the_lowest_node() {
        let pair = network(&["a", "b"], &["a:e1 b:e1"]);
        assert_eq!(names(&single_points(&pair.planned()).links[0].cuts_off), ["b"]);
        let pair = pair.attach("b", &["198.18.1.0/24"]);
        assert_eq!(names(&single_points(&pair.planned()).links[0].cuts_off), ["a"]);
    }

    #[test]
    fn a_vn_of_fewer_links_has_single_points_of_its_own() {
        let plan = network(&["a", "b", "c"], &["a:e1 b:e1", "b:e2 c:e1", "c:e2 a:e2"])
            .vn(1, "red", Engine::FrrOspf, LayoutRule::Full)
            .vn(2, "blue", Engine::BirdOspf, LayoutRule::Without(vec![2]))
            .planned();
        assert_eq!(single_points(&plan), SinglePoints::default());
        assert_eq!(single_points_of_vn(&plan, vn_id(1)), None, "its layout is the whole network");
        let blue = single_points_of_vn(&plan, vn_id(2)).unwrap();
        assert_eq!(blue.nodes[0].node.as_str(), "b");
        assert_eq!(blue.links.iter().map(|l| l.link).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_long_chain_names_only_the_first_nodes_of_a_side() {
        let names: Vec<_> = (0..500).map(|i| format!("n{i}")).collect();
        let mut topology = network(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        topology.links = (1..500).map(|i| link(&format!("n{}:e1 n{i}:e0", i - 1))).collect();
        let points = single_points(&topology.planned());
        assert_eq!((points.nodes.len(), points.links.len()), (498, 499));
        let largest = points.links.iter().map(|l| &l.cuts_off).max_by_key(|s| s.node_count).unwrap();
        assert_eq!((largest.node_count, largest.nodes.len()), (250, Side::NAMED));
    }

    /// The connected parts of nodes 0 to `count` without `gone`, by fusing labels: nothing in common with the code above.
    fn oracle(count: usize, links: &[(usize, usize)], gone: Option<usize>) -> BTreeSet<BTreeSet<usize>> {
        let mut label: Vec<usize> = (0..count).collect();
        for &(a, b) in links.iter().filter(|(a, b)| Some(*a) != gone && Some(*b) != gone) {
            let (from, to) = (label[a], label[b]);
            label.iter_mut().filter(|l| **l == from).for_each(|l| *l = to);
        }
        let part =
            |of: usize| (0..count).filter(|n| label[*n] == of && Some(*n) != gone).collect::<BTreeSet<_>>();
        (0..count).map(part).filter(|p| !p.is_empty()).collect()
    }

    /// What is cut off when `after` is what becomes of `before`.
    fn cut_off(
        before: &BTreeSet<BTreeSet<usize>>,
        after: &BTreeSet<BTreeSet<usize>>,
        borders: &[bool],
    ) -> BTreeSet<BTreeSet<usize>> {
        let mut fresh: Vec<_> = after.difference(before).cloned().collect();
        let weight = |part: &BTreeSet<usize>| {
            (
                part.len(),
                part.iter().filter(|n| borders[**n]).count(),
                std::cmp::Reverse(part.first().copied()),
            )
        };
        fresh.sort_by_key(weight);
        fresh.pop();
        fresh.into_iter().collect()
    }

    fn as_set(side: &Side) -> BTreeSet<usize> {
        side.nodes.iter().map(|n| n.as_str()[1..].parse().unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn single_points_are_those_whose_removal_parts_the_network(
            borders in prop::collection::vec(any::<bool>(), 1..10),
            pairs in prop::collection::vec((0..10_usize, 0..10_usize), 0..16),
        ) {
            let count = borders.len();
            let pairs: Vec<_> = pairs.into_iter().filter(|(a, b)| a != b && *a < count && *b < count).collect();
            let names: Vec<_> = (0..count).map(|i| format!("n{i}")).collect();
            let mut topology = network(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
            topology.links =
                pairs.iter().enumerate().map(|(i, (a, b))| link(&format!("n{a}:e{i} n{b}:e{i}"))).collect();
            for (index, name) in names.iter().enumerate().filter(|(index, _)| borders[*index]) {
                topology = topology.attach(name, &[&format!("198.18.{index}.0/24")]);
            }
            let points = single_points(&topology.planned());
            let whole = oracle(count, &pairs, None);

            let mut expected = Vec::new();
            for (gone, name) in names.iter().enumerate() {
                let cuts = cut_off(&whole, &oracle(count, &pairs, Some(gone)), &borders);
                if !cuts.is_empty() {
                    expected.push((name.clone(), cuts));
                }
            }
            let found: Vec<_> = points
                .nodes
                .iter()
                .map(|n| (n.node.to_string(), n.cuts_off.iter().map(as_set).collect::<BTreeSet<_>>()))
                .collect();
            prop_assert_eq!(found, expected);

            let mut expected = Vec::new();
            for gone in 0..pairs.len() {
                let mut rest = pairs.clone();
                rest.remove(gone);
                let cuts = cut_off(&whole, &oracle(count, &rest, None), &borders);
                expected.extend(cuts.into_iter().map(|cut| (gone + 1, cut)));
            }
            let found: Vec<_> =
                points.links.iter().map(|l| (usize::from(l.link), as_set(&l.cuts_off))).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
