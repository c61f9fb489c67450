//! The embedded engine's process, for tests that have no `braid` binary beside them.

use std::process::ExitCode;

fn main() -> ExitCode {
    braid_native::main()
}
