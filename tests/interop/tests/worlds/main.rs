//! Random networks of all implementations: after whatever happens, every router's kernel has the oracle's routes.
//!
//! `BRAID_INTEROP_SEEDS=N` runs N seeds of each sort, `BRAID_INTEROP_SEED=S` one again.
#![allow(clippy::unwrap_used)] // a failed step ends the test

mod isis;
mod ospf;

use std::{env, fmt, fs};

use braid_interop::{Error, Kind, Network, Settings};
use braid_world::{Change, Dice, RouterIndex, World, isis::Domain};

fn seeds(default: u64) -> Vec<u64> {
    let number = |name| env::var(name).ok().and_then(|text| text.parse().ok());
    match number("BRAID_INTEROP_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("BRAID_INTEROP_SEEDS").unwrap_or(default)).collect(),
    }
}

/// Kinds in turn, so that all are there, in an order of the seed's.
fn mixed(world: &World, seed: u64, kinds: &[Kind]) -> Vec<Kind> {
    let mut list: Vec<Kind> = world.routers.iter().zip(kinds.iter().cycle()).map(|(_, kind)| *kind).collect();
    Dice::new(seed).shuffle(&mut list);
    list
}

/// What happens to a network.
enum Step {
    /// Something in the world.
    Change(Change),
    /// A router's process is killed and started again.
    Restart(RouterIndex),
    /// Areas, levels or leaks become others.
    Domain(Domain),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Change(change) => change.fmt(f),
            Step::Restart(router) => write!(f, "{router} killed and started"),
            Step::Domain(_) => f.write_str("another domain"),
        }
    }
}

impl Step {
    fn take(self, network: &mut Network) -> Result<(), Error> {
        match self {
            Step::Change(change) => network.apply(&change),
            Step::Restart(router) => network.restart(router),
            Step::Domain(domain) => network.set_domain(domain),
        }
    }
}

/// Runs a world through some steps; the goal after each is the oracle's routes everywhere.
fn run(
    test: &str,
    seed: u64,
    (world, kinds, settings): (World, Vec<Kind>, Settings),
    script: impl IntoIterator<Item = Step>,
) {
    let mut done = vec!["start".to_owned()];
    let mut network = Network::build(world, kinds, settings).unwrap();
    let mut result = network.start_all().and_then(|()| network.converge());
    for step in script {
        if result.is_err() {
            break;
        }
        done.push(step.to_string());
        result = step.take(&mut network).and_then(|()| network.converge());
    }
    if let Err(error) = result {
        let accounts: String =
            network.world().router_indices().map(|router| network.account(router)).collect();
        let file = env::temp_dir().join(format!("braid-interop-{test}-{seed}.txt"));
        let _ = fs::write(&file, format!("{:#?}\n{:#?}\n{accounts}", network.world(), network.settings()));
        panic!(
            "seed {seed}, after {}: {error}\nthe routers' accounts are in {}; again by:\n  BRAID_INTEROP_SEED={seed} \
             cargo test -p braid-interop --test worlds {test} -- --nocapture",
            done.join(", "),
            file.display(),
        );
    }
}
