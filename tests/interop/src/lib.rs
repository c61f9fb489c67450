//! Mixed networks of FRR, BIRD and the embedded engine in network namespaces, judged by `braid-world`'s oracle.
//!
//! The crate runs daemons and reads kernels; it must not judge by a daemon's word alone, and knows nothing of how routes are computed.
//!
//! ```text
//!  World ──Network::start──► namespaces, veth pairs, bridges, daemons ──► kernel routes ─┐
//!    └──Oracle──► expected routes ────────────────────────────────────────► difference ◄─┘
//! ```
//!
//! Everything has names with this process's id, and goes when the [`Network`] is dropped, also in a panic. Needs root.
//!
//! The embedded engines are `BRAID_BIN agent engine ospf` and `… isis`, or this crate's own `braid-interop-engine` beside the
//! running program. BIRD speaks OSPF only.
//!
//! ```no_run
//! use braid_interop::{Kind, Network};
//! use braid_world::{Options, generate};
//! let world = generate(1, &Options::default());
//! let kinds = world.routers.iter().map(|_| Kind::Frr).collect();
//! let network = Network::start(world, kinds)?;
//! network.converge()?;
//! # Ok::<(), braid_interop::Error>(())
//! ```

mod compare;
mod daemon;
mod error;
mod kernel;
mod kind;
pub mod measure;
mod network;
mod settings;

pub use compare::Difference;
pub use daemon::{Adjacency, Cost};
pub use error::Error;
pub use kernel::KernelRoutes;
pub use kind::Kind;
pub use network::{Network, PATIENCE};
pub use settings::{Algorithm, Auth, MetricStyle, Protocol, Settings};
