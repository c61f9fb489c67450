//! Taking virtual routers down: packets first, then the engine, then the devices.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use braid_engine::{EngineError, cgroup::CgroupError, driver};
use braid_kernel::{NetlinkError, Netns, NetnsError, Process, ProcessError, terminate};
use braid_proto::{InstanceFile, InstanceState, VnId};
use thiserror::Error;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::{
    dataplane::{self, DataplaneError},
    run::Node,
    spec::Identity,
    store, supervisor,
};

/// The border's nexthop object of virtual network `k` has id 7600 + k: with the port's device it would vanish, and every
/// route to it too.
const NEXTHOPS: u32 = 7600;
/// How long a virtual router goes on forwarding after it has left the specification: borders elsewhere may hear of it a moment
/// later than we do, and their packets come through here.
const LINGER: Duration = Duration::from_secs(2);
/// How long the border may take to steer away.
const STEER_AWAY: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);
/// How long an engine may take to end.
const GRACE: Duration = Duration::from_secs(2);
/// Pauses between attempts.
const BACK_OFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(500))
    .with_max_delay(Duration::from_secs(30))
    .without_max_times();

/// Something of a virtual router is still there.
#[derive(Debug, Error)]
enum RemovalError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error(transparent)]
    Netns(#[from] NetnsError),
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    #[error(transparent)]
    Dataplane(#[from] DataplaneError),
    #[error("{0}")]
    Directory(String),
}

/// Tries until it succeeds; in between it is said why not.
async fn insist<F>(node: &Node, about: &str, mut attempt: impl FnMut() -> F)
where
    F: Future<Output = Result<(), RemovalError>>,
{
    let mut pauses = BACK_OFF.build();
    loop {
        let outcome = attempt().await;
        let done = outcome.is_ok();
        node.board.note(about, outcome);
        if done {
            return;
        }
        sleep(pauses.next().unwrap_or(Duration::from_secs(30))).await;
    }
}

/// Takes a virtual router down, and leaves nothing of it.
pub(crate) async fn take_down(node: &Node, identity: &Identity) {
    info!(vn = %identity.name, namespace = identity.namespace, "taking down");
    sleep(LINGER).await;
    wait_until_steered_away(node, identity.vn).await;
    insist(node, &format!("{}: removal", identity.name), || try_take_down(node, identity)).await;
    node.fibs.forget(identity.vn);
    node.board.forget(identity.vn, &format!("{}: ", identity.name));
    info!(vn = %identity.name, "gone");
}

async fn try_take_down(node: &Node, identity: &Identity) -> Result<(), RemovalError> {
    let netns = match Netns::open(&identity.namespace) {
        // Processes are found without it.
        Err(NetnsError::Missing { .. }) => node.netlink.netns().clone(),
        other => other?,
    };
    let place = supervisor::place(node, identity, netns, 0, 0);
    let known = InstanceFile::read(&place.dir).ok().flatten().map(|file| file.processes).unwrap_or_default();
    if place.dir.exists() {
        // Also a border that has heard nothing from the controller shall move before the routes go. On a full disk it
        // sees the processes end.
        let gone = InstanceFile { state: InstanceState::Gone, processes: known.clone(), restarts: 0 };
        if let Err(error) = gone.write(&place.dir) {
            warn!(%error, "taking it down all the same");
        }
    }
    driver(identity.engine).stop(&place, GRACE).await?;
    terminate(&supervisor::remains(&place, &known), GRACE).await?;
    place.cgroup.delete()?;
    dataplane::remove(&identity.namespace).await?;
    store::forget_instance(&node.config.run_dir, identity.vn).map_err(RemovalError::Directory)
}

/// Waits until the border has no way into the virtual network any more, but not for ever: there may be no border.
async fn wait_until_steered_away(node: &Node, vn: VnId) {
    let id = NEXTHOPS + u32::from(vn);
    let deadline = Instant::now() + STEER_AWAY;
    while Instant::now() < deadline {
        match node.netlink.nexthops().await {
            Ok(nexthops) if nexthops.iter().any(|nexthop| nexthop.id == id) => sleep(LOOK).await,
            Ok(_) => return,
            Err(error) => return warn!(%error, "cannot see whether the border has steered away"),
        }
    }
    warn!(%vn, "the border still steers into it; taking it down all the same");
}

/// Removes a namespace that nobody answers for, with what runs in it.
pub(crate) async fn remove_stray(node: &Node, namespace: &str) {
    warn!(namespace, "removing a virtual router that is not specified and of which no directory tells");
    insist(node, &format!("{namespace}: removal"), || try_remove_stray(namespace)).await;
}

async fn try_remove_stray(namespace: &str) -> Result<(), RemovalError> {
    if let Ok(netns) = Netns::open(namespace) {
        let processes: Vec<Process> =
            netns.pids()?.into_iter().filter_map(|pid| Process::open(pid).ok()).collect();
        terminate(&processes, GRACE).await?;
    }
    Ok(dataplane::remove(namespace).await?)
}
