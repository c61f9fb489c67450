//! Links, and whether they hold the network together.

use std::{collections::HashMap, time::Duration};

use braid_proto::NodeName;
use petgraph::unionfind::UnionFind;

use super::{Interfaces, use_interface};
use crate::{
    diagnostic::Findings,
    file::{File, FileLink},
    model::Link,
};

/// The most links of a network.
pub(crate) const MAX_LINKS: usize = 4096;
/// What a link has that says nothing else.
pub(crate) const DEFAULT_METRIC: u16 = 10;
/// So that customers keep 1500 bytes inside VXLAN.
pub(crate) const DEFAULT_MTU: u16 = 1600;
const MAX_DELAY: Duration = Duration::from_secs(10);

/// The links of the model, as many as the file has.
pub(super) fn build(
    file: &File,
    index: &HashMap<&NodeName, usize>,
    all_nodes: bool,
    interfaces: &mut Interfaces,
    findings: &mut Findings,
) -> Vec<Link> {
    let links = &file.topology.links;
    if let Some(over) = links.get(MAX_LINKS) {
        findings.error(
            over.endpoints[0].place,
            format!("{} links are too many: a network may have {MAX_LINKS}", links.len()),
        );
    }
    for link in links {
        check_ends(link, index, all_nodes, interfaces, findings);
        if let Some(delay) = link.delay.filter(|delay| delay.value.0 > MAX_DELAY) {
            findings.error(delay.place, format!("delay {} is too long: the most is 10s", delay.value));
        }
    }
    links.iter().map(model).collect()
}

fn model(link: &FileLink) -> Link {
    let [a, b] = &link.endpoints;
    Link {
        a: a.value.0.clone(),
        b: b.value.0.clone(),
        metric: link.metric.map_or(DEFAULT_METRIC, |metric| metric.0),
        delay: link.delay.map(|delay| delay.value.0),
        mtu: link.mtu.map_or(DEFAULT_MTU, |mtu| mtu.value.0),
        addresses: link.addresses.map(|[a, b]| (a.value.0, b.value.0)),
    }
}

fn check_ends(
    link: &FileLink,
    index: &HashMap<&NodeName, usize>,
    all_nodes: bool,
    interfaces: &mut Interfaces,
    findings: &mut Findings,
) {
    let [a, b] = &link.endpoints;
    for end in [a, b] {
        let name = &end.value.0.node;
        if all_nodes && !index.contains_key(name) {
            let hint = findings.hint(name.as_str(), index.keys().map(|known| known.as_str()));
            findings.error(
                end.place,
                format!("there is no node `{name}`{hint}: add it to `nodes` or mend the name"),
            );
        }
    }
    if a.value.0.node == b.value.0.node {
        findings.error(
            b.place,
            format!("this link leads from `{}` to itself: a link joins two nodes", a.value.0.node),
        );
    }
    for end in [a, b] {
        use_interface(end.value.0.clone(), end.place, interfaces, findings);
    }
}

/// The connected parts of the network without some links, each by ascending node index, the largest first.
pub(super) fn parts(
    nodes: usize,
    links: &[Link],
    index: &HashMap<&NodeName, usize>,
    without: &[usize],
) -> Vec<Vec<usize>> {
    let mut sets = UnionFind::<usize>::new(nodes);
    for (number, link) in links.iter().enumerate() {
        if let (Some(a), Some(b), Err(_)) =
            (index.get(&link.a.node), index.get(&link.b.node), without.binary_search(&number))
        {
            sets.union(*a, *b);
        }
    }
    let mut parts: HashMap<usize, Vec<usize>> = HashMap::new();
    for node in 0..nodes {
        parts.entry(sets.find(node)).or_default().push(node);
    }
    let mut parts: Vec<_> = parts.into_values().collect();
    parts.sort_by_key(|part| (std::cmp::Reverse(part.len()), part[0]));
    parts
}

/// The parts by the names of their nodes, for a message.
pub(super) fn name_parts(file: &File, parts: &[Vec<usize>]) -> String {
    const PARTS: usize = 4;
    const NODES: usize = 5;
    let mut text: Vec<String> = parts
        .iter()
        .take(PARTS)
        .map(|part| {
            let mut names: Vec<&str> =
                part.iter().take(NODES).map(|n| file.topology.nodes[*n].0.value.as_str()).collect();
            let more = format!("and {} more", part.len() - names.len());
            if part.len() > NODES {
                names.push(&more);
            }
            format!("{{{}}}", names.join(", "))
        })
        .collect();
    if parts.len() > PARTS {
        text.push(format!("and {} more", parts.len() - PARTS));
    }
    text.join(", ")
}

/// Records a network that is not in one piece, at the first node that is cut off.
pub(super) fn check_connected(
    file: &File,
    links: &[Link],
    index: &HashMap<&NodeName, usize>,
    findings: &mut Findings,
) {
    let parts = parts(file.topology.nodes.len(), links, index, &[]);
    if let [_, cut_off, ..] = &parts[..] {
        findings.error(
            file.topology.nodes[cut_off[0]].0.place,
            format!(
                "the network is in {} parts, {}: add the links that join them",
                parts.len(),
                name_parts(file, &parts)
            ),
        );
    }
}
