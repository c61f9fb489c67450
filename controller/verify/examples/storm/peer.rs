//! The naive peer: FIBs in ordered maps, and a walk from every border, hop by hop, whenever something is asked.

use std::collections::{BTreeMap, BTreeSet};

use braid_verify::{Action, InterfaceId, NodeId, Verdict};
use ipnet::Ipv4Net;

/// What the walks from one ingress met.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Walk {
    pub egress: BTreeSet<NodeId>,
    pub drops: bool,
    pub loops: bool,
}

impl Walk {
    pub fn agrees(&self, verdict: &Verdict) -> bool {
        self.egress.iter().eq(&verdict.egress)
            && self.drops != verdict.drops.is_empty()
            && self.loops != verdict.loops.is_empty()
    }
}

/// One VN. Prefixes are /32 and /24 here, and the peer knows it.
pub struct Peer {
    pub fibs: BTreeMap<NodeId, BTreeMap<Ipv4Net, Action>>,
    pub peers: BTreeMap<InterfaceId, NodeId>,
    pub down: BTreeSet<InterfaceId>,
    pub loopbacks: BTreeMap<Ipv4Net, NodeId>,
}

impl Peer {
    pub fn walk(&self, prefix: Ipv4Net, ingress: NodeId) -> Walk {
        let mut walk = Walk::default();
        self.step(prefix, ingress, &mut Vec::new(), &mut BTreeSet::new(), &mut walk);
        walk
    }

    fn step(
        &self,
        prefix: Ipv4Net,
        node: NodeId,
        way: &mut Vec<NodeId>,
        done: &mut BTreeSet<NodeId>,
        walk: &mut Walk,
    ) {
        if self.loopbacks.get(&prefix) == Some(&node) {
            walk.egress.insert(node);
            return;
        }
        if way.contains(&node) {
            walk.loops = true;
            return;
        }
        if !done.insert(node) {
            return;
        }
        let lengths = [32, 24].into_iter().filter_map(|length| Ipv4Net::new(prefix.addr(), length).ok());
        let route = self.fibs.get(&node).and_then(|fib| lengths.filter_map(|p| fib.get(&p.trunc())).next());
        match route {
            Some(Action::Forward(interfaces)) => {
                way.push(node);
                for interface in interfaces {
                    match self.peers.get(interface).filter(|_| !self.down.contains(interface)) {
                        Some(peer) => self.step(prefix, *peer, way, done, walk),
                        None => walk.drops = true,
                    }
                }
                way.pop();
            }
            Some(Action::Deliver) => {
                walk.egress.insert(node);
            }
            _ => walk.drops = true,
        }
    }
}
