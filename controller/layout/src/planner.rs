//! How a plan is made: links first, then what hangs on them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::Ipv4Addr,
};

use braid_proto::NodeName;
use braid_topology::{
    AttachedPrefix, Border, Damping, Endpoint, Link, Node, PolicyKind, Probes, Topology, VirtualNetwork,
    VotePolicy,
};
use ipnet::Ipv4Net;

use crate::{
    address::{gateway_and_host, shared_length, with_length},
    allocation::{Allocation, link_key},
    error::LayoutError,
    layout_class::class_of,
    names,
    plan::{
        AttachedPlan, BorderPlan, DampingPlan, ForeignPrefixPlan, HostPlan, LimitsPlan, LinkEndPlan,
        LinkPlan, NodePlan, Plan, PolicyPlan, PolicyRule, PortPlan, ProbesPlan, RouterPlan,
        UnderlayInterface, VirtualLinkPlan, VnPlan,
    },
    pool::Pool,
};

/// What a packet grows by between a virtual link and the physical one: inner Ethernet (14), VXLAN (8), UDP (8), IPv4 (20).
const ENCAPSULATION_BYTES: u16 = 50;
/// MTU of the port of a virtual network without links.
const DEFAULT_PORT_MTU: u16 = 1500;
/// Lays out `topology` with the numbers of `allocation`.
///
/// Nodes and links are planned by number, so their order in the file does not matter; nor does the order of a link's
/// endpoints.
///
/// # Errors
/// When the allocation was not updated from this topology, an address falls out of its pool, an attached prefix is too long,
/// or a name clashes with one that braid makes.
pub fn plan(topology: &Topology, allocation: &Allocation) -> Result<Plan, LayoutError> {
    let nodes = numbered_nodes(topology, allocation)?;
    let links = plan_links(topology, allocation)?;
    let vns = topology.vns.iter().map(|vn| plan_vn(vn, &links)).collect();
    let context = Context::new(topology, &nodes, &links);
    let nodes =
        nodes.iter().map(|(number, node)| context.node(node, *number)).collect::<Result<Vec<_>, _>>()?;
    let hosts: Vec<_> = nodes.iter().flat_map(|node| context.hosts(node)).collect();

    let host_names: HashSet<&str> = hosts.iter().map(|h| h.name.as_str()).collect();
    if let Some(node) = nodes.iter().find(|n| host_names.contains(n.name.as_str())) {
        return Err(LayoutError::HostName { node: node.name.clone() });
    }
    let Damping { half_life, suppress, reuse, longest } = topology.vote.damping;
    let Probes { interval, losses, packets_per_second } = topology.probes;
    Ok(Plan {
        network: topology.name.clone(),
        nodes,
        links,
        vns,
        damping: DampingPlan { half_life, suppress, reuse, longest },
        probes: ProbesPlan { interval, losses, packets_per_second },
        hosts,
    })
}

/// The nodes by number.
fn numbered_nodes<'a>(
    topology: &'a Topology,
    allocation: &Allocation,
) -> Result<Vec<(u32, &'a Node)>, LayoutError> {
    let number = |node: &'a Node| match allocation.node_number(&node.name) {
        Some(number) => Ok((number, node)),
        None => Err(LayoutError::NotAllocated { item: format!("node `{}`", node.name) }),
    };
    let mut nodes = topology.nodes.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    nodes.sort_unstable_by_key(|(number, _)| *number);
    Ok(nodes)
}

/// The links by number, each with the virtual networks that run over it.
fn plan_links(topology: &Topology, allocation: &Allocation) -> Result<Vec<LinkPlan>, LayoutError> {
    let mut links = topology
        .links
        .iter()
        .enumerate()
        .map(|(index, link)| {
            let vns = topology.vns.iter().filter(|vn| vn.uses(index)).map(|vn| vn.id);
            plan_link(link, topology, allocation).map(|plan| LinkPlan { vns: vns.collect(), ..plan })
        })
        .collect::<Result<Vec<_>, _>>()?;
    links.sort_unstable_by_key(|l| l.number);
    Ok(links)
}

