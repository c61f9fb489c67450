//! `braid lab list`: the labs of this machine.

use braid_lab::Root;

use crate::{failure::Failure, output::Output, target, view::Lab};

/// List the labs of this machine, also half-dead ones
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid lab list
  braid lab list -o json | jq -r '.[].name'")]
pub struct Args {}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let labs = target::labs(&Root::from_env())?;
        output.show(&labs.into_iter().map(Lab::from).collect::<Vec<_>>())
    }
}
