//! The driver of braid's own engine. This program is the test, and also the binary that the driver starts: itself.

#![allow(clippy::print_stdout, reason = "a test without the standard harness says itself what it did")]

mod common;

use std::{env, fs, process::ExitCode};

use braid_proto::Engine;

use crate::common::{LIMIT, Pair, life};

/// Goal: FRR and BIRD agree with the embedded engine on what they tell one another.
async fn three_code_bases_form_one_ospf_network() {
    for other in [Engine::FrrOspf, Engine::BirdOspf] {
        for engines in [[Engine::NativeOspf, other], [other, Engine::NativeOspf]] {
            let pair = Pair::new(engines);
            pair.start().await;
            let converged = pair.wait_for_routes().await;
            pair.wait_for_adjacency().await;
            println!(
                "measured: {} and {}: two routers with all routes in {converged:?}",
                engines[0], engines[1]
            );
        }
    }
}

/// Goal: what is wrong with a configuration is told at the start, with its place.
async fn a_configuration_that_the_engine_refuses_is_told_with_its_words() {
    let pair = Pair::new([Engine::NativeOspf; 2]);
    let first = &pair.routers[0];
    first.place.cgroup.ensure().expect("this machine has control groups");
    first.driver.prepare(&first.intent, &first.place).await.expect("prepared");
    fs::write(first.place.dir.join("braid-ospf.json"), "{\n  \"router_id\": 7 }\n").expect("written");
    let error = first.driver.start(&first.place).await.expect_err("refused").to_string();
    assert!(
        error.contains("braid-ospf does not start") && error.contains("braid-ospf.json:2:16: "),
        "{error}"
    );
    let silent = first.driver.health(&first.place, LIMIT).await.expect_err("nobody is there");
    assert!(matches!(silent, braid_engine::EngineError::Silent { .. }), "{silent}");
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|word| word == "agent") {
        return braid_native::main();
    }
    let tests =
        ["native_ospf", "three_code_bases_form_one_ospf_network", "a_configuration_that_the_engine_refuses"];
    if args.iter().any(|arg| arg == "--list") {
        tests.iter().for_each(|test| println!("{test}: test"));
        return ExitCode::SUCCESS;
    }
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for test in tests {
        if !filters.is_empty() && !filters.iter().any(|filter| test.contains(filter.as_str())) {
            continue;
        }
        runtime.block_on(async {
            match test {
                "native_ospf" => life(Engine::NativeOspf).await,
                "three_code_bases_form_one_ospf_network" => three_code_bases_form_one_ospf_network().await,
                _ => a_configuration_that_the_engine_refuses_is_told_with_its_words().await,
            }
        });
        println!("test {test} ... ok");
    }
    ExitCode::SUCCESS
}
