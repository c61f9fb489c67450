//! `braid plan FILE`: what would be built.

use std::path::PathBuf;

use crate::{failure::Failure, output::Output, source::Source, view::Layout};

/// Show what would be built from a topology file, and what is weak in it
///
/// Addresses, VNIs, MTUs and engines; customers and the ports between borders and virtual networks; nodes and links that are
/// single points of failure; what virtual networks share. Numbers are those of a new network: one that is up keeps the
/// numbers that it has when its file changes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid plan topologies/abilene-diverse.yaml
  braid plan topologies/ring.yaml --links
  braid plan topologies/ring.yaml -o json | jq .shared_fate.warnings")]
pub struct Args {
    /// The topology file; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Show the virtual links of each virtual network, too
    #[arg(long)]
    links: bool,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let source = Source::read(&self.file)?;
        let plan = source.plan(&source.topology()?)?;
        output.show(&Layout::new(plan, self.links))
    }
}
