//! `braid border`: the border of a node, until a signal ends it.

use braid_border::BorderConfig;

use super::daemon::{self, NodeArgs};
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
    #[command(flatten)]
    of: NodeArgs,
    #[command(flatten)]
    tls: Tls,
}

impl Args {
    pub fn run(self) -> Result<(), Failure> {
        let NodeArgs { network, node, controller, run_dir } = self.of;
        let config = BorderConfig { network, node, controller, tls: self.tls.files()?, run_dir };
        daemon::run(|shutdown| braid_border::run(config, shutdown))
    }
}
