//! Waiting for a descriptor from tokio.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use tokio::io::unix::AsyncFd;

/// A type that owns one descriptor, and names the same one until it is dropped.
pub(crate) trait Owner: AsFd + AsRawFd {}

impl Owner for OwnedFd {}
impl Owner for netlink_sys::Socket {}

/// Registers a descriptor with the current tokio runtime.
pub(crate) fn register<T: Owner>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: an `Owner` holds its descriptor open, and unchanged, for as long as the registration that owns it.
    #[allow(unsafe_code)]
    let registered = unsafe { AsyncFd::register(owner) };
    Ok(registered?)
}
