//! Importers: files of other tools in, a native file and every guess made out.

mod containerlab;
mod draft;
mod graphml;
mod slug;

pub use containerlab::import_containerlab;
pub use graphml::import_graphml;

/// A file of another tool in native form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The native file. It is valid once virtual networks are added below its `vns:`, for which it has examples.
    pub yaml: String,
    /// What the other file did not say, or said in a way that has no equal here, and what was made of it.
    pub guesses: Vec<String>,
}
