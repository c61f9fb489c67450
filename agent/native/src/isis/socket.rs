//! The packet sockets that IS-IS' PDUs come and go by: LLC frames with a length (IEEE 802.3, ISO 10589 §8.4.8), and where a PDU is
//! longer than a length can tell, with EtherType 0x8870 in its place. Each is one for all interfaces. A filter in the kernel keeps
//! away whatever is not for us, so that other traffic does not wake the process.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, IoSlice},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use braid_isis::Group;
use braid_isis_packet::{ALL_IS, ALL_L1_IS, ALL_L2_IS, DISCRIMINATOR, LLC};
use nix::{
    errno::Errno,
    libc,
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags},
        socket::{
            LinkAddr, recvfrom, setsockopt,
            sockopt::{RcvBufForce, SndBufForce},
        },
    },
};
use socket2::{Domain, SockAddr, SockAddrStorage, SockFilter, Type};

use crate::StartError;

/// Addresses of the data link.
pub(super) type Mac = [u8; 6];

/// The greatest MTU: that of jumbo frames.
pub(super) const MAX_MTU: u16 = 9216;
/// The longest payload that a length of IEEE 802.3 can tell.
const MAX_LENGTH: u16 = 1500;
/// Frames whose type field is a length and whose payload begins with an LLC header.
const LENGTH_FRAMED: u16 = libc::ETH_P_802_2 as u16;
/// Frames whose payload begins with an LLC header and is longer (draft-ietf-isis-ext-eth).
const LONG_FRAMED: u16 = 0x8870;
/// What the kernel may hold for us, each way: the database of 10,000 routers is about a megabyte.
const BUFFER: usize = 4 << 20;
/// The longest frame of IEEE 802.3, and then some: a longer one is cut, and no PDU.
const FRAME: usize = 1600;
/// Kernel's packet type "to someone else"; greater ones are what we send ourselves.
const PACKET_OTHERHOST: u32 = 3;

/// A PDU that came in.
pub(super) struct Received {
    pub(super) ifindex: u32,
    pub(super) source: Mac,
    pub(super) payload: Vec<u8>,
}

/// The sockets.
pub struct Socket {
    /// For frames with a length, and to send from.
    short: socket2::Socket,
    /// For longer frames.
    long: socket2::Socket,
    /// Readable when one of them is.
    both: Epoll,
    /// Whether the longer frames' turn is next.
    is_long_next: bool,
    buffer: Vec<u8>,
    /// Interfaces whose frames are taken, with the groups that are joined there.
    listening: BTreeSet<(u32, Mac)>,
    /// Interfaces whose longer frames are taken, too, with their MTU.
    long_of: BTreeMap<u32, u16>,
}

/// The multicast address of a group (ISO 10589 §8.4.8, RFC 5309 §4.1).
pub(super) const fn address(group: Group) -> Mac {
    match group {
        Group::AllL1 => ALL_L1_IS,
        Group::AllL2 => ALL_L2_IS,
        Group::AllIs => ALL_IS,
    }
}

impl Socket {
    /// Opens them in the namespace of this process. They take nothing yet.
    pub(super) fn open() -> Result<Self, StartError> {
        let open = || -> io::Result<Self> {
            let (short, long) = (open(LENGTH_FRAMED)?, open(LONG_FRAMED)?);
            let both = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
            for socket in [&short, &long] {
                both.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
            }
            Ok(Self {
                short,
                long,
                both,
                is_long_next: false,
                buffer: vec![0; FRAME],
                listening: BTreeSet::new(),
                long_of: BTreeMap::new(),
            })
        };
        open().map_err(StartError::system("open IS-IS' packet sockets (it takes CAP_NET_RAW)"))
    }

