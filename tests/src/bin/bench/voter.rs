//! How fast the voter is, and how much it keeps.

use std::process::Command;

use crate::{row::Row, shell::target};

/// A million prefixes in five virtual networks, on one core.
pub fn measure() -> Vec<Row> {
    let output =
        Command::new(target().join("release/examples/votes")).output().expect("tests/bench builds it");
    let text = String::from_utf8_lossy(&output.stdout);
    let rows = text.lines().filter_map(|line| {
        let mut columns = line.split('\t');
        let (figure, value, aim) = (columns.next()?, columns.next()?, columns.next()?);
        Some(Row::alone(&format!("voter: {figure}"), value).aim(aim))
    });
    rows.collect()
}
