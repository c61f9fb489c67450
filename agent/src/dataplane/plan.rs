//! From a virtual router's specification and what is there to the changes that close the difference. Pure.
//!
//! What an operator does inside a virtual router is let be: a link that was once put in service and is now
//! administratively down stays down, and foreign routes stay. Our own things (devices, addresses, static routes) are kept
//! as the specification wants them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use braid_engine::driver;
use ipnet::Ipv4Net;

use crate::{
    carrier::NodeLinks,
    spec::{Port, Router, VirtualLink},
};

/// Which namespace a change is made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The node's own.
    Node,
    /// The virtual router's.
    Router,
}

/// What there is of a VXLAN device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vxlan {
    /// VXLAN network identifier.
    pub vni: u32,
    /// Outer source address.
    pub local: Option<Ipv4Addr>,
    /// Outer destination address.
    pub remote: Option<Ipv4Addr>,
    /// Index of the carrying interface in the node's namespace.
    pub underlay: Option<u32>,
}

/// What there is of a link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// Set on VXLAN devices.
    pub vxlan: Option<Vxlan>,
    /// MTU in bytes.
    pub mtu: u32,
    /// We have put it in service once.
    pub in_service: bool,
    /// Administratively up.
    pub admin_up: bool,
    /// Its carrier is held down by us.
    pub protodown: bool,
    /// Its IPv4 addresses.
    pub addresses: BTreeSet<Ipv4Net>,
}

/// What there is of a virtual router.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actual {
    /// Links in its namespace, by name.
    pub devices: BTreeMap<String, Device>,
    /// The node's end of its port.
    pub node_port: Option<Device>,
    /// Our static routes in its namespace.
    pub statics: BTreeSet<Ipv4Net>,
    /// Attached prefixes for which an operator has put a route in the place of ours.
    pub occupied: BTreeSet<Ipv4Net>,
    /// The links of the node.
    pub node: NodeLinks,
}

/// One change, in the order given.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Remove a device of ours.
    DeleteLink(Side, String),
    /// Make the VXLAN device of a link.
    CreateVxlan(VirtualLink),
    /// Make the port's veth pair.
    CreatePort(Port),
    /// Set a device's MTU.
    SetMtu(Side, String, u32),
    /// Give a device an address.
    AddAddress(Side, String, Ipv4Net),
    /// Give the router's end of the port an address, and no route to the subnet around it.
    AddAnnounced(String, Ipv4Net),
    /// Take an address from a device.
    DropAddress(Side, String, Ipv4Net),
    /// Carry the physical link's state over: `true` holds the carrier down.
    SetProtodown(String, bool),
    /// Put a device in service: up, and marked as such.
    Commission(Side, String),
    /// Route an attached prefix out of the port.
    AddStatic(Ipv4Net),
    /// Route it there no longer.
    DropStatic(Ipv4Net),
}

fn fits(device: &Device, link: &VirtualLink, actual: &Actual) -> bool {
    let underlay = actual.node.get(link.underlay.as_str()).map(|underlay| underlay.index);
    device.vxlan
        == Some(Vxlan { vni: link.vni, local: Some(link.local), remote: Some(link.remote), underlay })
}

/// What a device is to have.
struct Outfit<'a> {
    mtu: Option<u16>,
    address: Ipv4Net,
    /// Further addresses, by which an engine announces prefixes.
    announced: &'a [Ipv4Net],
}

/// MTU, addresses and first service of a device.
fn dress(actions: &mut Vec<Action>, side: Side, name: &str, device: &Device, outfit: &Outfit<'_>) {
    if let Some(mtu) = outfit.mtu.map(u32::from).filter(|mtu| *mtu != device.mtu) {
        actions.push(Action::SetMtu(side, name.to_owned(), mtu));
    }
    let wanted = |address: &Ipv4Net| *address == outfit.address || outfit.announced.contains(address);
    // Loopback keeps 127.0.0.1.
    for stale in device.addresses.iter().filter(|a| !wanted(a) && !a.addr().is_loopback()) {
        actions.push(Action::DropAddress(side, name.to_owned(), *stale));
    }
    if !device.addresses.contains(&outfit.address) {
        actions.push(Action::AddAddress(side, name.to_owned(), outfit.address));
    }
    for missing in outfit.announced.iter().filter(|address| !device.addresses.contains(address)) {
        actions.push(Action::AddAnnounced(name.to_owned(), *missing));
    }
    if !device.in_service {
        actions.push(Action::Commission(side, name.to_owned()));
    }
}

