//! What the shell asks of a routing engine.

use std::{collections::BTreeMap, os::fd::BorrowedFd, time::Duration};

use braid_kernel::NextHop;
use ipnet::Ipv4Net;

use crate::ConfigError;

/// An interface of the namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Whether packets can pass: wanted up, and with carrier.
    pub up: bool,
    /// Its hardware address, where it has one of 6 bytes.
    pub mac: Option<[u8; 6]>,
}

/// The interfaces of the namespace, by index.
pub type Links = BTreeMap<u32, Link>;

/// Where routes go in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteMark {
    /// The table.
    pub table: u32,
    /// The routing protocol number; routes of this number are this engine's alone.
    pub protocol: u8,
    /// The metric.
    pub metric: u32,
}

/// What a route is from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteUpdate {
    /// The destinations.
    pub prefix: Ipv4Net,
    /// The ways to them: empty where packets are to be dropped; `None`: there is no route any more.
    pub next_hops: Option<Vec<NextHop>>,
}

/// A routing engine with its own packet socket, as the shell drives it. Times are of [`crate::Clock`].
///
/// After any call that takes the time, [`Engine::next_wake`] and [`Engine::take_routes`] may have changed.
pub trait Engine {
    /// The name of its process and of its files: `braid-ospf`. At most 15 bytes.
    const NAME: &'static str;

    /// Where its routes go.
    fn mark(&self) -> RouteMark;

    /// The socket that its packets come in by.
    fn socket(&self) -> BorrowedFd<'_>;

    /// Takes some of the packets that wait. Gives whether there may be more.
    fn receive(&mut self, now_us: u64) -> bool;

    /// The interfaces are these now. The first call comes before any other that takes the time.
    fn links(&mut self, now_us: u64, links: &Links);

    /// The time has come that [`Engine::next_wake`] named, or a moment before it.
    fn wake(&mut self, now_us: u64);

    /// When to call [`Engine::wake`]; `None`: not until something else has happened.
    fn next_wake(&self) -> Option<u64>;

    /// The differences to all routes told before.
    fn take_routes(&mut self) -> Vec<RouteUpdate>;

    /// Whether all neighbours that may be expected have told what they know, and routes are computed from it.
    fn is_settled(&self) -> bool;

    /// After which silence neighbours are gone: the longest of its dead intervals (hold times).
    fn dead_interval(&self) -> Duration;

    /// Whether it wants to hear of other kernel routes.
    fn wants_kernel_routes(&self) -> bool;

    /// The best kernel route for a prefix is now one of this protocol number, or there is none.
    fn kernel_route(&mut self, now_us: u64, prefix: Ipv4Net, protocol: Option<u8>);

    /// Reads its configuration anew.
    ///
    /// # Errors
    /// When it cannot be used; the one before then stands.
    fn reload(&mut self, now_us: u64, links: &Links) -> Result<(), ConfigError>;

    /// Answers a question from the control socket: JSON in, JSON out.
    ///
    /// # Errors
    /// What is wrong with the question.
    fn answer(&self, now_us: u64, question: &str) -> Result<String, String>;

    /// Tells neighbours that it goes.
    fn leave(&mut self, now_us: u64);

    /// Whether they all know.
    fn has_left(&self) -> bool;
}
