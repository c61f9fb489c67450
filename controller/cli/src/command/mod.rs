//! The commands, one file each.

mod completion;
mod explain;
mod get;
mod import;
mod plan;
mod schema;
mod status;
mod validate;

use clap::Subcommand;

use crate::{failure::Failure, output::Output};

/// The first word after `braid`.
#[derive(Debug, Subcommand)]
pub enum Command {
    Status(status::Args),
    Get(get::Args),
    Explain(explain::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    Import(import::Args),
    Schema(schema::Args),
    Completion(completion::Args),
}

impl Command {
    /// Carries the command out.
    pub fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Command::Status(args) => args.run(output),
            Command::Get(args) => args.run(output),
            Command::Explain(args) => args.run(output),
            Command::Validate(args) => args.run(output),
            Command::Plan(args) => args.run(output),
            Command::Import(args) => args.run(output),
            Command::Schema(args) => args.run(output),
            Command::Completion(args) => args.run(),
        }
    }
}
