//! How fast the voter is.

use std::process::Command;

use crate::{row::Row, shell::target};

/// Votes per second on one core.
pub fn measure() -> Vec<Row> {
    let output =
        Command::new(target().join("release/examples/throughput")).output().expect("tests/bench builds it");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.lines().map(|line| Row::alone("voter", line)).collect()
}
