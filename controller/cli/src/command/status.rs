//! `braid status`: the network in brief.

use crate::{client::Client, failure::Failure, output::Output, target::Target, view::Status};

/// Sum the network up
///
/// Agents, borders, links, virtual networks, votes, what is pending, alarms. Exits 0 whether or not the network has converged; scripts read `converged` from `-o json`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid status
  braid status --lab abilene -o json | jq .converged
  braid status --controller tcp:controller.example.net:7700 --tls-ca ca.pem --tls-cert me.pem --tls-key me.key")]
pub struct Args {
    #[command(flatten)]
    target: Target,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let status = self.target.ask(Client::status)?;
        output.show(&Status::from(status))
    }
}
