//! GraphML, in the dialect of the Internet Topology Zoo.
//!
//! Attributes are found by the `attr.name` and `for` of their `key`, whose ids differ from file to file. Nodes with
//! `Internal` 0 belong to other networks: each becomes a customer of its first neighbour.

use std::collections::{BTreeSet, HashMap};

use roxmltree::{Document, Node, ParsingOptions};

use super::{
    Imported,
    draft::{Draft, DraftLink, DraftNode, base_name},
};
use crate::{
    diagnostic::{Diagnostics, Place, shown},
    yaml::{MAX_BYTES, too_large},
};

/// Elements, attributes and texts; a network of 1024 nodes and 4096 links with 20 attributes each has 400,000.
const MAX_XML_NODES: u32 = 1_000_000;

/// Equals signs between two `<`, so that no element has more attributes: the XML reader compares each with each.
const MAX_ATTRIBUTES: usize = 256;

/// Turns a GraphML file into a native one. `file_name` stands before errors, and its stem names a network that does
/// not name itself.
///
/// # Errors
/// That the text is not XML or not GraphML, is larger than 4 MiB, or holds no network that a native file could hold.
///
/// # Example
/// ```
/// let text = r#"<graphml><graph edgedefault="undirected">
///   <node id="0"/><node id="1"/><edge source="0" target="1"/>
/// </graph></graphml>"#;
/// let imported = braid_topology::import_graphml(text, "pair.graphml")?;
/// let yaml = imported.yaml + "  - { id: 1, name: red, engine: frr-ospf }\n";
/// assert_eq!(braid_topology::parse(&yaml, "pair.yaml")?.links.len(), 1);
/// # Ok::<(), braid_topology::Diagnostics>(())
/// ```
pub fn import_graphml(text: &str, file_name: &str) -> Result<Imported, Diagnostics> {
    if text.len() > MAX_BYTES {
        return Err(too_large(file_name, text.len() as u64));
    }
    if text.split('<').any(|element| element.matches('=').nth(MAX_ATTRIBUTES).is_some()) {
        let message =
            format!("an element has more than {MAX_ATTRIBUTES} attributes: this is no GraphML of a network");
        return Err(Diagnostics::one(file_name, None, message));
    }
    let whole = |message: String| Diagnostics::one(file_name, None, message);
    let options =
        ParsingOptions { allow_dtd: false, nodes_limit: MAX_XML_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let at = error.pos();
        let message = format!("this is not the XML it should be: {}", shown(&error.to_string()));
        Diagnostics::one(file_name, Some(Place { line: at.row, column: at.col }), message)
    })?;
    let mut graphs = document.root_element().children().filter(|n| n.has_tag_name_local("graph"));
    let graph =
        graphs.next().filter(|_| document.root_element().has_tag_name_local("graphml")).ok_or_else(|| {
            Diagnostics::one(
                file_name,
                Some(Place::START),
                "this is not GraphML: a `graphml` element with a `graph` in it is needed",
            )
        })?;
    let mut draft = Draft { origin: format!("{} (GraphML)", base_name(file_name)), ..Draft::default() };
    let others = graphs.count();
    if others > 0 {
        draft.guesses.push(format!("the file has {} graphs: the first was taken", others + 1));
    }
    Reader { keys: keys(document.root_element()) }.read(graph, file_name, &mut draft);
    draft.finish().map_err(whole)
}

/// Element names without regard to namespace, which some files leave out.
trait LocalName {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl LocalName for Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

/// An attribute that the file declares.
struct Key<'a> {
    /// Lower case.
    name: String,
    /// `node`, `edge`, `graph` or `all`.
    domain: &'a str,
}

fn keys<'a>(root: Node<'a, '_>) -> HashMap<&'a str, Key<'a>> {
    root.children()
        .filter(|n| n.has_tag_name_local("key"))
        .filter_map(|key| {
            let name = key.attribute("attr.name")?.to_lowercase();
            Some((key.attribute("id")?, Key { name, domain: key.attribute("for").unwrap_or("all") }))
        })
        .collect()
}

struct Reader<'a> {
    keys: HashMap<&'a str, Key<'a>>,
}

