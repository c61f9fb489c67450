//! How plans show durations and hashes in JSON: plain numbers with the unit in the field's name.

use std::time::Duration;

use serde::Serializer;

pub(crate) fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

pub(crate) fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

pub(crate) fn microseconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(d) => serializer.serialize_u64(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)),
        None => serializer.serialize_none(),
    }
}

/// Sixteen hexadecimal digits: JSON numbers lose bits beyond the 53rd in many readers.
pub(crate) fn hex<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{hash:016x}"))
}
