//! Steering: the kernel's table follows the verdicts.

mod kernel;
mod plan;

pub use kernel::{Steering, SteeringError};
pub use plan::{Action, Actual, Desired, Port, RouteEdit, plan, plan_changes};
