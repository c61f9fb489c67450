//! PDUs of IS-IS on an Ethernet: a packet socket on one interface.

use std::{io, time::Duration};

use braid_isis_packet::{ALL_IS, ALL_L1_IS, ALL_L2_IS, LLC, Level};
use braid_kernel::Netns;
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use crate::InjectorError;

/// ETH_P_802_2 of `linux/if_ether.h`: frames with a length, and an LLC header behind it.
const LENGTH_FRAMED: u16 = 0x0004;
/// Bytes of addresses and length before the LLC header.
const ETHERNET: usize = 14;
/// Room for what a router sends at once.
const RECEIVE_BUFFER: usize = 4 << 20;

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

/// A packet socket that speaks IS-IS on one interface.
pub struct Wire {
    socket: Socket,
}

impl Wire {
    /// Listens on an interface of a namespace.
    ///
    /// # Errors
    /// [`InjectorError::Socket`] or [`InjectorError::Netns`].
    pub fn open(netns: &Netns, interface: &str) -> Result<Self, InjectorError> {
        let socket = netns.run(|| open(interface))?.map_err(failed("open"))?;
        Ok(Self { socket })
    }

    /// Waits no longer than that in [`Wire::receive`].
    ///
    /// # Errors
    /// [`InjectorError::Socket`].
    pub fn set_patience(&self, patience: Duration) -> Result<(), InjectorError> {
        self.socket.set_read_timeout(Some(patience)).map_err(failed("set the patience of"))
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

    /// The next PDU that another has sent; none if none comes in time.
    ///
    /// # Errors
    /// [`InjectorError::Socket`].
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> Result<Option<&'a [u8]>, InjectorError> {
        use std::io::Read as _;
        let length = match (&self.socket).read(buffer) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(None);
            }
            Err(error) => return Err(failed("read from")(error)),
        };
        Ok(buffer[..length].get(ETHERNET..).and_then(|llc| llc.strip_prefix(&LLC[..])))
    }
}

fn failed(operation: &'static str) -> impl Fn(io::Error) -> InjectorError {
    move |source| InjectorError::Socket { operation, source }
}

fn open(interface: &str) -> io::Result<Socket> {
    // Bound to an interface before it is bound to a protocol, it hears nothing of the others.
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
    let ifindex = nix::net::if_::if_nametoindex(interface)?;
    socket.bind(&address(ifindex))?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    Ok(socket)
}

/// The address of an interface for frames with a length.
#[allow(unsafe_code)]
fn address(ifindex: u32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: it is one of the addresses that a storage is for, and of plain numbers.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = LENGTH_FRAMED.to_be();
    address.sll_ifindex = ifindex.cast_signed();
    // SAFETY: the storage has been filled as the address of its family, which is so long.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}
