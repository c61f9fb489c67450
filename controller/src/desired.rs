//! The desired state of every node, as it goes over the wire.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use braid_layout::{
    AttachedPlan, BorderPlan, DampingPlan, ForeignPrefixPlan, NodePlan, Plan, PolicyPlan, PolicyRule,
    PortPlan, RouterPlan, UnderlayInterface, VirtualLinkPlan,
};
use braid_proto::{NodeName, VnId, v1};

use crate::key::NetworkKey;

/// What every agent and border is to do.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Desired {
    agents: BTreeMap<NodeName, Arc<v1::NodeSpec>>,
    borders: BTreeMap<NodeName, Arc<v1::BorderSpec>>,
    network: String,
    revision: u64,
    border_revision: u64,
}

impl Desired {
    /// `classes` are the layout classes of the virtual networks as their links are now.
    pub(crate) fn of(
        plan: &Plan,
        revision: u64,
        classes: &BTreeMap<VnId, u64>,
        border_revision: u64,
        key: &NetworkKey,
    ) -> Self {
        let agents = plan.nodes.iter().map(|n| (n.name.clone(), Arc::new(node_spec(plan, n, revision))));
        let borders = plan.nodes.iter().filter_map(|node| {
            let border = node.border.as_ref()?;
            let spec = border_spec(plan, node, border, classes, border_revision, key);
            Some((node.name.clone(), Arc::new(spec)))
        });
        Self {
            agents: agents.collect(),
            borders: borders.collect(),
            network: plan.network.to_string(),
            revision,
            border_revision,
        }
    }

    /// For the agent on `node`: without any router if the node has left the topology.
    pub(crate) fn agent(&self, node: &NodeName) -> Arc<v1::NodeSpec> {
        self.agents.get(node).cloned().unwrap_or_else(|| {
            let (network, revision) = (self.network.clone(), self.revision);
            Arc::new(v1::NodeSpec { network, node: node.to_string(), revision, ..Default::default() })
        })
    }

    /// For the border on `node`: without any prefix if the node is no border any more.
    pub(crate) fn border(&self, node: &NodeName) -> Arc<v1::BorderSpec> {
        self.borders.get(node).cloned().unwrap_or_else(|| {
            let (network, revision) = (self.network.clone(), self.border_revision);
            Arc::new(v1::BorderSpec { network, node: node.to_string(), revision, ..Default::default() })
        })
    }
}

fn node_spec(plan: &Plan, node: &NodePlan, revision: u64) -> v1::NodeSpec {
    v1::NodeSpec {
        network: plan.network.to_string(),
        node: node.name.to_string(),
        revision,
        links: node.underlay.iter().map(physical_link).collect(),
        routers: node.routers.iter().map(router_spec).collect(),
    }
}

fn physical_link(end: &UnderlayInterface) -> v1::PhysicalLink {
    v1::PhysicalLink {
        number: end.link.into(),
        interface: end.interface.to_string(),
        peer_node: end.peer_node.to_string(),
        address: end.address.to_string(),
        peer_address: end.peer_address.to_string(),
        mtu: end.mtu.into(),
    }
}

fn router_spec(router: &RouterPlan) -> v1::RouterSpec {
    v1::RouterSpec {
        vn_id: router.vn.into(),
        vn: router.vn_name.to_string(),
        engine: router.engine.to_string(),
        namespace: router.namespace.clone(),
        loopback: router.loopback.to_string(),
        links: router.links.iter().map(virtual_link).collect(),
        port: router.port.as_ref().map(port),
        attached: router.attached.iter().map(ToString::to_string).collect(),
        hello: duration(router.hello),
        memory_bytes: router.limits.memory_bytes,
        pids: router.limits.pids,
    }
}

fn virtual_link(link: &VirtualLinkPlan) -> v1::VirtualLink {
    v1::VirtualLink {
        interface: link.interface.to_string(),
        vni: link.vni,
        link_number: link.link.into(),
        address: link.address.to_string(),
        peer_address: link.peer_address.to_string(),
        peer_node: link.peer_node.to_string(),
        metric: link.metric.into(),
        mtu: link.mtu.into(),
        underlay_interface: link.underlay_interface.to_string(),
        underlay_local: link.underlay_local.to_string(),
        underlay_remote: link.underlay_remote.to_string(),
    }
}

fn port(port: &PortPlan) -> v1::Port {
    v1::Port {
        node_interface: port.node_interface.to_string(),
        router_interface: port.router_interface.to_string(),
        node_address: port.node_address.to_string(),
        router_address: port.router_address.to_string(),
        mtu: port.mtu.into(),
    }
}

fn border_spec(
    plan: &Plan,
    node: &NodePlan,
    border: &BorderPlan,
    classes: &BTreeMap<VnId, u64>,
    revision: u64,
    key: &NetworkKey,
) -> v1::BorderSpec {
    let vns = node.routers.iter().filter_map(|router| {
        Some(v1::BorderVn {
            id: router.vn.into(),
            name: router.vn_name.to_string(),
            engine: router.engine.to_string(),
            code_base: router.engine.code_base().to_owned(),
            namespace: router.namespace.clone(),
            port: Some(port(router.port.as_ref()?)),
            layout_class: classes.get(&router.vn).copied().unwrap_or_default(),
        })
    });
    v1::BorderSpec {
        network: plan.network.to_string(),
        node: node.name.to_string(),
        revision,
        vns: vns.collect(),
        attached: border.attached.iter().map(attached_prefix).collect(),
        foreign: border.foreign.iter().map(foreign_prefix).collect(),
        links: node.underlay.iter().map(physical_link).collect(),
        damping: Some(damping(&plan.damping)),
        probes: Some(probe_spec(plan, node, key)),
    }
}