/// One link, as yet without virtual networks.
fn plan_link(link: &Link, topology: &Topology, allocation: &Allocation) -> Result<LinkPlan, LayoutError> {
    let item = || format!("link `{}`", link_key(link));
    let number = allocation.link_number(link).ok_or_else(|| LayoutError::NotAllocated { item: item() })?;
    let as_written = link.a <= link.b;
    let (a, b) = if as_written { (&link.a, &link.b) } else { (&link.b, &link.a) };
    let (a_inner, b_inner) = Pool::links(&topology.addressing).pair(number.into(), &item)?;
    let (a_outer, b_outer) = match link.addresses {
        Some((first, second)) if as_written => (first, second),
        Some((first, second)) => (second, first),
        None => Pool::underlay(&topology.addressing).pair(number.into(), &item)?,
    };
    let length = shared_length(a_outer, b_outer);
    let end = |end: &Endpoint, outer, inner| {
        if names::is_reserved(&end.interface) {
            let (node, interface) = (end.node.clone(), end.interface.clone());
            return Err(LayoutError::ReservedInterface { node, interface });
        }
        Ok(LinkEndPlan {
            node: end.node.clone(),
            interface: end.interface.clone(),
            underlay_address: with_length(outer, length),
            vn_address: with_length(inner, 31),
        })
    };
    Ok(LinkPlan {
        number,
        a: end(a, a_outer, a_inner)?,
        b: end(b, b_outer, b_inner)?,
        metric: link.metric,
        delay: link.delay,
        mtu: link.mtu,
        vn_mtu: link.mtu.saturating_sub(ENCAPSULATION_BYTES),
        vns: Vec::new(),
    })
}

fn plan_vn(vn: &VirtualNetwork, links: &[LinkPlan]) -> VnPlan {
    let ours = || links.iter().filter(|l| l.vns.contains(&vn.id));
    VnPlan {
        id: vn.id,
        name: vn.name.clone(),
        engine: vn.engine,
        code_base: vn.engine.code_base(),
        protocol: vn.engine.protocol(),
        layout_class: class_of(ours()),
        links: ours().map(|l| l.number).collect(),
    }
}

/// A link as seen from one of its ends.
#[derive(Clone, Copy)]
struct View<'a> {
    link: &'a LinkPlan,
    near: &'a LinkEndPlan,
    far: &'a LinkEndPlan,
}

/// What nodes need to know of the network around them.
struct Context<'a> {
    topology: &'a Topology,
    /// Each node's links, by number.
    views: HashMap<&'a NodeName, Vec<View<'a>>>,
    /// The smallest MTU of each virtual network, in the order of the file.
    port_mtus: Vec<u16>,
    /// Every attached prefix with the borders to which it is attached.
    owners: BTreeMap<Ipv4Net, Vec<&'a NodeName>>,
}

