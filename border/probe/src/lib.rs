//! Probes: what a border sends into its virtual networks to see whether they deliver, and where, and what the answers prove.
//!
//! It must not do I/O, look at a clock, or vote: it is bytes and times in, bytes and evidence out. The packets are described
//! in [`format`](mod@format).
//!
//! ```text
//!  targets, drives, doubt ─► Station ──────────────────────────────┐
//!                            │ prober: schedule ─► flight ─► track ─┼─► poll_evidence: Delivers at …, Lost
//!  receive(payload, where) ─►│ responder: window, budget ──────────┼─► poll_transmit: packets, by virtual network
//!  handle_timeout(now) ─────►│ format: authentic or nothing        │
//!                            └──────────────────────────────────────┴─► poll_timeout, statistics
//! ```
//!
//! # What is proven
//!
//! - **Delivers**: a probe came out at that border, which has signed that it did. Of a prefix: out of the border's port,
//!   towards its customers; the addresses vary over the prefix, so that the members of an ECMP group all show themselves.
//! - **Lost**: so many probes in a row (3) were not answered in time, and another virtual network has since delivered a probe to
//!   the same target. Where no other delivers, it takes five times as many, and as long as those take. So a border that has stalled, which silences all
//!   virtual networks alike, is not held against one of them. An answer that comes late takes the loss back. After a loss as
//!   many answers in a row are wanted.
//! - That an *answer* gets lost proves nothing against the way there. Therefore a probe after a loss asks for help: the
//!   answer comes through another virtual network as well.
//!
//! # Budget
//!
//! 45 % of it is for probes, and each other border has an equal share of that; 55 % is for answers. So when all borders
//! have the same budget, nobody is asked for more than it may answer. Answers beyond the budget wait, and beyond a quarter
//! of a second's worth the oldest are dropped. Loopbacks go first, at [`Config::interval`] where a virtual
//! network drives something towards that border and at five times that elsewhere, stretched in proportion where the share
//! does not suffice. Prefixes have what is left: those in doubt at [`Config::interval`], driven ones every 50 ms, all others
//! every second in each virtual network, or as often as the share allows. All times vary by a quarter.
//!
//! # Calling contract
//!
//! 1. Take in everything that has come by `now`: [`Station::receive`]. Only then [`Station::handle_timeout`] with that `now`.
//! 2. [`Station::poll_transmit`] until it gives nothing; [`Station::poll_evidence`] likewise, whenever there is room for it.
//! 3. Wait until [`Station::poll_timeout`] or until something comes in. Being late harms nothing but the timing.
//!
//! RFC 6298 §2 for time-outs, RFC 3550 §6.4.1 for jitter, RFC 2104 for authentication, RFC 4303 §3.4.3 for the replay window.
//!
//! ```
//! use braid_probe::*;
//!
//! // Two borders; the virtual network between them carries packets in no time.
//! let (vn, key) = (1u32.try_into().unwrap(), Key([7; 32]));
//! let loopbacks = [[100, 64, 0, 1].into(), [100, 64, 0, 2].into()];
//! let mut stations = [0, 1].map(|n: usize| {
//!     let mut station = Station::new(key.clone(), n as u64, 1, Config::default());
//!     let targets = Targets { own: loopbacks[n], borders: [loopbacks[1 - n]].into(), vns: [vn].into(), ..Default::default() };
//!     station.set_targets(targets, Micros(0));
//!     station.set_open(vn, true, Micros(0));
//!     station
//! });
//! let (mut at, mut packet) = (Micros(0), Vec::new());
//! let finding = loop {
//!     at = stations.iter().filter_map(Station::poll_timeout).min().unwrap().max(at);
//!     for n in [0, 1] {
//!         while stations[n].poll_transmit(at, &mut packet).is_some() {
//!             let datagram = Datagram::decode(&packet).unwrap();
//!             let Datagram { source, destination, ttl, .. } = datagram;
//!             let arrival = Arrival { vn, place: Place::Loopback, source, destination, ttl, at };
//!             stations[1 - n].receive(datagram.payload, &arrival);
//!         }
//!     }
//!     if let Some(finding) = stations[0].poll_evidence() {
//!         break finding;
//!     }
//! };
//! assert_eq!(finding.target, Target::Border(loopbacks[1]));
//! assert_eq!(finding.evidence, Evidence::Delivers { egress: vec![loopbacks[1]] });
//! ```

mod bucket;
pub mod format;
mod packet;
mod prober;
mod responder;
mod rtt;
mod station;
mod statistics;
mod targets;
mod time;

pub use format::{Answer, How, Key, Message, PORT, Probe, Refusal};
pub use packet::Datagram;
pub use station::Station;
pub use statistics::{Counters, PairStatistics, Statistics};
pub use targets::{Arrival, Config, Evidence, Finding, Place, Target, Targets};
pub use time::Micros;
