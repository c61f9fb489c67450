//! A routing netlink socket, opened inside a namespace and used from tokio.

use std::{
    io::{self, IoSliceMut},
    os::fd::AsRawFd,
};

use netlink_packet_core::{
    NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable, NlasIterator, Parseable,
};
use netlink_sys::{SocketAddr, protocols::NETLINK_ROUTE};
use nix::{
    errno::Errno,
    sys::socket::{
        MsgFlags, NetlinkAddr, recvmsg, send, setsockopt,
        sockopt::{RcvBufForce, SndBufForce},
    },
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::{Netns, Refusal, readiness::register};

/// Room for one datagram from the kernel. Dumps fill at most 32 KiB at a time (`netlink_dump`).
const DATAGRAM: usize = 64 * 1024;
/// Bytes of unread datagrams the kernel may hold for a socket that only asks.
const ASKING_BUFFER: usize = 8 << 20;
/// The same for a socket that listens: a burst of about 30,000 route changes.
const LISTENING_BUFFER: usize = 32 << 20;

/// Length of the error code at the head of an acknowledgement, and of the request's header that follows it.
const ERROR_CODE: usize = 4;
const REQUEST_HEADER: usize = 16;
/// `NLMSGERR_ATTR_MSG`.
const ERROR_TEXT: u16 = 1;

#[derive(Debug)]
pub(crate) struct Socket {
    fd: AsyncFd<netlink_sys::Socket>,
    buffer: Vec<u8>,
}

impl Socket {
    /// Opens a socket in `netns`, listening to the multicast `groups`.
    pub(crate) fn open(netns: &Netns, groups: &[u32]) -> io::Result<Self> {
        let open = || -> io::Result<netlink_sys::Socket> {
            let mut socket = netlink_sys::Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, 0))?;
            Ok(socket)
        };
        let socket = netns.run(open).map_err(io::Error::other)??;
        socket.set_non_blocking(true)?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        socket.set_netlink_get_strict_chk(true)?;
        let room = if groups.is_empty() { ASKING_BUFFER } else { LISTENING_BUFFER };
        setsockopt(&socket, RcvBufForce, &room)?;
        setsockopt(&socket, SndBufForce, &ASKING_BUFFER)?;
        for &group in groups {
            socket.add_membership(group)?;
        }
        Ok(Self { fd: register(socket)?, buffer: vec![0; DATAGRAM] })
    }

    /// Sends one datagram of messages. The kernel carries them out before this returns.
    pub(crate) async fn send(&self, datagram: &[u8]) -> io::Result<()> {
        let sent = self
            .fd
            .async_io(Interest::WRITABLE, |socket| Ok(send(socket.as_raw_fd(), datagram, MsgFlags::empty())?))
            .await?;
        if sent == datagram.len() { Ok(()) } else { Err(Errno::EMSGSIZE.into()) }
    }

    /// Waits for the kernel's next datagram. Giving up waiting loses nothing.
    pub(crate) async fn receive(&mut self) -> io::Result<Frames<'_>> {
        let buffer = &mut self.buffer;
        let length = self.fd.async_io(Interest::READABLE, |socket| read(socket, buffer)).await?;
        Ok(Frames { rest: &self.buffer[..length] })
    }

    /// The kernel's next datagram if one is waiting.
    pub(crate) fn try_receive(&mut self) -> io::Result<Option<Frames<'_>>> {
        match read(self.fd.get_ref(), &mut self.buffer) {
            Ok(length) => Ok(Some(Frames { rest: &self.buffer[..length] })),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Throws away all that is waiting; says whether anything was, or was lost. To be done before a list is read
    /// because of a loss: after a loss the kernel drops every notification, *without saying so again*, until the
    /// socket has been read empty (`NETLINK_S_CONGESTED`).
    pub(crate) fn drain(&mut self) -> io::Result<bool> {
        let mut any = false;
        loop {
            match self.try_receive() {
                Ok(None) => return Ok(any),
                Ok(Some(_)) => any = true,
                Err(error) if is_loss(&error) => any = true,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether the error means that datagrams are gone: too many waited, or one was too long.
pub(crate) fn is_loss(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::ENOBUFS | Errno::EMSGSIZE))
}

/// Reads one datagram, skipping any that did not come from the kernel.
fn read(socket: &netlink_sys::Socket, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let (length, flags, sender) = {
            let mut room = [IoSliceMut::new(buffer)];
            let message =
                recvmsg::<NetlinkAddr>(socket.as_raw_fd(), &mut room, None, MsgFlags::MSG_DONTWAIT)?;
            (message.bytes, message.flags, message.address)
        };
        if sender.is_some_and(|sender| sender.pid() != 0) {
            continue;
        }
        if flags.contains(MsgFlags::MSG_TRUNC) {
            return Err(Errno::EMSGSIZE.into());
        }
        return Ok(length);
    }
}

/// One message: its header, and the bytes after it.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) header: NetlinkHeader,
    pub(crate) payload: &'a [u8],
}

