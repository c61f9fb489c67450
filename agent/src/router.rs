//! A virtual router's task: its data plane is kept, its FIB copied, its engine supervised, until it is to be gone; then it is
//! taken down.

use std::sync::Arc;

use tokio::{sync::watch, task::JoinSet};

use crate::{
    dataplane::{Dataplane, Ground},
    removal,
    run::Node,
    spec::{Identity, Router},
    supervisor::Supervisor,
};

/// Runs a virtual router as `wanted` has it, and takes it down when that is nothing. Ends early, leaving everything as it
/// is, when the sender of `wanted` is gone.
pub(crate) async fn run(
    node: Arc<Node>,
    identity: Identity,
    mut wanted: watch::Receiver<Option<Arc<Router>>>,
) {
    let first = wanted.borrow_and_update().clone();
    if let Some(first) = first {
        live(&node, first, &mut wanted).await;
    }
    if wanted.borrow().is_none() {
        removal::take_down(&node, &identity).await;
    }
}

/// Returns when it is wanted no more.
async fn live(node: &Arc<Node>, first: Arc<Router>, wanted: &mut watch::Receiver<Option<Arc<Router>>>) {
    let vn = first.vn;
    let (intent, intents) = watch::channel(Arc::clone(&first));
    let (ground_sender, ground) = watch::channel(Ground::default());
    let (netlink, links, board) = (node.netlink.clone(), node.links.clone(), Arc::clone(&node.board));
    let dataplane = Dataplane::new(vn, netlink, intents, links, ground_sender, board);
    let (fibs, board, fib_ground) = (Arc::clone(&node.fibs), Arc::clone(&node.board), ground.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(dataplane.keep());
    tasks.spawn(async move { fibs.copy(vn, fib_ground, &board).await });
    Supervisor::new(Arc::clone(node), first, intent, ground).run(wanted).await;
    // Nothing of it may act any more when it is taken down.
    tasks.shutdown().await;
}
