//! The topology file: model, validation, JSON Schema and importers.
mod model;
pub use model::*;
