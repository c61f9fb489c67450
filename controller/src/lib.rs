//! The controller: desired state in, actual state collected, operators answered.

mod run;

pub use run::{ControllerConfig, ControllerError, run};
