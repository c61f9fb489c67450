//! What the node's own links do, and its carrying over to the virtual links: a VXLAN device never sees the physical link
//! below it go down, so without this every link failure would be silent to a virtual router.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use braid_kernel::{Link, LinkEvent, Netlink, NetlinkError};
use tokio::{sync::watch, time::Instant};

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

/// A link that lost its carrier counts as down for at least so long. FRR's zebra, told twice within the second in which
/// the kernel may withhold the operational state (linkwatch), takes an interface's addresses for gone and never looks again.
const HOLD_DOWN: Duration = Duration::from_millis(1200);

/// Watches the node's links, and tells all who look how they are.
pub(crate) struct Carrier {
    /// As the kernel has them.
    links: NodeLinks,
    /// Until when a link counts as down.
    held: BTreeMap<String, Instant>,
    told: watch::Sender<Arc<NodeLinks>>,
}

impl Carrier {
    pub(crate) fn new() -> (Self, watch::Receiver<Arc<NodeLinks>>) {
        let (told, listener) = watch::channel(Arc::default());
        (Self { links: NodeLinks::new(), held: BTreeMap::new(), told }, listener)
    }

    /// Takes all links that there are into account.
    pub(crate) fn see_all(&mut self, links: &[Link], now: Instant) {
        self.links.retain(|name, _| links.iter().any(|link| link.name == *name));
        for link in links {
            self.see(link, now);
        }
        self.tell(now);
    }

    /// Takes an event of the node's link watch into account.
    pub(crate) fn take_in(&mut self, event: &LinkEvent, now: Instant) {
        match event {
            LinkEvent::Snapshot(all) => self.see_all(all, now),
            LinkEvent::Changed(link) => {
                // It may have been renamed.
                self.links.retain(|name, known| known.index != link.index || *name == link.name);
                self.see(link, now);
            }
            // Only itself: another link may have taken its name already.
            LinkEvent::Removed(link) => self.links.retain(|_, known| known.index != link.index),
        }
        self.tell(now);
    }

    fn see(&mut self, link: &Link, now: Instant) {
        let link_now = NodeLink { index: link.index, up: link.is_up() };
        let before = self.links.insert(link.name.clone(), link_now);
        if before.is_some_and(|before| before.up) && !link_now.up {
            self.held.insert(link.name.clone(), now + HOLD_DOWN);
        }
    }

    /// When to call [`Carrier::tell`] although nothing happens.
    pub(crate) fn next_release(&self) -> Option<Instant> {
        self.held.values().min().copied()
    }

    /// Tells how the links are, if that is news.
    pub(crate) fn tell(&mut self, now: Instant) {
        self.held.retain(|name, until| *until > now && self.links.contains_key(name));
        let mut links = self.links.clone();
        for (name, link) in &mut links {
            link.up &= !self.held.contains_key(name);
        }
        self.told.send_if_modified(|told| {
            let news = **told != links;
            if news {
                *told = Arc::new(links);
            }
            news
        });
    }
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
        let (mut carrier, told) = Carrier::new();
        let now = Instant::now();
        carrier.take_in(&LinkEvent::Snapshot(vec![link(7, "eth1", true)]), now);
        carrier.take_in(&LinkEvent::Changed(link(9, "eth1", true)), now);
        carrier.take_in(&LinkEvent::Removed(link(7, "eth1", true)), now);
        assert_eq!(told.borrow().get("eth1"), Some(&NodeLink { index: 9, up: true }));
        carrier.take_in(&LinkEvent::Changed(link(9, "renamed", false)), now);
        assert_eq!(told.borrow().keys().collect::<Vec<_>>(), ["renamed"]);
        assert!(!told.borrow()["renamed"].up);
    }

    #[test]
    fn a_flap_is_told_at_once_as_down_and_held_down() {
        let (mut carrier, told) = Carrier::new();
        let up = |carrier: &mut Carrier, up, now| carrier.see_all(&[link(7, "eth1", up)], now);
        let is_up = || told.borrow()["eth1"].up;
        let start = Instant::now();
        up(&mut carrier, true, start);
        assert!(is_up());
        up(&mut carrier, false, start);
        assert!(!is_up());
        up(&mut carrier, true, start + Duration::from_millis(10));
        assert!(!is_up());
        let release = carrier.next_release().unwrap();
        assert_eq!(release, start + HOLD_DOWN);
        carrier.tell(release);
        assert!(is_up());
        assert_eq!(carrier.next_release(), None);
    }
}
