//! The front door: text or file in, checked topology or everything that is wrong with it out.

use std::{fs::File, io::Read, path::Path};

use crate::{
    decode::decode,
    diagnostic::{Diagnostics, Findings, Place},
    model::Topology,
    validate::validate,
    yaml::{self, MAX_BYTES},
};

/// A checked topology and what is legal in its file but hardly meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The topology.
    pub topology: Topology,
    /// The warnings; often empty.
    pub warnings: Diagnostics,
}

/// Reads a topology from YAML. `file_name` stands before each finding.
///
/// # Errors
/// Everything that is wrong with the file, by place. Only what keeps YAML itself from being read (its syntax, a key
/// twice, more than 4 MiB, nesting or aliases out of bounds) is told alone.
///
/// # Example
/// ```
/// let error = braid_topology::parse("name: x\ntopolgy: {}\n", "x.yaml").unwrap_err().to_string();
/// assert!(error.starts_with("x.yaml:1:1: a topology file needs `topology`: add it\n"), "{error}");
/// assert!(error.contains("x.yaml:2:1: unknown key `topolgy` in a topology file (did you mean `topology`?)"), "{error}");
/// ```
pub fn parse(text: &str, file_name: &str) -> Result<Topology, Diagnostics> {
    check(text, file_name).map(|checked| checked.topology)
}

/// As [`parse`], with warnings.
///
/// # Errors
/// As [`parse`].
pub fn check(text: &str, file_name: &str) -> Result<Checked, Diagnostics> {
    let root = yaml::read(text, file_name)?;
    let mut findings = Findings::default();
    let decoded = decode(&root, &mut findings);
    match validate(&decoded, &mut findings) {
        Some(topology) => Ok(Checked { topology, warnings: Diagnostics::new(file_name, findings.warnings) }),
        None => Err(Diagnostics::new(file_name, findings.errors)),
    }
}

/// As [`check`], from a file.
///
/// # Errors
/// As [`parse`]; also that the file cannot be read or is not UTF-8.
pub fn load(path: &Path) -> Result<Checked, Diagnostics> {
    let name = path.display().to_string();
    let unreadable =
        |error: std::io::Error| Diagnostics::one(&name, None, format!("the file cannot be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that too large a file is known from a pipe too.
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MAX_BYTES {
        return Err(yaml::too_large(&name, size.max(bytes.len() as u64)));
    }
    check(&decode_utf8(bytes, &name)?, &name)
}

/// The text that some bytes are.
///
/// # Errors
/// When they are not UTF-8; the diagnostic has the place of the first byte that is not.
pub fn decode_utf8(bytes: Vec<u8>, name: &str) -> Result<String, Diagnostics> {
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let good = String::from_utf8_lossy(good);
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let line = 1 + narrow(good.matches('\n').count());
        let column = 1 + narrow(good.rsplit('\n').next().unwrap_or_default().chars().count());
        Diagnostics::one(
            name,
            Some(Place { line, column }),
            "this byte is not UTF-8: save the file as UTF-8 text",
        )
    })
}
