//! The drivers of braid's own engines. This program is the test, and also the binary that the driver starts: itself.

#![allow(clippy::print_stdout, reason = "a test without the standard harness says itself what it did")]

mod common;

use std::{env, fs, process::ExitCode};

use braid_native::{Client, isis};
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

/// Goal: the same for IS-IS, at the same metrics.
async fn two_code_bases_form_one_isis_network() {
    for engines in [[Engine::NativeIsis, Engine::FrrIsis], [Engine::FrrIsis, Engine::NativeIsis]] {
        let pair = Pair::new(engines);
        pair.start().await;
        let converged = pair.wait_for_routes().await;
        pair.wait_for_adjacency().await;
        println!("measured: {} and {}: two routers with all routes in {converged:?}", engines[0], engines[1]);
        // The prefix at 300 + 20, as FRR itself announces it, by either's account.
        let second = &pair.routers[1];
        let text = if engines[1] == Engine::FrrIsis {
            let output = second
                .place
                .netns
                .command("vtysh")
                .args(["--vty_socket", &second.place.dir.to_string_lossy(), "-c", "show isis route"])
                .output()
                .expect("vtysh runs");
            String::from_utf8_lossy(&output.stdout).into_owned()
        } else {
            let client = Client::new(isis::socket_of(&second.place.dir), LIMIT);
            let routes: Vec<isis::Route> = client.ask(&isis::Question::Routes).await.expect("an answer");
            routes.iter().map(|route| format!("{} {}\n", route.prefix, route.metric)).collect()
        };
        let line = text.lines().find(|line| line.contains("198.18.1.0/24")).expect("it is there");
        assert!(line.split_whitespace().any(|word| word == "320"), "{text}");
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
    let tests = [
        "native_ospf",
        "native_isis",
        "three_code_bases_form_one_ospf_network",
        "two_code_bases_form_one_isis_network",
        "a_configuration_that_the_engine_refuses",
    ];
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
                "native_isis" => life(Engine::NativeIsis).await,
                "three_code_bases_form_one_ospf_network" => three_code_bases_form_one_ospf_network().await,
                "two_code_bases_form_one_isis_network" => two_code_bases_form_one_isis_network().await,
                _ => a_configuration_that_the_engine_refuses_is_told_with_its_words().await,
            }
        });
        println!("test {test} ... ok");
    }
    ExitCode::SUCCESS
}
