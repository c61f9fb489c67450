//! The `braid.v1` wire API and the few newtypes that all sides of braid share.
mod engine;
mod name;
mod vn_id;
pub use engine::{Engine, UnknownEngine};
pub use name::{InterfaceName, NameError, NetworkName, NodeName, VnName};
pub use vn_id::{VnId, VnIdError};
