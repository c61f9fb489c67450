//! Staying in touch with a controller that comes and goes.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tonic::transport::Channel;
use tracing::warn;

use crate::{Address, TlsFiles};

/// From the first retry to the longest pause between two.
const BACK_OFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(3))
    .with_jitter()
    .without_max_times();

/// Dials the controller for ever: runs `session` on each connection until it ends, and pauses between attempts, longer as
/// they keep failing. A session that got through to the controller gives `true`, and the pauses begin anew.
///
/// Failures are logged once until something changes; they are nobody's emergency, since everything goes on without a
/// controller.
pub async fn stay_connected<S>(
    address: &Address,
    tls: Option<&TlsFiles>,
    mut session: impl FnMut(Channel) -> S,
) where
    S: Future<Output = (bool, Result<(), tonic::Status>)>,
{
    let mut pauses = BACK_OFF.build();
    let mut last_failure = String::new();
    loop {
        let failure = match address.connect(tls).await {
            Err(error) => error.to_string(),
            Ok(channel) => {
                let (got_through, result) = session(channel).await;
                if got_through {
                    pauses = BACK_OFF.build();
                    last_failure.clear();
                }
                match result {
                    Ok(()) => "the controller closed the connection".to_owned(),
                    Err(status) => status.message().to_owned(),
                }
            }
        };
        if failure != last_failure {
            warn!(controller = %address, "not connected, trying again: {failure}");
            last_failure = failure;
        }
        tokio::time::sleep(pauses.next().unwrap_or(Duration::from_secs(3))).await;
    }
}
