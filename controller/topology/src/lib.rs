//! The topology file: its model, its validation, its JSON Schema, and importers from other tools' files.
//!
//! This crate does no I/O but [`load`], allocates no address and decides no layout: it says what the operator wants,
//! checked, with every default filled in.
//!
//! ```text
//!  YAML text ──► yaml ──► decode ──► validate ──► Topology ──► layout, controller, lab
//!               (places) (file types) (the whole)     │
//!                   │        │           │            └─► unparse ──► write ──► YAML text
//!                   └────────┴───────────┴──► Diagnostics: file:line:column: what, and what to do
//!
//!  GraphML, containerlab ──► import ──► draft ──► write ──► YAML text, and every guess made
//! ```
//!
//! The file types (`file`, the source of [`schema`]) and the domain model ([`Topology`]) are kept apart: the first say
//! what may be written, the second what it means.
//!
//! # Contract
//! - Nothing that a file can hold causes a panic, nor work or memory out of proportion: a file has at most 4 MiB, 16
//!   levels, and 250,000 values with aliases expanded.
//! - All problems of a file are told together, by place, at most 20 of them. Only what keeps YAML itself from being
//!   read is told alone.
//! - Who holds a [`Topology`] from [`parse`], [`check`] or [`load`] need check nothing again: names are unique,
//!   endpoints exist, prefixes, pools and link addresses are disjoint and the pools large enough, the network and every
//!   virtual network connects all nodes, masters exist.
//! - [`parse`] of [`to_yaml`] gives the same topology.
//!
//! # Example
//! ```
//! let text = r#"
//! name: pair
//! topology:
//!   nodes:
//!     west: { border: { prefixes: [198.18.1.0/24] } }
//!     east: { border: { prefixes: [198.18.2.0/24] } }
//!   links:
//!     - { endpoints: ["west:eth1", "east:eth1"], metric: 20, delay: 13ms }
//! vns:
//!   - { id: 1, name: red, engine: frr-ospf }
//!   - { id: 2, name: green, engine: bird-ospf }
//! "#;
//! let topology = braid_topology::parse(text, "pair.yaml")?;
//! assert_eq!(topology.links[0].metric, 20);
//! assert_eq!(topology.links[0].mtu, 1600);
//!
//! let error = braid_topology::parse(&text.replace("east:eth1", "eats:eth1"), "pair.yaml").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "pair.yaml:8:34: there is no node `eats` (did you mean `east`?): add it to `nodes` or mend the name"
//! );
//! # Ok::<(), braid_topology::Diagnostics>(())
//! ```

mod decode;
mod diagnostic;
mod file;
mod import;
mod model;
mod parse;
mod scalar;
mod schema;
mod space;
mod unparse;
mod validate;
mod write;
mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics, Place};
pub use import::{Imported, import_containerlab, import_graphml};
pub use model::*;
pub use parse::{Checked, check, decode_utf8, load, parse};
pub use schema::schema;
pub use write::to_yaml;
