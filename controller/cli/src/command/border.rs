//! `braid border`: the border of a node, until a signal ends it.

use std::path::PathBuf;

use braid_border::BorderConfig;
use braid_proto::{Address, NetworkName, NodeName};

use super::daemon;
use crate::{failure::Failure, target::Tls};

/// Run a node's border: read each virtual network's routes, vote, and steer
///
/// Runs in the network namespace that it is started in, as root. Ends on SIGTERM or SIGINT; whether it ends or is killed, its
/// routes stay in place, and the next border adopts them. Logs to stderr; BRAID_LOG filters them (default "info").
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid border --network ring --node seattle --controller unix:/run/braid/ring/controller.sock \\
      --run-dir /run/braid/ring/seattle")]
pub struct Args {
    /// The network's name
    #[arg(long, value_name = "NAME")]
    network: NetworkName,
    /// The name of this node
    #[arg(long, value_name = "NAME")]
    node: NodeName,
    /// The controller: unix:/PATH, or tcp:HOST:PORT with the --tls options
    #[arg(long, value_name = "ADDRESS")]
    controller: Address,
    /// The node's state directory
    #[arg(long, value_name = "DIR")]
    run_dir: PathBuf,
    #[command(flatten)]
    tls: Tls,
}

impl Args {
    pub fn run(self) -> Result<(), Failure> {
        let config = BorderConfig {
            network: self.network,
            node: self.node,
            controller: self.controller,
            tls: self.tls.files()?,
            run_dir: self.run_dir,
        };
        daemon::run(|shutdown| braid_border::run(config, shutdown))
    }
}
