//! What all daemons have in common: logs on stderr, and a graceful end; and what those of a node are told.

use std::{env, future::Future, path::PathBuf, pin::Pin};

use braid_proto::{Address, NetworkName, NodeName};
use tracing_subscriber::EnvFilter;

use crate::{
    failure::Failure,
    output,
    runtime::{self, Interrupt},
};

/// The environment variable that filters the logs.
const LOG: &str = "BRAID_LOG";

/// What an agent or a border is told at its start.
#[derive(Debug, clap::Args)]
pub struct NodeArgs {
    /// The network's name
    #[arg(long, value_name = "NAME")]
    pub network: NetworkName,
    /// The name of this node
    #[arg(long, value_name = "NAME")]
    pub node: NodeName,
    /// The controller: unix:/PATH, or tcp:HOST:PORT with the --tls options
    #[arg(long, value_name = "ADDRESS")]
    pub controller: Address,
    /// The node's state directory
    #[arg(long, value_name = "DIR")]
    pub run_dir: PathBuf,
}

/// Resolves when the daemon is to end.
pub type Shutdown = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs a daemon until it ends by itself or a signal asks it to.
pub fn run<F, E>(daemon: impl FnOnce(Shutdown) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    log()?;
    runtime::block_on(async {
        let interrupt = Interrupt::catch()?;
        let shutdown = Box::pin(async {
            let signal = interrupt.wait().await;
            tracing::info!(signal, "ending");
        });
        daemon(shutdown).await.map_err(|error| Failure::part(&error))
    })
}

/// Sends logs to stderr, filtered by [`LOG`].
fn log() -> Result<(), Failure> {
    let directives = env::var(LOG).ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(&directives)
        .map_err(|error| Failure::Usage(format!("{LOG}: `{directives}` is not a filter: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::stderr_colour())
        .init();
    Ok(())
}
