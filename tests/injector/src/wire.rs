//! PDUs of IS-IS on an Ethernet, from whomever: a packet socket on one interface.

use std::{io, time::Duration};

use braid_isis_packet::{ALL_IS, ALL_L1_IS, ALL_L2_IS, LLC, Level};
use braid_kernel::Netns;
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use crate::{InjectorError, socket};

/// An address of the data link.
pub type Mac = [u8; 6];

/// Two addresses and the length.
const ETHERNET: usize = 14;

/// Whom a PDU is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The other end of a cable.
    All,
    /// The routers of a level on a LAN.
    Of(Level),
}

/// A packet socket for PDUs on one interface. PDUs are of one Ethernet frame of IEEE 802.3, so of 1497 bytes at most.
pub struct Wire {
    socket: Socket,
}

impl Wire {
    /// Opens one that only speaks, on an interface of a namespace.
    ///
    /// # Errors
    /// [`InjectorError::Socket`] or [`InjectorError::Netns`].
    pub fn open(netns: &Netns, interface: &str) -> Result<Self, InjectorError> {
        Self::of_protocol(netns, interface, 0)
    }

    /// Opens one that hears what others send there, too.
    ///
    /// # Errors
    /// As [`Wire::open`].
    pub fn listen(netns: &Netns, interface: &str) -> Result<Self, InjectorError> {
        Self::of_protocol(netns, interface, libc::ETH_P_802_2 as u16)
    }

    fn of_protocol(netns: &Netns, interface: &str, protocol: u16) -> Result<Self, InjectorError> {
        let socket = netns.run(|| open(interface, protocol))?.map_err(socket::failed("open"))?;
        Ok(Self { socket })
    }

    /// Sends a PDU from an address, which may be anybody's.
    ///
    /// # Errors
    /// [`InjectorError::Socket`]; also for a PDU that is longer than a frame.
    pub fn send(&self, source: Mac, group: Group, pdu: &[u8]) -> Result<(), InjectorError> {
        let destination = match group {
            Group::All => ALL_IS,
            Group::Of(Level::One) => ALL_L1_IS,
            Group::Of(Level::Two) => ALL_L2_IS,
        };
        let length = u16::try_from(LLC.len() + pdu.len()).unwrap_or(u16::MAX).to_be_bytes();
        let frame = [&destination[..], &source, &length, &LLC, pdu].concat();
        self.socket.send(&frame).map_err(socket::failed("send on"))?;
        Ok(())
    }

    /// Waits so long for a frame, rounded up to milliseconds. Gives its PDU, with what pads the frame, if there is one in it.
    ///
    /// # Errors
    /// [`InjectorError::Socket`].
    pub fn receive<'a>(
        &self,
        buffer: &'a mut [u8],
        patience: Duration,
    ) -> Result<Option<&'a [u8]>, InjectorError> {
        let frame = socket::receive(&self.socket, buffer, patience)?;
        Ok(frame.and_then(|frame| frame.get(ETHERNET..)?.strip_prefix(&LLC)))
    }
}

/// Of no protocol, it receives nothing.
fn open(interface: &str, protocol: u16) -> io::Result<Socket> {
    // Its protocol comes with its interface, lest it hears others for a moment.
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
    socket.set_recv_buffer_size(socket::RECEIVE_BUFFER)?;
    let ifindex = nix::net::if_::if_nametoindex(interface)?;
    socket.bind(&address(ifindex, protocol))?;
    Ok(socket)
}

/// The address of an interface, for a protocol.
#[allow(unsafe_code)]
fn address(ifindex: u32, protocol: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: it is one of the addresses that a storage is for, and of plain numbers.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = ifindex.cast_signed();
    // SAFETY: the storage has been filled as the address of its family, which is so long.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}
