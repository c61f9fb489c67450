//! The verifier: all VNs of a network.

use std::{collections::BTreeMap, sync::Arc};

use braid_proto::{InterfaceName, NodeName, VnId};
use ipnet::Ipv4Net;
use thiserror::Error;

use crate::{
    Action, Change, InterfaceId, NodeId, Path, Topology, TopologyError, Verdict, network::Network,
    topology::Graph,
};

/// Why an event was refused; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The topology has no such VN.
    #[error("there is no VN {0} in the verified topology: set the topology first")]
    UnknownVn(VnId),
    /// The node is not a member of the VN, or its number is of an older topology.
    #[error("node number {node} is not in VN {vn}: look its number up again after a change of topology", node = .node.0)]
    UnknownNode {
        /// The VN.
        vn: VnId,
        /// The node.
        node: NodeId,
    },
    /// The interface's number is not one of the VN.
    #[error("interface number {interface} is not in VN {vn}: look its number up again after a change of topology", interface = .interface.0)]
    UnknownInterface {
        /// The VN.
        vn: VnId,
        /// The interface.
        interface: InterfaceId,
    },
    /// Changes came for a FIB that is not known.
    #[error("the FIB of node number {node} in VN {vn} is not known: send a snapshot before changes", node = .node.0)]
    NoSnapshot {
        /// The VN.
        vn: VnId,
        /// The node.
        node: NodeId,
    },
}

/// How much a [`Verifier`] holds, over all VNs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Atoms: ranges of addresses that no FIB entry tells apart.
    pub atoms: usize,
    /// Distinct prefixes with a route on some node.
    pub prefixes: usize,
    /// Routes.
    pub routes: usize,
    /// Distinct sets of next hops.
    pub next_hop_sets: usize,
    /// Distinct outcomes.
    pub outcomes: usize,
    /// Distinct loops in them.
    pub loops: usize,
}

/// The forwarding of every VN of a network, kept up with every change of a FIB or link. See the [crate](crate) for the contract.
#[derive(Debug)]
pub struct Verifier {
    topology: Topology,
    nodes: BTreeMap<NodeName, NodeId>,
    names: Vec<NodeName>,
    vns: BTreeMap<VnId, Network>,
}

impl Verifier {
    /// A verifier that knows no FIB yet: every verdict is unknown at its ingress, and that is not reported as a change.
    ///
    /// # Errors
    /// The topology contradicts itself; see [`TopologyError`].
    pub fn new(topology: &Topology) -> Result<Self, TopologyError> {
        Self::build(topology, |_| true)
    }

    fn build(topology: &Topology, has: impl Fn(VnId) -> bool) -> Result<Self, TopologyError> {
        if topology.nodes.len() > NodeId::MAX {
            return Err(TopologyError::TooManyNodes(topology.nodes.len()));
        }
        let nodes: BTreeMap<_, _> = topology.nodes.keys().cloned().zip((0..).map(NodeId)).collect();
        let vns = topology.vns.iter().filter(|(vn, _)| has(**vn)).map(|(vn, shape)| {
            let graph = Graph::new(*vn, shape, &nodes)?;
            Ok((*vn, Network::new(*vn, graph, topology.nodes.values())))
        });
        let vns = vns.collect::<Result<_, TopologyError>>()?;
        let names = topology.nodes.keys().cloned().collect();
        Ok(Self { topology: topology.clone(), names, nodes, vns })
    }

    /// Exchanges the topology and keeps, by name, the FIBs of nodes and the state of links that stay. Afterwards all numbers
    /// must be looked up again. While the nodes stay as they are, so do VNs that do; of all other VNs every FIB is gone
    /// through again, and [`changes`](Self::changes) tells all verdicts anew that are not unknown at their ingress.
    ///
    /// # Errors
    /// The topology contradicts itself; see [`TopologyError`]. Nothing has changed then.
    pub fn set_topology(&mut self, topology: &Topology) -> Result<(), TopologyError> {
        let same_nodes = topology.nodes == self.topology.nodes;
        let stays = |vn| same_nodes && topology.vns.get(&vn) == self.topology.vns.get(&vn);
        let mut next = Self::build(topology, |vn| !stays(vn))?;
        let stay: Vec<VnId> = topology.vns.keys().copied().filter(|vn| stays(*vn)).collect();
        for (vn, new) in &mut next.vns {
            if let Some(old) = self.vns.get(vn) {
                self.carry_over(old, new, &next.nodes);
            }
        }
        next.vns.extend(stay.into_iter().filter_map(|vn| self.vns.remove_entry(&vn)));
        *self = next;
        Ok(())
    }

    /// Gives a VN's network what is known of it by this verifier.
    fn carry_over(&self, old: &Network, new: &mut Network, nodes: &BTreeMap<NodeName, NodeId>) {
        let translate = |new: &Network, node, interface| {
            let name = old.graph().name(interface)?;
            new.graph().find(node, name)
        };
        for (name, old_node) in &self.nodes {
            let Some(node) = nodes.get(name).copied().filter(|node| new.graph().is_member(*node)) else {
                continue;
            };
            for interface in old.graph().down().filter(|interface| old.graph().owns(*old_node, *interface)) {
                if let Some(interface) = translate(new, node, interface) {
                    new.set_link(interface, false);
                }
            }
            let Some(mut routes) = old.routes(*old_node) else { continue };
            for (_, action) in &mut routes {
                if let Action::Forward(interfaces) = action {
                    for interface in interfaces {
                        *interface = translate(new, node, *interface).unwrap_or(InterfaceId::NOWHERE);
                    }
                }
            }
            new.set_snapshot(node, &routes);
        }
    }

