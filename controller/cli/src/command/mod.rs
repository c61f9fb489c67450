//! The commands, one file each.

mod agent;
mod border;
mod completion;
mod controller;
mod daemon;
mod debug;
mod doctor;
mod explain;
mod get;
mod import;
mod lab;
mod plan;
mod replay;
mod schema;
mod status;
mod validate;
mod watch;

use clap::Subcommand;

use crate::{failure::Failure, output::Output};

/// The first word after `braid`.
#[derive(Debug, Subcommand)]
pub enum Command {
    Lab(lab::Args),
    Status(status::Args),
    Get(get::Args),
    Explain(explain::Args),
    Watch(watch::Args),
    Replay(replay::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    Import(import::Args),
    Schema(schema::Args),
    Doctor(doctor::Args),
    Completion(completion::Args),
    Debug(debug::Args),
    Controller(controller::Args),
    Agent(agent::Args),
    Border(border::Args),
}

impl Command {
    /// Carries the command out.
    pub fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Command::Lab(args) => args.run(output),
            Command::Status(args) => args.run(output),
            Command::Get(args) => args.run(output),
            Command::Explain(args) => args.run(output),
            Command::Watch(args) => args.run(output),
            Command::Replay(args) => args.run(output),
            Command::Validate(args) => args.run(output),
            Command::Plan(args) => args.run(output),
            Command::Import(args) => args.run(output),
            Command::Schema(args) => args.run(output),
            Command::Doctor(args) => args.run(output),
            Command::Completion(args) => args.run(),
            Command::Debug(args) => args.run(output),
            Command::Controller(args) => args.run(),
            Command::Agent(args) => args.run(output),
            Command::Border(args) => args.run(),
        }
    }
}
