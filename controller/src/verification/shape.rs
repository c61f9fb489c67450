//! A plan and its FIBs in the verifier's terms.

use std::collections::BTreeMap;

use braid_layout::{LinkEndPlan, NodePlan, Plan, VnPlan, names::ROUTER_PORT};
use braid_proto::VnId;
use braid_verify::{Action, DropReason, InterfaceId, Link, Node, NodeId, Topology, Verifier, VnTopology};

use crate::report::{Route, RouteKind};

/// The network to verify.
pub(super) fn topology(plan: &Plan) -> Topology {
    Topology {
        nodes: plan.nodes.iter().map(|n| (n.name.clone(), node(plan, n))).collect(),
        vns: plan.vns.iter().map(|v| (v.id, vn(plan, v))).collect::<BTreeMap<_, _>>(),
    }
}

fn node(plan: &Plan, node: &NodePlan) -> Node {
    let ends = plan.links.iter().flat_map(|l| [&l.a, &l.b]).filter(|end| end.node == node.name);
    let ports = node.routers.iter().filter_map(|r| r.port.as_ref());
    let links = ends.map(|end| end.vn_address.addr());
    Node {
        border: node.border.is_some(),
        loopback: Some(node.loopback),
        addresses: links.chain(ports.map(|port| port.router_address.addr())).collect(),
        attached: node.border.iter().flat_map(|b| &b.attached).map(|a| a.prefix).collect(),
    }
}

fn vn(plan: &Plan, vn: &VnPlan) -> VnTopology {
    let end = |end: &LinkEndPlan| (end.node.clone(), end.interface.clone());
    let links = vn.links.iter().filter_map(|number| plan.link(*number));
    VnTopology {
        nodes: plan
            .nodes
            .iter()
            .filter(|n| n.routers.iter().any(|r| r.vn == vn.id))
            .map(|n| n.name.clone())
            .collect(),
        links: links.map(|l| Link { ends: [end(&l.a), end(&l.b)] }).collect(),
    }
}

/// What a router does by a route of its FIB.
pub(super) fn action(verifier: &Verifier, vn: VnId, node: NodeId, route: &Route) -> Action {
    let interface = |name: &str| {
        name.parse().ok().and_then(|name| verifier.interface(vn, node, &name)).unwrap_or(InterfaceId::NOWHERE)
    };
    match route.kind {
        RouteKind::Unicast if route.interfaces.iter().any(|i| **i == *ROUTER_PORT) => Action::Deliver,
        RouteKind::Unicast => Action::Forward(route.interfaces.iter().map(|i| interface(i)).collect()),
        RouteKind::Local => Action::Local,
        RouteKind::Blackhole => Action::Drop(DropReason::Blackhole),
        RouteKind::Prohibit => Action::Drop(DropReason::Prohibited),
        RouteKind::Unreachable | RouteKind::Other => Action::Drop(DropReason::Unreachable),
    }
}
