//! Nodes and borders.

use std::collections::HashMap;

use super::{Interfaces, use_interface};
use crate::{
    decode::duplicate_key,
    diagnostic::Findings,
    file::{File, FileBorder},
    model::{AttachedPrefix, Border, Endpoint, Node, Position},
};

/// The most nodes of a network.
pub(crate) const MAX_NODES: usize = 1024;

/// Records too many nodes, a name twice, and a node that is named as the customer host of another.
pub(super) fn check_names(file: &File, findings: &mut Findings) {
    let nodes = &file.topology.nodes;
    if let Some((over, _)) = nodes.get(MAX_NODES) {
        findings
            .error(over.place, format!("{} nodes are too many: a network may have {MAX_NODES}", nodes.len()));
    }
    let mut places = HashMap::with_capacity(nodes.len());
    for (name, node) in nodes {
        // YAML tells `1` from `"1"`; names do not.
        if places.insert(name.value.as_str(), (name.place, node.border.is_some())).is_some() {
            findings.error(name.place, duplicate_key(name.value.as_str()));
        }
    }
    for (name, _) in nodes {
        let namesake = name.value.as_str().strip_suffix("-host").and_then(|border| places.get(border));
        if let Some((border, true)) = namesake {
            findings.error(
                name.place,
                format!(
                    "node `{}` would share its name with the customer host of the border in line {}: rename it",
                    name.value, border.line
                ),
            );
        }
    }
}

/// The nodes of the model.
pub(super) fn build(file: &File, interfaces: &mut Interfaces, findings: &mut Findings) -> Vec<Node> {
    let mut nodes = Vec::with_capacity(file.topology.nodes.len());
    for (name, node) in &file.topology.nodes {
        let name = &name.value;
        let border = node.border.as_ref().map(|FileBorder { prefixes }| {
            let mut attached = Vec::with_capacity(prefixes.len());
            for (number, given) in prefixes.iter().enumerate() {
                let interface = match &given.interface {
                    Some(at) => at.value.0.clone(),
                    None => {
                        format!("cust{number}").parse().expect("a file's prefixes number less than 10^11")
                    }
                };
                let place = given.interface.as_ref().map_or(given.prefix.place, |at| at.place);
                let end = Endpoint { node: name.clone(), interface: interface.clone() };
                use_interface(end, place, interfaces, findings);
                attached.push(AttachedPrefix { prefix: given.prefix.value.0, interface });
            }
            Border { prefixes: attached }
        });
        let position = node
            .position
            .map(|(latitude, longitude)| Position { latitude: latitude.0, longitude: longitude.0 });
        nodes.push(Node { name: name.clone(), position, border });
    }
    nodes
}
