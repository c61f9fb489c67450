//! The topology file: model, validation, JSON Schema and importers.
mod decode;
mod diagnostic;
mod file;
mod model;
mod parse;
mod scalar;
mod space;
mod validate;
mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics, Place};
pub use model::*;
pub use parse::{Checked, check, load, parse};
