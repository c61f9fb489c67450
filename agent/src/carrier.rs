//! What the node's own links do, and its carrying over to the virtual links: a VXLAN device never sees the physical link
//! below it go down, so without this every link failure would be silent to a virtual router.

use std::{collections::BTreeMap, sync::Arc};

use braid_kernel::{Link, LinkEvent, Netlink, NetlinkError};
use tokio::sync::watch;

use crate::spec::Router;

/// A link in the node's namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeLink {
    /// Its index.
    pub index: u32,
    /// Whether a frame would get through: admin-up, with carrier.
    pub up: bool,
}

/// All links of the node's namespace, by name.
pub type NodeLinks = BTreeMap<String, NodeLink>;

fn node_link(link: &Link) -> NodeLink {
    NodeLink { index: link.index, up: link.is_up() }
}

/// Takes an event of the node's link watch into account.
fn take_in(links: &mut NodeLinks, event: &LinkEvent) {
    match event {
        LinkEvent::Snapshot(all) => {
            *links = all.iter().map(|link| (link.name.clone(), node_link(link))).collect();
        }
        LinkEvent::Changed(link) => {
            // It may have been renamed.
            links.retain(|name, known| known.index != link.index || *name == link.name);
            links.insert(link.name.clone(), node_link(link));
        }
        // Only itself: another link may have taken its name already.
        LinkEvent::Removed(link) => links.retain(|_, known| known.index != link.index),
    }
}

/// Hands an event on to all who look at the node's links.
pub(crate) fn publish(links: &watch::Sender<Arc<NodeLinks>>, event: &LinkEvent) {
    links.send_if_modified(|known| {
        let mut now = NodeLinks::clone(known);
        take_in(&mut now, event);
        let news = now != **known;
        if news {
            *known = Arc::new(now);
        }
        news
    });
}

/// Carries the physical links' state over to a virtual router's links, and does nothing else, so that it is quick.
pub(crate) async fn carry_over(
    inside: &Netlink,
    router: &Router,
    node: &NodeLinks,
) -> Result<(), NetlinkError> {
    let devices = inside.links().await?;
    let mut result = Ok(());
    for link in &router.links {
        let up = node.get(link.underlay.as_str()).is_some_and(|underlay| underlay.up);
        let device = devices.iter().find(|device| device.name == link.interface.as_str());
        if device.is_some_and(|device| device.protodown == up) {
            let set = inside.set_protodown(link.interface.as_str(), !up).await;
            tracing::info!(vn = %router.name, link = %link.interface, up, "carrier carried over");
            result = result.and(set);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use braid_kernel::LinkKind;

    use super::*;

    fn link(index: u32, name: &str, up: bool) -> Link {
        Link {
            index,
            name: name.to_owned(),
            kind: LinkKind::Other(String::new()),
            mtu: 1500,
            admin_up: true,
            carrier: up,
            protodown: false,
            alias: None,
            master: None,
            mac: None,
        }
    }

    #[test]
    fn an_interface_that_comes_back_under_another_index_replaces_the_old_one() {
        let mut links = NodeLinks::new();
        take_in(&mut links, &LinkEvent::Snapshot(vec![link(7, "eth1", true)]));
        take_in(&mut links, &LinkEvent::Changed(link(9, "eth1", true)));
        take_in(&mut links, &LinkEvent::Removed(link(7, "eth1", true)));
        assert_eq!(links.get("eth1"), Some(&NodeLink { index: 9, up: true }));
        take_in(&mut links, &LinkEvent::Changed(link(9, "renamed", false)));
        assert_eq!(links.keys().collect::<Vec<_>>(), ["renamed"]);
        assert!(!links["renamed"].up);
    }
}
