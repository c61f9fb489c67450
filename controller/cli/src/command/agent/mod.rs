//! `braid agent`: the agent of a node, until a signal ends it, and the engines that agents start.

mod engine;

use braid_agent::AgentConfig;
use clap::Subcommand;

use super::daemon::{self, NodeArgs};
use crate::{failure::Failure, output::Output, target::Tls};

/// Run a node's agent: build its virtual routers and supervise their engines
///
/// Runs in the network namespace that it is started in, as root. Ends on SIGTERM or SIGINT; whether it ends or is killed, its
/// engines run on, and the next agent adopts them. Logs to stderr; BRAID_LOG filters them (default "info").
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  braid agent --network ring --node seattle --controller unix:/run/braid/ring/controller.sock \\
      --run-dir /run/braid/ring/seattle
  braid lab exec seattle/red -- braid agent engine show neighbours"
)]
pub struct Args {
    #[command(flatten)]
    of: Option<NodeArgs>,
    // Apart from the others: clap does not see an optional group that has a group within.
    #[command(flatten)]
    tls: Tls,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What belongs to an agent.
#[derive(Debug, Subcommand)]
enum Part {
    Engine(engine::Args),
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        if let Some(Part::Engine(args)) = self.part {
            return args.run(output);
        }
        // The parser asks for these when there is no subcommand.
        let Some(NodeArgs { network, node, controller, run_dir }) = self.of else {
            return Err(Failure::Usage(
                "braid agent needs --network, --node, --controller and --run-dir".to_owned(),
            ));
        };
        let config = AgentConfig { network, node, controller, tls: self.tls.files()?, run_dir };
        daemon::run(|shutdown| braid_agent::run(config, shutdown))
    }
}
