//! containerlab's topology files.
//!
//! Only names, kinds and links are read; images, ports and the rest say nothing about routing and are left out
//! silently. Bridges become links among their neighbours, `linux` nodes with one cable become customers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::unionfind::UnionFind;

use super::{
    Imported,
    draft::{Draft, DraftEnd, DraftLink, DraftNode, base_name},
};
use crate::{
    diagnostic::{Diagnostics, Findings, Place, shown},
    scalar::{Mtu, Scalar},
    yaml::{self, Node, Value},
};

/// Endpoints that are no nodes of the file.
const OUTSIDE: [&str; 5] = ["host", "mgmt-net", "macvlan", "vxlan", "dummy"];
/// The most routers on a bridge that are joined each with each.
const MAX_MESH: usize = 4;

/// Turns a containerlab topology file into a native one. `file_name` stands before errors, and its stem names a
/// network that does not name itself.
///
/// # Errors
/// That the text is not YAML, is larger than 4 MiB, has no `topology.nodes`, has malformed or dangling links, a bridge
/// with more than four routers, or holds no network that a native file could hold.
///
/// # Example
/// ```
/// let text = "name: pair\ntopology:\n  nodes: { a: {}, b: {} }\n  links: [{ endpoints: [\"a:eth1\", \"b:eth1\"] }]\n";
/// let imported = braid_topology::import_containerlab(text, "pair.clab.yml")?;
/// let yaml = imported.yaml + "  - { id: 1, name: red, engine: frr-ospf }\n";
/// assert_eq!(braid_topology::parse(&yaml, "pair.yaml")?.nodes.len(), 2);
/// # Ok::<(), braid_topology::Diagnostics>(())
/// ```
pub fn import_containerlab(text: &str, file_name: &str) -> Result<Imported, Diagnostics> {
    let root = yaml::read(text, file_name)?;
    let mut findings = Findings::default();
    let mut lab = Lab::default();
    lab.read(&root, file_name, &mut findings);
    if !findings.errors.is_empty() {
        return Err(Diagnostics::new(file_name, findings.errors));
    }
    let draft = lab.into_draft(&mut findings);
    if !findings.errors.is_empty() {
        return Err(Diagnostics::new(file_name, findings.errors));
    }
    draft.finish().map_err(|message| Diagnostics::one(file_name, None, message))
}

fn get<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|(k, _)| k.text == key).map(|(_, value)| value).filter(|v| v.value != Value::Null)
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    match &get(node, key)?.value {
        Value::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Router,
    /// A `linux` node: a customer if it has one cable, to a router.
    Linux,
    Bridge,
}

/// One end of a link.
struct End {
    node: usize,
    interface: String,
}

/// The file as far as it matters here.
#[derive(Default)]
struct Lab {
    draft: Draft,
    roles: Vec<Role>,
    places: Vec<Place>,
    links: Vec<([End; 2], Option<Mtu>)>,
}

impl Lab {
    fn read(&mut self, root: &Node, file_name: &str, findings: &mut Findings) {
        let stem = base_name(file_name);
        let stem = stem.split('.').next().unwrap_or_default();
        self.draft.name = text(root, "name").unwrap_or(stem).to_owned();
        self.draft.origin = format!("{} (containerlab)", base_name(file_name));
        let topology = get(root, "topology");
        let Some(Node { value: Value::Map(nodes), .. }) = topology.and_then(|t| get(t, "nodes")) else {
            findings.error(root.place, "this is no containerlab topology: it has no map `topology.nodes`");
            return;
        };
        let topology = topology.unwrap_or(root);
        let mut index = HashMap::with_capacity(nodes.len());
        for (key, node) in nodes {
            index.insert(key.text.as_str(), self.roles.len());
            self.roles.push(role(kind(node, topology)));
            self.places.push(key.place);
            self.draft.nodes.push(DraftNode { label: key.text.clone(), ..DraftNode::default() });
        }
        match get(topology, "links").map(|links| (&links.value, links.place)) {
            None => {}
            Some((Value::List(links), _)) => {
                for link in links {
                    self.read_link(link, &index, findings);
                }
            }
            Some((_, place)) => findings.error(place, "`links` must be a list"),
        }
    }

