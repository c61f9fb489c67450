//! OSPFv2 in the shell: configuration, raw socket, control socket, and the engine between them.

mod answer;
mod authentication;
mod clone;
mod config;
mod debug;
mod file;
mod router;
mod socket;
mod status;

use std::path::{Path, PathBuf};

pub use authentication::{Algorithm, Authentication, Key, Time, Validity};
pub use debug::{ComputedNextHop, ComputedRoute, routes_from_hex};
pub use file::{
    Area, AreaKind, External, ExternalRange, File, Interface, Kernel, Limits, Network, Pacing, Range,
    Redistribution, Spf, StubRouter, Translate, VirtualLink,
};
pub use router::Ospf;
pub use status::{Announcement, DatabaseEntry, InterfaceStatus, Neighbour, Question, Route, Running};

use crate::{Options, StartError};

/// The routing protocol number of the engine's kernel routes.
pub const ROUTE_PROTOCOL: u8 = 77;
/// The name of the process and of its files.
pub const NAME: &str = "braid-ospf";

/// Starts an OSPF router, as [`crate::start`] does.
///
/// # Errors
/// [`StartError`].
pub fn start(options: &Options) -> Result<(), StartError> {
    crate::start(options, Ospf::open)
}

/// The control socket of the router with that run directory.
#[must_use]
pub fn socket_of(run_dir: &Path) -> PathBuf {
    crate::file_of::<Ospf>(run_dir, "sock")
}
