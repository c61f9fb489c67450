//! What holds for the repository as a whole.

use std::{collections::BTreeSet, fs, process::Command};

use braid_tests::repository;
use serde_json::Value;

/// Licences under which we take a library.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether a licence expression offers terms that we take: all parts of an `AND`, any part of an `OR`.
fn acceptable(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let bare = |part: &str| part.trim().trim_matches(['(', ')']).trim().to_owned();
    expression.split(" AND ").all(|all| all.split(" OR ").any(|any| LICENCES.contains(&bare(any).as_str())))
}

#[test]
fn every_dependency_has_a_licence_that_we_take() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(repository())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let refused: BTreeSet<String> = metadata["packages"]
        .as_array()
        .expect("a list of packages")
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(acceptable))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn a_source_file_is_one_noun_and_nothing_is_left_unfinished() {
    let output = Command::new("git").args(["ls-files", "*.rs"]).current_dir(repository()).output();
    let files = String::from_utf8(output.expect("git runs").stdout).expect("paths are text");
    let mut wrong = Vec::new();
    for file in files.lines() {
        let text = fs::read_to_string(repository().join(file)).expect("a tracked file can be read");
        if text.lines().count() > 600 {
            wrong.push(format!("{file} has {} lines", text.lines().count()));
        }
        // Spelt apart, so that this file passes.
        for mark in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ig", "nore")] {
            if text.contains(mark) {
                wrong.push(format!("{file} has a {mark}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
