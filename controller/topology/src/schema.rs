//! The JSON Schema of the file, for editors.

use crate::file::File;

/// The JSON Schema (draft 2020-12) of a topology file. It says what each key may hold; what only the file as a whole
/// can show (names that are not there, overlaps, a network in parts) is left to [`crate::parse`].
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(File).to_value()
}
