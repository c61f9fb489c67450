//! `braid validate FILE`: whether a topology file is right.

use std::path::PathBuf;

use serde::Serialize;

use crate::{
    failure::Failure,
    output::{Output, View},
    page::Page,
    source::Source,
    units,
};

/// Check a topology file: all that is wrong with it, each with file, line and column
///
/// Exits 0 if nothing is wrong and 1 otherwise. Warnings go to stderr and change nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid validate topologies/ring.yaml
  braid import graphml Abilene.graphml | braid validate -")]
pub struct Args {
    /// The topology file; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// A file that is right, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Valid {
    file: String,
    network: String,
    nodes: usize,
    links: usize,
    vns: usize,
    borders: usize,
    prefixes: usize,
}

impl View for Valid {
    fn draw(&self, page: &mut Page) {
        let counts = [
            units::count(self.nodes, "node"),
            units::count(self.links, "link"),
            units::count(self.vns, "VN"),
            units::count(self.borders, "border"),
            units::count(self.prefixes, "prefix"),
        ];
        page.line(format!("{}: ok: {}: {}", self.file, self.network, counts.join(", ")));
    }
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let source = Source::read(&self.file)?;
        let topology = source.topology()?;
        // What cannot be laid out cannot be built: a pool too small shows only here.
        source.plan(&topology)?;
        let borders = || topology.nodes.iter().filter_map(|node| node.border.as_ref());
        output.show(&Valid {
            file: source.name,
            network: topology.name.to_string(),
            nodes: topology.nodes.len(),
            links: topology.links.len(),
            vns: topology.vns.len(),
            borders: borders().count(),
            prefixes: borders().map(|border| border.prefixes.len()).sum(),
        })
    }
}