    /// What is readable when a PDU waits.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.both.0.as_fd()
    }

    /// The next PDU, if one waits.
    pub(super) fn receive(&mut self) -> io::Result<Option<Received>> {
        // In turn, so that none can keep the other from being heard.
        self.is_long_next = !self.is_long_next && !self.long_of.is_empty();
        let is_long_first = self.is_long_next;
        match self.receive_by(is_long_first)? {
            None if !self.long_of.is_empty() => self.receive_by(!is_long_first),
            received => Ok(received),
        }
    }

    fn receive_by(&mut self, is_long: bool) -> io::Result<Option<Received>> {
        let socket = if is_long { &self.long } else { &self.short };
        loop {
            let (length, from) = match recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut self.buffer) {
                Ok(received) => received,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            };
            let payload = self.buffer.get(LLC.len()..length);
            let from = from.and_then(|from| Some((u32::try_from(from.ifindex()).ok()?, from.addr()?)));
            if let (Some(payload), Some((ifindex, source))) = (payload, from) {
                return Ok(Some(Received { ifindex, source, payload: payload.to_vec() }));
            }
        }
    }

    /// Sends a PDU out of an interface.
    pub(super) fn send(&self, ifindex: u32, to: Mac, payload: &[u8]) -> io::Result<()> {
        let parts = [IoSlice::new(&LLC), IoSlice::new(payload)];
        let is_short = LLC.len() + payload.len() <= MAX_LENGTH.into();
        let address = link_address(ifindex, to, if is_short { LENGTH_FRAMED } else { LONG_FRAMED });
        self.short.send_to_vectored_with_flags(&parts, &address, libc::MSG_DONTWAIT)?;
        Ok(())
    }

    /// Listens to these groups on these interfaces, and to nothing else; to longer frames only where the MTU is such. One that
    /// cannot be joined is given with the reason, and tried again with the next call.
    pub(super) fn listen(
        &mut self,
        wanted: &BTreeSet<(u32, Mac)>,
        mtus: &BTreeMap<u32, u16>,
    ) -> Vec<(u32, io::Error)> {
        let mut failed = Vec::new();
        for left in self.listening.difference(wanted) {
            // An interface that is gone took the membership along.
            let _ = self.set_member(libc::PACKET_DROP_MEMBERSHIP, *left);
        }
        let mut listening: BTreeSet<_> = self.listening.intersection(wanted).copied().collect();
        for joined in wanted.difference(&self.listening) {
            match self.set_member(libc::PACKET_ADD_MEMBERSHIP, *joined) {
                Ok(()) => {
                    listening.insert(*joined);
                }
                Err(error) => failed.push((joined.0, error)),
            }
        }
        let indexes = |set: &BTreeSet<(u32, Mac)>| set.iter().map(|(index, _)| *index).collect();
        let (before, after): (BTreeSet<u32>, BTreeSet<u32>) = (indexes(&self.listening), indexes(&listening));
        self.listening = listening;
        if before != after
            && let Err(error) = self.short.attach_filter(&filter(&after))
        {
            failed.extend(after.first().map(|index| (*index, error)));
        }
        let is_long = |(index, mtu): &(&u32, &u16)| **mtu > MAX_LENGTH && after.contains(*index);
        let long: BTreeMap<u32, u16> =
            mtus.iter().filter(is_long).map(|(index, mtu)| (*index, *mtu)).collect();
        if long != self.long_of {
            let longest = long.values().max().map_or(0, |mtu| usize::from(*mtu));
            self.buffer.resize(FRAME.max(longest), 0);
            if let Err(error) = self.long.attach_filter(&filter(&long.keys().copied().collect())) {
                failed.extend(long.keys().next().map(|index| (*index, error)));
            }
            self.long_of = long;
        }
        failed
    }

    /// Forgets an interface that is gone: the kernel has.
    pub(super) fn forget(&mut self, ifindex: u32) {
        self.listening.retain(|(index, _)| *index != ifindex);
        self.long_of.remove(&ifindex);
    }

    #[allow(unsafe_code)]
    fn set_member(&self, action: libc::c_int, (ifindex, group): (u32, Mac)) -> io::Result<()> {
        let mut address = [0; 8];
        address[..group.len()].copy_from_slice(&group);
        let request = libc::packet_mreq {
            mr_ifindex: i32::try_from(ifindex).map_err(io::Error::other)?,
            mr_type: libc::PACKET_MR_MULTICAST as u16,
            mr_alen: group.len() as u16,
            mr_address: address,
        };
        // SAFETY: the kernel reads as many bytes as the request has, of plain numbers.
        let result = unsafe {
            libc::setsockopt(
                self.short.as_raw_fd(),
                libc::SOL_PACKET,
                action,
                (&raw const request).cast(),
                size_of_val(&request) as libc::socklen_t,
            )
        };
        Errno::result(result)?;
        Ok(())
    }
}

/// A socket for frames of a protocol.
fn open(protocol: u16) -> io::Result<socket2::Socket> {
    // Deaf until it has its filter.
    let socket = socket2::Socket::new(Domain::PACKET, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, RcvBufForce, &BUFFER)?;
    setsockopt(&socket, SndBufForce, &BUFFER)?;
    socket.attach_filter(&filter(&BTreeSet::new()))?;
    socket.bind(&link_address(0, [0; 6], protocol))?;
    Ok(socket)
}

