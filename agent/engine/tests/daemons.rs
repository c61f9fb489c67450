//! The drivers against the real daemons of FRR and BIRD.

mod common;

use std::fs;

use braid_kernel::Signal;
use braid_proto::Engine;

use crate::common::{Pair, life};

#[tokio::test]
async fn frr_ospf() {
    life(Engine::FrrOspf).await;
}

#[tokio::test]
async fn frr_isis() {
    life(Engine::FrrIsis).await;
}

#[tokio::test]
async fn bird_ospf() {
    life(Engine::BirdOspf).await;
}

#[tokio::test]
async fn two_code_bases_form_one_ospf_network() {
    let pair = Pair::new([Engine::BirdOspf, Engine::FrrOspf]);
    pair.start().await;
    pair.wait_for_routes().await;
    pair.wait_for_adjacency().await;
    // FRR sees the prefix that BIRD announces at the metric that FRR itself would announce it at: 300 + 20.
    let second = &pair.routers[1];
    let vtysh = second
        .place
        .netns
        .command("vtysh")
        .args(["--vty_socket", &second.place.dir.to_string_lossy(), "-c", "show ip ospf route"])
        .output()
        .expect("vtysh runs");
    let text = String::from_utf8_lossy(&vtysh.stdout).into_owned();
    assert!(text.contains("N    198.18.1.0/24         [320] area: 0.0.0.0"), "{text}");
}

#[tokio::test]
async fn a_protocol_daemon_does_not_outlive_its_zebra() {
    for engine in [Engine::FrrOspf, Engine::FrrIsis] {
        let pair = Pair::new([engine; 2]);
        pair.start().await;
        pair.wait_for_routes().await;
        let first = &pair.routers[0];
        let before = first.driver.processes(&first.place).expect("read");
        before[0].signal(Signal::KILL).expect("killed");
        before[0].exited().await.expect("it ends");
        let after = first.driver.start(&first.place).await.expect("started");
        assert_ne!(after[1].pid(), before[1].pid(), "{engine}: it tells its routes to nobody");
        assert!(pair.routes(1).contains("100.64.0.2 "), "{engine}: the routes went");
        pair.wait_for_adjacency().await;
        assert!(pair.routes(1).contains("100.64.0.2 "), "{engine}: the routes went");
    }
}

#[tokio::test]
async fn a_configuration_that_a_daemon_refuses_is_told_with_its_words() {
    let pair = Pair::new([Engine::BirdOspf, Engine::FrrOspf]);
    for (router, file) in pair.routers.iter().zip(["bird.conf", "ospfd.conf"]) {
        router.driver.prepare(&router.intent, &router.place).await.expect("prepared");
        fs::write(router.place.dir.join(file), "this is no configuration\n").expect("written");
    }
    let error = pair.routers[0].driver.start(&pair.routers[0].place).await.expect_err("refused").to_string();
    assert!(error.contains("bird does not start") && error.contains("syntax error"), "{error}");
    let error = pair.routers[1].driver.start(&pair.routers[1].place).await.expect_err("refused").to_string();
    assert!(error.contains("ospfd rejects") && error.contains("line 1: this is no configuration"), "{error}");
}
