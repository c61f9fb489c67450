//! `braid lab restart`: starts the daemons of a lab that are gone.

use braid_lab::{Daemon, Root};
use braid_proto::NodeName;
use clap::Subcommand;

use crate::{failure::Failure, output::Output, runtime, target::LabTarget, view::Restarted};

/// Start the daemons of a lab that are gone; those that are alive are left alone
///
/// A daemon that comes back adopts what runs: no packet is lost by it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid lab restart
  braid lab restart controller
  braid lab restart agent seattle")]
pub struct Args {
    #[command(subcommand)]
    daemon: Option<Which>,
    #[command(flatten)]
    lab: LabTarget,
}

/// Which daemons; all, if none is given.
#[derive(Debug, Subcommand)]
enum Which {
    /// The controller
    Controller,
    /// The agent of a node
    Agent {
        /// The node
        #[arg(value_name = "NODE")]
        node: NodeName,
    },
    /// The border of a node
    Border {
        /// The node
        #[arg(value_name = "NODE")]
        node: NodeName,
    },
    /// The controller, all agents and all borders
    All,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let root = Root::from_env();
        let lab = self.lab.resolve(&root)?;
        let daemon = match self.daemon {
            Some(Which::Controller) => Daemon::Controller,
            Some(Which::Agent { node }) => Daemon::Agent(node),
            Some(Which::Border { node }) => Daemon::Border(node),
            None | Some(Which::All) => Daemon::All,
        };
        let restarted = runtime::block_on(async {
            braid_lab::restart(&root, &lab, &daemon).await.map_err(Failure::lab)
        })?;
        output.show(&restarted.into_iter().map(Restarted::from).collect::<Vec<_>>())
    }
}
