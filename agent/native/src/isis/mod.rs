//! IS-IS in the shell: configuration, packet socket, control socket, and the engine between them.

mod answer;
mod authentication;
mod carried;
mod clone;
mod config;
mod debug;
mod file;
mod router;
mod socket;
mod status;

use std::path::{Path, PathBuf};

pub use authentication::{Algorithm, Authentication, Key};
pub use braid_isis_packet::{LanId, Level as OneLevel, LspId, Net, SystemId};
pub use debug::{ComputedNextHop, ComputedRoute, DatabaseError, routes_from_hex};
pub use file::{
    AtLevel, Attached, Circuit, Down, External, File, Flooding, Kernel, Leak, Level, Limits, LspSettings,
    MetricStyle, Network, Padding, Redistribution, Spf,
};
pub use router::Isis;
pub use status::{
    Announcement, CircuitStatus, DatabaseEntry, LevelStatus, Neighbour, Question, Route, Running,
};

use crate::{Options, StartError};

/// The routing protocol number of the engine's kernel routes.
pub const ROUTE_PROTOCOL: u8 = 78;
/// The name of the process and of its files.
pub const NAME: &str = "braid-isis";

/// Starts an IS-IS router, as [`crate::start`] does.
///
/// # Errors
/// [`StartError`].
pub fn start(options: &Options) -> Result<(), StartError> {
    crate::start(options, Isis::open)
}

/// The control socket of the router with that run directory.
#[must_use]
pub fn socket_of(run_dir: &Path) -> PathBuf {
    crate::file_of::<Isis>(run_dir, "sock")
}
