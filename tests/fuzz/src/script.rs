//! Seeds for the `instance` target.

/// Nothing yet.
#[must_use]
pub fn seeds(_packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    Vec::new()
}
