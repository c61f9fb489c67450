//! IS-IS.

mod carrier;
mod lsps;
pub(crate) mod router;
mod speaker;

use braid_isis_packet::{AreaAddress, SystemId};
use braid_kernel::Netns;

pub use lsps::{lsp, lsps, system};

use crate::{Grid, Injector, InjectorError};

/// The system id of the router under test.
pub const ROUTER_ID: SystemId = SystemId([0, 0, 10, 0, 0, 1]);
/// The area of all.
const AREA: &str = "49.0001";
/// Seconds between hellos.
const HELLO_S: u16 = 1;
/// Seconds without a hello after which a neighbour is gone. Long, since a router may be busy with ten thousand LSPs.
const HOLD_S: u16 = 40;

fn area() -> Vec<AreaAddress> {
    vec![AREA.parse().expect("it is written as areas are")]
}

/// An injector that begins to feed a grid.
pub(crate) fn feed(netns: &Netns, grid: &Grid) -> Result<Injector, InjectorError> {
    let speaker = speaker::IsisSpeaker::new(system(grid.attached()), lsps(grid)?);
    Ok(Injector::start(Box::new(carrier::Circuit::open(netns)?), Box::new(speaker)))
}
