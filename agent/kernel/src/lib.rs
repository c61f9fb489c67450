//! The Linux data plane: namespaces, links, addresses, routes, rules, nexthop objects, and watches on them. The one place
//! of braid that speaks netlink.
//!
//! It must not know what a virtual network, an agent or a border is: it offers what the kernel has, typed, and decides
//! nothing. It depends on nothing of ours.
//!
//! ```text
//!            ┌─ Netlink ── requests, batches ──►┐
//!  Netns ────┼─ LinkWatch ◄── notifications ────┤ the kernel, in that namespace
//!  (handle)  ├─ FibWatch  ◄── notifications ────┤
//!            │    lists when they do not tell all
//!            └─ command, run, sysctl, filter ──►┘          Process ── pidfd ──► any process
//! ```
//!
//! # Calling contract
//!
//! - Everything happens in the [`Netns`] it was opened on, whatever namespace the calling thread is in: sockets are opened
//!   on a thread that entered it, and then used from tokio. The caller's threads never change their namespace.
//! - [`Netlink`], [`LinkWatch`], [`FibWatch`] and [`Process::exited`] belong to the tokio runtime they were opened in. They
//!   may be dropped at any moment; whatever waits may be given up without loss.
//! - An open socket keeps its namespace alive. Drop handles and watches before expecting its interfaces to be gone.
//! - Adding what is there and deleting what is not is fine, so that callers can close the difference between desired and
//!   actual state again and again.
//! - It takes root (`CAP_NET_ADMIN`, and `CAP_SYS_ADMIN` for namespaces).
//!
//! # Sources
//!
//! rtnetlink(7), linux/nexthop.h, net/ipv4/fib_trie.c and net/ipv4/nexthop.c for what the kernel announces and what not;
//! RFC 7348 for VXLAN. IPv4 only.
//!
//! # Example
//!
//! ```
//! use braid_kernel::{FibEvent, FibWatch, Netlink, Netns, Route, RouteKind};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! async fn lose_a_prefix(netns: &Netns) -> Result<FibEvent, Box<dyn std::error::Error>> {
//!     let mut fib = FibWatch::open(netns, 254)?;
//!     assert_eq!(fib.next().await, Some(FibEvent::Snapshot(vec![])));
//!     let route = Route::new("198.18.5.0/24".parse()?, 254, 76, RouteKind::Blackhole);
//!     Netlink::open(netns)?.replace_route(&route).await?;
//!     Ok(fib.next().await.ok_or("the watch ended")?)
//! }
//!
//! let name = format!("braid-kernel-example-{}", std::process::id());
//! let event = lose_a_prefix(&Netns::create(&name)?).await;
//! Netns::delete(&name)?;
//! assert!(matches!(event?, FibEvent::Change { entry: Some(entry), .. } if !entry.is_usable()));
//! # Ok(())
//! # }
//! ```

mod address;
mod error;
mod fib;
pub mod filter;
mod link;
mod link_watch;
mod netlink;
mod netns;
mod nexthop;
mod process;
mod readiness;
mod route;
mod rule;
mod socket;
pub mod sysctl;
mod veth;
mod vxlan;
pub use address::Address;
pub use error::{NetlinkError, Refusal};
pub use fib::{FibEntry, FibEvent, FibNextHop, FibStats, FibWatch, LinkState};
pub use link::{Link, LinkKind};
pub use link_watch::{LinkEvent, LinkWatch};
pub use netlink::Netlink;
pub use netns::{Netns, NetnsError, pids_in};
pub use nexthop::{GroupMember, Nexthop, NexthopTarget};
pub use process::{Process, ProcessError, ProcessId, Signal, terminate};
pub use route::{NextHop, RefusedRoute, Route, RouteChange, RouteFilter, RouteKind};
pub use rule::{Rule, RuleAction};
pub use veth::VethSpec;
pub use vxlan::{VXLAN_OVERHEAD, VxlanSpec};
