//! The ways of a prefix through a virtual network, in words: a line for each branch of ECMP.

use std::collections::{BTreeMap, BTreeSet};

use braid_proto::{NodeName, VnId};
use braid_verify::{HopStep, NodeId, PathPart};
use ipnet::Ipv4Net;

use super::{Inspector, MAX_PATH, finding::in_words};

/// How many ways are shown. There may be exponentially many.
const MAX_WAYS: usize = 8;

/// One way, as far as it has been followed.
#[derive(Debug, Clone)]
struct Way {
    nodes: Vec<NodeId>,
    at: NodeId,
}

impl Inspector {
    /// The ways of packets to `prefix` that enter `vn` at `border`, as the FIBs have it now, such as
    /// `seattle > denver > kansas-city (198.18.5.0/24)`: what is in the brackets are the addresses that go this way. Of more
    /// than eight ways the first are shown, and a line that says so. Empty if nothing is known.
    pub(crate) fn ways(&self, vn: VnId, prefix: Ipv4Net, border: &NodeName) -> Vec<String> {
        let Some(ingress) = self.verifier.node(border) else { return Vec::new() };
        let Some(path) = self.verifier.path(vn, prefix, ingress, MAX_PATH) else { return Vec::new() };
        let mut lines = Vec::new();
        for part in &path.parts {
            let whole = part.first == prefix.network() && part.last == prefix.broadcast();
            let whom = if whole { prefix.to_string() } else { format!("{} to {}", part.first, part.last) };
            let room = MAX_WAYS.saturating_sub(lines.len());
            let (ways, cut) = self.ways_of(part, ingress, room);
            lines.extend(ways.into_iter().map(|way| format!("{way} ({whom})")));
            if cut || path.truncated && lines.len() >= MAX_WAYS {
                lines.push("and more".to_owned());
                break;
            }
        }
        lines
    }

    /// At most `room` ways; and whether there are more.
    fn ways_of(&self, part: &PathPart, ingress: NodeId, room: usize) -> (Vec<String>, bool) {
        let steps: BTreeMap<NodeId, &HopStep> = part.hops.iter().map(|hop| (hop.node, &hop.step)).collect();
        let mut done = Vec::new();
        let mut open = vec![Way { nodes: vec![ingress], at: ingress }];
        while let Some(way) = open.pop() {
            if done.len() >= room {
                return (done, true);
            }
            let nexts = match steps.get(&way.at) {
                Some(HopStep::Forward(edges)) => edges,
                Some(HopStep::Deliver) => {
                    done.push(self.in_line(&way, ""));
                    continue;
                }
                Some(HopStep::Drop(why)) => {
                    done.push(self.in_line(&way, &format!(": dropped, {}", in_words(*why))));
                    continue;
                }
                Some(HopStep::Unknown) => {
                    done.push(self.in_line(&way, ": its FIB is not known"));
                    continue;
                }
                // Beyond what was asked for.
                None => {
                    done.push(self.in_line(&way, " > …"));
                    continue;
                }
            };
            // Parallel links are one way. Backwards, since the last is taken first.
            let nodes: BTreeSet<Option<NodeId>> = nexts.iter().map(|edge| edge.next).collect();
            for next in nodes.into_iter().rev() {
                let Some(next) = next else {
                    done.push(self.in_line(&way, ": dropped, its next hop is dead"));
                    continue;
                };
                let mut on = way.clone();
                on.nodes.push(next);
                on.at = next;
                if way.nodes.contains(&next) {
                    done.push(self.in_line(&on, ": a loop"));
                } else {
                    open.push(on);
                }
            }
        }
        let cut = done.len() > room;
        done.truncate(room);
        (done, cut)
    }

    fn in_line(&self, way: &Way, end: &str) -> String {
        let name = |node: &NodeId| self.verifier.node_name(*node).map(NodeName::as_str);
        let names: Vec<&str> = way.nodes.iter().filter_map(name).collect();
        names.join(" > ") + end
    }
}