impl<'a> Context<'a> {
    fn new(topology: &'a Topology, nodes: &[(u32, &'a Node)], links: &'a [LinkPlan]) -> Self {
        let mut views: HashMap<_, Vec<_>> = HashMap::new();
        for link in links {
            views.entry(&link.a.node).or_default().push(View { link, near: &link.a, far: &link.b });
            views.entry(&link.b.node).or_default().push(View { link, near: &link.b, far: &link.a });
        }
        let port_mtu = |vn: &VirtualNetwork| {
            links
                .iter()
                .filter(|l| l.vns.contains(&vn.id))
                .map(|l| l.vn_mtu)
                .min()
                .unwrap_or(DEFAULT_PORT_MTU)
        };
        let mut owners: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (_, node) in nodes {
            for attached in node.border.iter().flat_map(|b| &b.prefixes) {
                owners.entry(attached.prefix).or_default().push(&node.name);
            }
        }
        Self { topology, views, port_mtus: topology.vns.iter().map(port_mtu).collect(), owners }
    }

    fn node(&self, node: &Node, number: u32) -> Result<NodePlan, LayoutError> {
        let item = || format!("node `{}`", node.name);
        let loopback = Pool::loopbacks(&self.topology.addressing).first(number, &item)?;
        let views = self.views.get(&node.name).map_or(&[][..], Vec::as_slice);
        let routers = self
            .topology
            .vns
            .iter()
            .zip(&self.port_mtus)
            .map(|(vn, port_mtu)| self.router(node, vn, loopback, views, *port_mtu))
            .collect::<Result<_, _>>()?;
        Ok(NodePlan {
            name: node.name.clone(),
            number,
            namespace: names::node_namespace(&self.topology.name, &node.name),
            loopback,
            underlay: views.iter().map(underlay_interface).collect(),
            border: node.border.as_ref().map(|border| self.border(&node.name, border)).transpose()?,
            routers,
        })
    }

    fn router(
        &self,
        node: &Node,
        vn: &VirtualNetwork,
        loopback: Ipv4Addr,
        views: &[View<'_>],
        port_mtu: u16,
    ) -> Result<RouterPlan, LayoutError> {
        let ours = views.iter().filter(|view| view.link.vns.contains(&vn.id));
        let attached = node.border.iter().flat_map(|b| &b.prefixes).map(|p| p.prefix);
        Ok(RouterPlan {
            vn: vn.id,
            vn_name: vn.name.clone(),
            engine: vn.engine,
            namespace: names::router_namespace(&self.topology.name, &node.name, &vn.name),
            loopback,
            links: ours.map(|view| virtual_link(view, vn)).collect(),
            port: node.border.as_ref().map(|_| self.port(vn, port_mtu)).transpose()?,
            attached: attached.collect(),
            hello: vn.hello,
            limits: LimitsPlan { memory_bytes: vn.limits.memory_bytes, pids: vn.limits.pids },
            state_directory: names::instance_directory(vn.id),
        })
    }

    fn port(&self, vn: &VirtualNetwork, mtu: u16) -> Result<PortPlan, LayoutError> {
        let item = || format!("virtual network `{}`", vn.name);
        let (node, router) = Pool::ports(&self.topology.addressing).pair(vn.id.into(), &item)?;
        Ok(PortPlan {
            node_interface: names::port_interface(vn.id),
            router_interface: names::router_port_interface(),
            node_address: with_length(node, 31),
            router_address: with_length(router, 31),
            mtu,
        })
    }

    fn border(&self, node: &NodeName, border: &Border) -> Result<BorderPlan, LayoutError> {
        let attached = border
            .prefixes
            .iter()
            .enumerate()
            .map(|(index, prefix)| attached(node, index, prefix))
            .collect::<Result<_, _>>()?;
        let foreign = self
            .owners
            .iter()
            .filter(|(_, owners)| !owners.contains(&node))
            .map(|(prefix, owners)| ForeignPrefixPlan {
                prefix: *prefix,
                owners: owners.iter().copied().cloned().collect(),
                policy: policy(self.topology.vote.policy_for(*prefix)),
            })
            .collect();
        Ok(BorderPlan { attached, foreign })
    }

    /// The customer hosts behind `node`.
    fn hosts(&self, node: &NodePlan) -> Vec<HostPlan> {
        let attached = node.border.iter().flat_map(|border| &border.attached);
        attached
            .map(|attached| HostPlan {
                name: attached.host.clone(),
                node: node.name.clone(),
                namespace: names::host_namespace(&self.topology.name, &attached.host),
                interface: names::host_interface(),
                address: with_length(attached.host_address, attached.prefix.prefix_len()),
                gateway: attached.gateway,
                prefix: attached.prefix,
                customer_interface: attached.interface.clone(),
            })
            .collect()
    }
}