/// The loopback of a node, which is the same in every virtual network.
fn loopback(node: &NodePlan) -> String {
    node.routers.first().map(|router| router.loopback.to_string()).unwrap_or_default()
}

fn probe_spec(plan: &Plan, node: &NodePlan, key: &NetworkKey) -> v1::ProbeSpec {
    let borders = plan.nodes.iter().filter(|other| other.border.is_some() && other.name != node.name);
    let peers =
        borders.map(|other| v1::ProbePeer { node: other.name.to_string(), loopback: loopback(other) });
    v1::ProbeSpec {
        key: key.bytes().to_vec(),
        interval: duration(plan.probes.interval),
        losses: plan.probes.losses.into(),
        packets_per_second: plan.probes.packets_per_second,
        loopback: loopback(node),
        peers: peers.collect(),
    }
}

fn damping(damping: &DampingPlan) -> v1::Damping {
    v1::Damping {
        half_life: duration(damping.half_life),
        suppress: damping.suppress,
        reuse: damping.reuse,
        longest: duration(damping.longest),
    }
}

fn attached_prefix(attached: &AttachedPlan) -> v1::AttachedPrefix {
    v1::AttachedPrefix { prefix: attached.prefix.to_string(), interface: attached.interface.to_string() }
}

fn foreign_prefix(foreign: &ForeignPrefixPlan) -> v1::ForeignPrefix {
    v1::ForeignPrefix {
        prefix: foreign.prefix.to_string(),
        egress: foreign.owners.iter().map(ToString::to_string).collect(),
        policy: Some(policy(&foreign.policy)),
    }
}

fn policy(policy: &PolicyPlan) -> v1::Policy {
    let (kind, master_vn_id, first_k) = match policy.rule {
        PolicyRule::Master { master } => (v1::PolicyKind::Master, master.into(), 0),
        PolicyRule::Majority => (v1::PolicyKind::Majority, 0, 0),
        PolicyRule::FirstK { k } => (v1::PolicyKind::FirstK, 0, k.into()),
        PolicyRule::Consensus => (v1::PolicyKind::Consensus, 0, 0),
    };
    v1::Policy {
        kind: kind.into(),
        master_vn_id,
        first_k,
        verified: policy.verified,
        deadline: duration(policy.deadline),
        settle: duration(policy.settle),
        fail_back: duration(policy.fail_back),
    }
}

/// The plan's durations are at most minutes, far within the wire's range.
pub(crate) fn duration(duration: Duration) -> Option<prost_types::Duration> {
    duration.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{node, ring, vn};

    fn desired() -> Desired {
        let f = ring(3);
        let classes = BTreeMap::from([(vn(1), 11), (vn(2), 22)]);
        Desired::of(&f.plan, f.revision, &classes, 40, &NetworkKey::of_test())
    }

    #[test]
    fn a_node_hears_of_its_links_and_routers_as_planned() {
        let spec = desired().agent(&node("east"));
        assert_eq!((spec.revision, spec.network.as_str(), spec.node.as_str()), (3, "ring", "east"));
        assert_eq!(spec.links.iter().map(|l| l.peer_node.as_str()).collect::<Vec<_>>(), ["north", "south"]);
        let red = &spec.routers[0];
        assert_eq!((red.vn_id, red.vn.as_str(), red.engine.as_str()), (1, "red", "frr-ospf"));
        assert_eq!((red.namespace.as_str(), red.loopback.as_str()), ("ring.east.red", "100.64.0.2"));
        assert_eq!((red.links[0].vni, red.links[0].interface.as_str()), (0x01_0001, "eth1"));
        assert!(red.port.is_none() && red.attached.is_empty());
    }

    #[test]
    fn a_border_hears_of_prefixes_policies_and_layout_classes() {
        let spec = desired().border(&node("north"));
        assert_eq!(spec.revision, 40);
        assert_eq!(spec.vns.iter().map(|v| v.layout_class).collect::<Vec<_>>(), [11, 22]);
        assert_eq!(spec.vns[1].port.as_ref().unwrap().node_interface, "braid-vn2");
        assert_eq!(spec.attached[0].prefix, "198.18.1.0/24");
        assert_eq!(
            (spec.foreign[0].prefix.as_str(), &spec.foreign[0].egress[..]),
            ("198.18.2.0/24", &["south".to_owned()][..])
        );
        let policy = spec.foreign[0].policy.as_ref().unwrap();
        assert_eq!((policy.kind(), policy.master_vn_id), (v1::PolicyKind::Master, 1));
        assert!(policy.settle.is_some() && policy.fail_back.is_some());
    }

    #[test]
    fn a_node_that_has_left_hears_that_it_is_to_have_nothing() {
        let spec = desired().agent(&node("atlantis"));
        assert_eq!((spec.network.as_str(), spec.revision, spec.routers.len()), ("ring", 3, 0));
        // East is still a node, but no border.
        let spec = desired().border(&node("east"));
        assert_eq!((spec.network.as_str(), spec.node.as_str(), spec.foreign.len()), ("ring", "east", 0));
    }
}
