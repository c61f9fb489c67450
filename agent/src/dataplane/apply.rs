//! Carrying a plan out in the kernel.

use braid_kernel::{Netlink, NetlinkError, NextHop, Route, RouteChange, RouteKind, VethSpec, VxlanSpec};
use ipnet::Ipv4Net;
use thiserror::Error;

use super::plan::{Action, Side};
use crate::{
    carrier::NodeLinks,
    dataplane::{MARK, PROTOCOL},
    fib::MAIN_TABLE,
    spec::{Port, Router, VirtualLink},
};

/// The tunnel of link `n` has interface index 1000 + n: never that of a node's interface below it, nor one that the kernel
/// gives to the other devices of a virtual router.
const TUNNEL_INDEXES: u32 = 1000;

/// Some changes were refused; the others were made.
#[derive(Debug, Error)]
#[error("{count} of {total} changes were refused, the first one: {first}")]
pub struct Refused {
    count: usize,
    total: usize,
    first: NetlinkError,
}

/// The two namespaces that a virtual router's data plane is in.
pub(crate) struct Hands<'a> {
    pub(crate) node: &'a Netlink,
    pub(crate) inside: &'a Netlink,
    pub(crate) router: &'a Router,
    pub(crate) node_links: &'a NodeLinks,
}

impl Hands<'_> {
    /// Carries out a plan. A change that is refused does not stop those after it, so one bad link costs one link.
    ///
    /// # Errors
    /// [`Refused`] with the first refusal, which is the cause of most of the others.
    pub(crate) async fn apply(&self, actions: &[Action]) -> Result<(), Refused> {
        let mut refusals = Vec::new();
        for action in actions {
            tracing::debug!(vn = %self.router.name, ?action, "data plane");
            refusals.extend(self.act(action).await.err());
        }
        let (count, total) = (refusals.len(), actions.len());
        refusals.into_iter().next().map_or(Ok(()), |first| Err(Refused { count, total, first }))
    }

    fn on(&self, side: Side) -> &Netlink {
        match side {
            Side::Node => self.node,
            Side::Router => self.inside,
        }
    }

    async fn act(&self, action: &Action) -> Result<(), NetlinkError> {
        match action {
            Action::DeleteLink(side, name) => self.on(*side).delete_link(name).await,
            Action::CreateVxlan(link) => self.create_vxlan(link).await,
            Action::CreatePort(port) => self.create_port(port).await,
            Action::SetMtu(side, name, mtu) => self.on(*side).set_mtu(name, *mtu).await,
            Action::AddAddress(side, name, address) => self.on(*side).add_address(name, *address).await,
            Action::AddAnnounced(name, address) => {
                self.inside.add_address_without_route(name, *address).await
            }
            Action::DropAddress(side, name, address) => self.on(*side).delete_address(name, *address).await,
            Action::SetProtodown(name, down) => self.inside.set_protodown(name, *down).await,
            Action::Commission(side, name) => {
                // Marked last: what is not marked after a crash is commissioned anew.
                self.on(*side).set_admin(name, true).await?;
                self.on(*side).set_alias(name, MARK).await
            }
            Action::AddStatic(prefix) => self.add_static(*prefix).await,
            Action::DropStatic(prefix) => {
                let any = Route::new(*prefix, MAIN_TABLE, PROTOCOL, RouteKind::Unicast);
                self.change_route(RouteChange::Delete(any)).await
            }
        }
    }

    async fn create_vxlan(&self, link: &VirtualLink) -> Result<(), NetlinkError> {
        let spec = VxlanSpec {
            name: link.interface.as_str(),
            netns: self.inside.netns(),
            vni: link.vni,
            local: link.local,
            remote: link.remote,
            underlay: self.node_links.get(link.underlay.as_str()).map(|underlay| underlay.index),
            mtu: link.mtu.into(),
            index: Some(TUNNEL_INDEXES + u32::from(link.number)),
            mac: None,
            up: false,
        };
        self.node.create_vxlan(&spec).await
    }

    async fn create_port(&self, port: &Port) -> Result<(), NetlinkError> {
        let spec = VethSpec {
            name: port.node_interface.as_str(),
            peer: port.router_interface.as_str(),
            peer_netns: self.inside.netns(),
            mtu: port.mtu.into(),
            up: false,
        };
        self.node.create_veth(&spec).await
    }

    async fn add_static(&self, prefix: Ipv4Net) -> Result<(), NetlinkError> {
        // Planned only where there is a port.
        let Some(port) = &self.router.port else { return Ok(()) };
        let name = port.router_interface.as_str();
        let missing =
            || NetlinkError::NoSuchLink { name: name.to_owned(), namespace: self.inside.netns().label() };
        let device = self.inside.link(name).await?.ok_or_else(missing)?;
        let hop = NextHop::new(port.node.addr(), device.index);
        let route = Route::unicast(prefix, MAIN_TABLE, PROTOCOL, hop);
        self.change_route(RouteChange::Replace(route)).await
    }

    async fn change_route(&self, change: RouteChange) -> Result<(), NetlinkError> {
        let refused = self.inside.apply_routes(&[change]).await?;
        refused.into_iter().next().map_or(Ok(()), |refused| Err(refused.error))
    }
}
