//! Feeds a large OSPF or IS-IS database to a router over a real adjacency, changes it, and measures what the router makes of it.
//!
//! It speaks on the packet codecs alone, so that every implementation under test, the embedded engines too, is fed by the same
//! foreign code. It must not use `braid-ospf` or `braid-isis`, and must never speak outside of namespaces that it has made.
//!
//! ```text
//!  Grid ──► ospf: LSAs ──► Speaker ◄── packets ──► Injector ═══ veth ═══ Router (ospfd or isisd + zebra, bird, braid)
//!  (costs   isis: LSPs     (pure: no clock,        (thread, raw           │ kernel routes   │ /proc
//!   from a                  no socket)              socket)               ▼                 ▼
//!   seed)                                                       FibWatch ──► trial::hold ──► Figures
//! ```
//!
//! [`Wire`] carries PDUs of IS-IS, so that tests can forge them, too.
//!
//! # Calling contract
//!
//! - [`hold`] does it all: it builds a [`Site`], starts the daemons of an [`Implementation`], waits for full tables, sends
//!   changes one by one, and ends everything, also when it fails. Each wait has a limit.
//! - CPU time is the scheduler's (`schedstat`), all threads, less what the idle daemon uses in the same time.
//! - A change is one new instance of one router-LSA or LSP: a link's cost differs, and a host route comes or goes with it, whose
//!   arrival in the kernel's table is the moment at which the change is visible.
//! - Takes root.
//!
//! # Standards
//!
//! On a point-to-point link, without authentication: RFC 2328 §10 (adjacency, as the leading side), §13.5 and §13.6
//! (acknowledgements, retransmissions); ISO 10589 §7.3.15 to §7.3.17 at level 2, RFC 5303 (three-way handshake), RFC 5305 (wide
//! metrics). It sends no CSNPs: a neighbour gets all LSPs unasked, paced by its acknowledgements. What the router says is
//! acknowledged and forgotten.
//!
//! # Example
//!
//! ```
//! use braid_injector::{Grid, Place, isis, ospf};
//!
//! let mut grid = Grid::new(3, 42, Place::new(0, 0));
//! let middle = Place::new(1, 1);
//! grid.change(middle, 77, false);
//! // The middle router has four links and its own address.
//! assert_eq!(ospf::lsa(&grid, middle)?.router().ok_or("a router-LSA")?.links().count(), 5);
//! assert_eq!(isis::lsp(&grid, middle)?.neighbours().count(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod grid;
mod injector;
pub mod isis;
pub mod ospf;
mod protocol;
mod router;
mod site;
mod socket;
mod speaker;
mod trial;
mod usage;
mod wire;

pub use error::InjectorError;
pub use grid::{Grid, Link, Place};
pub use injector::Injector;
pub use protocol::Protocol;
pub use router::{Implementation, Router};
pub use site::{COST, INJECTOR, ROUTER, Site};
pub use speaker::{Carrier, Progress, Speaker, State};
pub use trial::{ChangeFigures, Figures, Settings, Share, hold};
pub use usage::{Memory, cpu_time, memory};
pub use wire::{Group, Mac, Wire};