impl Reader<'_> {
    /// The value of attribute `name` (lower case) of `element`, a `domain`.
    fn data<'d>(&self, element: Node<'d, '_>, domain: &str, name: &str) -> Option<&'d str> {
        element.children().filter(|n| n.has_tag_name_local("data")).find_map(|data| {
            let key = self.keys.get(data.attribute("key")?)?;
            let text = data.text().map(str::trim).filter(|text| !text.is_empty());
            text.filter(|_| key.name == name && [domain, "all"].contains(&key.domain))
        })
    }

    fn read(&self, graph: Node<'_, '_>, file_name: &str, draft: &mut Draft) {
        let stem = base_name(file_name);
        let stem = stem.rsplit_once('.').map_or(stem.as_str(), |(stem, _)| stem);
        let name = ["label", "network"].iter().find_map(|key| self.data(graph, "graph", key));
        draft.name = name.unwrap_or(stem).to_owned();
        if graph.attribute("edgedefault") == Some("directed") {
            draft.guesses.push("the graph is directed: every edge was taken as a link both ways".to_owned());
        }
        let (index, external) = self.read_nodes(graph, draft);
        let edges = self.read_edges(graph, &index, draft);
        add(edges, &external, draft);
    }

    /// The nodes by id, and which of them belong to other networks.
    fn read_nodes<'d>(
        &self,
        graph: Node<'d, '_>,
        draft: &mut Draft,
    ) -> (HashMap<&'d str, usize>, BTreeSet<usize>) {
        let mut index = HashMap::new();
        let mut external = BTreeSet::new();
        for node in graph.children().filter(|n| n.has_tag_name_local("node")) {
            let id = node.attribute("id").unwrap_or_default();
            let number = draft.nodes.len();
            if id.is_empty() || index.contains_key(id) {
                draft
                    .guesses
                    .push(format!("a node with the id `{}` was dropped: ids must differ", shown(id)));
                continue;
            }
            index.insert(id, number);
            let label = self.data(node, "node", "label").map_or_else(|| format!("node {id}"), str::to_owned);
            if self.data(node, "node", "internal") == Some("0") {
                external.insert(number);
            }
            let position = self.position(node, &label, draft);
            draft.nodes.push(DraftNode { label, position, customers: Vec::new() });
        }
        (index, external)
    }

    fn position(&self, node: Node<'_, '_>, label: &str, draft: &mut Draft) -> Option<(f64, f64)> {
        let (latitude, longitude) =
            (self.data(node, "node", "latitude")?, self.data(node, "node", "longitude")?);
        let in_range = |text: &str, bound: f64| {
            text.parse::<f64>().ok().filter(|degrees| (-bound..=bound).contains(degrees))
        };
        let position = in_range(latitude, 90.0).zip(in_range(longitude, 180.0));
        if position.is_none() {
            draft.guesses.push(format!(
                "the position of `{}` ({}, {}) is not on Earth and was dropped",
                shown(label),
                shown(latitude),
                shown(longitude)
            ));
        }
        position
    }

    fn read_edges(
        &self,
        graph: Node<'_, '_>,
        index: &HashMap<&str, usize>,
        draft: &mut Draft,
    ) -> Vec<[usize; 2]> {
        let mut edges = Vec::new();
        let mut dangling = 0;
        for edge in graph.children().filter(|n| n.has_tag_name_local("edge")) {
            let end = |side| edge.attribute(side).and_then(|id| index.get(id)).copied();
            match (end("source"), end("target")) {
                (Some(a), Some(b)) => edges.push([a, b]),
                _ => dangling += 1,
            }
        }
        if dangling > 0 {
            draft.guesses.push(format!("{dangling} edge(s) were dropped: an end is no node of the graph"));
        }
        edges
    }
}

