//! PDUs of IS-IS on a cable.

use std::time::Duration;

use braid_kernel::Netns;

use crate::{Group, InjectorError, Mac, Wire, site::INTERFACE, speaker::Carrier};

/// Whose frames they are; nobody answers to it.
const OWN: Mac = [0x02, 0, 0, 0, 0, 0x01];

pub struct Circuit(Wire);

impl Circuit {
    /// On the cable's end in a namespace.
    pub fn open(netns: &Netns) -> Result<Self, InjectorError> {
        Wire::listen(netns, INTERFACE).map(Self)
    }
}

impl Carrier for Circuit {
    fn send(&self, packet: &[u8]) -> Result<(), InjectorError> {
        self.0.send(OWN, Group::All, packet)
    }

    fn receive<'a>(
        &self,
        buffer: &'a mut [u8],
        patience: Duration,
    ) -> Result<Option<&'a [u8]>, InjectorError> {
        self.0.receive(buffer, patience)
    }
}