    fn read_link(&mut self, link: &Node, index: &HashMap<&str, usize>, findings: &mut Findings) {
        let kind = text(link, "type").unwrap_or("veth");
        if OUTSIDE.iter().any(|outside| kind.starts_with(outside)) {
            self.draft.guesses.push(format!(
                "line {}: a link of type {} was dropped",
                link.place.line,
                shown(kind)
            ));
            return;
        }
        let ends: Vec<Option<(String, String)>> = match get(link, "endpoints").map(|ends| &ends.value) {
            Some(Value::List(ends)) => ends.iter().map(endpoint).collect(),
            _ => Vec::new(),
        };
        let [Some(a), Some(b)] = &ends[..] else {
            findings.error(
                link.place,
                "a link needs two endpoints, as in `endpoints: [\"a:eth1\", \"b:eth1\"]` or with `node` and `interface`",
            );
            return;
        };
        if let Some((outside, _)) = [a, b]
            .iter()
            .find(|(node, _)| OUTSIDE.contains(&node.as_str()) && !index.contains_key(node.as_str()))
        {
            self.draft.guesses.push(format!("line {}: a link to `{outside}` was dropped", link.place.line));
            return;
        }
        let mut find = |(node, interface): &(String, String)| {
            let found = index.get(node.as_str()).map(|n| End { node: *n, interface: interface.clone() });
            if found.is_none() {
                let hint = findings.hint(node, index.keys().copied());
                findings.error(link.place, format!("there is no node `{}`{hint}", shown(node)));
            }
            found
        };
        let (Some(a), Some(b)) = (find(a), find(b)) else { return };
        let mtu = text(link, "mtu").and_then(|mtu| {
            let read = Mtu::read(mtu, true).ok();
            if read.is_none() {
                self.draft.guesses.push(format!("line {}: mtu {} was dropped", link.place.line, shown(mtu)));
            }
            read
        });
        self.links.push(([a, b], mtu));
    }

    fn into_draft(mut self, findings: &mut Findings) -> Draft {
        let customers = self.customers();
        let lans = self.lans(&customers, findings);
        let gone: BTreeSet<usize> = (0..self.roles.len())
            .filter(|n| self.roles[*n] == Role::Bridge || customers.contains_key(n))
            .collect();
        for (customer, (router, interface)) in &customers {
            let label = self.draft.nodes[*customer].label.clone();
            match router {
                Some(router) => self.draft.nodes[*router].customers.push((label, Some(interface.clone()))),
                None => self
                    .draft
                    .guesses
                    .push(format!("`{}` is a linux node on a bridge and was dropped", shown(&label))),
            }
        }
        let number = |node: usize| node - gone.range(..node).count();
        let mut links = Vec::with_capacity(self.links.len());
        for (ends, mtu) in self.links {
            if ends.iter().all(|end| !gone.contains(&end.node)) {
                let ends =
                    ends.map(|end| DraftEnd { node: number(end.node), interface: Some(end.interface) });
                links.push(DraftLink { ends, mtu });
            }
        }
        for lan in lans {
            mesh(&lan, number, &mut links);
        }
        let mut position = 0;
        self.draft.nodes.retain(|_| {
            position += 1;
            !gone.contains(&(position - 1))
        });
        self.draft.links = links;
        self.draft
    }

    /// The `linux` nodes with a single cable that leads to a router (with its interface) or to a bridge (`None`).
    fn customers(&self) -> BTreeMap<usize, (Option<usize>, String)> {
        let mut cables: HashMap<usize, Vec<&End>> = HashMap::new();
        for ([a, b], _) in &self.links {
            cables.entry(a.node).or_default().push(b);
            cables.entry(b.node).or_default().push(a);
        }
        let single = |node: usize| match cables.get(&node).map(Vec::as_slice) {
            Some([far]) if self.roles[node] == Role::Linux => Some(*far),
            _ => None,
        };
        (0..self.roles.len())
            .filter_map(|node| {
                let far = single(node)?;
                // Of two linux nodes that have only each other, neither is the other's customer.
                let router = single(far.node).is_none().then_some(far.node)?;
                let router = (self.roles[router] != Role::Bridge).then_some(router);
                Some((node, (router, far.interface.clone())))
            })
            .collect()
    }

