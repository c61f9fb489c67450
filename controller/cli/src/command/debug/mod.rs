//! `braid debug`: for those who look for faults, in braid or in others.

mod routes;

use clap::Subcommand;

use crate::{failure::Failure, output::Output};

/// Tools for finding faults
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Routes(routes::Args),
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        match self.what {
            What::Routes(args) => args.run(output),
        }
    }
}
