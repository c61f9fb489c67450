//! Why no layout can be made.

use braid_proto::{InterfaceName, NodeName};
use ipnet::Ipv4Net;
use thiserror::Error;

/// Why a topology has no layout, and what to change.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// A pool has no number left, not even one of a removed item.
    #[error(
        "no number is left for {item}: pool `{pool}` ({net}) has room for {room}; give it a shorter prefix"
    )]
    PoolExhausted {
        /// The item that got none, in words.
        item: String,
        /// The pool's key in the topology file.
        pool: &'static str,
        /// The pool.
        net: Ipv4Net,
        /// The highest number that it can hold.
        room: u32,
    },
    /// A number is kept, and the pool has become too small for it.
    #[error(
        "{item} has number {number}, and pool `{pool}` ({net}) only has room for {room}; give it a shorter prefix"
    )]
    OutsidePool {
        /// The item with that number, in words.
        item: String,
        /// Its number.
        number: u32,
        /// The pool's key in the topology file.
        pool: &'static str,
        /// The pool.
        net: Ipv4Net,
        /// The highest number that it can hold.
        room: u32,
    },
    /// Link numbers have 16 bits.
    #[error("no number is left for {item}: a network has at most 65535 links")]
    TooManyLinks {
        /// The link that got none, in words.
        item: String,
    },
    /// The allocation does not know an item of the topology.
    #[error("{item} has no number: update the allocation from this topology before planning with it")]
    NotAllocated {
        /// The unknown item, in words.
        item: String,
    },
    /// An attached prefix that cannot hold a gateway and a host.
    #[error(
        "attached prefix {prefix} of node `{node}` has no room for a gateway and a host: use /31 or shorter"
    )]
    PrefixTooLong {
        /// The border.
        node: NodeName,
        /// Its prefix.
        prefix: Ipv4Net,
    },
    /// A node and a customer host would have one name.
    #[error("node `{node}` has the name of the customer host of another node: rename it")]
    HostName {
        /// The node.
        node: NodeName,
    },
    /// An interface name that braid needs for itself.
    #[error("interface `{interface}` of node `{node}` has a name that braid uses itself: rename it")]
    ReservedInterface {
        /// The node.
        node: NodeName,
        /// The interface.
        interface: InterfaceName,
    },
    /// A stored allocation of another version of braid.
    #[error("the stored allocation has version {found}, this braid reads version {known}")]
    AllocationVersion {
        /// The version in the store.
        found: u32,
        /// The version of this build.
        known: u32,
    },
    /// A stored allocation that contradicts itself.
    #[error(
        "the stored allocation is damaged: {reason}; restore it from a copy, or remove it to renumber everything"
    )]
    AllocationDamaged {
        /// What is wrong with it.
        reason: String,
    },
}
