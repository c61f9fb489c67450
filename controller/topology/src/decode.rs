//! From the YAML tree to the file types. Every problem is recorded; what is wrong is left out of the result.

use std::collections::HashMap;

use braid_proto::{Engine, NetworkName, NodeName, VnId, VnName};

use crate::{
    diagnostic::{Findings, Place, shown},
    file::{
        At, File, FileAddressing, FileBorder, FileDamping, FileGraph, FileLayout, FileLimits, FileLink,
        FileNode, FilePolicy, FilePrefix, FileProbes, FileRule, FileVn, FileVote,
    },
    scalar::{CustomerPrefix, LinkEnd, Memory, Metric, Mtu, Pids, Scalar},
    yaml::{Node, Value},
};

/// A file as far as it could be read.
pub(crate) struct Decoded {
    pub(crate) file: File,
    /// Whether every node of the file is there, so that a name not found is truly missing. Likewise the others.
    pub(crate) all_nodes: bool,
    pub(crate) all_links: bool,
    pub(crate) all_vns: bool,
}

/// Reads the document.
pub(crate) fn decode(root: &Node, findings: &mut Findings) -> Decoded {
    let fields = Fields::of(root, "a topology file", keys::FILE, findings);
    let name = fields.required("name", findings, scalar);
    let graph = fields.required("topology", findings, graph);
    let vns = match fields.optional("vns") {
        Some(node) => list(node, "`vns`", findings, vn),
        None => Some((Vec::new(), true)),
    };
    let vote = fields.optional("vote").map(|node| vote(node, findings));
    let probes = fields.optional("probes").map(|node| probes(node, findings));
    let addressing = fields.optional("addressing").map(|node| addressing(node, findings));
    if fields.entries.is_some() && vns.as_ref().is_some_and(|(vns, all)| vns.is_empty() && *all) {
        findings.error(
            fields.place_of("vns"),
            "`vns` names no virtual network: add at least one below it, such as `- { id: 1, name: red, engine: \
             frr-ospf }`",
        );
    }
    let (graph, all_nodes, all_links) =
        graph.unwrap_or((FileGraph { nodes: Vec::new(), links: Vec::new() }, false, false));
    let (vns, all_vns) = vns.unwrap_or_default();
    // The stand-in is never seen: a missing name is an error.
    let name = name.unwrap_or_else(|| At::from("unnamed".parse::<NetworkName>().expect("it is a name")));
    let file = File { name, topology: graph, vns, vote, probes, addressing };
    Decoded { file, all_nodes, all_links, all_vns }
}

/// The keys that each kind of map may have.
pub(crate) mod keys {
    pub(crate) const FILE: &[&str] = &["name", "topology", "vns", "vote", "probes", "addressing"];
    pub(crate) const GRAPH: &[&str] = &["nodes", "links"];
    pub(crate) const NODE: &[&str] = &["position", "border"];
    pub(crate) const BORDER: &[&str] = &["prefixes"];
    pub(crate) const PREFIX: &[&str] = &["prefix", "interface"];
    pub(crate) const LINK: &[&str] = &["endpoints", "metric", "delay", "mtu", "addresses"];
    pub(crate) const VN: &[&str] = &["id", "name", "engine", "layout", "hello", "limits"];
    pub(crate) const LAYOUT: &[&str] = &["without"];
    pub(crate) const LIMITS: &[&str] = &["memory", "pids"];
    pub(crate) const VOTE: &[&str] = &["default", "prefixes", "damping"];
    pub(crate) const DAMPING: &[&str] = &["half_life", "suppress", "reuse", "longest"];
    pub(crate) const PROBES: &[&str] = &["interval", "losses", "packets_per_second"];
    pub(crate) const POLICY: &[&str] =
        &["policy", "master", "k", "verified", "settle", "fail_back", "deadline"];
    pub(crate) const RULE: &[&str] =
        &["match", "policy", "master", "k", "verified", "settle", "fail_back", "deadline"];
    pub(crate) const ADDRESSING: &[&str] = &["loopbacks", "links", "underlay", "ports"];
}

fn graph(node: &Node, findings: &mut Findings) -> Option<(FileGraph, bool, bool)> {
    let fields = Fields::of(node, "`topology`", keys::GRAPH, findings);
    let nodes = fields.required("nodes", findings, nodes);
    let links = match fields.optional("links") {
        Some(node) => list(node, "`links`", findings, link),
        None => Some((Vec::new(), true)),
    };
    let (nodes, all_nodes) = nodes.unwrap_or_default();
    let (links, all_links) = links.unwrap_or_default();
    Some((FileGraph { nodes, links }, all_nodes, all_links))
}