    /// The routers on each LAN, a LAN being bridges that are joined.
    fn lans(
        &mut self,
        customers: &BTreeMap<usize, (Option<usize>, String)>,
        findings: &mut Findings,
    ) -> Vec<Vec<(usize, String)>> {
        let is_bridge = |node: usize| self.roles[node] == Role::Bridge;
        let mut sets = UnionFind::<usize>::new(self.roles.len());
        for ([a, b], _) in &self.links {
            if is_bridge(a.node) && is_bridge(b.node) {
                sets.union(a.node, b.node);
            }
        }
        let mut lans: BTreeMap<usize, Vec<(usize, String)>> = BTreeMap::new();
        for ([a, b], _) in &self.links {
            for (bridge, far) in [(a, b), (b, a)] {
                if is_bridge(bridge.node) && !is_bridge(far.node) && !customers.contains_key(&far.node) {
                    lans.entry(sets.find(bridge.node)).or_default().push((far.node, far.interface.clone()));
                }
            }
        }
        for (bridge, routers) in &lans {
            let label = shown(&self.draft.nodes[*bridge].label);
            if routers.len() > MAX_MESH {
                findings.error(
                    self.places[*bridge],
                    format!(
                        "bridge `{label}` joins {} nodes, and links have two ends: at most {MAX_MESH} are joined each \
                         with each; replace the bridge by links",
                        routers.len()
                    ),
                );
            }
            let links = routers.len() * routers.len().saturating_sub(1) / 2;
            self.draft.guesses.push(format!(
                "bridge `{label}` became {links} link(s), each of its {} node(s) with each",
                routers.len()
            ));
        }
        lans.into_values().collect()
    }
}

/// Links each with each. The first link of a router keeps its interface to the bridge.
fn mesh(routers: &[(usize, String)], number: impl Fn(usize) -> usize, links: &mut Vec<DraftLink>) {
    let mut interfaces: Vec<Option<String>> =
        routers.iter().map(|(_, interface)| Some(interface.clone())).collect();
    for a in 0..routers.len() {
        for b in a + 1..routers.len() {
            let ends = [a, b].map(|router| DraftEnd {
                node: number(routers[router].0),
                interface: interfaces[router].take(),
            });
            links.push(DraftLink { ends, mtu: None });
        }
    }
}

/// The kind of a node: its own, its group's or the default.
fn kind<'a>(node: &'a Node, topology: &'a Node) -> Option<&'a str> {
    let group = || get(get(topology, "groups")?, text(node, "group")?);
    text(node, "kind").or_else(|| text(group()?, "kind")).or_else(|| text(get(topology, "defaults")?, "kind"))
}

fn role(kind: Option<&str>) -> Role {
    match kind {
        Some("bridge" | "ovs-bridge") => Role::Bridge,
        Some("linux") => Role::Linux,
        _ => Role::Router,
    }
}

