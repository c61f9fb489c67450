//! What `braid doctor` looks at. Everything is tried or read, nothing is changed for good.

mod host;
mod kernel;
mod programs;

use crate::view::Check;

/// All checks, in the order in which they are shown.
pub async fn checks() -> Vec<Check> {
    let mut checks = host::rights();
    checks.extend(kernel::features().await);
    checks.extend(programs::needed());
    checks.extend(host::limits());
    checks.push(host::run_directory());
    checks
}