type Nodes = Vec<(At<NodeName>, FileNode)>;

fn nodes(node: &Node, findings: &mut Findings) -> Option<(Nodes, bool)> {
    let Value::Map(entries) = &node.value else {
        findings.error(
            node.place,
            format!("`nodes` must be a map of names, such as `seattle: {{}}`, not {}", kind(&node.value)),
        );
        return None;
    };
    let mut nodes = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let body = node_body(value, &key.text, findings);
        match NodeName::read(&key.text, true) {
            Ok(name) => nodes.push((At { value: name, place: key.place }, body)),
            Err(message) => findings.error(key.place, message),
        }
    }
    if entries.is_empty() {
        findings
            .error(node.place, "`nodes` is empty: a network needs at least one node, such as `seattle: {}`");
    }
    let all = nodes.len() == entries.len() && !nodes.is_empty();
    Some((nodes, all))
}

fn node_body(node: &Node, name: &str, findings: &mut Findings) -> FileNode {
    if node.value == Value::Null {
        return FileNode::default();
    }
    let fields = Fields::of(node, &format!("node `{}`", shown(name)), keys::NODE, findings);
    let position = fields.optional("position").and_then(|node| {
        let [latitude, longitude] = two(node, "`position`", "[latitude, longitude]", findings)?;
        let (latitude, longitude) = (scalar(latitude, findings), scalar(longitude, findings));
        Some((latitude?.value, longitude?.value))
    });
    let border = fields.optional("border").and_then(|node| {
        let fields = Fields::of(node, "`border`", keys::BORDER, findings);
        let (prefixes, all) =
            fields.required("prefixes", findings, |node, findings| list(node, "`prefixes`", findings, prefix))?;
        if prefixes.is_empty() && all {
            findings.error(
                fields.place_of("prefixes"),
                "`prefixes` is empty: a border has at least one; add one such as `198.18.1.0/24`, or remove `border`",
            );
        }
        Some(FileBorder { prefixes })
    });
    FileNode { position, border }
}

fn prefix(node: &Node, findings: &mut Findings) -> Option<FilePrefix> {
    if !matches!(node.value, Value::Map(_)) {
        return scalar::<CustomerPrefix>(node, findings).map(|prefix| FilePrefix { prefix, interface: None });
    }
    let fields = Fields::of(node, "an attached prefix", keys::PREFIX, findings);
    let prefix = fields.required("prefix", findings, scalar);
    let interface = fields.optional("interface").and_then(|node| scalar(node, findings));
    Some(FilePrefix { prefix: prefix?, interface })
}

fn link(node: &Node, findings: &mut Findings) -> Option<FileLink> {
    let fields = Fields::of(node, "a link", keys::LINK, findings);
    let endpoints = fields.required("endpoints", findings, |node, findings| {
        let [a, b] = two(node, "`endpoints`", "[\"a:eth1\", \"b:eth1\"]", findings)?;
        let (a, b) = (scalar(a, findings), scalar(b, findings));
        Some([a?, b?])
    });
    let metric = fields.optional("metric").and_then(|node| scalar::<Metric>(node, findings));
    let delay = fields.optional("delay").and_then(|node| scalar(node, findings));
    let mtu = fields.optional("mtu").and_then(|node| scalar::<Mtu>(node, findings));
    let addresses = fields.optional("addresses").and_then(|node| {
        let [a, b] = two(node, "`addresses`", "[192.0.2.0, 192.0.2.1]", findings)?;
        let (a, b) = (scalar(a, findings), scalar(b, findings));
        Some([a?, b?])
    });
    Some(FileLink { endpoints: endpoints?, metric: metric.map(|m| m.value), delay, mtu, addresses })
}