fn plan_link(actions: &mut Vec<Action>, link: &VirtualLink, actual: &Actual) {
    let name = link.interface.as_str();
    let there = actual.devices.get(name);
    let Some(underlay) = actual.node.get(link.underlay.as_str()) else {
        // Without the physical interface there is nothing to carry the link; it is made when that appears.
        if there.is_some_and(|device| !device.protodown) {
            actions.push(Action::SetProtodown(name.to_owned(), true));
        }
        return;
    };
    let kept = there.filter(|device| fits(device, link, actual));
    if kept.is_none() {
        if there.is_some() {
            actions.push(Action::DeleteLink(Side::Router, name.to_owned()));
        }
        actions.push(Action::CreateVxlan(link.clone()));
    }
    let fresh = Device { mtu: link.mtu.into(), ..Device::default() };
    let device = kept.unwrap_or(&fresh);
    if device.protodown == underlay.up {
        actions.push(Action::SetProtodown(name.to_owned(), !underlay.up));
    }
    let outfit = Outfit { mtu: Some(link.mtu), address: link.address, announced: &[] };
    dress(actions, Side::Router, name, device, &outfit);
}

fn plan_port(actions: &mut Vec<Action>, port: &Port, announced: &[Ipv4Net], actual: &Actual) {
    let (node_name, router_name) = (port.node_interface.as_str(), port.router_interface.as_str());
    let router_end = actual.devices.get(router_name);
    let pair = actual.node_port.as_ref().zip(router_end);
    if pair.is_none() {
        if actual.node_port.is_some() {
            actions.push(Action::DeleteLink(Side::Node, node_name.to_owned()));
        }
        if router_end.is_some() {
            actions.push(Action::DeleteLink(Side::Router, router_name.to_owned()));
        }
        actions.push(Action::CreatePort(port.clone()));
    }
    let fresh = Device { mtu: port.mtu.into(), ..Device::default() };
    let (node_end, router_end) = pair.unwrap_or((&fresh, &fresh));
    let outfit = Outfit { mtu: Some(port.mtu), address: port.node, announced: &[] };
    dress(actions, Side::Node, node_name, node_end, &outfit);
    let outfit = Outfit { address: port.router, announced, ..outfit };
    dress(actions, Side::Router, router_name, router_end, &outfit);
}

/// What to change, in order, so that the virtual router is as specified. Empty when it is.
#[must_use]
pub fn plan(router: &Router, actual: &Actual) -> Vec<Action> {
    let mut actions = Vec::new();
    let loopback = actual.devices.get("lo").cloned().unwrap_or_default();
    let outfit = Outfit { mtu: None, address: router.loopback.into(), announced: &[] };
    dress(&mut actions, Side::Router, "lo", &loopback, &outfit);
    for link in &router.links {
        plan_link(&mut actions, link, actual);
    }
    let wanted: BTreeSet<&str> = router.links.iter().map(|link| link.interface.as_str()).collect();
    for (name, _) in actual.devices.iter().filter(|(_, device)| device.vxlan.is_some()) {
        if !wanted.contains(name.as_str()) {
            actions.push(Action::DeleteLink(Side::Router, name.clone()));
        }
    }
    if let Some(port) = &router.port {
        let announced = driver(router.engine).port_addresses(&router.attached);
        plan_port(&mut actions, port, &announced, actual);
    }
    let attached: BTreeSet<Ipv4Net> = router.attached.iter().copied().collect();
    // A new port has taken the routes over the old one with it.
    let renewed = actions.iter().any(|action| matches!(action, Action::CreatePort(_)));
    let statics = if renewed { BTreeSet::new() } else { actual.statics.clone() };
    actions.extend(statics.difference(&attached).map(|prefix| Action::DropStatic(*prefix)));
    if router.port.as_ref().is_some_and(|port| takes_routes(port, actual) || renewed) {
        let missing = attached.difference(&statics).filter(|prefix| !actual.occupied.contains(prefix));
        actions.extend(missing.map(|prefix| Action::AddStatic(*prefix)));
    }
    actions
}

