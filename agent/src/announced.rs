//! What the engines of this node have that announces a prefix: asked of all of them at once.

use std::{path::Path, time::Duration};

use braid_engine::driver;
use braid_proto::v1;
use futures::future::join_all;
use ipnet::Ipv4Net;
use tracing::debug;

use crate::store;

/// How long an engine may take: less than the controller waits for all.
const LIMIT: Duration = Duration::from_millis(800);

/// Asks every instance. One that does not answer, or cannot tell, is left out.
pub(crate) async fn answer(run_dir: &Path, query: v1::AnnouncedQuery) -> v1::AnnouncedReply {
    let Ok(prefix) = query.prefix.parse::<Ipv4Net>() else {
        debug!(prefix = %query.prefix.escape_debug(), "the controller asks for what is no prefix");
        return v1::AnnouncedReply { id: query.id, announcements: Vec::new() };
    };
    let instances = store::instances(run_dir).unwrap_or_default();
    let asked = instances.into_iter().map(|instance| async move {
        let dir = store::instance_dir(run_dir, instance.vn);
        match driver(instance.engine).announced(prefix, &dir, LIMIT).await {
            Ok(text) => Some(v1::Announcement { vn_id: instance.vn.into(), text: text? }),
            Err(error) => {
                debug!(vn = %instance.vn, %error, "an engine does not tell what announces {prefix}");
                None
            }
        }
    });
    let announcements = join_all(asked).await.into_iter().flatten().collect();
    v1::AnnouncedReply { id: query.id, announcements }
}
