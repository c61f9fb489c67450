//! PDUs of IS-IS on an Ethernet, from whomever: a packet socket on one interface.

use std::io;

use braid_isis_packet::{ALL_IS, ALL_L1_IS, ALL_L2_IS, LLC, Level};
use braid_kernel::Netns;
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use crate::InjectorError;

/// An address of the data link.
pub type Mac = [u8; 6];

/// Whom a PDU is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The other end of a cable.
    All,
    /// The routers of a level on a LAN.
    Of(Level),
}

/// A packet socket that says PDUs on one interface. It hears nothing.
pub struct Wire {
    socket: Socket,
}

impl Wire {
    /// Opens one on an interface of a namespace.
    ///
    /// # Errors
    /// [`InjectorError::Socket`] or [`InjectorError::Netns`].
    pub fn open(netns: &Netns, interface: &str) -> Result<Self, InjectorError> {
        let socket = netns.run(|| open(interface))?.map_err(failed("open"))?;
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
        self.socket.send(&frame).map_err(failed("send on"))?;
        Ok(())
    }
}

fn failed(operation: &'static str) -> impl Fn(io::Error) -> InjectorError {
    move |source| InjectorError::Socket { operation, source }
}

fn open(interface: &str) -> io::Result<Socket> {
    // Of no protocol: nothing is received.
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
    let ifindex = nix::net::if_::if_nametoindex(interface)?;
    socket.bind(&address(ifindex))?;
    Ok(socket)
}

/// The address of an interface.
#[allow(unsafe_code)]
fn address(ifindex: u32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: it is one of the addresses that a storage is for, and of plain numbers.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_ifindex = ifindex.cast_signed();
    // SAFETY: the storage has been filled as the address of its family, which is so long.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}
