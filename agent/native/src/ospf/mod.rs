//! OSPFv2 in the shell.

mod file;
mod socket;

pub use file::*;

/// The routing protocol number of the engine's kernel routes.
pub const ROUTE_PROTOCOL: u8 = 77;
