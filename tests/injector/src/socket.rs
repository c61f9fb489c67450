//! What the injector's raw sockets have in common.

use std::{
    io::{self, Read as _},
    os::fd::AsFd as _,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket2::Socket;

use crate::InjectorError;

/// Room for what a router sends at once.
pub(crate) const RECEIVE_BUFFER: usize = 4 << 20;

pub(crate) fn failed(operation: &'static str) -> impl Fn(io::Error) -> InjectorError {
    move |source| InjectorError::Socket { operation, source }
}

/// Waits so long for a packet, rounded up to milliseconds, and gives it if one came.
pub(crate) fn receive<'a>(
    mut socket: &Socket,
    buffer: &'a mut [u8],
    patience: Duration,
) -> Result<Option<&'a [u8]>, InjectorError> {
    let timeout = PollTimeout::try_from(patience.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout) {
        Ok(0) | Err(Errno::EINTR) => return Ok(None),
        Ok(_) => {}
        Err(errno) => return Err(failed("wait for")(errno.into())),
    }
    match socket.read(buffer) {
        Ok(length) => Ok(buffer.get(..length)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(failed("read from")(error)),
    }
}