/// The address of a data link, for frames of a protocol; of all interfaces, with number 0.
#[allow(unsafe_code)]
fn link_address(ifindex: u32, mac: Mac, protocol: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: it is one of the addresses that a storage is for, and of plain numbers.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    // An interface's number is positive, and the kernel's type for it has a sign all the same.
    address.sll_ifindex = ifindex.cast_signed();
    address.sll_halen = mac.len() as u8;
    address.sll_addr[..mac.len()].copy_from_slice(&mac);
    // SAFETY: the storage has been filled as the address of its family, which is so long.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}

/// A program for the kernel: IS-IS PDUs to us or to a group, of these interfaces.
fn filter(interfaces: &BTreeSet<u32>) -> Vec<SockFilter> {
    const LOAD_BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    const LOAD_HALF: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
    const LOAD_WORD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    const ALL: u32 = u32::MAX;
    let step = |code: u32, yes: u8, no: u8, value: u32| SockFilter::new(code as u16, yes, no, value);
    // What the kernel knows beside the bytes stands at negative offsets.
    let beside = |offset: i32| (libc::SKF_AD_OFF + offset).cast_unsigned();
    let refuse = || step(RETURN, 0, 0, 0);
    let mut program = vec![
        step(LOAD_HALF, 0, 0, 0),
        step(EQUAL, 1, 0, u16::from_be_bytes([LLC[0], LLC[1]]).into()),
        refuse(),
        step(LOAD_BYTE, 0, 0, 2),
        step(EQUAL, 1, 0, LLC[2].into()),
        refuse(),
        step(LOAD_BYTE, 0, 0, 3),
        step(EQUAL, 1, 0, DISCRIMINATOR.into()),
        refuse(),
        step(LOAD_WORD, 0, 0, beside(libc::SKF_AD_PKTTYPE)),
        step(AT_LEAST, 0, 1, PACKET_OTHERHOST),
        refuse(),
        step(LOAD_WORD, 0, 0, beside(libc::SKF_AD_IFINDEX)),
    ];
    for interface in interfaces {
        program.extend([step(EQUAL, 0, 1, *interface), step(RETURN, 0, 0, ALL)]);
    }
    program.push(refuse());
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a test in a namespace of its own, whose loopback is an Ethernet: what is sent comes back in.
    fn apart(name: &str, test: impl FnOnce() + Send) {
        struct Gone(String);
        impl Drop for Gone {
            fn drop(&mut self) {
                let _ = braid_kernel::Netns::delete(&self.0);
            }
        }
        let name = Gone(format!("ts{}-{name}", std::process::id()));
        let netns = braid_kernel::Netns::create(&name.0).unwrap();
        assert!(netns.command("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        netns.run(test).unwrap();
    }

    const LOOPBACK: u32 = 1;
    const GROUP: Mac = address(Group::AllIs);

    #[test]
    fn the_kernel_takes_the_filter_of_as_many_interfaces_as_may_speak() {
        apart("filter", || {
            let socket = Socket::open().unwrap();
            socket.short.attach_filter(&filter(&(1..=255).collect())).unwrap();
        });
    }

    #[test]
    fn only_pdus_on_interfaces_that_are_listened_to_are_seen() {
        apart("seen", || {
            let mut socket = Socket::open().unwrap();
            let send = |socket: &Socket, pdu: [u8; 2]| socket.send(LOOPBACK, GROUP, &pdu).unwrap();
            send(&socket, [DISCRIMINATOR, 1]);
            assert!(socket.receive().unwrap().is_none(), "not yet listened to");

            let (here, usual) = (BTreeSet::from([(LOOPBACK, GROUP)]), BTreeMap::from([(LOOPBACK, 1500)]));
            assert!(socket.listen(&here, &usual).is_empty());
            send(&socket, [0x81, 2]);
            send(&socket, [DISCRIMINATOR, 3]);
            let received = socket.receive().unwrap().unwrap();
            assert_eq!((received.ifindex, received.source), (LOOPBACK, [0; 6]));
            assert!(received.payload.starts_with(&[DISCRIMINATOR, 3]));
            assert!(socket.receive().unwrap().is_none());

            let elsewhere = BTreeSet::from([(99, GROUP)]);
            assert_eq!(socket.listen(&elsewhere, &usual).len(), 1, "no such interface");
            send(&socket, [DISCRIMINATOR, 4]);
            assert!(socket.receive().unwrap().is_none(), "no longer listened to");
        });
    }
    /// Goal: what no length can tell goes by EtherType 0x8870, where the MTU allows it, and both kinds are heard in turn.
    #[test]
    fn long_pdus_are_heard_where_the_mtu_allows_them() {
        apart("long", || {
            let mut socket = Socket::open().unwrap();
            let send = |socket: &Socket, number: u8, size: usize| {
                let mut pdu = vec![number; size];
                pdu[0] = DISCRIMINATOR;
                socket.send(LOOPBACK, GROUP, &pdu).unwrap();
            };
            let heard = |socket: &mut Socket| {
                let received = socket.receive().unwrap()?;
                Some((received.payload[1], received.payload.len()))
            };
            let here = BTreeSet::from([(LOOPBACK, GROUP)]);
            assert!(socket.listen(&here, &BTreeMap::from([(LOOPBACK, 1500)])).is_empty());
            send(&socket, 1, 1497);
            send(&socket, 2, 1498);
            assert_eq!(heard(&mut socket), Some((1, 1497)), "the longest that a length tells");
            assert_eq!(heard(&mut socket), None, "longer ones are nobody's here");

            assert!(socket.listen(&here, &BTreeMap::from([(LOOPBACK, MAX_MTU)])).is_empty());
            for number in [3, 5] {
                send(&socket, number, 60);
                send(&socket, number + 1, usize::from(MAX_MTU) - LLC.len());
            }
            let mut all: Vec<_> = std::iter::from_fn(|| heard(&mut socket)).collect();
            all.sort_unstable();
            assert_eq!(all, [(3, 60), (4, 9213), (5, 60), (6, 9213)]);

            assert!(socket.listen(&here, &BTreeMap::new()).is_empty());
            send(&socket, 7, 1498);
            assert_eq!(heard(&mut socket), None, "no longer");
        });
    }
}
