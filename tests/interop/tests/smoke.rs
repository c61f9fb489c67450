//! scratch
use braid_interop::{Kind, Network};
use braid_world::{AreaKind, Options, generate};

#[test]
fn run() {
    let var = |n: &str, d: &str| std::env::var(n).unwrap_or(d.into());
    let seed: u64 = var("SEED", "1").parse().unwrap();
    let kinds: Vec<Kind> = var("KINDS", "frr,bird").split(',').map(|k| k.parse().unwrap()).collect();
    let areas = var("AREAS", "")
        .split(',')
        .filter_map(|a| {
            Some(match a {
                "normal" => AreaKind::Normal,
                "stub" => AreaKind::Stub { summaries: true, default_cost: 5 },
                "totally" => AreaKind::Stub { summaries: false, default_cost: 5 },
                "nssa" => AreaKind::Nssa { summaries: true, default_cost: 5 },
                "tnssa" => AreaKind::Nssa { summaries: false, default_cost: 5 },
                _ => return None,
            })
        })
        .collect();
    let world = generate(
        seed,
        &Options {
            routers: var("ROUTERS", "6").parse().unwrap(),
            areas,
            virtual_link: var("VLINK", "0") == "1",
            ranges: var("RANGES", "0") == "1",
            ..Options::default()
        },
    );
    let who = world.router_indices().map(|r| kinds[(r.0 + seed as usize) % kinds.len()]).collect();
    let mut network = Network::start(world, who).unwrap();
    let t = std::time::Instant::now();
    let fail = |network: &Network, error: braid_interop::Error| {
        let mut text = String::new();
        for r in network.world().router_indices() {
            text += &network.account(r);
        }
        std::fs::write(format!("/tmp/g-fail-{seed}.txt"), format!("{:#?}\n{text}", network.world())).unwrap();
        panic!("{error}");
    };
    if let Err(error) = network.converge_within(std::time::Duration::from_secs(35)) {
        fail(&network, error);
    }
    eprintln!("converged in {:?}", t.elapsed());
    for change in braid_world::changes(&network.world().clone(), seed, var("CHANGES", "0").parse().unwrap()) {
        eprintln!(
            "{change} ({})",
            match change {
                braid_world::Change::Router(r, _)
                | braid_world::Change::Cost(_, r, _)
                | braid_world::Change::External(r, ..) => network.kind(r).to_string(),
                _ => String::new(),
            }
        );
        network.apply(&change).unwrap();
        let t = std::time::Instant::now();
        if let Err(error) = network.converge() {
            fail(&network, error);
        }
        eprintln!("  {:?}", t.elapsed());
    }
}
