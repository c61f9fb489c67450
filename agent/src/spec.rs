//! What this node is to be: the controller's specification, checked on arrival.

use std::{collections::BTreeSet, fmt::Display, net::Ipv4Addr, time::Duration};

use braid_proto::{
    Engine, InterfaceName, NodeName, VnId, VnName, v1,
    wire::{FieldError, duration, number, parse, vn_id},
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// A checked node specification.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Grows with every change of the topology.
    pub revision: u64,
    /// The node.
    pub node: NodeName,
    /// Its physical links: number and interface.
    pub links: Vec<(u16, InterfaceName)>,
    /// Its virtual routers.
    pub routers: Vec<Router>,
}

/// What a virtual router is for as long as it lives: with another of these it is another router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its virtual network's id.
    pub vn: VnId,
    /// Its virtual network's name.
    pub name: VnName,
    /// What routes it.
    pub engine: Engine,
    /// Its network namespace.
    pub namespace: String,
}

/// A virtual router to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Router {
    /// Its virtual network's id.
    pub vn: VnId,
    /// Its virtual network's name.
    pub name: VnName,
    /// What routes it.
    pub engine: Engine,
    /// Its network namespace.
    pub namespace: String,
    /// Its /32, also the router id.
    pub loopback: Ipv4Addr,
    /// Its virtual links.
    pub links: Vec<VirtualLink>,
    /// On borders: the way in and out.
    pub port: Option<Port>,
    /// Prefixes that it originates.
    pub attached: Vec<Ipv4Net>,
    /// Interval between hellos.
    pub hello: Duration,
    /// Memory that its engine may use, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads that its engine may have.
    pub pids: u32,
}

/// A VXLAN device to be.
#[derive(Debug, Clone, PartialEq)]
pub struct VirtualLink {
    /// Its name in the virtual router, also the physical interface's in the node.
    pub interface: InterfaceName,
    /// VXLAN network identifier.
    pub vni: u32,
    /// The physical link's number.
    pub number: u16,
    /// Our address and the link's /31.
    pub address: Ipv4Net,
    /// The far end's address.
    pub peer: Ipv4Addr,
    /// IGP metric.
    pub metric: u16,
    /// MTU in bytes.
    pub mtu: u16,
    /// The interface that carries it.
    pub underlay: InterfaceName,
    /// Outer source address.
    pub local: Ipv4Addr,
    /// Outer destination address.
    pub remote: Ipv4Addr,
}

/// A veth pair to be, between the node and a virtual router.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// The node's end.
    pub node_interface: InterfaceName,
    /// The router's end.
    pub router_interface: InterfaceName,
    /// The node's address.
    pub node: Ipv4Net,
    /// The router's address.
    pub router: Ipv4Net,
    /// MTU in bytes.
    pub mtu: u16,
}

impl Router {
    /// What of it cannot change.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let Self { vn, name, engine, namespace, .. } = self.clone();
        Identity { vn, name, engine, namespace }
    }
}

fn link(wire: &v1::VirtualLink) -> Result<VirtualLink, FieldError> {
    Ok(VirtualLink {
        interface: parse("routers.links.interface", &wire.interface)?,
        vni: wire.vni,
        number: number("routers.links.link_number", wire.link_number)?,
        address: parse("routers.links.address", &wire.address)?,
        peer: parse("routers.links.peer_address", &wire.peer_address)?,
        metric: number("routers.links.metric", wire.metric)?,
        mtu: number("routers.links.mtu", wire.mtu)?,
        underlay: parse("routers.links.underlay_interface", &wire.underlay_interface)?,
        local: parse("routers.links.underlay_local", &wire.underlay_local)?,
        remote: parse("routers.links.underlay_remote", &wire.underlay_remote)?,
    })
}

fn port(wire: &v1::Port) -> Result<Port, FieldError> {
    Ok(Port {
        node_interface: parse("routers.port.node_interface", &wire.node_interface)?,
        router_interface: parse("routers.port.router_interface", &wire.router_interface)?,
        node: parse("routers.port.node_address", &wire.node_address)?,
        router: parse("routers.port.router_address", &wire.router_address)?,
        mtu: number("routers.port.mtu", wire.mtu)?,
    })
}

fn attached(text: &str) -> Result<Ipv4Net, FieldError> {
    let prefix: Ipv4Net = parse("routers.attached", text)?;
    if prefix == prefix.trunc() {
        Ok(prefix)
    } else {
        Err(FieldError::new("routers.attached", format_args!("is `{prefix}`, with host bits")))
    }
}

fn router(wire: v1::RouterSpec) -> Result<Router, FieldError> {
    Ok(Router {
        vn: vn_id("routers.vn_id", wire.vn_id)?,
        name: parse("routers.vn", &wire.vn)?,
        engine: parse("routers.engine", &wire.engine)?,
        loopback: parse("routers.loopback", &wire.loopback)?,
        links: wire.links.iter().map(link).collect::<Result<_, _>>()?,
        port: wire.port.as_ref().map(port).transpose()?,
        attached: wire.attached.iter().map(|prefix| attached(prefix)).collect::<Result<_, _>>()?,
        hello: duration("routers.hello", wire.hello)?,
        memory_bytes: wire.memory_bytes,
        pids: wire.pids,
        namespace: wire.namespace,
    })
}

