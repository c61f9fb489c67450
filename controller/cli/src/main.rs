//! `braid`: the composition root, and the operator's command line.
//!
//! This crate decides nothing about networks. It reads the command line, asks the part whose business it is, and shows the
//! answer; `braid controller`, `agent` and `border` start the daemons and nothing more.
//!
//! ```text
//!                 ┌─► validate, schema, import, plan ──► braid-topology, braid-layout
//!  command line ──┼─► lab …, doctor ──► braid-lab, braid-engine, braid-kernel
//!                 ├─► replay ──► braid-record
//!                 ├─► status, get, explain ──gRPC──► a controller ──► view ──► table | json | yaml
//!                 └─► controller, agent, border ──► the daemons, until SIGTERM or SIGINT
//! ```
//!
//! Contract with scripts: results go to stdout, all else to stderr; 0 is success, 1 failure, 2 a wrong command line. What a
//! table shows and what JSON and YAML hold come from the same struct (see `view`).

mod client;
mod command;
mod doctor;
mod failure;
mod output;
mod page;
mod progress;
mod runtime;
mod source;
mod target;
mod units;
mod view;

use std::process::ExitCode;

use clap::Parser;

use crate::{command::Command, output::Format, output::Output};

/// Several independent routing systems over one network, and a vote per prefix on whom to trust.
///
/// braid runs several virtual networks side by side over one physical network, each with its own routing daemon. At every
/// border, prefix by prefix, a vote decides which of them forwards: a bug in one implementation costs one vote, not the
/// network.
#[derive(Debug, Parser)]
#[command(name = "braid", version = braid_proto::VERSION, max_term_width = 100, after_help = "\
Examples:
  braid lab up topologies/ring.yaml          build a network on this machine and wait until it votes
  braid status                               how it fares
  braid explain 198.18.5.0/24 --at seattle   why seattle forwards that prefix as it does
  braid get votes -o json                    all verdicts, for scripts
  braid lab down                             remove it without a trace
  braid doctor                               what this machine lacks")]
struct Cli {
    /// How results are shown
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        display_order = 900
    )]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.run(Output::new(cli.output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_help_text() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help text", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
