//! The daemon's life: start, serve, stop.

use std::{future::Future, path::PathBuf};

use braid_proto::{Address, TlsFiles};
use thiserror::Error;

/// How a controller is to run.
#[derive(Debug, Clone)]
pub struct ControllerConfig {
    /// Where it listens.
    pub listen: Address,
    /// Its certificates; needed for TCP.
    pub tls: Option<TlsFiles>,
    /// Where it keeps what must survive a restart. Made if absent.
    pub state_dir: PathBuf,
    /// The topology file to put in force; without one, the one last in force holds.
    pub topology: Option<PathBuf>,
}

/// Why a controller cannot start or go on.
#[derive(Debug, Error)]
pub enum ControllerError {}

/// Runs a controller until `shutdown` resolves.
///
/// # Errors
/// [`ControllerError`]
pub async fn run(config: ControllerConfig, shutdown: impl Future<Output = ()> + Send) -> Result<(), ControllerError> {
    let _ = config;
    shutdown.await;
    Ok(())
}
