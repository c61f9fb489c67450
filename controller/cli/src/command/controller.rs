//! `braid controller`: the controller, until a signal ends it.

use std::path::PathBuf;

use braid_controller::ControllerConfig;
use braid_proto::Address;

use super::daemon;
use crate::{failure::Failure, target::Tls};

/// Run the controller: keep agents and borders at the desired state, answer operators
///
/// Ends on SIGTERM or SIGINT. Losing it loses no packet: agents keep what they have, borders keep voting. Logs to stderr;
/// BRAID_LOG filters them (default "info", see tracing-subscriber's EnvFilter).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid controller --topology ring.yaml --listen unix:/run/braid/ring/controller.sock --state-dir /var/lib/braid/ring
  braid controller --listen tcp:0.0.0.0:7700 --state-dir /var/lib/braid/ring \\
      --tls-ca ca.pem --tls-cert controller.pem --tls-key controller.key")]
pub struct Args {
    /// The topology file to put in force; if none is given, the one last in force
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
    /// Where to listen: unix:/PATH, or tcp:HOST:PORT with the --tls options
    #[arg(long, value_name = "ADDRESS")]
    listen: Address,
    /// Where allocations and the topology in force are kept
    #[arg(long, value_name = "DIR")]
    state_dir: PathBuf,
    #[command(flatten)]
    tls: Tls,
}

impl Args {
    pub fn run(self) -> Result<(), Failure> {
        let config = ControllerConfig {
            listen: self.listen,
            tls: self.tls.files()?,
            state_dir: self.state_dir,
            topology: self.topology,
        };
        daemon::run(|shutdown| braid_controller::run(config, shutdown))
    }
}