fn underlay_interface(view: &View<'_>) -> UnderlayInterface {
    let View { link, near, far } = view;
    UnderlayInterface {
        link: link.number,
        interface: near.interface.clone(),
        address: near.underlay_address,
        peer_node: far.node.clone(),
        peer_interface: far.interface.clone(),
        peer_address: far.underlay_address.addr(),
        mtu: link.mtu,
        metric: link.metric,
        delay: link.delay,
    }
}

fn virtual_link(view: &View<'_>, vn: &VirtualNetwork) -> VirtualLinkPlan {
    let View { link, near, far } = view;
    VirtualLinkPlan {
        interface: near.interface.clone(),
        vni: vn.id.vni(link.number),
        link: link.number,
        address: near.vn_address,
        peer_address: far.vn_address.addr(),
        peer_node: far.node.clone(),
        metric: link.metric,
        mtu: link.vn_mtu,
        underlay_interface: near.interface.clone(),
        underlay_local: near.underlay_address.addr(),
        underlay_remote: far.underlay_address.addr(),
    }
}

fn attached(node: &NodeName, index: usize, attached: &AttachedPrefix) -> Result<AttachedPlan, LayoutError> {
    let AttachedPrefix { prefix, interface } = attached;
    if names::is_reserved(interface) {
        return Err(LayoutError::ReservedInterface { node: node.clone(), interface: interface.clone() });
    }
    let Some((gateway, host_address)) = gateway_and_host(*prefix) else {
        return Err(LayoutError::PrefixTooLong { node: node.clone(), prefix: *prefix });
    };
    Ok(AttachedPlan {
        prefix: *prefix,
        interface: interface.clone(),
        gateway,
        host_address,
        host: names::host_name(node, index),
    })
}

