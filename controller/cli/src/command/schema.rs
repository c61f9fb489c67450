//! `braid schema`: what a topology file may hold.

use serde::Serialize;

use crate::{
    failure::Failure,
    output::{Output, View},
    page::Page,
};

/// Print the JSON Schema of topology files, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid schema > braid.schema.json
  # and as the first line of a topology file, for editors with yaml-language-server:
  # yaml-language-server: $schema=braid.schema.json")]
pub struct Args {}

/// The schema; for people, too, it is JSON.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Schema(serde_json::Value);

impl View for Schema {
    fn draw(&self, page: &mut Page) {
        page.lines(&format!("{:#}", self.0));
    }
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        output.show(&Schema(braid_topology::schema()))
    }
}
