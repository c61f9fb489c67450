//! Running programs.

use std::{
    env,
    path::PathBuf,
    process::{Command, Output},
};

use braid_tests::repository;

pub fn run(program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).output();
    output.unwrap_or_else(|e| panic!("{program} cannot be run: {e}"))
}

pub fn must(command: &str) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    let output = run(words[0], &words[1..]);
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    env::var("CARGO_TARGET_DIR").map_or_else(|_| repository().join("target"), Into::into)
}
