//! `braid watch votes`: every change of a verdict, as it comes.

use braid_proto::{NodeName, v1};
use clap::Subcommand;
use ipnet::Ipv4Net;

use super::explain::parse_prefix;
use crate::{failure::Failure, output::Output, target::Target, view::Watched};

/// Follow what changes, line by line
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid watch votes --at seattle
  braid watch votes -o json | jq -c 'select(.vote.alarm != null)'")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    noun: Noun,
}

/// What is watched.
#[derive(Debug, Subcommand)]
enum Noun {
    /// The borders' verdicts: all as they are, then every change
    #[command(visible_alias = "vote")]
    Votes {
        /// Only verdicts of this border
        #[arg(long, value_name = "BORDER")]
        at: Option<NodeName>,
        /// Only verdicts on this prefix
        #[arg(long, value_name = "PREFIX", value_parser = parse_prefix)]
        prefix: Option<Ipv4Net>,
        /// Only changes after this revision, as far as the controller still holds them
        #[arg(long, value_name = "REVISION", default_value_t = 0)]
        since: u64,
    },
}

impl Args {
    /// Runs until interrupted.
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let Noun::Votes { at, prefix, since } = self.noun;
        let request = v1::WatchVotesRequest {
            border: at.map(|border| border.to_string()).unwrap_or_default(),
            prefix: prefix.map(|prefix| prefix.to_string()).unwrap_or_default(),
            resume_revision: since,
        };
        self.target.ask(async |client| {
            let mut changes = client.watch_votes(request).await?;
            while let Some(message) = changes.next().await? {
                if let Some(watched) = Watched::of(message) {
                    output.show_line(&watched)?;
                }
            }
            Ok(())
        })
    }
}
