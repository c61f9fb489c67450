//! The handle on one namespace's routing socket: ask, list, and change in batches.

use std::{io, sync::Arc};

use netlink_packet_core::{
    DecodeError, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkSerializable,
};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    NetlinkError, Netns, Refusal,
    socket::{Frame, Frames, Socket, append},
};

/// Messages per datagram of a batch: about 60 KiB of routes, 2 ms of work in the kernel.
const BATCH: usize = 1024;
/// How often a list is read anew when changes disturbed its reading.
const DUMP_ATTEMPTS: usize = 20;
const OPEN: &str = "open the routing socket";

/// A handle on the links, addresses, routes, rules and nexthop objects of one namespace. Clones share one socket, which
/// closes with the last of them; requests of several clones take turns. A request that is dropped half-way may or may
/// not have been carried out, and disturbs no other.
///
/// The socket keeps its namespace alive, also after the namespace's name is deleted.
#[derive(Clone, Debug)]
pub struct Netlink {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    netns: Netns,
    /// Taken out while a request is on its way, so that one given up half-way takes its socket, and with it the
    /// answers nobody waits for, along.
    socket: Mutex<Option<Socket>>,
}

/// A socket for the time of one request.
struct Turn<'a> {
    slot: MutexGuard<'a, Option<Socket>>,
    socket: Socket,
}

impl Turn<'_> {
    /// The request was answered in full: the socket is good for the next one.
    fn done(mut self) {
        *self.slot = Some(self.socket);
    }
}

impl Netlink {
    /// Opens the routing socket of a namespace. Call it, and use the handle, within one tokio runtime.
    ///
    /// # Errors
    /// [`NetlinkError::Netns`] or [`NetlinkError::Socket`] if the namespace cannot be entered or the socket not be had
    /// (it takes `CAP_NET_ADMIN`).
    pub fn open(netns: &Netns) -> Result<Self, NetlinkError> {
        let socket = Socket::open(netns, &[]).map_err(|error| socket_error(netns, OPEN, error))?;
        Ok(Self { shared: Arc::new(Shared { netns: netns.clone(), socket: Mutex::new(Some(socket)) }) })
    }

