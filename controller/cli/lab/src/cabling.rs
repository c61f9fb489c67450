//! Carries out a plan: makes and removes namespaces and cables.

use std::{collections::BTreeMap, net::Ipv4Addr, path::Path};

use braid_kernel::{Netlink, Netns, NextHop, Route, RouteKind, VethSpec, sysctl};
use ipnet::Ipv4Net;

use crate::{
    error::LabError,
    paths::Lab,
    plan::Action,
    reaper::Reaper,
    wiring::{Cable, End, NamespaceMark, Role},
};

/// The kernel's main routing table.
const MAIN_TABLE: u32 = 254;
/// `RTPROT_STATIC`: routes of the lab's own on hosts and cables.
const STATIC: u8 = 4;

/// The namespaces in use, each opened once.
pub(crate) struct Cabling<'a> {
    lab: &'a Lab,
    open: BTreeMap<&'a str, Netlink>,
}

impl<'a> Cabling<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Self {
        Self { lab, open: BTreeMap::new() }
    }

    /// Carries out one action.
    pub(crate) async fn act(&mut self, action: &Action<'a>) -> Result<(), LabError> {
        match action {
            Action::Cut { namespace, interface } => {
                self.netlink(namespace)?.delete_link(interface).await?;
                Ok(())
            }
            Action::Remove { namespace } => {
                Reaper::of_namespaces([*namespace])?.kill_all().await?;
                Ok(Netns::delete(namespace)?)
            }
            Action::Make { namespace, role } => self.make(namespace, *role).await,
            Action::Lay { cable } => self.lay(cable).await,
        }
    }

    fn netlink(&mut self, namespace: &'a str) -> Result<Netlink, LabError> {
        if let Some(netlink) = self.open.get(namespace) {
            return Ok(netlink.clone());
        }
        let netlink = Netlink::open(&Netns::open(namespace)?)?;
        self.open.insert(namespace, netlink.clone());
        Ok(netlink)
    }

    async fn make(&mut self, namespace: &'a str, role: Role) -> Result<(), LabError> {
        let netns = Netns::open_or_create(namespace)?;
        // Keeps captures quiet: no router solicitations, no duplicate address detection.
        if Path::new("/proc/sys/net/ipv6").exists() {
            let quiet = [
                ("net/ipv6/conf/all/disable_ipv6", "1"),
                ("net/ipv6/conf/default/disable_ipv6", "1"),
                ("net/ipv6/conf/default/accept_dad", "0"),
            ];
            sysctl::write_all(&netns, &quiet)?;
        }
        let netlink = self.netlink(namespace)?;
        netlink.set_admin("lo", true).await?;
        // Last, since it says that the rest is done.
        netlink.set_alias("lo", &NamespaceMark::of(self.lab, role).to_string()).await?;
        Ok(())
    }

    async fn lay(&mut self, cable: &'a Cable) -> Result<(), LabError> {
        let [a, b] = &cable.ends;
        let (netlink_a, netlink_b) = (self.netlink(&a.namespace)?, self.netlink(&b.namespace)?);
        let spec = VethSpec {
            name: a.interface.as_str(),
            peer: b.interface.as_str(),
            peer_netns: netlink_b.netns(),
            mtu: cable.mtu.into(),
            up: true,
        };
        netlink_a.create_veth(&spec).await?;
        address(&netlink_a, a, cable.peer_of(0)).await?;
        address(&netlink_b, b, cable.peer_of(1)).await?;
        // Last, since it says that the rest is done.
        let mark = cable.mark(self.lab.name());
        netlink_a.set_alias(a.interface.as_str(), &mark).await?;
        netlink_b.set_alias(b.interface.as_str(), &mark).await?;
        Ok(())
    }
}

/// Sets an end's address and the routes that go with it.
async fn address(netlink: &Netlink, end: &End, peer: Option<Ipv4Addr>) -> Result<(), LabError> {
    let interface = end.interface.as_str();
    netlink.add_address(interface, end.address).await?;
    let mut routes = Vec::new();
    routes.extend(peer.map(|peer| (Ipv4Net::from(peer), None)));
    routes.extend(end.gateway.map(|gateway| (Ipv4Net::default(), Some(gateway))));
    if routes.is_empty() {
        return Ok(());
    }
    let Some(link) = netlink.link(interface).await? else {
        let (name, namespace) = (interface.to_owned(), end.namespace.clone());
        return Err(braid_kernel::NetlinkError::NoSuchLink { name, namespace }.into());
    };
    for (prefix, via) in routes {
        let mut route = Route::new(prefix, MAIN_TABLE, STATIC, RouteKind::Unicast);
        route.next_hops.push(NextHop::new(via, link.index));
        netlink.replace_route(&route).await?;
    }
    Ok(())
}
