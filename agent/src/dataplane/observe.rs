//! What there is of a virtual router in the kernel.

use std::collections::{BTreeMap, BTreeSet};

use braid_kernel::{Address, Link, LinkKind, Netlink, NetlinkError, RouteFilter};
use ipnet::Ipv4Net;

use super::plan::{Actual, Device, Vxlan};
use crate::{
    carrier::NodeLinks,
    dataplane::{MARK, PROTOCOL},
    fib::MAIN_TABLE,
    spec::Router,
};

fn device(link: &Link, addresses: &[Address]) -> Device {
    let vxlan = match &link.kind {
        LinkKind::Vxlan { vni, local, remote, underlay } => {
            Some(Vxlan { vni: *vni, local: *local, remote: *remote, underlay: *underlay })
        }
        _ => None,
    };
    Device {
        vxlan,
        mtu: link.mtu,
        in_service: link.alias.as_deref() == Some(MARK),
        admin_up: link.admin_up,
        protodown: link.protodown,
        addresses: addresses.iter().filter(|a| a.ifindex == link.index).map(|a| a.address).collect(),
    }
}

/// Attached prefixes with somebody else's route of the metric that ours would have.
async fn occupied(inside: &Netlink, attached: &BTreeSet<Ipv4Net>) -> Result<BTreeSet<Ipv4Net>, NetlinkError> {
    let routes = inside.routes(RouteFilter::table(MAIN_TABLE)).await?;
    let foreign = routes.iter().filter(|route| route.protocol != PROTOCOL && route.priority == 0);
    Ok(foreign.map(|route| route.prefix).filter(|prefix| attached.contains(prefix)).collect())
}

/// Reads what there is of a virtual router in its own and its node's namespace.
///
/// # Errors
/// When the kernel cannot be asked.
pub(crate) async fn observe(
    node: &Netlink,
    inside: &Netlink,
    router: &Router,
    node_links: &NodeLinks,
) -> Result<Actual, NetlinkError> {
    let addresses = inside.addresses().await?;
    let links = inside.links().await?;
    let devices: BTreeMap<String, Device> =
        links.iter().map(|link| (link.name.clone(), device(link, &addresses))).collect();
    let node_port = match &router.port {
        Some(port) => match node.link(port.node_interface.as_str()).await? {
            Some(link) => Some(device(&link, &node.addresses().await?)),
            None => None,
        },
        None => None,
    };
    let ours = RouteFilter { table: Some(MAIN_TABLE), protocol: Some(PROTOCOL) };
    let statics: BTreeSet<Ipv4Net> = inside.routes(ours).await?.iter().map(|route| route.prefix).collect();
    let attached: BTreeSet<Ipv4Net> = router.attached.iter().copied().collect();
    // The whole table may be large, so it is read only where it matters.
    let occupied =
        if attached.is_subset(&statics) { BTreeSet::new() } else { occupied(inside, &attached).await? };
    Ok(Actual { devices, node_port, statics, occupied, node: node_links.clone() })
}
