//! Configuration files: JSON, and an error that names its place.

use std::{fs, path::Path};

use serde::{Serialize, de::DeserializeOwned};

use crate::ConfigError;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// Reads a file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let read = |source| ConfigError::Read { path: path.to_owned(), source };
    let size = fs::metadata(path).map_err(read)?.len();
    if size > LONGEST {
        return Err(read(std::io::Error::other(format!("it is longer than {LONGEST} bytes"))));
    }
    let text = fs::read(path).map_err(read)?;
    serde_json::from_slice(&text).map_err(|error| ConfigError::Text {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        reason: without_position(&error),
    })
}

/// As text that [`read`] takes: of maps with keys that are texts, and without floating point, so that JSON lacks nothing.
pub(crate) fn to_text(file: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(file).unwrap_or_default();
    text.push('\n');
    text
}

/// serde_json's words without the position at their end.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}