fn vn(node: &Node, findings: &mut Findings) -> Option<FileVn> {
    let fields = Fields::of(node, "a virtual network", keys::VN, findings);
    let id = fields.required("id", findings, scalar::<VnId>);
    let name = fields.required("name", findings, scalar::<VnName>);
    let engine = fields.required("engine", findings, scalar::<Engine>);
    let layout = fields.optional("layout").and_then(|node| layout(node, findings));
    let hello = fields.optional("hello").and_then(|node| scalar(node, findings));
    let limits = fields.optional("limits").map(|node| {
        let fields = Fields::of(node, "`limits`", keys::LIMITS, findings);
        let memory = fields.optional("memory").and_then(|node| scalar::<Memory>(node, findings));
        let pids = fields.optional("pids").and_then(|node| scalar::<Pids>(node, findings));
        FileLimits { memory: memory.map(|m| m.value), pids: pids.map(|p| p.value) }
    });
    Some(FileVn { id: id?, name: name?, engine: engine?.value, layout, hello, limits })
}

fn layout(node: &Node, findings: &mut Findings) -> Option<FileLayout> {
    match &node.value {
        Value::Scalar { text, .. } if text == "full" => Some(FileLayout::Full),
        Value::Map(_) => {
            let fields = Fields::of(node, "`layout`", keys::LAYOUT, findings);
            let (ends, all) = fields
                .required("without", findings, |node, f| list(node, "`without`", f, scalar::<LinkEnd>))?;
            if ends.is_empty() && all {
                findings.error(
                    fields.place_of("without"),
                    "`without` is empty: name links by one of their ends, such as `\"a:eth1\"`, or write `layout: full`",
                );
            }
            Some(FileLayout::Without(ends))
        }
        _ => {
            findings.error(
                node.place,
                format!(
                    "`layout` must be `full` or `{{ without: [\"a:eth1\"] }}`, not {}",
                    described(&node.value)
                ),
            );
            None
        }
    }
}

fn vote(node: &Node, findings: &mut Findings) -> FileVote {
    let fields = Fields::of(node, "`vote`", keys::VOTE, findings);
    let default = fields.optional("default").and_then(|node| {
        let fields = Fields::of(node, "a policy", keys::POLICY, findings);
        policy(&fields, findings)
    });
    let rules = fields.optional("prefixes").and_then(|node| {
        list(node, "`prefixes`", findings, |node, findings| {
            let fields = Fields::of(node, "a rule", keys::RULE, findings);
            let matches = fields.required("match", findings, scalar);
            let policy = policy(&fields, findings);
            Some(FileRule { matches: matches?, policy: policy? })
        })
    });
    let damping = fields.optional("damping").map(|node| damping(node, findings));
    FileVote { default, prefixes: rules.unwrap_or_default().0, damping }
}

fn damping(node: &Node, findings: &mut Findings) -> FileDamping {
    let fields = Fields::of(node, "`damping`", keys::DAMPING, findings);
    FileDamping {
        half_life: fields.optional("half_life").and_then(|node| scalar(node, findings)),
        suppress: fields.optional("suppress").and_then(|node| scalar(node, findings)),
        reuse: fields.optional("reuse").and_then(|node| scalar(node, findings)),
        longest: fields.optional("longest").and_then(|node| scalar(node, findings)),
    }
}

fn probes(node: &Node, findings: &mut Findings) -> FileProbes {
    let fields = Fields::of(node, "`probes`", keys::PROBES, findings);
    FileProbes {
        interval: fields.optional("interval").and_then(|node| scalar(node, findings)),
        losses: fields.optional("losses").and_then(|node| scalar(node, findings)),
        packets_per_second: fields.optional("packets_per_second").and_then(|node| scalar(node, findings)),
    }
}

fn policy(fields: &Fields<'_>, findings: &mut Findings) -> Option<FilePolicy> {
    let policy = fields.required("policy", findings, scalar);
    let master = fields.optional("master").and_then(|node| scalar(node, findings));
    let settle = fields.optional("settle").and_then(|node| scalar(node, findings));
    let fail_back = fields.optional("fail_back").and_then(|node| scalar(node, findings));
    let k = fields.optional("k").and_then(|node| scalar(node, findings));
    let verified = fields.optional("verified").and_then(|node| scalar::<bool>(node, findings));
    let deadline = fields.optional("deadline").and_then(|node| scalar(node, findings));
    let verified = verified.map(|at| at.value);
    Some(FilePolicy { policy: policy?, master, k, verified, settle, fail_back, deadline })
}

