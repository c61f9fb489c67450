//! What configuration files of all engines have alike.

use std::{fmt, path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{ConfigError, RouteMark};

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

/// What an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// One neighbour.
    #[default]
    PointToPoint,
    /// Several, and a designated router.
    Broadcast,
    /// None; of OSPF, announced as a host route.
    Loopback,
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PointToPoint => "point-to-point",
            Self::Broadcast => "broadcast",
            Self::Loopback => "loopback",
        })
    }
}

/// Where routes go in the kernel.
#[skip_serializing_none]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kernel {
    /// The routing table; default 254, the main one.
    pub table: u32,
    /// Their metric; default 110 of OSPF and 115 of IS-IS, so that connected and static routes (0) go first.
    pub metric: Option<u32>,
}

impl Default for Kernel {
    fn default() -> Self {
        Self { table: 254, metric: None }
    }
}

impl Kernel {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        if self.table == 0 || self.metric == Some(0) {
            let reason = "table and metric are 1 or more; metric 0 belongs to connected and static routes";
            return Err(wrong("kernel", reason));
        }
        Ok(())
    }

    /// For routes of this protocol number, with that metric by default.
    pub(crate) fn mark(self, protocol: u8, metric: u32) -> RouteMark {
        RouteMark { table: self.table, protocol, metric: self.metric.unwrap_or(metric) }
    }
}

/// What is wrong: the entry, and the reason.
pub(crate) type Wrong = (String, String);

pub(crate) fn wrong(about: impl Into<String>, reason: impl Into<String>) -> Wrong {
    (about.into(), reason.into())
}

/// As the error of that file.
pub(crate) fn meaning(path: &Path, (about, reason): Wrong) -> ConfigError {
    ConfigError::Meaning { path: path.to_owned(), about, reason }
}

/// A time that may be given.
pub(crate) fn ms(given: Option<u32>, usual: Duration) -> Duration {
    given.map_or(usual, |given| Duration::from_millis(given.into()))
}
