//! Where a virtual network leaves the shortest ways of the model.

use std::collections::BTreeSet;

use braid_proto::{InterfaceName, NodeName, VnId};
use braid_verify::{Hop, HopStep};
use ipnet::Ipv4Net;

use super::{Inspector, MAX_PATH};

/// How many are told.
const MAX_DETOURS: usize = 8;

impl Inspector {
    /// The routers that send packets for `prefix`, once these have entered `vn` at `border`, by other next hops than the model's
    /// shortest ways, such as `north by eth1, where the model goes by eth2`; nearest first, at most eight. That is no fault, since a
    /// way round delivers all the same, but an engine has another idea there of links or metrics.
    pub(crate) fn detours(&self, vn: VnId, prefix: Ipv4Net, border: &NodeName) -> Vec<String> {
        let ingress = self.verifier.node(border);
        let path = ingress.and_then(|ingress| self.verifier.path(vn, prefix, ingress, MAX_PATH));
        let mut lines = Vec::new();
        for hop in path.iter().flat_map(|path| &path.parts).flat_map(|part| &part.hops) {
            lines.extend(self.detour(vn, prefix, hop).filter(|line| !lines.contains(line)));
        }
        lines.truncate(MAX_DETOURS);
        lines
    }

    fn detour(&self, vn: VnId, prefix: Ipv4Net, hop: &Hop) -> Option<String> {
        let HopStep::Forward(edges) = &hop.step else { return None };
        let node = self.verifier.node_name(hop.node)?;
        let expected = self.model.expected(vn, node, prefix)?;
        let shortest: BTreeSet<&InterfaceName> =
            expected.next_hops.iter().map(|hop| &hop.interface).collect();
        let taken = edges.iter().filter_map(|edge| self.verifier.interface_name(vn, edge.interface));
        // Engines may leave out some of several shortest ways.
        let others: BTreeSet<&InterfaceName> = taken.filter(|name| !shortest.contains(name)).collect();
        let (taken, shortest) = (listed(&others)?, listed(&shortest)?);
        Some(format!("{node} by {taken}, where the model goes by {shortest}"))
    }
}

fn listed(names: &BTreeSet<&InterfaceName>) -> Option<String> {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(" and "))
}
