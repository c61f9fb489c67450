//! What a machine needs for a lab.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::{Path, PathBuf},
};

use braid_engine::driver;
use braid_proto::Engine;

/// Something that the machine lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What: the name of a program.
    pub what: String,
    /// Who needs it, and what for.
    pub why: String,
    /// The command that installs it.
    pub install: String,
}

impl Missing {
    fn new(program: &str, why: String, package: &str) -> Self {
        Self { what: program.to_owned(), why, install: format!("apt-get install {package}") }
    }
}

/// What this machine lacks for labs with these engines, by name; empty if nothing.
#[must_use]
pub fn preflight(engines: &BTreeSet<Engine>) -> Vec<Missing> {
    let mut users: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for engine in engines {
        for requirement in driver(*engine).requirements() {
            if requirement.find().is_err() {
                users.entry((requirement.program, requirement.package)).or_default().push(engine.as_str());
            }
        }
    }
    let engines = users.into_iter().map(|((program, package), users)| {
        Missing::new(program, format!("needed by {}", users.join(" and ")), package)
    });
    let filter = (!is_on_path("nft"))
        .then(|| Missing::new("nft", "keeps customers out of the tunnels".to_owned(), "nftables"));
    engines.chain(filter).collect()
}

/// Whether a program is in `$PATH`, or where administrators' programs are.
fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    env::split_paths(&path).chain(usual).any(|directory| is_program(&directory.join(program)))
}

fn is_program(path: &Path) -> bool {
    path.is_file() && nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_program_is_told_with_the_command_that_installs_it() {
        for missing in preflight(&Engine::ALL.into()) {
            assert!(missing.install.starts_with("apt-get install "), "{missing:?}");
        }
        assert!(is_on_path("sh"));
        assert!(!is_on_path("no-such-program"));
        assert!(!is_on_path("."));
    }

    #[test]
    fn a_file_that_cannot_be_run_is_no_program() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!is_program(file.path()));
        assert!(is_program(Path::new("/bin/sh")));
    }
}
