//! Feeds a large OSPF database to a router over a real adjacency, changes it, and measures what the router makes of it.
//!
//! It is a speaker of its own on the packet codec alone, so that every implementation under test, the embedded engine too,
//! is fed by the same foreign code. It must not use `braid-ospf`, and must never speak outside of namespaces that it has made.
//!
//! ```text
//!  Grid ── LSAs ──► Speaker ◄── packets ──► Injector ═══ veth ═══ Router (ospfd + zebra, bird, braid)
//!  (costs from      (pure: no clock,        (raw socket,            │ kernel routes   │ /proc
//!   a seed)          no socket)              thread)                ▼                 ▼
//!                                                          FibWatch ──► trial::hold ──► Figures
//! ```
//!
//! [`Wire`] carries PDUs of IS-IS, so that tests can forge them.
//!
//! # Calling contract
//!
//! - [`hold`] does it all: it builds a [`Site`], starts the daemons of an [`Implementation`], waits for full tables, sends
//!   changes one by one, and ends everything, also when it fails. Each wait has a limit.
//! - CPU time is the scheduler's (`schedstat`), all threads, less what the idle daemon uses in the same time.
//! - A change is one new instance of one router-LSA: a link's cost differs, and a host route comes or goes with it, whose
//!   arrival in the kernel's table is the moment at which the change is visible.
//! - Takes root.
//!
//! # RFC
//!
//! RFC 2328 §10 (adjacency, as the leading side), §13.5 and §13.6 (acknowledgements, retransmissions), on a point-to-point link
//! without authentication. What the router says is acknowledged and forgotten.
//!
//! # Example
//!
//! ```
//! use braid_injector::{Attachment, Grid, Place, ROUTER_ID};
//!
//! let corner = Place::new(0, 0);
//! let attachment =
//!     Attachment { place: corner, neighbour: ROUTER_ID, address: [10, 255, 0, 0].into(), cost: 10 };
//! let mut grid = Grid::new(3, 42, attachment);
//! assert_eq!(grid.lsas()?.len(), 9);
//! // The middle router has four links and its own address.
//! let lsa = grid.change(Place::new(1, 1), 77, false)?;
//! assert_eq!(lsa.router().ok_or("a router-LSA")?.links().count(), 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod grid;
mod injector;
mod router;
mod site;
mod speaker;
mod trial;
mod usage;
mod wire;

pub use error::InjectorError;
pub use grid::{Attachment, Grid, Place};
pub use injector::{Injector, Progress};
pub use router::{Implementation, ROUTER_ID, Router};
pub use site::Site;
pub use speaker::{Speaker, State};
pub use trial::{ChangeFigures, Figures, Settings, Share, hold};
pub use usage::{Memory, cpu_time, memory};
pub use wire::{Group, Mac, Wire};