fn addressing(node: &Node, findings: &mut Findings) -> FileAddressing {
    let fields = Fields::of(node, "`addressing`", keys::ADDRESSING, findings);
    let mut pool = |key| fields.optional(key).and_then(|node| scalar(node, findings));
    FileAddressing {
        loopbacks: pool("loopbacks"),
        links: pool("links"),
        underlay: pool("underlay"),
        ports: pool("ports"),
    }
}

/// The entries of a map, by key.
struct Fields<'a> {
    place: Place,
    what: String,
    /// `None` for a value that is not a map at all, of which nothing more need be said.
    entries: Option<HashMap<&'a str, (Place, &'a Node)>>,
}

impl<'a> Fields<'a> {
    /// Records what is not a map and keys that are not `known`.
    fn of(node: &'a Node, what: &str, known: &[&str], findings: &mut Findings) -> Self {
        let what = what.to_owned();
        let Value::Map(entries) = &node.value else {
            findings.error(
                node.place,
                format!("{what} must be a map with {}, not {}", known.join(", "), described(&node.value)),
            );
            return Self { place: node.place, what, entries: None };
        };
        let mut fields = HashMap::with_capacity(known.len());
        for (key, value) in entries {
            let text = key.text.as_str();
            if !known.contains(&text) {
                let hint = findings.hint(text, known.iter().copied());
                findings.error(
                    key.place,
                    format!("unknown key `{}` in {what}{hint}: keys are {}", shown(text), known.join(", ")),
                );
            } else if fields.insert(text, (key.place, value)).is_some() {
                findings.error(key.place, duplicate_key(text));
            }
        }
        Self { place: node.place, what, entries: Some(fields) }
    }

    /// The value of `key`, unless it is absent or null.
    fn optional(&self, key: &str) -> Option<&'a Node> {
        let (_, node) = self.entries.as_ref()?.get(key)?;
        (node.value != Value::Null).then_some(*node)
    }

    /// The value of `key`, read; that it is absent is recorded.
    fn required<T>(
        &self,
        key: &str,
        findings: &mut Findings,
        read: impl FnOnce(&Node, &mut Findings) -> Option<T>,
    ) -> Option<T> {
        match self.optional(key) {
            Some(node) => read(node, findings),
            None => {
                if self.entries.is_some() {
                    findings.error(self.place_of(key), format!("{} needs `{key}`: add it", self.what));
                }
                None
            }
        }
    }

    /// Where `key` stands, or else the map.
    fn place_of(&self, key: &str) -> Place {
        self.entries.as_ref().and_then(|entries| entries.get(key)).map_or(self.place, |(place, _)| *place)
    }
}

/// What a key that stands twice is told.
pub(crate) fn duplicate_key(key: &str) -> String {
    format!("`{}` stands here for the second time: rename or remove one of the two", shown(key))
}

/// Reads a scalar.
fn scalar<T: Scalar>(node: &Node, findings: &mut Findings) -> Option<At<T>> {
    let result = match &node.value {
        Value::Scalar { text, plain } => T::read(text, *plain),
        other => Err(format!("a single value is needed here, not {}", kind(other))),
    };
    result
        .map_err(|message| findings.error(node.place, message))
        .ok()
        .map(|value| At { value, place: node.place })
}

/// Reads a list; says too whether every item could be read.
fn list<T>(
    node: &Node,
    what: &str,
    findings: &mut Findings,
    mut read: impl FnMut(&Node, &mut Findings) -> Option<T>,
) -> Option<(Vec<T>, bool)> {
    let Value::List(items) = &node.value else {
        findings.error(node.place, format!("{what} must be a list, not {}", described(&node.value)));
        return None;
    };
    let read: Vec<T> = items.iter().filter_map(|item| read(item, findings)).collect();
    let all = read.len() == items.len();
    Some((read, all))
}

/// The items of a list of two.
fn two<'a>(node: &'a Node, what: &str, example: &str, findings: &mut Findings) -> Option<[&'a Node; 2]> {
    match &node.value {
        Value::List(items) if items.len() == 2 => Some([&items[0], &items[1]]),
        other => {
            let found = match other {
                Value::List(items) => format!("{} values", items.len()),
                other => kind(other).to_owned(),
            };
            findings.error(
                node.place,
                format!("{what} takes exactly two values, as in `{example}`, not {found}"),
            );
            None
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Scalar { .. } => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    }
}

fn described(value: &Value) -> String {
    match value {
        Value::Scalar { text, .. } => format!("`{}`", shown(text)),
        other => kind(other).to_owned(),
    }
}