/// Adds the links, and turns nodes of other networks into customers.
fn add(edges: Vec<[usize; 2]>, external: &BTreeSet<usize>, draft: &mut Draft) {
    if external.len() == draft.nodes.len() {
        draft.links = edges.into_iter().map(|[a, b]| DraftLink::between(a, b)).collect();
        return;
    }
    let mut neighbours: HashMap<usize, Vec<usize>> = HashMap::new();
    for [a, b] in &edges {
        for (node, other) in [(a, b), (b, a)] {
            if external.contains(node) && !external.contains(other) {
                neighbours.entry(*node).or_default().push(*other);
            }
        }
    }
    for node in external {
        let label = draft.nodes[*node].label.clone();
        match neighbours.get(node).map(Vec::as_slice) {
            Some([first, rest @ ..]) => {
                draft.guesses.push(format!(
                    "`{}` belongs to another network (Internal is 0) and became a customer of `{}`{}",
                    shown(&label),
                    shown(&draft.nodes[*first].label),
                    if rest.is_empty() { String::new() } else { format!("; {} more link(s) of it were dropped", rest.len()) }
                ));
                draft.nodes[*first].customers.push((label, None));
            }
            _ => draft.guesses.push(format!(
                "`{}` belongs to another network (Internal is 0), has no neighbour in this one and was dropped",
                shown(&label)
            )),
        }
    }
    // The nodes of this network keep their order and are numbered anew.
    let number = |node: usize| node - external.range(..node).count();
    draft.links = edges
        .into_iter()
        .filter(|[a, b]| !external.contains(a) && !external.contains(b))
        .map(|[a, b]| DraftLink::between(number(a), number(b)))
        .collect();
    let mut position = 0;
    draft.nodes.retain(|_| {
        position += 1;
        !external.contains(&(position - 1))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Topology, parse};

    /// Label, latitude and longitude, `Internal`.
    type ZooNode<'a> = (&'a str, Option<(f64, f64)>, &'a str);

    /// A graph in the Zoo's dialect, edges by the numbers of their nodes.
    fn zoo(nodes: &[ZooNode<'_>], edges: &[(usize, usize)]) -> String {
        let mut text = "<?xml version=\"1.0\"?><graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\
            <key attr.name=\"label\" attr.type=\"string\" for=\"graph\" id=\"d7\"/>\
            <key attr.name=\"label\" attr.type=\"string\" for=\"node\" id=\"d3\"/>\
            <key attr.name=\"label\" attr.type=\"string\" for=\"edge\" id=\"d1\"/>\
            <key attr.name=\"Latitude\" for=\"node\" id=\"d9\"/><key attr.name=\"Longitude\" for=\"node\" id=\"d0\"/>\
            <key attr.name=\"Internal\" for=\"node\" id=\"d5\"/>\
            <graph edgedefault=\"undirected\"><data key=\"d7\">Test Net</data>"
            .to_owned();
        for (number, (label, position, internal)) in nodes.iter().enumerate() {
            text += &format!(
                "<node id=\"{number}\"><data key=\"d3\">{label}</data><data key=\"d5\">{internal}</data>"
            );
            if let Some((latitude, longitude)) = position {
                text += &format!("<data key=\"d9\">{latitude}</data><data key=\"d0\">{longitude}</data>");
            }
            text += "</node>";
        }
        for (a, b) in edges {
            text += &format!("<edge source=\"{a}\" target=\"{b}\"><data key=\"d1\">OC-48</data></edge>");
        }
        text + "</graph></graphml>"
    }

    fn import(text: &str) -> (Topology, Vec<String>) {
        let imported = import_graphml(text, "/some/where/test.graphml").unwrap();
        (parse(&imported.yaml.replace("  # - {", "  - {"), "imported").unwrap(), imported.guesses)
    }

    #[track_caller]
    fn guessed(guesses: &[String], what: &str) {
        assert!(guesses.iter().any(|guess| guess.contains(what)), "nothing about `{what}` in {guesses:#?}");
    }

    fn names(topology: &Topology) -> Vec<&str> {
        topology.nodes.iter().map(|node| node.name.as_str()).collect()
    }

    #[test]
    fn distances_become_metrics_and_delays_and_far_ends_become_borders() {
        let paris = Some((48.8566, 2.3522));
        let london = Some((51.5074, -0.1278));
        let (topology, guesses) = import(&zoo(
            &[("Paris", paris, "1"), ("London", london, "1"), ("Moon", None, "1")],
            &[(0, 1), (1, 2)],
        ));
        assert_eq!(topology.name.as_str(), "test-net");
        // 343.6 km by the haversine.
        assert_eq!(topology.links[0].metric, 34);
        assert_eq!(topology.links[0].delay, Some(std::time::Duration::from_micros(1720)));
        assert_eq!((topology.links[1].metric, topology.links[1].delay), (10, None));
        assert_eq!(topology.links[1].a.interface.as_str(), "eth2");
        assert_eq!(topology.nodes.iter().filter(|n| n.border.is_some()).count(), 3);
        guessed(&guesses, "1 link(s) have metric = km / 10, at least 1, and delay = 5 us per km");
        guessed(&guesses, "1 link(s) have metric 10 and no delay, since an end has no position");
        guessed(&guesses, "were made borders, with a /24 of 198.18.0.0/15 each");
        guessed(&guesses, "the network is called `test-net`");
    }

    #[test]
    fn labels_become_unique_names_and_changes_are_said() {
        let long = "University of Illinois, Urbana-Champaign [NCSA]";
        let labels = ["New York", "New York", "Plzeň, \"B\"", long, "…", "x", "x-host"];
        let nodes: Vec<_> = labels.iter().map(|label| (*label, None, "1")).collect();
        let (topology, guesses) = import(&zoo(&nodes, &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]));
        assert_eq!(
            names(&topology),
            ["new-york", "new-york-2", "plzen-b", "university-of-illinois-urbana", "node-5", "x", "x-node"]
        );
        guessed(&guesses, "`New York` is called `new-york-2`");
        guessed(&guesses, "`x-host` is called `x-node`");
        assert!(!guesses.iter().any(|guess| guess.contains("is called `new-york`")), "{guesses:#?}");
    }

    #[test]
    fn odd_edges_and_lost_parts_are_dropped_and_parallel_links_kept() {
        let nodes = [("a", None, "1"), ("b", None, "1"), ("c", None, "1"), ("lost", None, "1")];
        let (topology, guesses) = import(&zoo(&nodes, &[(0, 1), (1, 0), (1, 1), (1, 2), (2, 9)]));
        assert_eq!(names(&topology), ["a", "b", "c"]);
        let ends: Vec<_> =
            topology.links.iter().map(|l| format!("{}-{}", l.a.interface, l.b.interface)).collect();
        assert_eq!(ends, ["eth1-eth1", "eth2-eth2", "eth3-eth1"]);
        guessed(&guesses, "2 parallel links between `a` and `b` were kept");
        guessed(&guesses, "1 link(s) from a node to itself were dropped");
        guessed(&guesses, "1 edge(s) were dropped: an end is no node of the graph");
        guessed(&guesses, "in 2 parts: the largest, of 3 nodes, was kept, and 1 node(s) dropped: `lost`");
    }

    #[test]
    fn nodes_of_other_networks_become_customers() {
        let nodes = [
            ("peer", None, "0"),
            ("a", None, "1"),
            ("b", None, "1"),
            ("far", None, "0"),
            ("other", None, "0"),
        ];
        let (topology, guesses) = import(&zoo(&nodes, &[(0, 1), (1, 2), (3, 2), (3, 1), (4, 3)]));
        assert_eq!(names(&topology), ["a", "b"]);
        let prefixes: Vec<_> =
            topology.nodes.iter().map(|n| n.border.as_ref().unwrap().prefixes.len()).collect();
        assert_eq!(prefixes, [1, 1]);
        guessed(&guesses, "`peer` belongs to another network (Internal is 0) and became a customer of `a`");
        guessed(&guesses, "customer of `b`; 1 more link(s) of it were dropped");
        guessed(&guesses, "`other` belongs to another network (Internal is 0), has no neighbour in this one");
        guessed(&guesses, "`peer` is prefix 198.18.1.0/24 of border `a`");
    }

    #[test]
    fn directed_graphs_bad_positions_and_double_ids_are_said() {
        let text = zoo(&[("a", Some((95.0, 0.0)), "1"), ("b", None, "1")], &[(0, 1)])
            .replace("undirected", "directed")
            .replace("<edge", "<node id=\"1\"/><edge");
        let (topology, guesses) = import(&text);
        assert_eq!(topology.nodes[0].position, None);
        guessed(&guesses, "the graph is directed: every edge was taken as a link both ways");
        guessed(&guesses, "the position of `a` (95, 0) is not on Earth and was dropped");
        guessed(&guesses, "a node with the id `1` was dropped: ids must differ");
    }

    #[test]
    fn what_is_no_graph_is_refused() {
        let told = |text: &str| import_graphml(text, "f").unwrap_err().to_string();
        assert!(told("").starts_with("f:1:1: this is not the XML it should be"), "{}", told(""));
        assert!(
            told("<graphml><graph></graphml>").starts_with("f:1:17: this is not the XML"),
            "{}",
            told("<graphml><graph></graphml>")
        );
        assert!(told("<svg/>").starts_with("f:1:1: this is not GraphML"), "{}", told("<svg/>"));
        assert!(told("<graphml><graph/></graphml>").starts_with("f: the file has no nodes"));
        assert!(told("<!DOCTYPE a [<!ENTITY b \"c\">]><graphml/>").contains("DTD"));
        assert!(told(&format!("<graphml {}>", "a='1' ".repeat(300))).contains("more than 256 attributes"));
        assert!(told(&"<a>".repeat(3 << 20)).contains("4 MiB"));
        let many: Vec<_> = (0..1025).map(|_| ("n", None, "1")).collect();
        let edges: Vec<_> = (1..1025).map(|n| (0, n)).collect();
        assert!(
            told(&zoo(&many, &edges)).contains("the network has 1025 nodes: a topology file may have 1024")
        );
    }
}
