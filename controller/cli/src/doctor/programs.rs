//! The programs that engines and braid itself call.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use braid_engine::{Requirement, driver};
use braid_proto::Engine;

use crate::view::{Area, Check};

/// The programs of every engine, and `nft`.
pub fn needed() -> Vec<Check> {
    let mut programs: BTreeMap<&str, (Requirement, Vec<&str>)> = BTreeMap::new();
    for engine in Engine::ALL {
        for requirement in driver(engine).requirements() {
            let entry = programs.entry(requirement.program).or_insert((*requirement, Vec::new()));
            entry.1.push(engine.as_str());
        }
    }
    let mut checks: Vec<_> =
        programs.values().map(|(program, engines)| engine_program(program, engines)).collect();
    checks.push(match on_path("nft") {
        Some(path) => Check::ok(Area::Programs, "nft", path.display().to_string()),
        None => Check::no_program("nft", "needed by every border", "nftables"),
    });
    checks
}

fn engine_program(program: &Requirement, engines: &[&str]) -> Check {
    let engines = engines.join(", ");
    match program.find() {
        Ok(path) => Check::ok(Area::Programs, program.program, format!("{path}, for {engines}")),
        Err(_) => Check::no_program(program.program, format!("needed by {engines}"), program.package),
    }
}

/// Where the shell would find a program.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|path| Path::is_file(path))
}
