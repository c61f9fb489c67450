//! A virtual router's namespace, devices, addresses and static routes, kept as its specification wants them.
//!
//! ```text
//!  spec ──────────────┐
//!  kernel ─► observe ─┴─► plan (pure) ─► apply ─► kernel
//! ```

mod apply;
mod observe;
pub mod plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    io,
    ops::ControlFlow,
    panic::resume_unwind,
    sync::Arc,
    time::Duration,
};

use braid_kernel::{
    Link, LinkEvent, LinkKind, LinkWatch, Netlink, NetlinkError, Netns, NetnsError,
    sysctl::{self, SysctlError},
};
use braid_proto::VnId;
use thiserror::Error;
use tokio::{
    sync::watch,
    task::{JoinError, spawn_blocking},
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use crate::{
    carrier::{NodeLinks, carry_over},
    spec::Router,
    status::Board,
};
use apply::{Hands, Refused};
use observe::observe;
use plan::plan;

/// The alias of a device that was put in service once.
const MARK: &str = "braid";
/// The protocol number of our routes.
const PROTOCOL: u8 = 76;
/// Everything is compared with the specification at least this often: not every loss is announced.
const TICK: Duration = Duration::from_secs(5);
/// Pause between a link's change and the comparison, so that a burst of them costs one.
const SOON: Duration = Duration::from_millis(50);

/// What holds in a virtual router's namespace. It forwards; a packet may come in by another link than the answer leaves
/// by; a border's probes come in by the port with the router's own address, to which the answers go; equal paths are used by
/// flow; a route over a link without carrier counts for nothing; an engine may join a group on many links.
const SYSCTLS: [(&str, &str); 8] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/default/accept_local", "1"),
    ("net/ipv4/fib_multipath_hash_policy", "1"),
    ("net/ipv4/conf/all/ignore_routes_with_linkdown", "1"),
    ("net/ipv4/conf/default/ignore_routes_with_linkdown", "1"),
    ("net/ipv4/igmp_max_memberships", "4096"),
];
/// Kernels without IPv6 do not know these.
const NO_IPV6: [(&str, &str); 2] =
    [("net/ipv6/conf/all/disable_ipv6", "1"), ("net/ipv6/conf/default/disable_ipv6", "1")];

/// A virtual router's data plane is not there.
#[derive(Debug, Error)]
pub enum DataplaneError {
    /// No namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// A kernel setting was refused.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// The kernel cannot be asked.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// Parts of it are missing.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// What an engine would stand on.
#[derive(Debug, Clone, Default)]
pub(crate) enum Ground {
    /// Not looked at yet.
    #[default]
    Unknown,
    /// It cannot be had; the reason.
    Missing(Arc<str>),
    /// The namespace. Single links may still be missing in it.
    Built(Netns),
}

impl Ground {
    pub(crate) fn netns(&self) -> Option<&Netns> {
        match self {
            Ground::Built(netns) => Some(netns),
            Ground::Unknown | Ground::Missing(_) => None,
        }
    }
}

/// Makes the namespace, or finds it, with its settings.
fn found(name: &str) -> Result<Netns, DataplaneError> {
    let netns = Netns::open_or_create(name)?;
    sysctl::write_all(&netns, &SYSCTLS)?;
    match sysctl::write_all(&netns, &NO_IPV6) {
        Err(SysctlError::System { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        other => other?,
    }
    Ok(netns)
}

/// Runs what may take its time on a thread of its own. A panic in it goes on in the caller.
async fn on_thread<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(f).await.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime is shutting down, and we with it.
        Err(Err(_cancelled)) => pending().await,
    }
}

/// The namespace while we hold it.
struct Inside {
    netns: Netns,
    netlink: Netlink,
    watch: LinkWatch,
    /// By index, as the watch told.
    links: BTreeMap<u32, Link>,
}

impl Inside {
    async fn open(name: &str) -> Result<Self, DataplaneError> {
        let name = name.to_owned();
        let netns = on_thread(move || found(&name)).await?;
        let netlink = Netlink::open(&netns)?;
        let watch = LinkWatch::open(&netns)?;
        Ok(Self { netns, netlink, watch, links: BTreeMap::new() })
    }

    fn take_in(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Snapshot(links) => self.links = links.into_iter().map(|l| (l.index, l)).collect(),
            LinkEvent::Changed(link) => {
                self.links.insert(link.index, link);
            }
            LinkEvent::Removed(link) => {
                self.links.remove(&link.index);
            }
        }
    }

    /// Numbers of the router's links over which no frame would get through.
    fn down(&self, router: &Router) -> BTreeSet<u16> {
        let is_up = |name: &str| self.links.values().any(|link| link.name == name && link.is_up());
        router.links.iter().filter(|link| !is_up(link.interface.as_str())).map(|link| link.number).collect()
    }
}

/// Keeps one virtual router's data plane.
pub(crate) struct Dataplane {
    vn: VnId,
    node: Netlink,
    intent: watch::Receiver<Arc<Router>>,
    node_links: watch::Receiver<Arc<NodeLinks>>,
    ground: watch::Sender<Ground>,
    board: Arc<Board>,
    inside: Option<Inside>,
}

