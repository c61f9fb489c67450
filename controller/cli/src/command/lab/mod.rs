//! `braid lab`: networks on this machine.

mod down;
mod exec;
mod list;
mod restart;
mod up;

use clap::Subcommand;

use crate::{failure::Failure, output::Output};

/// Networks on this machine: build, use and remove them
///
/// A lab has a network namespace for each node and each customer host, a veth pair for each link, and runs the same daemons
/// as real hosts would. Several labs may be up side by side.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid lab up topologies/ring.yaml
  braid lab exec seattle-host -- ping -c 3 198.18.5.10
  braid lab down")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

/// What is done with a lab.
#[derive(Debug, Subcommand)]
enum Verb {
    Up(up::Args),
    Down(down::Args),
    List(list::Args),
    Exec(exec::Args),
    Restart(restart::Args),
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        match self.verb {
            Verb::Up(args) => args.run(output),
            Verb::Down(args) => args.run(output),
            Verb::List(args) => args.run(output),
            Verb::Exec(args) => args.run(),
            Verb::Restart(args) => args.run(output),
        }
    }
}
