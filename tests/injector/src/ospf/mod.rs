//! OSPF.

mod carrier;
mod lsas;
pub(crate) mod router;
mod speaker;

use std::net::Ipv4Addr;

use braid_kernel::Netns;
use braid_ospf_packet::RouterId;

pub use lsas::{lsa, lsas};

use crate::{Grid, Injector, InjectorError};

/// The id of the router under test: lower than the grid's, so that the injector leads the exchange.
pub const ROUTER_ID: RouterId = RouterId(Ipv4Addr::new(10, 0, 0, 1));
/// Seconds between hellos.
const HELLO_S: u16 = 1;
/// Seconds without a hello after which a neighbour is gone. Long, since a router may be busy with ten thousand LSAs.
const DEAD_S: u16 = 40;

/// An injector that begins to feed a grid.
pub(crate) fn feed(netns: &Netns, grid: &Grid) -> Result<Injector, InjectorError> {
    let speaker = speaker::OspfSpeaker::new(RouterId(grid.attached().address()), lsas(grid)?);
    Ok(Injector::start(Box::new(carrier::IpSocket::open(netns)?), Box::new(speaker)))
}
