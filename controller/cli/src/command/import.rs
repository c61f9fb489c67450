//! `braid import FORMAT FILE`: topologies of other tools.

use std::path::PathBuf;

use braid_topology::{Diagnostics, Imported};
use clap::Subcommand;
use serde::Serialize;

use crate::{
    failure::Failure,
    output::{self, Output, View},
    page::Page,
    source::Source,
};

/// Turn another tool's topology into a braid topology file
///
/// The file goes to stdout, each guess that was made to stderr. Virtual networks are yours to add: the file has examples.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid import graphml Abilene.graphml > abilene.yaml
  braid import containerlab lab.clab.yml > lab.yaml")]
pub struct Args {
    #[command(subcommand)]
    format: Format,
}

/// Which tool's.
#[derive(Debug, Subcommand)]
enum Format {
    /// GraphML as the Internet Topology Zoo writes it
    Graphml {
        /// The file; - is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// A containerlab topology
    Containerlab {
        /// The file; - is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// A native file; for people, the file itself.
#[derive(Debug, Serialize)]
struct Native {
    yaml: String,
    guesses: Vec<String>,
}

impl View for Native {
    fn draw(&self, page: &mut Page) {
        page.lines(&self.yaml);
    }
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        type Import = fn(&str, &str) -> Result<Imported, Diagnostics>;
        let (file, import): (_, Import) = match self.format {
            Format::Graphml { file } => (file, braid_topology::import_graphml),
            Format::Containerlab { file } => (file, braid_topology::import_containerlab),
        };
        let source = Source::read(&file)?;
        let imported = import(&source.text, &source.name)
            .map_err(|findings| Failure::Diagnosed(findings.to_string()))?;
        for guess in &imported.guesses {
            output::note(format_args!("guess: {guess}"));
        }
        output.show(&Native { yaml: imported.yaml, guesses: imported.guesses })
    }
}
