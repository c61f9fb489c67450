//! The raw socket that OSPF's packets come and go by (RFC 2328 §A.1): IP protocol 89, one for all interfaces.

use std::{
    collections::BTreeSet,
    fs, io,
    io::{IoSlice, IoSliceMut},
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use nix::{
    errno::Errno,
    libc,
    sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt,
        sockopt::{Ipv4PacketInfo, RcvBufForce, SndBufForce},
    },
};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Type};

use crate::StartError;

/// OSPF's number among the protocols on IP.
const PROTOCOL: i32 = 89;
/// Internetwork control (RFC 2328 §A.1, RFC 791).
const TOS: u32 = 0xc0;
/// Where all OSPF routers of a link listen.
pub(super) const ALL_SPF_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 5);
/// Where the designated ones listen.
pub(super) const ALL_D_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 6);
/// What the kernel may hold for us, each way: the database of 10,000 routers is about a megabyte.
const BUFFER: usize = 4 << 20;
/// The largest IP packet.
const PACKET: usize = 65_535;
/// How many multicast groups a socket may join; 20 by default.
const GROUPS_SYSCTL: &str = "/proc/sys/net/ipv4/igmp_max_memberships";
/// Enough for the two groups of 4,000 interfaces.
const GROUPS: &str = "8192";

/// A packet that came in.
pub(super) struct Received {
    pub(super) ifindex: u32,
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    pub(super) ttl: u8,
    pub(super) payload: Vec<u8>,
}

/// The socket.
pub struct Socket {
    socket: socket2::Socket,
    buffer: Vec<u8>,
    /// The groups that are joined, and where.
    joined: BTreeSet<(u32, Ipv4Addr)>,
}

impl Socket {
    /// Opens it in the namespace of this process.
    pub(super) fn open() -> Result<Self, StartError> {
        let open = || -> io::Result<socket2::Socket> {
            let socket = socket2::Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(PROTOCOL)))?;
            socket.set_nonblocking(true)?;
            socket.set_tos_v4(TOS)?;
            socket.set_multicast_loop_v4(false)?;
            // Only what this socket has joined, and where it has.
            socket.set_multicast_all_v4(false)?;
            setsockopt(&socket, Ipv4PacketInfo, &true)?;
            setsockopt(&socket, RcvBufForce, &BUFFER)?;
            setsockopt(&socket, SndBufForce, &BUFFER)?;
            Ok(socket)
        };
        let socket = open().map_err(StartError::system("open OSPF's raw socket (it takes CAP_NET_RAW)"))?;
        Ok(Self { socket, buffer: vec![0; PACKET], joined: BTreeSet::new() })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next packet, if one waits.
    pub(super) fn receive(&mut self) -> io::Result<Option<Received>> {
        loop {
            let mut control = nix::cmsg_space!(libc::in_pktinfo);
            let (length, ifindex, whole) = {
                let mut room = [IoSliceMut::new(&mut self.buffer)];
                let message = match recvmsg::<()>(
                    self.socket.as_raw_fd(),
                    &mut room,
                    Some(&mut control),
                    MsgFlags::MSG_DONTWAIT,
                ) {
                    Ok(message) => message,
                    Err(Errno::EAGAIN) => return Ok(None),
                    Err(errno) => return Err(errno.into()),
                };
                let ifindex = message.cmsgs()?.find_map(|control| match control {
                    ControlMessageOwned::Ipv4PacketInfo(info) => u32::try_from(info.ipi_ifindex).ok(),
                    _ => None,
                });
                (message.bytes, ifindex, !message.flags.contains(MsgFlags::MSG_TRUNC))
            };
            let packet = self.buffer.get(..length).unwrap_or_default();
            if let (Some(ifindex), true, Some(received)) = (ifindex, whole, parse(packet)) {
                return Ok(Some(Received { ifindex, ..received }));
            }
        }
    }

    /// Sends a packet out of an interface.
    pub(super) fn send(
        &self,
        ifindex: u32,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        ttl: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        let info = libc::in_pktinfo {
            ipi_ifindex: i32::try_from(ifindex).map_err(io::Error::other)?,
            ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(source.octets()) },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let ttl = libc::c_int::from(ttl);
        let control = [ControlMessage::Ipv4PacketInfo(&info), ControlMessage::Ipv4Ttl(&ttl)];
        let to = SockaddrIn::from(SocketAddrV4::new(destination, 0));
        sendmsg(
            self.socket.as_raw_fd(),
            &[IoSlice::new(payload)],
            &control,
            MsgFlags::MSG_DONTWAIT,
            Some(&to),
        )?;
        Ok(())
    }

    /// Joins or leaves a group on an interface. What is so already is fine.
    pub(super) fn set_member(&mut self, ifindex: u32, group: Ipv4Addr, member: bool) -> io::Result<()> {
        if self.joined.contains(&(ifindex, group)) == member {
            return Ok(());
        }
        let interface = InterfaceIndexOrAddress::Index(ifindex);
        if !member {
            self.joined.remove(&(ifindex, group));
            return match self.socket.leave_multicast_v4_n(&group, &interface) {
                // The interface went, and took the membership along.
                Err(error) if is_one_of(&error, &[Errno::EADDRNOTAVAIL, Errno::ENODEV]) => Ok(()),
                left => left,
            };
        }
        let join = || match self.socket.join_multicast_v4_n(&group, &interface) {
            Err(error) if is_one_of(&error, &[Errno::EADDRINUSE]) => Ok(()),
            joined => joined,
        };
        let joined = match join() {
            Err(error) if is_one_of(&error, &[Errno::ENOBUFS]) => fs::write(GROUPS_SYSCTL, GROUPS)
                .and_then(|()| join())
                .map_err(|error| io::Error::other(format!("{error}; raise {GROUPS_SYSCTL}"))),
            joined => joined,
        };
        joined?;
        self.joined.insert((ifindex, group));
        Ok(())
    }

    /// Forgets an interface that is gone: the kernel has.
    pub(super) fn forget(&mut self, ifindex: u32) {
        self.joined.retain(|(index, _)| *index != ifindex);
    }
}

fn is_one_of(error: &io::Error, errnos: &[Errno]) -> bool {
    error.raw_os_error().is_some_and(|number| errnos.contains(&Errno::from_raw(number)))
}

/// Reads the IP header that raw sockets give along (RFC 791 §3.1). The kernel has checked it, and put fragments together.
fn parse(packet: &[u8]) -> Option<Received> {
    let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?));
    let header = usize::from(packet.first()? & 0x0f) * 4;
    Some(Received {
        ifindex: 0,
        ttl: *packet.get(8)?,
        source: address(12)?,
        destination: address(16)?,
        payload: packet.get(header.max(20)..)?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_cut_short_is_no_packet() {
        let mut packet =
            vec![0x46, 0xc0, 0, 28, 0, 0, 0, 0, 1, 89, 0, 0, 10, 0, 0, 1, 224, 0, 0, 5, 1, 1, 1, 1];
        packet.extend([2, 1, 0, 4]);
        let read = parse(&packet).unwrap();
        assert_eq!((read.ttl, read.source, read.destination), (1, [10, 0, 0, 1].into(), ALL_SPF_ROUTERS));
        assert_eq!(read.payload, [2, 1, 0, 4]);
        for length in 0..24 {
            assert!(parse(&packet[..length]).is_none(), "{length}");
        }
    }
}
