//! The JSON Schema of the file, for editors.

use crate::file::File;

/// The JSON Schema (draft 2020-12) of a topology file. It says what each key may hold; what only the file as a whole
/// can show (names that are not there, overlaps, a network in parts) is left to [`crate::parse`].
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(File).to_value()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::decode::keys;

    /// What the reader takes and what the schema describes are said in two places; they must not part.
    #[test]
    fn the_schema_has_the_keys_that_the_reader_knows() {
        let schema = schema();
        let properties = |pointer: &str| -> BTreeSet<String> {
            let map =
                schema.pointer(pointer).and_then(|p| p.as_object()).unwrap_or_else(|| panic!("{pointer}"));
            map.keys().cloned().collect()
        };
        for (pointer, known) in [
            ("/properties", keys::FILE),
            ("/$defs/Graph/properties", keys::GRAPH),
            ("/$defs/Node/properties", keys::NODE),
            ("/$defs/Border/properties", keys::BORDER),
            ("/$defs/AttachedPrefix/anyOf/1/properties", keys::PREFIX),
            ("/$defs/Link/properties", keys::LINK),
            ("/$defs/VirtualNetwork/properties", keys::VN),
            ("/$defs/Layout/anyOf/1/properties", keys::LAYOUT),
            ("/$defs/Limits/properties", keys::LIMITS),
            ("/$defs/Vote/properties", keys::VOTE),
            ("/$defs/Damping/properties", keys::DAMPING),
            ("/$defs/Probes/properties", keys::PROBES),
            ("/$defs/Policy/properties", keys::POLICY),
            ("/$defs/Rule/properties", keys::RULE),
            ("/$defs/Addressing/properties", keys::ADDRESSING),
        ] {
            assert_eq!(properties(pointer), known.iter().map(|key| (*key).to_owned()).collect(), "{pointer}");
        }
    }
}