fn policy(policy: &VotePolicy) -> PolicyPlan {
    let rule = match policy.kind {
        PolicyKind::Master { master } => PolicyRule::Master { master },
        PolicyKind::Majority => PolicyRule::Majority,
        PolicyKind::FirstK { k } => PolicyRule::FirstK { k },
        PolicyKind::Consensus => PolicyRule::Consensus,
    };
    let VotePolicy { verified, settle, fail_back, deadline, .. } = *policy;
    PolicyPlan { rule, verified, settle, fail_back, deadline }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use braid_proto::Engine;
    use braid_topology::{LayoutRule, PrefixRule};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Build, link, majority, network, node_name, vn_id};

    /// Three nodes in a ring, borders at two of them; blue does without the second link, b to c.
    fn triangle() -> Topology {
        network(&["a", "b", "c"], &["b:eth1 a:eth1", "b:eth2 c:eth1", "c:eth2 a:eth2"])
            .attach("a", &["198.18.1.0/24"])
            .attach("c", &["198.18.3.0/24", "198.18.4.0/29"])
            .vn(1, "red", Engine::FrrOspf, LayoutRule::Full)
            .vn(2, "blue", Engine::BirdOspf, LayoutRule::Without(vec![1]))
    }

    #[test]
    fn a_virtual_link_has_its_vni_addresses_and_mtu() {
        let plan = triangle().planned();
        let router = plan.router(&node_name("b"), vn_id(2)).unwrap();
        assert_eq!(router.namespace, "net.b.blue");
        assert_eq!(router.state_directory, "vn2");
        assert_eq!(router.loopback.to_string(), "100.64.0.2");
        let [link] = &router.links[..] else { panic!("blue has one link at b: {router:?}") };
        assert_eq!((link.vni, link.link, link.mtu, link.metric), (0x02_0001, 1, 1550, 10));
        // a:eth1 comes before b:eth1, so b has the odd address, though the file names b first.
        assert_eq!(link.address.to_string(), "100.65.0.3/31");
        assert_eq!(link.peer_address.to_string(), "100.65.0.2");
        assert_eq!(link.underlay_local.to_string(), "100.66.0.3");
        assert_eq!(link.underlay_remote.to_string(), "100.66.0.2");
        assert_eq!((link.interface.as_str(), link.underlay_interface.as_str()), ("eth1", "eth1"));
        assert_eq!(link.peer_node, node_name("a"));

        let red = plan.router(&node_name("b"), vn_id(1)).unwrap();
        assert_eq!(red.links.iter().map(|l| l.vni).collect::<Vec<_>>(), [0x01_0001, 0x01_0002]);
        assert_eq!(red.links[0].address, link.address, "addresses are the same in every VN");
        assert_eq!((red.port.as_ref(), red.attached.len()), (None, 0), "b is no border");
    }

    #[test]
    fn a_node_has_its_underlay_interfaces() {
        let plan = triangle().planned();
        let b = plan.node(&node_name("b")).unwrap();
        assert_eq!((b.number, b.namespace.as_str()), (2, "net.b"));
        assert_eq!(b.underlay.iter().map(|u| u.interface.as_str()).collect::<Vec<_>>(), ["eth1", "eth2"]);
        let first = &b.underlay[0];
        assert_eq!(
            (first.address.to_string(), first.peer_address.to_string()),
            ("100.66.0.3/31".into(), "100.66.0.2".into())
        );
        assert_eq!((first.peer_node.as_str(), first.peer_interface.as_str(), first.mtu), ("a", "eth1", 1600));
        assert_eq!(plan.link(2).unwrap().vns, [vn_id(1)]);
        assert_eq!(plan.vn(vn_id(2)).unwrap().links, [1, 3]);
    }

    #[test]
    fn a_border_has_ports_hosts_and_votes_on_the_prefixes_of_others() {
        let mut topology = triangle();
        topology.vote.prefixes = vec![PrefixRule {
            matches: "198.18.4.0/22".parse().unwrap(),
            policy: VotePolicy { kind: PolicyKind::Master { master: vn_id(2) }, ..majority() },
        }];
        let plan = topology.planned();

        let port = plan.router(&node_name("a"), vn_id(2)).unwrap().port.as_ref().unwrap();
        assert_eq!((port.node_interface.as_str(), port.router_interface.as_str()), ("braid-vn2", "port"));
        assert_eq!(port.node_address.to_string(), "100.67.0.4/31");
        assert_eq!(port.router_address.to_string(), "100.67.0.5/31");
        assert_eq!(port.mtu, 1550);

        let foreign = |name: &str| &plan.node(&node_name(name)).unwrap().border.as_ref().unwrap().foreign;
        let seen: Vec<_> =
            foreign("a").iter().map(|f| (f.prefix.to_string(), f.owners.clone(), f.policy.rule)).collect();
        let c = || vec![node_name("c")];
        let expected = [
            ("198.18.3.0/24".to_owned(), c(), PolicyRule::Majority),
            ("198.18.4.0/29".to_owned(), c(), PolicyRule::Master { master: vn_id(2) }),
        ];
        assert_eq!(seen, expected);
        assert_eq!(foreign("c").len(), 1);

        let hosts: Vec<_> = plan
            .hosts
            .iter()
            .map(|h| (h.name.as_str(), h.address.to_string(), h.gateway.to_string()))
            .collect();
        let expected = [
            ("a-host", "198.18.1.10/24".to_owned(), "198.18.1.1".to_owned()),
            ("c-host", "198.18.3.10/24".to_owned(), "198.18.3.1".to_owned()),
            ("c-host-2", "198.18.4.6/29".to_owned(), "198.18.4.1".to_owned()),
        ];
        assert_eq!(hosts, expected);
        let host = plan.host("c-host-2").unwrap();
        assert_eq!((host.namespace.as_str(), host.interface.as_str()), ("net.c-host-2", "eth0"));
        assert_eq!(
            (host.customer_interface.as_str(), host.prefix.to_string()),
            ("cust1", "198.18.4.0/29".into())
        );
    }

    fn refusal(topology: &Topology) -> LayoutError {
        let mut allocation = Allocation::default();
        allocation.update(topology).unwrap();
        plan(topology, &allocation).unwrap_err()
    }

    #[test]
    fn a_prefix_without_room_for_a_host_is_refused() {
        let topology = network(&["a"], &[]).attach("a", &["10.1.0.4/32"]);
        assert!(matches!(refusal(&topology), LayoutError::PrefixTooLong { .. }));
    }

    #[test]
    fn names_that_clash_with_ours_are_refused() {
        let host = network(&["a", "a-host"], &[]).attach("a", &["10.1.0.0/24"]);
        assert_eq!(refusal(&host), LayoutError::HostName { node: node_name("a-host") });
        for interface in ["lo", "port", "braid-vn9"] {
            let topology = network(&["a", "b"], &[&format!("a:eth1 b:{interface}")]);
            assert!(matches!(refusal(&topology), LayoutError::ReservedInterface { .. }), "{interface}");
        }
    }

    #[test]
    fn an_allocation_of_another_topology_is_refused() {
        let mut allocation = Allocation::default();
        allocation.update(&network(&["a", "b"], &[])).unwrap();
        let error = plan(&network(&["a", "b"], &["a:eth1 b:eth1"]), &allocation).unwrap_err();
        assert_eq!(error, LayoutError::NotAllocated { item: "link `a:eth1 -- b:eth1`".into() });
        let error = plan(&network(&["a", "c"], &[]), &allocation).unwrap_err();
        assert_eq!(error, LayoutError::NotAllocated { item: "node `c`".into() });
    }

    #[test]
    fn a_port_pool_too_small_for_a_vn_is_refused() {
        let mut topology = triangle().vn(255, "last", Engine::FrrIsis, LayoutRule::Full);
        topology.addressing.ports = "10.0.0.0/24".parse().unwrap();
        let error = Allocation::default().update(&topology).unwrap_err();
        assert!(matches!(error, LayoutError::OutsidePool { pool: "ports", number: 255, .. }), "{error}");
        topology.addressing.ports = "10.0.0.0/23".parse().unwrap();
        let plan = topology.planned();
        let port = plan.router(&node_name("a"), vn_id(255)).unwrap().port.as_ref().unwrap();
        assert_eq!(port.router_address.to_string(), "10.0.1.255/31");
    }

    #[test]
    fn a_port_is_as_narrow_as_the_narrowest_link_of_its_vn() {
        let mut topology = triangle();
        topology.links[1].mtu = 1500;
        let plan = topology.planned();
        let mtu = |vn| plan.router(&node_name("a"), vn_id(vn)).unwrap().port.as_ref().unwrap().mtu;
        assert_eq!((mtu(1), mtu(2)), (1450, 1550), "blue does not use that link");
    }

    #[test]
    fn addresses_given_in_the_file_stay_with_their_ends() {
        let mut topology = network(&["a", "b"], &["b:eth1 a:eth1"]);
        topology.links[0].addresses = Some(("192.0.2.5".parse().unwrap(), "192.0.2.6".parse().unwrap()));
        let plan = topology.planned();
        let b = &plan.node(&node_name("b")).unwrap().underlay[0];
        assert_eq!(b.address.to_string(), "192.0.2.5/30", "b is named first in the file");
        assert_eq!(b.peer_address.to_string(), "192.0.2.6");
    }

    #[test]
    fn json_has_plain_numbers_with_units() {
        let mut topology = triangle();
        topology.links[0].delay = Some(Duration::from_micros(13_500));
        let json = serde_json::to_value(topology.planned()).unwrap();
        assert_eq!(json["links"][0]["delay_us"], 13_500);
        assert_eq!(json["links"][1]["delay_us"], serde_json::Value::Null);
        let foreign = &json["nodes"][0]["border"]["foreign"][0];
        assert_eq!(
            foreign["policy"],
            serde_json::json!({
                "policy": "majority", "verified": false, "settle_ms": 200, "fail_back_ms": 30_000, "deadline_ms": 1000
            })
        );
        assert_eq!(json["nodes"][0]["routers"][0]["hello_s"], 1);
        assert_eq!(json["nodes"][0]["routers"][0]["engine"], "frr-ospf");
        assert_eq!(json["vns"][0]["layout_class"].as_str().unwrap().len(), 16);
    }

    proptest! {
        #[test]
        fn the_order_of_nodes_links_and_endpoints_in_the_file_does_not_matter(
            nodes in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
            links in Just(vec![0_usize, 1, 2, 3, 4]).prop_shuffle(),
            turned in prop::collection::vec(any::<bool>(), 5),
        ) {
            let mut topology = network(
                &["a", "b", "c", "d"],
                &["a:e1 b:e1", "c:e1 b:e2", "c:e2 d:e1", "a:e2 d:e2", "d:e3 a:e3"],
            )
            .attach("c", &["198.18.3.0/24"])
            .attach("a", &["198.18.1.0/24"])
            .vn(1, "red", Engine::FrrOspf, LayoutRule::Full);
            topology.links[3].addresses = Some(("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()));
            let mut allocation = Allocation::default();
            allocation.update(&topology).unwrap();

            let mut other = topology.clone();
            other.nodes = nodes.into_iter().map(|index| topology.nodes[index].clone()).collect();
            other.links = links.into_iter().map(|index| topology.links[index].clone()).collect();
            for (link, turn) in other.links.iter_mut().zip(turned) {
                if turn {
                    std::mem::swap(&mut link.a, &mut link.b);
                    link.addresses = link.addresses.map(|(a, b)| (b, a));
                }
            }
            let before = allocation.clone();
            allocation.update(&other).unwrap();
            prop_assert_eq!(&allocation, &before);
            prop_assert_eq!(plan(&other, &allocation), plan(&topology, &allocation));
        }

        #[test]
        fn every_address_is_used_once_and_both_ends_agree(pairs in prop::collection::vec((0..8_usize, 0..8_usize), 0..40)) {
            let names: Vec<_> = (0..8).map(|i| format!("n{i}")).collect();
            let mut topology = network(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[])
                .vn(7, "red", Engine::BirdOspf, LayoutRule::Full);
            topology.links = pairs
                .iter()
                .enumerate()
                .filter(|(_, (a, b))| a != b)
                .map(|(i, (a, b))| link(&format!("n{a}:e{i} n{b}:f{i}")))
                .collect();
            let plan = topology.planned();
            let mut addresses = HashSet::new();
            for node in &plan.nodes {
                prop_assert!(addresses.insert(node.loopback));
                let router = plan.router(&node.name, vn_id(7)).unwrap();
                prop_assert_eq!(router.links.len(), node.underlay.len());
                for (virtual_link, underlay) in router.links.iter().zip(&node.underlay) {
                    prop_assert!(addresses.insert(virtual_link.address.addr()));
                    prop_assert!(addresses.insert(underlay.address.addr()));
                    let peer = plan.router(&virtual_link.peer_node, vn_id(7)).unwrap();
                    let back = peer.links.iter().find(|l| l.vni == virtual_link.vni).unwrap();
                    prop_assert_eq!(back.address.addr(), virtual_link.peer_address);
                    prop_assert_eq!(back.address.trunc(), virtual_link.address.trunc());
                    prop_assert_eq!(back.underlay_remote, virtual_link.underlay_local);
                    prop_assert_eq!(back.underlay_local, underlay.peer_address);
                    let even_is_first = (&node.name, &underlay.interface) < (&virtual_link.peer_node, &underlay.peer_interface);
                    prop_assert_eq!(u32::from(virtual_link.address.addr()) % 2 == 0, even_is_first);
                }
            }
        }
    }
}