/// The kernel takes no route over a link that an operator has taken down.
fn takes_routes(port: &Port, actual: &Actual) -> bool {
    let end = actual.devices.get(port.router_interface.as_str());
    end.is_some_and(|end| end.admin_up || !end.in_service)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::carrier::NodeLink;

    fn router() -> Router {
        Router {
            vn: 1_u32.try_into().unwrap(),
            name: "red".parse().unwrap(),
            engine: braid_proto::Engine::FrrOspf,
            namespace: "lab.a.red".into(),
            loopback: [100, 64, 0, 1].into(),
            links: vec![VirtualLink {
                interface: "eth1".parse().unwrap(),
                vni: 0x1_0001,
                number: 1,
                address: "100.65.0.2/31".parse().unwrap(),
                peer: [100, 65, 0, 3].into(),
                metric: 10,
                mtu: 1550,
                underlay: "eth1".parse().unwrap(),
                local: [100, 66, 0, 2].into(),
                remote: [100, 66, 0, 3].into(),
            }],
            port: Some(Port {
                node_interface: "braid-vn1".parse().unwrap(),
                router_interface: "port".parse().unwrap(),
                node: "100.67.0.2/31".parse().unwrap(),
                router: "100.67.0.3/31".parse().unwrap(),
                mtu: 1550,
            }),
            attached: vec!["198.18.1.0/24".parse().unwrap()],
            hello: Duration::from_secs(1),
            memory_bytes: 1 << 29,
            pids: 64,
        }
    }

    fn bare() -> Actual {
        Actual { node: [("eth1".to_owned(), NodeLink { index: 7, up: true })].into(), ..Actual::default() }
    }

    /// The state in which a plan for `router()` finds nothing to do.
    fn built() -> Actual {
        let device = |address: &str, mtu| Device {
            mtu,
            in_service: true,
            admin_up: true,
            addresses: [address.parse().unwrap()].into(),
            ..Device::default()
        };
        let mut link = device("100.65.0.2/31", 1550);
        link.vxlan = Some(Vxlan {
            vni: 0x1_0001,
            local: Some([100, 66, 0, 2].into()),
            remote: Some([100, 66, 0, 3].into()),
            underlay: Some(7),
        });
        let mut port = device("100.67.0.3/31", 1550);
        port.addresses.insert("198.18.1.0/24".parse().unwrap());
        let mut actual = bare();
        actual.devices = [
            ("lo".to_owned(), device("100.64.0.1/32", 65536)),
            ("eth1".to_owned(), link),
            ("port".to_owned(), port),
        ]
        .into();
        actual.node_port = Some(device("100.67.0.2/31", 1550));
        actual.statics = ["198.18.1.0/24".parse().unwrap()].into();
        actual
    }

    #[test]
    fn from_nothing_everything_is_made_and_then_nothing_is_left_to_do() {
        let actions = plan(&router(), &bare());
        assert!(actions.contains(&Action::CreateVxlan(router().links[0].clone())));
        assert!(actions.contains(&Action::AddStatic("198.18.1.0/24".parse().unwrap())));
        assert_eq!(plan(&router(), &built()), []);
    }

    #[test]
    fn carrier_is_carried_over_in_both_directions() {
        let mut actual = built();
        actual.node.insert("eth1".into(), NodeLink { index: 7, up: false });
        assert_eq!(plan(&router(), &actual), [Action::SetProtodown("eth1".into(), true)]);
        actual.devices.get_mut("eth1").unwrap().protodown = true;
        actual.node.insert("eth1".into(), NodeLink { index: 7, up: true });
        assert_eq!(plan(&router(), &actual), [Action::SetProtodown("eth1".into(), false)]);
    }

    #[test]
    fn a_device_with_another_vni_is_made_anew_and_one_too_many_goes() {
        let mut actual = built();
        let mut other = actual.devices["eth1"].clone();
        actual.devices.get_mut("eth1").unwrap().vxlan.as_mut().unwrap().vni = 9;
        other.addresses.clear();
        actual.devices.insert("eth9".into(), other);
        let actions = plan(&router(), &actual);
        assert_eq!(actions[0], Action::DeleteLink(Side::Router, "eth1".into()));
        assert!(matches!(actions[1], Action::CreateVxlan(_)));
        assert!(actions.contains(&Action::DeleteLink(Side::Router, "eth9".into())));
    }

    #[test]
    fn a_lost_port_is_made_anew_with_its_static_routes() {
        let mut actual = built();
        actual.node_port = None;
        let actions = plan(&router(), &actual);
        assert_eq!(actions[0], Action::DeleteLink(Side::Router, "port".into()));
        assert!(actions.contains(&Action::AddStatic("198.18.1.0/24".parse().unwrap())));
    }

    #[test]
    fn without_the_physical_interface_the_link_is_down_and_its_return_under_another_index_renews_it() {
        let mut actual = built();
        actual.node.clear();
        assert_eq!(plan(&router(), &actual), [Action::SetProtodown("eth1".into(), true)]);
        actual.node.insert("eth1".into(), NodeLink { index: 8, up: true });
        let actions = plan(&router(), &actual);
        assert_eq!(actions[0], Action::DeleteLink(Side::Router, "eth1".into()));
        assert!(matches!(actions[1], Action::CreateVxlan(_)));
    }

    #[test]
    fn what_an_operator_took_down_or_replaced_is_let_be() {
        let prefix = router().attached[0];
        let mut actual = built();
        for name in ["eth1", "port"] {
            actual.devices.get_mut(name).unwrap().admin_up = false;
        }
        actual.statics.clear();
        assert_eq!(plan(&router(), &actual), []);

        let mut actual = built();
        actual.statics.clear();
        assert_eq!(plan(&router(), &actual), [Action::AddStatic(prefix)]);
        actual.occupied.insert(prefix);
        assert_eq!(plan(&router(), &actual), []);
    }
}
