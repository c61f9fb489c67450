//! What namespaces, interfaces, hosts and directories are called.
//!
//! Names of networks, nodes and virtual networks hold no dots, so dotted names read back without doubt.

use braid_proto::{InterfaceName, NetworkName, NodeName, VnId, VnName};

/// The customer host's only interface.
pub const HOST_INTERFACE: &str = "eth0";
/// The port's end in a virtual router.
pub const ROUTER_PORT: &str = "port";
/// What the names of a node's ports begin with; the VN id follows.
pub const PORT_PREFIX: &str = "braid-vn";

/// The namespace of a node in a lab: `abilene.seattle`.
#[must_use]
pub fn node_namespace(network: &NetworkName, node: &NodeName) -> String {
    format!("{network}.{node}")
}

/// The namespace of a virtual router: `abilene.seattle.red`.
#[must_use]
pub fn router_namespace(network: &NetworkName, node: &NodeName, vn: &VnName) -> String {
    format!("{network}.{node}.{vn}")
}

/// The namespace of a customer host: `abilene.seattle-host`.
#[must_use]
pub fn host_namespace(network: &NetworkName, host: &str) -> String {
    format!("{network}.{host}")
}

/// The customer host behind a node's prefix `index`, counted from 0: `seattle-host`, `seattle-host-2`, …
#[must_use]
pub fn host_name(node: &NodeName, index: usize) -> String {
    match index {
        0 => format!("{node}-host"),
        _ => format!("{node}-host-{}", index + 1),
    }
}

/// The port's end in the node's namespace: `braid-vn1`.
#[must_use]
pub fn port_interface(vn: VnId) -> InterfaceName {
    interface(&format!("{PORT_PREFIX}{vn}"))
}

/// The port's end in the virtual router's namespace: `port`.
#[must_use]
pub fn router_port_interface() -> InterfaceName {
    interface(ROUTER_PORT)
}

/// The customer host's only interface: `eth0`.
#[must_use]
pub fn host_interface() -> InterfaceName {
    interface(HOST_INTERFACE)
}

/// The directory of an instance within its node's state directory: `vn1`. Short, since unix socket paths are bounded.
#[must_use]
pub fn instance_directory(vn: VnId) -> String {
    format!("vn{vn}")
}

/// Whether braid needs this interface name in a node's or a virtual router's namespace.
pub(crate) fn is_reserved(interface: &InterfaceName) -> bool {
    let name = interface.as_str();
    name == "lo" || name == ROUTER_PORT || name.starts_with(PORT_PREFIX)
}

fn interface(name: &str) -> InterfaceName {
    name.parse().expect("letters, digits and a hyphen, at most 11 characters")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::vn_id;

    #[test]
    fn names_are_as_agreed_between_lab_agent_and_controller() {
        let (network, node) = ("abilene".parse().unwrap(), "new-york".parse().unwrap());
        assert_eq!(node_namespace(&network, &node), "abilene.new-york");
        assert_eq!(router_namespace(&network, &node, &"red".parse().unwrap()), "abilene.new-york.red");
        assert_eq!(host_name(&node, 0), "new-york-host");
        assert_eq!(host_name(&node, 1), "new-york-host-2");
        assert_eq!(host_namespace(&network, &host_name(&node, 0)), "abilene.new-york-host");
        assert_eq!(port_interface(vn_id(255)).as_str(), "braid-vn255");
        assert_eq!(router_port_interface().as_str(), "port");
        assert_eq!(host_interface().as_str(), "eth0");
        assert_eq!(instance_directory(vn_id(7)), "vn7");
    }

    #[test]
    fn the_names_of_our_own_interfaces_are_reserved() {
        for ours in ["lo", "port", "braid-vn1"] {
            assert!(is_reserved(&ours.parse().unwrap()), "{ours}");
        }
        for theirs in ["eth1", "ports", "lo0"] {
            assert!(!is_reserved(&theirs.parse().unwrap()), "{theirs}");
        }
    }
}
