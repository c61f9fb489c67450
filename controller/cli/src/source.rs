//! A text that a command is given: a file, or standard input.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use braid_layout::{Allocation, Plan};
use braid_topology::Topology;

use crate::{failure::Failure, output};

/// No file for braid is nearly as long. The parsers have tighter limits of their own; this one only keeps an endless input
/// from filling the memory.
const MAX_BYTES: u64 = 64 << 20;

/// A text and what it is called in messages.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as given, or `<stdin>`.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Source {
    /// Reads a file; `-` is standard input.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let stdin = path == Path::new("-");
        let name = if stdin { "<stdin>".to_owned() } else { path.display().to_string() };
        let read = || {
            let mut bytes = Vec::new();
            let source: Box<dyn Read> =
                if stdin { Box::new(io::stdin().lock()) } else { Box::new(File::open(path)?) };
            source.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > MAX_BYTES {
                return Err(io::Error::other("it is longer than 64 MiB"));
            }
            Ok(bytes)
        };
        let bytes = read().map_err(|source| Failure::Read { path: PathBuf::from(&name), source })?;
        let text = braid_topology::decode_utf8(bytes, &name)
            .map_err(|findings| Failure::Diagnosed(findings.to_string()))?;
        Ok(Self { name, text })
    }

    /// The topology that the text describes; warnings about it go to stderr.
    pub fn topology(&self) -> Result<Topology, Failure> {
        let checked = braid_topology::check(&self.text, &self.name)
            .map_err(|findings| Failure::Diagnosed(findings.to_string()))?;
        checked.warnings.to_string().lines().for_each(output::warn);
        Ok(checked.topology)
    }

    /// The layout of the text's topology, numbered as a new network's.
    pub fn plan(&self, topology: &Topology) -> Result<Plan, Failure> {
        let mut allocation = Allocation::default();
        allocation
            .update(topology)
            .and_then(|()| braid_layout::plan(topology, &allocation))
            .map_err(|error| Failure::Diagnosed(format!("{}: {error}", self.name)))
    }
}
