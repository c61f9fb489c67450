//! The back-off of route computations in a configuration file.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// SPF back-off (RFC 8405), all in milliseconds.
#[skip_serializing_none]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spf {
    /// INITIAL_SPF_DELAY.
    pub initial_ms: Option<u32>,
    /// SHORT_SPF_DELAY.
    pub short_ms: Option<u32>,
    /// LONG_SPF_DELAY.
    pub long_ms: Option<u32>,
    /// HOLDDOWN_INTERVAL.
    pub hold_down_ms: Option<u32>,
    /// TIME_TO_LEARN_INTERVAL.
    pub time_to_learn_ms: Option<u32>,
}
