//! The `braid.v1` wire API and the few newtypes that all sides of braid share.
//!
//! This crate holds no behaviour of braid: it neither decides nor acts. Wire types stay at the edge; each side converts them
//! to its own domain types on arrival, and a message that does not convert is refused there with a reason.
//!
//! ```text
//! braid/v1/*.proto ──protox──► v1 (messages, clients, servers)      Address ──connect──► Channel
//! ```
//!
//! ```
//! use braid_proto::{Engine, VnId};
//! let red = VnId::try_from(1_u32).unwrap();
//! assert_eq!(red.vni(14), 0x01_000e);
//! assert_eq!("bird-ospf".parse(), Ok(Engine::BirdOspf));
//! ```

mod address;
mod dial;
mod engine;
mod file;
mod instance;
mod name;
mod vn_id;
pub mod wire;

pub use address::{Address, AddressError, ConnectError, TlsFiles};
pub use dial::stay_connected;
pub use engine::{Engine, UnknownEngine};
pub use file::{lock_file, replace_file, replace_secret};
pub use instance::{InstanceError, InstanceFile, InstanceProcess, InstanceState};
pub use name::{InterfaceName, NameError, NetworkName, NodeName, VnName};
pub use vn_id::{VnId, VnIdError};

/// The generated `braid.v1` messages, clients and servers.
#[allow(missing_docs, clippy::all, unused_qualifications)]
pub mod v1 {
    tonic::include_proto!("braid.v1");

    /// The encoded descriptors of `braid.v1`, for reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/braid.v1.descriptors.bin"));
}

/// This build's version, such as "0.1.0".
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