impl Frame<'_> {
    /// What an acknowledgement or the end of a dump says; `None` for any other message.
    pub(crate) fn verdict(&self) -> Option<Result<(), Refusal>> {
        if !matches!(self.header.message_type, NLMSG_ERROR | NLMSG_DONE) {
            return None;
        }
        let code = self.payload.first_chunk::<ERROR_CODE>().map_or(0, |code| i32::from_ne_bytes(*code));
        if code == 0 {
            return Some(Ok(()));
        }
        Some(Err(Refusal { errno: Errno::from_raw(code.saturating_neg()), detail: self.error_text() }))
    }

    fn error_text(&self) -> Option<String> {
        if self.header.flags & NLM_F_ACK_TLVS == 0 {
            return None;
        }
        let mut start = ERROR_CODE;
        if self.header.message_type == NLMSG_ERROR {
            let request = self.payload.get(ERROR_CODE..)?;
            let length = u32::from_ne_bytes(*request.first_chunk()?) as usize;
            let capped = self.header.flags & NLM_F_CAPPED != 0;
            start += if capped { REQUEST_HEADER } else { length.next_multiple_of(4) };
        }
        let text = NlasIterator::new(self.payload.get(start..)?)
            .filter_map(Result::ok)
            .find(|attribute| attribute.kind() == ERROR_TEXT)?;
        Some(String::from_utf8_lossy(text.value()).trim_end_matches('\0').to_owned())
    }
}

/// The messages of one datagram.
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes: &'a [u8] = self.rest;
        if bytes.is_empty() {
            return None;
        }
        self.rest = &[];
        let buffer = match NetlinkBuffer::new_checked(bytes) {
            Ok(buffer) => buffer,
            Err(error) => return Some(Err(error.to_string())),
        };
        let length = buffer.length() as usize;
        let header = match NetlinkHeader::parse(&NetlinkBuffer::new(&bytes)) {
            Ok(header) => header,
            Err(error) => return Some(Err(error.to_string())),
        };
        self.rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Ok(Frame { header, payload: &bytes[REQUEST_HEADER..length] }))
    }
}

/// Appends a message to a datagram.
pub(crate) fn append<M: NetlinkSerializable>(datagram: &mut Vec<u8>, flags: u16, sequence: u32, message: M) {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
    message.finalize();
    let start = datagram.len();
    datagram.resize(start + message.buffer_len().next_multiple_of(4), 0);
    message.serialize(&mut datagram[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_datagram_is_an_error_and_not_a_panic() {
        for length in 0..64 {
            let bytes = vec![0xff; length];
            for frame in (Frames { rest: &bytes }).take(10) {
                assert!(frame.is_err());
            }
            let zeros = vec![0; length];
            assert!((Frames { rest: &zeros }).take(10).all(|frame| frame.is_err()));
        }
    }

    #[test]
    fn a_refusal_carries_the_kernels_words() {
        // code -22, the request's header capped, then the attribute with the text
        let mut payload = (-22_i32).to_ne_bytes().to_vec();
        payload.extend([0; REQUEST_HEADER]);
        payload.extend([8, 0, 1, 0, b'b', b'a', b'd', 0]);
        let mut header = NetlinkHeader::default();
        header.message_type = NLMSG_ERROR;
        header.flags = NLM_F_ACK_TLVS | NLM_F_CAPPED;
        let verdict = Frame { header, payload: &payload }.verdict();
        assert_eq!(verdict, Some(Err(Refusal { errno: Errno::EINVAL, detail: Some("bad".to_owned()) })));
    }
}
