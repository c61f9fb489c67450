//! What a router can be fed.

use std::fmt;

use braid_kernel::Netns;

use crate::{Grid, Injector, InjectorError, isis, ospf};

/// What routers are fed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OSPF for IPv4: an area of router-LSAs.
    Ospf,
    /// IS-IS for IPv4: an area of level 2.
    Isis,
}

impl Protocol {
    /// An injector that begins to feed a grid at the cable's end in a namespace.
    pub(crate) fn feed(self, netns: &Netns, grid: &Grid) -> Result<Injector, InjectorError> {
        match self {
            Protocol::Ospf => ospf::feed(netns, grid),
            Protocol::Isis => isis::feed(netns, grid),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Protocol::Ospf => "ospf",
            Protocol::Isis => "isis",
        })
    }
}