impl TryFrom<v1::NodeSpec> for Spec {
    type Error = FieldError;

    fn try_from(wire: v1::NodeSpec) -> Result<Self, FieldError> {
        let links = wire
            .links
            .iter()
            .map(|l| Ok((number("links.number", l.number)?, parse("links.interface", &l.interface)?)));
        let spec = Spec {
            revision: wire.revision,
            node: parse("node", &wire.node)?,
            links: links.collect::<Result<_, _>>()?,
            routers: wire.routers.into_iter().map(router).collect::<Result<_, _>>()?,
        };
        // A namespace outside `<network>.<node>.` would not be ours to build, nor to take down.
        let own = format!("{}.{}.", wire.network, spec.node);
        if let Some(router) = spec.routers.iter().find(|r| !r.namespace.starts_with(&own)) {
            let reason = format_args!("is `{}`, which does not begin with `{own}`", router.namespace);
            return Err(FieldError::new("routers.namespace", reason));
        }
        once("routers.vn_id", spec.routers.iter().map(|r| r.vn))?;
        once("routers.namespace", spec.routers.iter().map(|r| r.namespace.as_str()))?;
        once("links.number", spec.links.iter().map(|(number, _)| number))?;
        for router in &spec.routers {
            once("routers.links.link_number", router.links.iter().map(|l| l.number))?;
            let port = router.port.as_ref().map(|p| p.router_interface.as_str());
            let links = router.links.iter().map(|l| l.interface.as_str());
            once("routers.links.interface", links.chain(port).chain(["lo"]))?;
        }
        Ok(spec)
    }
}

impl Spec {
    /// The virtual router of that virtual network.
    #[must_use]
    pub fn router(&self, vn: VnId) -> Option<&Router> {
        self.routers.iter().find(|router| router.vn == vn)
    }
}

/// Refuses a list that names something twice.
fn once<T: Ord + Display>(field: &'static str, values: impl Iterator<Item = T>) -> Result<(), FieldError> {
    let mut seen = BTreeSet::new();
    for value in values {
        if seen.contains(&value) {
            return Err(FieldError::new(field, format_args!("gives `{value}` twice")));
        }
        seen.insert(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> v1::NodeSpec {
        let link = v1::VirtualLink {
            interface: "eth1".into(),
            vni: 0x1_0001,
            link_number: 1,
            address: "100.65.0.0/31".into(),
            peer_address: "100.65.0.1".into(),
            metric: 10,
            mtu: 1550,
            underlay_interface: "eth1".into(),
            underlay_local: "100.66.0.0".into(),
            underlay_remote: "100.66.0.1".into(),
            ..Default::default()
        };
        let router = v1::RouterSpec {
            vn_id: 1,
            vn: "red".into(),
            engine: "frr-ospf".into(),
            namespace: "lab.a.red".into(),
            loopback: "100.64.0.1".into(),
            links: vec![link],
            attached: vec!["198.18.1.0/24".into()],
            hello: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
            ..Default::default()
        };
        v1::NodeSpec { network: "lab".into(), node: "a".into(), routers: vec![router], ..Default::default() }
    }

    /// The field at which a specification is refused.
    fn refused(change: impl FnOnce(&mut v1::NodeSpec)) -> &'static str {
        let mut wire = wire();
        change(&mut wire);
        Spec::try_from(wire).expect_err("it makes no sense").field
    }

    #[test]
    fn a_specification_is_taken_whole_or_refused_by_the_name_of_what_is_wrong() {
        let spec = Spec::try_from(wire()).unwrap();
        assert_eq!(spec.routers[0].identity().namespace, "lab.a.red");
        assert_eq!(refused(|s| s.node = "A".into()), "node");
        assert_eq!(refused(|s| s.routers[0].vn_id = 0), "routers.vn_id");
        assert_eq!(refused(|s| s.routers[0].engine = "quagga".into()), "routers.engine");
        assert_eq!(refused(|s| s.routers[0].hello = None), "routers.hello");
        assert_eq!(refused(|s| s.routers[0].links[0].metric = 70_000), "routers.links.metric");
        assert_eq!(refused(|s| s.routers[0].attached[0] = "198.18.1.1/24".into()), "routers.attached");
    }

    #[test]
    fn what_is_not_ours_or_not_one_thing_is_refused() {
        for namespace in ["lab.a-host", "lab.b.red", "other.a.red", "red"] {
            assert_eq!(refused(|s| s.routers[0].namespace = namespace.into()), "routers.namespace");
        }
        assert_eq!(refused(|s| s.routers.push(s.routers[0].clone())), "routers.vn_id");
        assert_eq!(refused(|s| s.routers[0].links[0].interface = "lo".into()), "routers.links.interface");
    }
}