/// Node and interface, in the short form or the long one.
fn endpoint(node: &Node) -> Option<(String, String)> {
    match &node.value {
        Value::Scalar { text, .. } => text.split_once(':').map(|(n, i)| (n.to_owned(), i.to_owned())),
        _ => Some((text(node, "node")?.to_owned(), text(node, "interface")?.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Topology, parse};

    fn import(text: &str) -> (Topology, Vec<String>) {
        let imported = import_containerlab(text, "/labs/mine.clab.yml").unwrap();
        (parse(&imported.yaml.replace("  # - {", "  - {"), "imported").unwrap(), imported.guesses)
    }

    #[track_caller]
    fn guessed(guesses: &[String], what: &str) {
        assert!(guesses.iter().any(|guess| guess.contains(what)), "nothing about `{what}` in {guesses:#?}");
    }

    fn links(topology: &Topology) -> Vec<String> {
        let end = |end: &crate::Endpoint| format!("{}:{}", end.node, end.interface);
        topology.links.iter().map(|link| format!("{} {}", end(&link.a), end(&link.b))).collect()
    }

    #[test]
    fn linux_nodes_with_one_cable_become_customers() {
        let (topology, guesses) = import(
            "topology:
  kinds: { linux: { image: x } }
  groups: { hosts: { kind: linux } }
  nodes:
    r1: { kind: nokia_srlinux, type: ixr-d2l }
    r2: { kind: linux }
    pc1: { kind: linux }
    pc2: { group: hosts }
  links:
    - endpoints: [\"r1:e1-1\", \"r2:eth1\"]
    - endpoints: [\"pc1:eth1\", \"r1:e1-2\"]
    - endpoints: [\"r2:eth2\", \"pc2:eth1\"]
",
        );
        assert_eq!(topology.name.as_str(), "mine");
        assert_eq!(links(&topology), ["r1:e1-1 r2:eth1"]);
        let customer = &topology.nodes[0].border.as_ref().unwrap().prefixes[0];
        assert_eq!(
            (customer.prefix.to_string().as_str(), customer.interface.as_str()),
            ("198.18.1.0/24", "e1-2")
        );
        guessed(&guesses, "`pc1` is prefix 198.18.1.0/24 of border `r1`");
        guessed(&guesses, "`pc2` is prefix 198.18.2.0/24 of border `r2`");
    }

    #[test]
    fn two_linux_nodes_with_only_each_other_are_routers() {
        let (topology, _) = import(
            "topology:\n  defaults: { kind: linux }\n  nodes: { a: , b: }\n  links: [{ endpoints: [\"a:eth1\", \"b:eth1\"] }]\n",
        );
        assert_eq!(links(&topology), ["a:eth1 b:eth1"]);
    }

    #[test]
    fn bridges_become_links_of_each_with_each() {
        let (topology, guesses) = import(
            "topology:
  nodes: { br1: { kind: bridge }, a: , b: , c: , br2: { kind: ovs-bridge }, pc: { kind: linux } }
  links:
    - endpoints: [\"a:e1\", \"br1:eth1\"]
    - endpoints: [\"br1:up\", \"br2:up\"]
    - endpoints: [\"br2:eth1\", \"b:e1\"]
    - endpoints: [\"c:e1\", \"br2:eth2\"]
    - endpoints: [\"pc:eth1\", \"br2:eth3\"]
",
        );
        assert_eq!(links(&topology), ["a:e1 b:e1", "a:eth1 c:e1", "b:eth1 c:eth1"]);
        guessed(&guesses, "became 3 link(s), each of its 3 node(s) with each");
        guessed(&guesses, "`pc` is a linux node on a bridge and was dropped");

        let five: String = (0..5).map(|n| format!("    - endpoints: [\"n{n}:e1\", \"br:e{n}\"]\n")).collect();
        let text = format!(
            "topology:\n  nodes:\n    n0:\n    n1:\n    n2:\n    n3:\n    n4:\n    br: {{ kind: bridge }}\n  links:\n{five}"
        );
        let error = import_containerlab(&text, "f").unwrap_err().to_string();
        assert!(error.starts_with("f:8:5: bridge `br` joins 5 nodes"), "{error}");
    }

    #[test]
    fn the_long_link_form_is_read_and_ways_out_of_the_lab_are_dropped() {
        let (topology, guesses) = import(
            "name: long
mgmt: { network: custom }
topology:
  nodes: { A: , b_1: }
  links:
    - type: veth
      mtu: 1700
      endpoints: [{ node: A, interface: ethernet-1/1 }, { node: b_1, interface: eth1, mac: x }]
    - endpoints: [\"A:eth2\", \"b_1:lo\"]
      mtu: 20000
    - endpoints: [\"A:eth3\", \"host:veth9\"]
    - endpoints: [\"A:eth4\", \"mgmt-net:x\"]
    - endpoints: [\"A:eth5\", \"macvlan:enp0s3\"]
    - { type: mgmt-net, endpoint: { node: A, interface: eth6 }, host-interface: y }
",
        );
        assert_eq!(links(&topology), ["a:eth1 b-1:eth1", "a:eth2 b-1:eth2"]);
        assert_eq!((topology.links[0].mtu, topology.links[1].mtu), (1700, 1600));
        guessed(&guesses, "interface `ethernet-1/1` of `a` is called `eth1`");
        guessed(&guesses, "interface `lo` of `b-1` is called `eth2`");
        guessed(&guesses, "`b_1` is called `b-1`");
        guessed(&guesses, "line 9: mtu 20000 was dropped");
        guessed(&guesses, "line 11: a link to `host` was dropped");
        guessed(&guesses, "line 12: a link to `mgmt-net` was dropped");
        guessed(&guesses, "line 13: a link to `macvlan` was dropped");
        guessed(&guesses, "line 14: a link of type mgmt-net was dropped");
    }

    #[test]
    fn what_is_no_lab_is_refused_with_its_place() {
        let told = |text: &str| import_containerlab(text, "f").unwrap_err().to_string();
        assert!(told("a: 1\n").starts_with("f:1:1: this is no containerlab topology"), "{}", told("a: 1\n"));
        let nodes = "topology:\n  nodes: { leaf: , b: }\n  links:\n";
        let link = told(&format!(
            "{nodes}    - endpoints: [\"leaf:e1\"]\n    - endpoints: [\"leaf:e1\", \"laef:e1\"]\n"
        ));
        assert!(link.contains("f:4:7: a link needs two endpoints"), "{link}");
        assert!(
            told(&format!("{nodes}    - endpoints: [\"leaf:e1\", \"lef:e1\"]\n"))
                .contains("did you mean `leaf`?")
        );
        assert!(told("topology: { nodes: {} }\n").contains("the file has no nodes"));
        assert!(told("topology: { nodes: { a: }, links: x }\n").contains("f:1:35: `links` must be a list"));
    }
}
