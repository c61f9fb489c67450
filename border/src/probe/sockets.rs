//! The sockets of one virtual network: frames in and out of its port, and datagrams to the loopback inside.

use std::{
    io::{self, IoSliceMut},
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    time::Duration,
};

use braid_probe::PORT;
use ipnet::Ipv4Net;
use nix::{
    cmsg_space,
    errno::Errno,
    libc,
    sys::{
        socket::{
            ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrLike, recvmsg, setsockopt,
            sockopt::{Ipv4RecvTtl, RcvBufForce, ReceiveTimestampns},
        },
        time::TimeSpec,
    },
};
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, SockFilter, Socket, Type};

/// Addresses of the data link.
pub(super) type Mac = [u8; 6];

/// What the kernel may hold for us while the thread does not run: a second's probes and answers, and then some.
const BUFFER: usize = 1 << 20;
/// Longer packets are no probes.
pub(super) const PACKET: usize = 2048;
/// "Sent by us": the kernel shows a packet socket those too.
const PACKET_OUTGOING: u32 = 4;
/// More fragments, or an offset.
const FRAGMENT: u32 = 0x3fff;

/// What came in.
pub(super) struct Received {
    pub(super) length: usize,
    /// When, by the calendar, since 1970.
    pub(super) stamp: Duration,
    pub(super) from: Option<Ipv4Addr>,
    pub(super) ttl: u8,
}

/// Takes the next packet in, if one waits.
fn receive<A: SockaddrLike>(
    socket: &Socket,
    buffer: &mut [u8; PACKET],
    address: impl Fn(A) -> Ipv4Addr,
) -> io::Result<Option<Received>> {
    let mut control = cmsg_space!(TimeSpec, libc::c_int);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = match recvmsg::<A>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags) {
        Ok(message) => message,
        Err(Errno::EAGAIN) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let (mut stamp, mut ttl) = (Duration::MAX, 0);
    for control in message.cmsgs()? {
        match control {
            ControlMessageOwned::ScmTimestampns(at) => stamp = at.into(),
            ControlMessageOwned::Ipv4Ttl(left) => ttl = u8::try_from(left).unwrap_or_default(),
            _ => {}
        }
    }
    Ok(Some(Received { length: message.bytes, stamp, from: message.address.map(address), ttl }))
}

/// Frames in and out of a port, from the node's side.
#[derive(Debug)]
pub(super) struct Frames {
    socket: Socket,
    /// The router's end.
    router: SockAddr,
}

impl Frames {
    /// Opens it in the namespace of this thread. It hears probes alone.
    pub(super) fn open(port: u32, router: Mac, borders: Ipv4Net) -> io::Result<Self> {
        // Deaf until it has its filter, and bound only then.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, RcvBufForce, &BUFFER)?;
        setsockopt(&socket, ReceiveTimestampns, &true)?;
        socket.attach_filter(&filter(borders))?;
        socket.bind(&link_address(port, [0; 6]))?;
        Ok(Self { socket, router: link_address(port, router) })
    }

    /// Hears probes of other borders from now on.
    pub(super) fn set_borders(&self, borders: Ipv4Net) -> io::Result<()> {
        self.socket.attach_filter(&filter(borders))
    }

    /// Sends a packet to the router, as a customer's would go.
    pub(super) fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.socket.send_to_with_flags(packet, &self.router, libc::MSG_DONTWAIT)?;
        Ok(())
    }

    /// The next packet that came out of the port.
    pub(super) fn receive(&self, buffer: &mut [u8; PACKET]) -> io::Result<Option<Received>> {
        receive::<()>(&self.socket, buffer, |()| Ipv4Addr::UNSPECIFIED)
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Datagrams to the loopback in a virtual network.
#[derive(Debug)]
pub(super) struct Loopback(Socket);

impl Loopback {
    /// Opens it in the namespace of this thread. The loopback need not be there yet.
    pub(super) fn open(loopback: Ipv4Addr) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_freebind_v4(true)?;
        setsockopt(&socket, RcvBufForce, &BUFFER)?;
        setsockopt(&socket, ReceiveTimestampns, &true)?;
        setsockopt(&socket, Ipv4RecvTtl, &true)?;
        socket.bind(&SocketAddrV4::new(loopback, PORT).into())?;
        Ok(Self(socket))
    }

    /// The next datagram.
    pub(super) fn receive(&self, buffer: &mut [u8; PACKET]) -> io::Result<Option<Received>> {
        receive(&self.0, buffer, |from: SockaddrIn| from.ip())
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The address of a data link.
#[allow(unsafe_code)]
fn link_address(ifindex: u32, mac: Mac) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: it is one of the addresses that a storage is for, and of plain numbers.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_IP as u16).to_be();
    // An interface's number is positive, and the kernel's type for it has a sign all the same.
    address.sll_ifindex = ifindex.cast_signed();
    address.sll_halen = mac.len() as u8;
    address.sll_addr[..mac.len()].copy_from_slice(&mac);
    // SAFETY: the storage has been filled as the address of its family, which is so long.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}

/// A program for the kernel: UDP to the probes' port, whole, coming in, from where the borders' loopbacks are.
fn filter(borders: Ipv4Net) -> Vec<SockFilter> {
    const LOAD_BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    const LOAD_HALF: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
    const LOAD_WORD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const INDEX_HEADER: u32 = libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH;
    const LOAD_HALF_BEHIND: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_IND;
    const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const ANY_BIT: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let step = |code: u32, yes: u8, no: u8, value: u32| SockFilter::new(code as u16, yes, no, value);
    // What the kernel knows beside the bytes stands at negative offsets.
    let direction = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();
    vec![
        step(LOAD_BYTE, 0, 0, direction),
        step(EQUAL, 10, 0, PACKET_OUTGOING),
        step(LOAD_BYTE, 0, 0, 9),
        step(EQUAL, 0, 8, libc::IPPROTO_UDP.cast_unsigned()),
        step(LOAD_HALF, 0, 0, 6),
        step(ANY_BIT, 6, 0, FRAGMENT),
        step(LOAD_WORD, 0, 0, 12),
        step(AND, 0, 0, u32::from(borders.netmask())),
        step(EQUAL, 0, 3, u32::from(borders.network())),
        step(INDEX_HEADER, 0, 0, 0),
        step(LOAD_HALF_BEHIND, 0, 0, 2),
        step(EQUAL, 1, 0, PORT.into()),
        step(RETURN, 0, 0, 0),
        step(RETURN, 0, 0, u32::MAX),
    ]
}