    /// The number of a node.
    #[must_use]
    pub fn node(&self, name: &NodeName) -> Option<NodeId> {
        self.nodes.get(name).copied()
    }

    /// The name of a node.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> Option<&NodeName> {
        self.names.get(node.index())
    }

    /// The number of a node's interface in a VN. Where there is none, a next hop is [`InterfaceId::NOWHERE`].
    #[must_use]
    pub fn interface(&self, vn: VnId, node: NodeId, name: &InterfaceName) -> Option<InterfaceId> {
        let graph = self.vns.get(&vn)?.graph();
        graph.is_member(node).then(|| graph.find(node, name))?
    }

    /// The name of an interface of a VN.
    #[must_use]
    pub fn interface_name(&self, vn: VnId, interface: InterfaceId) -> Option<&InterfaceName> {
        self.vns.get(&vn)?.graph().name(interface)
    }

    /// Changes routes of one node, all at once: a prefix's new action, or none where the route is gone. Of changes of one
    /// prefix the last counts. Host bits are ignored, and interfaces of other nodes lead [nowhere](InterfaceId::NOWHERE).
    ///
    /// # Errors
    /// The VN or node is not known, or has sent no snapshot since it was last forgotten.
    pub fn apply(
        &mut self,
        vn: VnId,
        node: NodeId,
        changes: &[(Ipv4Net, Option<Action>)],
    ) -> Result<(), VerifyError> {
        let network = self.member(vn, node)?;
        if !network.is_known(node) {
            return Err(VerifyError::NoSnapshot { vn, node });
        }
        network.apply(node, changes);
        Ok(())
    }

    /// Sets the whole FIB of a node, which is known from now on. Only what differs from before is worked on.
    ///
    /// # Errors
    /// The VN or node is not known.
    pub fn set_snapshot(
        &mut self,
        vn: VnId,
        node: NodeId,
        routes: &[(Ipv4Net, Action)],
    ) -> Result<(), VerifyError> {
        self.member(vn, node)?.set_snapshot(node, routes);
        Ok(())
    }

    /// Forgets the FIB of a node (its agent is away): what passes there is unknown from now on, not dropped.
    ///
    /// # Errors
    /// The VN or node is not known.
    pub fn forget(&mut self, vn: VnId, node: NodeId) -> Result<(), VerifyError> {
        self.member(vn, node)?.forget(node);
        Ok(())
    }

    /// Says whether an interface is up. All are until said otherwise; a link carries packets while both its ends are up.
    ///
    /// # Errors
    /// The VN or interface is not known.
    pub fn set_link(&mut self, vn: VnId, interface: InterfaceId, up: bool) -> Result<(), VerifyError> {
        let network = self.vns.get_mut(&vn).ok_or(VerifyError::UnknownVn(vn))?;
        if network.graph().name(interface).is_none() {
            return Err(VerifyError::UnknownInterface { vn, interface });
        }
        network.set_link(interface, up);
        Ok(())
    }

    /// The verdicts that differ from when last asked, in no particular order. What changed and changed back is not among them.
    pub fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for network in self.vns.values_mut() {
            network.changes(&mut changes);
        }
        changes
    }

    /// What becomes of packets to `prefix` that enter `vn` at `ingress` (any member of the VN); none where the VN or node is not
    /// known or the prefix is not of interest.
    #[must_use]
    pub fn verdict(&self, vn: VnId, prefix: Ipv4Net, ingress: NodeId) -> Option<Arc<Verdict>> {
        self.vns.get(&vn)?.verdict(prefix, ingress)
    }

    /// The ways packets take, at most `limit` hops over all parts; none as for [`verdict`](Self::verdict).
    #[must_use]
    pub fn path(&self, vn: VnId, prefix: Ipv4Net, ingress: NodeId, limit: usize) -> Option<Path> {
        self.vns.get(&vn)?.path(prefix, ingress, limit)
    }

    /// The FIB of a node as the verifier has it, by prefix; none where it is not known.
    #[must_use]
    pub fn routes(&self, vn: VnId, node: NodeId) -> Option<Vec<(Ipv4Net, Action)>> {
        self.vns.get(&vn)?.routes(node)
    }

    /// How much is held.
    #[must_use]
    pub fn size(&self) -> Size {
        self.vns.values().fold(Size::default(), |sum, network| network.add_size(sum))
    }

    fn member(&mut self, vn: VnId, node: NodeId) -> Result<&mut Network, VerifyError> {
        let network = self.vns.get_mut(&vn).ok_or(VerifyError::UnknownVn(vn))?;
        if network.graph().is_member(node) { Ok(network) } else { Err(VerifyError::UnknownNode { vn, node }) }
    }
}