    /// The namespace this handle is on.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.shared.netns
    }

    pub(crate) fn open_socket(&self, groups: &[u32]) -> Result<Socket, NetlinkError> {
        Socket::open(self.netns(), groups).map_err(|error| self.socket_error(OPEN, error))
    }

    async fn turn(&self) -> Result<Turn<'_>, NetlinkError> {
        let mut slot = self.shared.socket.lock().await;
        let socket = match slot.take() {
            Some(socket) => socket,
            None => self.open_socket(&[])?,
        };
        Ok(Turn { slot, socket })
    }

    /// Changes one thing and waits for the kernel's word on it. The outer error is of the socket, the inner one the
    /// kernel's refusal.
    pub(crate) async fn try_change<M: NetlinkSerializable>(
        &self,
        flags: u16,
        message: M,
        operation: &str,
    ) -> Result<Result<(), Refusal>, NetlinkError> {
        let refused = self.change_all(std::iter::once((flags, message)), operation).await?;
        Ok(refused.into_iter().next().map_or(Ok(()), |(_, refusal)| Err(refusal)))
    }

    /// As [`Netlink::try_change`] with both errors in one.
    pub(crate) async fn change<M: NetlinkSerializable>(
        &self,
        flags: u16,
        message: M,
        operation: &str,
    ) -> Result<(), NetlinkError> {
        self.try_change(flags, message, operation).await?.map_err(|refusal| self.refused(operation, refusal))
    }

    /// Carries out many changes, each on its own: one that is refused does not stop the next. Gives the place of each
    /// refused one with the reason, in order.
    ///
    /// Only the last message of a datagram asks for an acknowledgement; refusals come unasked. So 100,000 changes cost
    /// 100 acknowledgements.
    pub(crate) async fn change_all<M: NetlinkSerializable>(
        &self,
        changes: impl IntoIterator<Item = (u16, M)>,
        operation: &str,
    ) -> Result<Vec<(usize, Refusal)>, NetlinkError> {
        let mut refused = Vec::new();
        let mut datagram = Vec::new();
        let mut changes = changes.into_iter().enumerate().peekable();
        let mut turn = self.turn().await?;
        while let Some(&(first, _)) = changes.peek() {
            datagram.clear();
            let mut last = first;
            while let Some((place, (flags, message))) = changes.next_if(|(place, _)| *place < first + BATCH) {
                last = place;
                let end = place + 1 == first + BATCH || changes.peek().is_none();
                let ack = if end { NLM_F_ACK } else { 0 };
                append(&mut datagram, flags | NLM_F_REQUEST | ack, sequence(place), message);
            }
            turn.socket.send(&datagram).await.map_err(|error| self.socket_error(operation, error))?;
            let mut waiting = true;
            while waiting {
                let frames =
                    turn.socket.receive().await.map_err(|error| self.socket_error(operation, error))?;
                for frame in frames {
                    let frame = frame.map_err(|detail| self.malformed(operation, detail))?;
                    let Some(verdict) = frame.verdict() else { continue };
                    let number = frame.header.sequence_number;
                    let place = first + (number as usize).saturating_sub(1);
                    refused.extend(verdict.err().map(|refusal| (place, refusal)));
                    waiting &= number != sequence(last);
                }
            }
        }
        turn.done();
        Ok(refused)
    }

    /// Reads a list: sends `request` as a dump and decodes each answer, until one reading was not disturbed by changes.
    pub(crate) async fn dump<M: NetlinkSerializable + Clone, T>(
        &self,
        request: M,
        operation: &str,
        mut decode: impl FnMut(&Frame<'_>) -> Result<Option<T>, DecodeError>,
    ) -> Result<Result<Vec<T>, Refusal>, NetlinkError> {
        for _ in 0..DUMP_ATTEMPTS {
            let (answer, disturbed) = self.ask(NLM_F_DUMP, request.clone(), operation, &mut decode).await?;
            if !disturbed {
                return Ok(answer);
            }
        }
        let operation = operation.to_owned();
        Err(NetlinkError::Interrupted { operation, namespace: self.netns().label() })
    }

    /// Asks for one object.
    pub(crate) async fn get<M: NetlinkSerializable, T>(
        &self,
        request: M,
        operation: &str,
        mut decode: impl FnMut(&Frame<'_>) -> Result<Option<T>, DecodeError>,
    ) -> Result<Result<Option<T>, Refusal>, NetlinkError> {
        let (answer, _) = self.ask(NLM_F_ACK, request, operation, &mut decode).await?;
        Ok(answer.map(|mut objects| objects.pop()))
    }

    async fn ask<M: NetlinkSerializable, T>(
        &self,
        flags: u16,
        request: M,
        operation: &str,
        decode: &mut impl FnMut(&Frame<'_>) -> Result<Option<T>, DecodeError>,
    ) -> Result<(Result<Vec<T>, Refusal>, bool), NetlinkError> {
        let mut datagram = Vec::new();
        append(&mut datagram, NLM_F_REQUEST | flags, sequence(0), request);
        let mut turn = self.turn().await?;
        turn.socket.send(&datagram).await.map_err(|error| self.socket_error(operation, error))?;
        let mut objects = Vec::new();
        let mut disturbed = false;
        loop {
            let frames: Frames<'_> =
                turn.socket.receive().await.map_err(|error| self.socket_error(operation, error))?;
            let mut end = None;
            for frame in frames {
                let frame = frame.map_err(|detail| self.malformed(operation, detail))?;
                disturbed |= frame.header.flags & NLM_F_DUMP_INTR != 0;
                match frame.verdict() {
                    Some(verdict) => end = Some(verdict),
                    None => {
                        let object =
                            decode(&frame).map_err(|error| self.malformed(operation, error.to_string()))?;
                        objects.extend(object);
                    }
                }
            }
            if let Some(verdict) = end {
                turn.done();
                return Ok((verdict.map(|()| objects), disturbed));
            }
        }
    }

    pub(crate) fn refused(&self, operation: &str, reason: Refusal) -> NetlinkError {
        NetlinkError::Refused { operation: operation.to_owned(), namespace: self.netns().label(), reason }
    }

    pub(crate) fn no_such_link(&self, name: &str) -> NetlinkError {
        NetlinkError::NoSuchLink { name: name.to_owned(), namespace: self.netns().label() }
    }

    pub(crate) fn socket_error(&self, operation: &str, source: io::Error) -> NetlinkError {
        socket_error(self.netns(), operation, source)
    }

    fn malformed(&self, operation: &str, detail: String) -> NetlinkError {
        NetlinkError::Decode { operation: operation.to_owned(), namespace: self.netns().label(), detail }
    }
}

fn socket_error(netns: &Netns, operation: &str, source: io::Error) -> NetlinkError {
    NetlinkError::Socket { operation: operation.to_owned(), namespace: netns.label(), source }
}

/// The sequence number of the request at a place: never 0, which the kernel gives to notifications.
fn sequence(place: usize) -> u32 {
    u32::try_from(place % BATCH).unwrap_or(0) + 1
}