impl Dataplane {
    pub(crate) fn new(
        vn: VnId,
        node: Netlink,
        intent: watch::Receiver<Arc<Router>>,
        node_links: watch::Receiver<Arc<NodeLinks>>,
        ground: watch::Sender<Ground>,
        board: Arc<Board>,
    ) -> Self {
        Self { vn, node, intent, node_links, ground, board, inside: None }
    }

    /// Keeps it as specified until the specification's sender is gone.
    pub(crate) async fn keep(mut self) {
        loop {
            let router = Arc::clone(&self.intent.borrow_and_update());
            let kept = self.reconcile(&router).await;
            let built = match (&self.inside, &kept) {
                (Some(inside), _) => Ground::Built(inside.netns.clone()),
                (None, Err(error)) => Ground::Missing(error.to_string().into()),
                (None, Ok(())) => Ground::Unknown,
            };
            self.ground.send_if_modified(|known| {
                let same = match (&*known, &built) {
                    (Ground::Built(a), Ground::Built(b)) => a == b,
                    (Ground::Missing(a), Ground::Missing(b)) => a == b,
                    _ => false,
                };
                *known = built;
                !same
            });
            self.board.note(&format!("{}: data plane", router.name), kept);
            if self.wait(&router).await.is_break() {
                return;
            }
        }
    }

    /// Compares once, and closes the difference.
    async fn reconcile(&mut self, router: &Router) -> Result<(), DataplaneError> {
        self.hold_namespace(&router.namespace).await?;
        let Some(inside) = &self.inside else { return Ok(()) };
        let node_links = Arc::clone(&self.node_links.borrow());
        let actual = observe(&self.node, &inside.netlink, router, &node_links).await?;
        let actions = plan(router, &actual);
        if actions.is_empty() {
            return Ok(());
        }
        info!(vn = %router.name, changes = actions.len(), "closing the data plane's difference");
        let hands = Hands { node: &self.node, inside: &inside.netlink, router, node_links: &node_links };
        Ok(hands.apply(&actions).await?)
    }

    /// Sees to it that we hold the namespace that has the name now.
    async fn hold_namespace(&mut self, name: &str) -> Result<(), DataplaneError> {
        if let Some(inside) = &self.inside {
            if Netns::open(name).is_ok_and(|current| current == inside.netns) {
                return Ok(());
            }
            warn!(namespace = name, "it was deleted, or replaced by another; building anew");
            // The old one lives as long as a process in it, and its tunnels would keep their VNIs taken.
            let cleared = clear(&inside.netlink).await;
            self.inside = None;
            cleared?;
        }
        self.inside = Some(Inside::open(name).await?);
        Ok(())
    }

    /// Waits for a reason to compare again; carries carrier over meanwhile.
    async fn wait(&mut self, router: &Router) -> ControlFlow<()> {
        let mut seen = relevant(router, &self.node_links.borrow());
        let mut deadline = Instant::now() + TICK;
        loop {
            let event = async {
                match &mut self.inside {
                    Some(inside) => inside.watch.next().await,
                    None => pending().await,
                }
            };
            tokio::select! {
                changed = self.intent.changed() => {
                    return if changed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
                }
                Ok(()) = self.node_links.changed() => {
                    let links = Arc::clone(&self.node_links.borrow_and_update());
                    let now = relevant(router, &links);
                    if now != seen {
                        seen = now;
                        self.carry_over(router, &links).await;
                        deadline = deadline.min(Instant::now() + SOON);
                    }
                }
                Some(event) = event => {
                    if let Some(inside) = &mut self.inside {
                        inside.take_in(event);
                        let down = inside.down(router);
                        self.board.router(self.vn, |status| status.links_down = down);
                    }
                    deadline = deadline.min(Instant::now() + SOON);
                }
                () = sleep_until(deadline) => return ControlFlow::Continue(()),
            }
        }
    }

    async fn carry_over(&self, router: &Router, links: &NodeLinks) {
        if let Some(inside) = &self.inside {
            let carried = carry_over(&inside.netlink, router, links).await;
            self.board.note(&format!("{}: carrier", router.name), carried);
        }
    }
}

/// Those of the node's links that a virtual router rests on.
fn relevant(router: &Router, links: &NodeLinks) -> NodeLinks {
    let port = router.port.as_ref().map(|port| port.node_interface.as_str());
    let names = router.links.iter().map(|link| link.underlay.as_str()).chain(port);
    names.filter_map(|name| Some((name.to_owned(), *links.get(name)?))).collect()
}

/// Removes the devices that we made in a namespace: those that reach out of it.
async fn clear(inside: &Netlink) -> Result<(), NetlinkError> {
    for link in inside.links().await? {
        if matches!(link.kind, LinkKind::Vxlan { .. } | LinkKind::Veth { .. }) {
            inside.delete_link(&link.name).await?;
        }
    }
    Ok(())
}

/// Removes a virtual router's devices and then its namespace's name. One that is not there is fine.
///
/// # Errors
/// When the kernel refuses; what is left is then tried again by the next removal.
pub(crate) async fn remove(namespace: &str) -> Result<(), DataplaneError> {
    match Netns::open(namespace) {
        Ok(netns) => clear(&Netlink::open(&netns)?).await?,
        // A leftover name with no namespace behind it.
        Err(NetnsError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Netns::delete(namespace)?)
}
