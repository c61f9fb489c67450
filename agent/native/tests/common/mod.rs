//! What tests with a daemon in a namespace share.

use std::{fs, path::Path, process::Command, time::Duration};

use braid_kernel::{Process, Signal};
use braid_native::{AskError, Client};

/// What `ip` with these words says.
pub fn ip(args: &str) -> String {
    let output = Command::new("ip").args(args.split_whitespace()).output().expect("ip runs");
    assert!(output.status.success(), "ip {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A daemon's answer by its control socket.
pub fn ask<T: serde::de::DeserializeOwned>(
    socket: &Path,
    limit: Duration,
    question: &impl serde::Serialize,
) -> Result<T, AskError> {
    let client = Client::new(socket, limit);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(client.ask(question))
}

/// The process that a file names.
pub fn pid(file: &Path) -> Option<i32> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// That process, while it is there.
pub fn process(file: &Path) -> Option<Process> {
    Process::open(pid(file)?).ok()
}

/// Ends it.
pub fn kill(file: &Path) {
    if let Some(process) = process(file) {
        let _ = process.signal(Signal::KILL);
    }
}
