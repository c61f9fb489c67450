//! What every engine is asked, and says, alike.

use std::net::Ipv4Addr;

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

/// A line that is no part of a database in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct HexError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}
