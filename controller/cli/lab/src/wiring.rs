//! What the lab must make: namespaces and cables, derived from the layout's plan.

use std::{collections::BTreeMap, fmt, net::Ipv4Addr, path::PathBuf};

use braid_layout::{Plan, names};
use braid_proto::{InterfaceName, NetworkName, v1};
use ipnet::Ipv4Net;

use crate::paths::Lab;

/// MTU of the cables to customer hosts, in bytes: Ethernet's.
const CUSTOMER_MTU: u16 = 1500;

/// All namespaces and cables that a lab ought to have. Virtual routers are the agents' job and not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wiring {
    pub(crate) network: NetworkName,
    /// By the namespace's name.
    pub(crate) namespaces: BTreeMap<String, Role>,
    /// One per physical link.
    pub(crate) links: Vec<Cable>,
    /// One per customer host.
    pub(crate) customers: Vec<Cable>,
}

/// What a namespace stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Node,
    Host,
}

impl Role {
    const ALL: [Self; 2] = [Self::Node, Self::Host];

    const fn as_str(self) -> &'static str {
        match self {
            Role::Node => "node",
            Role::Host => "host",
        }
    }
}

/// What the alias of `lo` in a namespace says: the mark of ownership, which outlives the lab's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamespaceMark {
    pub(crate) role: Role,
    /// The directory of the lab that made the namespace, so that labs of one name under two roots are told apart.
    pub(crate) directory: PathBuf,
}

impl NamespaceMark {
    /// The mark of the namespaces that `lab` makes.
    pub(crate) fn of(lab: &Lab, role: Role) -> Self {
        Self { role, directory: lab.dir().to_owned() }
    }

    /// Reads an alias; `None` if it is no mark of ours.
    pub(crate) fn parse(alias: &str) -> Option<Self> {
        let (role, directory) = alias.strip_prefix("braid ")?.split_once(" of ")?;
        let role = Role::ALL.into_iter().find(|known| known.as_str() == role)?;
        Some(Self { role, directory: directory.into() })
    }
}

impl fmt::Display for NamespaceMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "braid {} of {}", self.role.as_str(), self.directory.display())
    }
}

/// A veth pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cable {
    pub(crate) ends: [End; 2],
    /// In bytes.
    pub(crate) mtu: u16,
}

/// One end of a cable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) namespace: String,
    pub(crate) interface: InterfaceName,
    /// With the prefix length; a /32 is set with the other end's address as its peer.
    pub(crate) address: Ipv4Net,
    /// Where the default route leads, on customer hosts.
    pub(crate) gateway: Option<Ipv4Addr>,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.interface)
    }
}

impl Cable {
    /// All that makes the cable what it is, in one line. Both ends carry it as their alias once the cable is finished, so
    /// an end with this alias needs nothing, and one without is unfinished or another cable. At most 255 bytes.
    pub(crate) fn mark(&self, network: &NetworkName) -> String {
        let prefix = format!("{network}.");
        let end = |end: &End| {
            let place = end.namespace.strip_prefix(&prefix).unwrap_or(&end.namespace);
            format!("{place}:{} {}", end.interface, end.address)
        };
        format!("{}{} {} {}", cable_mark_prefix(network), end(&self.ends[0]), end(&self.ends[1]), self.mtu)
    }

    /// The address that goes with an end's own: only for a /32.
    pub(crate) fn peer_of(&self, end: usize) -> Option<Ipv4Addr> {
        (self.ends[end].address.prefix_len() == 32).then(|| self.ends[1 - end].address.addr())
    }
}

/// What the marks of all cables of a network begin with.
pub(crate) fn cable_mark_prefix(network: &NetworkName) -> String {
    format!("braid cable of {network}: ")
}

