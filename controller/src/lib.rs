//! The controller.

mod alarms;
mod convergence;
mod desired;
mod error;
mod fleet;
mod hub;
mod in_force;
mod links;
mod listen;
mod report;
mod run;
mod service;
mod state;
mod store;
mod view;

pub use error::TopologyError;
pub use listen::ListenError;
pub use run::{Controller, ControllerConfig, ControllerError, run};
pub use store::StoreError;
