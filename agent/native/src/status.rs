//! What every engine is asked, and says, alike.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// A question that the shell answers for every engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum ShellQuestion {
    /// A [`crate::RouteCounters`].
    Kernel,
    /// Read the configuration anew; `null`.
    Reload,
}

/// A way of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteNextHop {
    /// The interface.
    pub interface: String,
    /// The next router; none if the destination itself is on the link.
    pub via: Option<Ipv4Addr>,
}

/// What an engine's routes become by what it knows now: those of a clone that has run all pending work in virtual time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convergence {
    /// When the engine itself will have done that work, from now, in microseconds; 0: there is none.
    pub in_us: u64,
    /// Whether the clone came to rest.
    pub is_at_rest: bool,
    /// How kernel routes will differ from what they are; usually not at all.
    pub changes: Vec<PendingRoute>,
}

/// A kernel route that is about to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRoute {
    /// The destinations.
    pub prefix: Ipv4Net,
    /// The ways to be: empty where packets are to be dropped; none: the route goes.
    pub next_hops: Option<Vec<RouteNextHop>>,
}

/// A line that is no part of a database in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct HexError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}