impl Wiring {
    /// The wiring of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let nodes = plan.nodes.iter().map(|node| (node.namespace.clone(), Role::Node));
        let hosts = plan.hosts.iter().map(|host| (host.namespace.clone(), Role::Host));
        let network = plan.network.clone();
        let links = plan.links.iter().map(|link| Cable {
            ends: [&link.a, &link.b].map(|end| End {
                namespace: names::node_namespace(&network, &end.node),
                interface: end.interface.clone(),
                address: end.underlay_address,
                gateway: None,
            }),
            mtu: link.mtu,
        });
        let customers = plan.hosts.iter().filter_map(|host| {
            let gateway = Ipv4Net::new(host.gateway, host.prefix.prefix_len()).ok()?;
            let node = End {
                namespace: names::node_namespace(&network, &host.node),
                interface: host.customer_interface.clone(),
                address: gateway,
                gateway: None,
            };
            let host = End {
                namespace: host.namespace.clone(),
                interface: host.interface.clone(),
                address: host.address,
                gateway: Some(host.gateway),
            };
            Some(Cable { ends: [node, host], mtu: CUSTOMER_MTU })
        });
        let (links, customers) = (links.collect(), customers.collect());
        Self { namespaces: nodes.chain(hosts).collect(), links, customers, network }
    }

    /// Every cable.
    pub(crate) fn cables(&self) -> impl Iterator<Item = &Cable> {
        self.links.iter().chain(&self.customers)
    }

    /// Takes over the underlay addresses that the controller has allocated, which depend on the topologies that it has
    /// seen before. Gives back the ends that it does not know, as `node:interface`.
    pub(crate) fn adopt_addresses(&mut self, links: &[v1::Link]) -> Vec<String> {
        let allocated: BTreeMap<&str, &str> = links
            .iter()
            .flat_map(|link| [(&link.a, &link.a_address), (&link.b, &link.b_address)])
            .map(|(end, address)| (end.as_str(), address.as_str()))
            .collect();
        let prefix = format!("{}.", self.network);
        let mut unknown = Vec::new();
        for end in self.links.iter_mut().flat_map(|cable| &mut cable.ends) {
            let name = end.to_string();
            let name = name.strip_prefix(&prefix).unwrap_or(&name);
            match allocated.get(name).and_then(|address| read_address(address, end.address.prefix_len())) {
                Some(address) => end.address = address,
                None => unknown.push(name.to_owned()),
            }
        }
        unknown
    }
}

/// An address in CIDR notation; one without a length gets `length`.
fn read_address(text: &str, length: u8) -> Option<Ipv4Net> {
    text.parse().ok().or_else(|| Ipv4Net::new(text.parse().ok()?, length).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{paths::Root, testing};

    #[test]
    fn a_ring_has_a_cable_per_link_and_a_host_per_prefix() {
        let wiring = testing::ring("ring");
        let namespaces: Vec<_> = wiring.namespaces.keys().map(String::as_str).collect();
        assert_eq!(namespaces, ["ring.a", "ring.a-host", "ring.b", "ring.c"]);
        let marks: Vec<_> = wiring.cables().map(|cable| cable.mark(&wiring.network)).collect();
        assert_eq!(
            marks,
            [
                "braid cable of ring: a:eth1 100.66.0.2/31 b:eth1 100.66.0.3/31 1600",
                "braid cable of ring: b:eth2 100.66.0.4/31 c:eth1 100.66.0.5/31 1600",
                "braid cable of ring: a:eth2 100.66.0.6/31 c:eth2 100.66.0.7/31 1600",
                "braid cable of ring: a:cust0 198.18.1.1/24 a-host:eth0 198.18.1.10/24 1500",
            ]
        );
        assert_eq!(wiring.customers[0].ends[1].gateway, Some(Ipv4Addr::new(198, 18, 1, 1)));
    }

    #[test]
    fn a_namespaces_mark_reads_back_and_others_aliases_are_none() {
        let lab = Lab::new(&Root::new("/run/some of mine"), "ring".parse().unwrap());
        for role in Role::ALL {
            let mark = NamespaceMark::of(&lab, role);
            assert_eq!(NamespaceMark::parse(&mark.to_string()), Some(mark));
        }
        for other in ["", "braid", "braid cable of ring: x", "braid king of /", "node of /run/braid/ring"] {
            assert_eq!(NamespaceMark::parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_longest_mark_fits_an_alias() {
        let long = "x".repeat(32);
        let end = |number: u8| End {
            namespace: format!("{long}.{long}-host-65535"),
            interface: "abcdefghijklmno".parse().unwrap(),
            address: Ipv4Net::new(Ipv4Addr::new(198, 198, 198, number), 24).unwrap(),
            gateway: None,
        };
        let cable = Cable { ends: [end(100), end(101)], mtu: 9216 };
        assert!(cable.mark(&long.parse().unwrap()).len() < 256);
    }

    #[test]
    fn the_controllers_addresses_win_over_freshly_planned_ones() {
        let mut wiring = testing::ring("ring");
        let link = |a: &str, b: &str, address: &str, other: &str| v1::Link {
            a: a.into(),
            b: b.into(),
            a_address: address.into(),
            b_address: other.into(),
            ..v1::Link::default()
        };
        let links = [
            link("a:eth1", "b:eth1", "100.66.0.20/31", "100.66.0.21/31"),
            link("c:eth1", "b:eth2", "100.66.0.25", "100.66.0.24"),
        ];
        assert_eq!(wiring.adopt_addresses(&links), ["a:eth2", "c:eth2"]);
        let addresses: Vec<_> =
            wiring.links[..2].iter().flat_map(|c| &c.ends).map(|end| end.address.to_string()).collect();
        assert_eq!(addresses, ["100.66.0.20/31", "100.66.0.21/31", "100.66.0.24/31", "100.66.0.25/31"]);
    }
}
