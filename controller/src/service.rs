//! The gRPC services: from wire to state and back.

pub(crate) mod fleet;
mod list;
pub(crate) mod network;
mod verification;
mod watch;
