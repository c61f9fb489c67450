//! Two routers on one link, each in a namespace of its own, and the life that every engine must lead.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use braid_engine::{
    ATTACHED_PROTOCOL, Driver, EngineError, LinkIntent, Place, RouterIntent, cgroup::Cgroup,
    clear_crash_logs, driver,
};
use braid_kernel::{Netns, Signal};
use braid_native::{Client, ShellQuestion, isis, ospf};
use braid_proto::Engine;

pub const LIMIT: Duration = Duration::from_secs(3);

pub fn ip(args: &str) -> String {
    let output = Command::new("ip").args(args.split_whitespace()).output().expect("ip runs");
    assert!(output.status.success(), "ip {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One of two routers. The first announces a prefix.
pub struct Router {
    pub driver: &'static dyn Driver,
    pub intent: RouterIntent,
    pub place: Place,
}

/// Two routers and the link between them; gone with the test.
pub struct Pair {
    pub name: String,
    pub routers: [Router; 2],
    root: PathBuf,
}

impl Pair {
    pub fn new(engines: [Engine; 2]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("te{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // Under /run, since a unix socket's path must be short and FRR's account must reach it.
        let root = PathBuf::from(format!("/run/{name}"));
        let mut index = 0_u8;
        let routers = engines.map(|engine| {
            index += 1;
            let netns = Netns::create(&format!("{name}.{index}")).expect("a namespace");
            let dir = root.join(index.to_string());
            fs::create_dir_all(&dir).expect("a directory");
            ip(&format!("-n {name}.{index} addr add 100.64.0.{index}/32 dev lo"));
            ip(&format!("-n {name}.{index} link set lo up"));
            Router {
                driver: driver(engine),
                intent: RouterIntent {
                    node: format!("r{index}").parse().expect("a name"),
                    loopback: [100, 64, 0, index].into(),
                    links: vec![LinkIntent {
                        interface: "eth1".parse().expect("a name"),
                        address: format!("100.65.0.{}/31", index + 1).parse().expect("a prefix"),
                        // More than the 63 of IS-IS's narrow metrics.
                        metric: 300,
                        mtu: 1500,
                    }],
                    port: Some("port".parse().expect("a name")),
                    attached: if index == 1 {
                        vec!["198.18.1.0/24".parse().expect("a prefix")]
                    } else {
                        vec![]
                    },
                    hello: Duration::from_secs(1),
                },
                place: Place {
                    dir,
                    netns,
                    cgroup: Cgroup::new(format!("braid-{name}-r{index}"), 1 << 29, 64),
                },
            }
        });
        ip(&format!("-n {name}.1 link add eth1 type veth peer name eth1 netns {name}.2"));
        ip(&format!("-n {name}.1 link add port type veth peer name other netns {name}.2"));
        for index in 1..=2 {
            ip(&format!("-n {name}.{index} addr add 100.65.0.{}/31 dev eth1", index + 1));
            ip(&format!("-n {name}.{index} link set eth1 up"));
        }
        ip(&format!("-n {name}.2 link set other up"));
        ip(&format!("-n {name}.1 addr add 100.67.0.3/31 dev port"));
        ip(&format!("-n {name}.1 link set port up"));
        ip(&format!("-n {name}.1 route add 198.18.1.0/24 via 100.67.0.2 dev port proto {ATTACHED_PROTOCOL}"));
        for address in routers[0].driver.port_addresses(&routers[0].intent.attached) {
            ip(&format!("-n {name}.1 addr add {address} dev port noprefixroute"));
        }
        Self { name, routers, root }
    }

    pub async fn start(&self) {
        for router in &self.routers {
            router.place.cgroup.ensure().expect("this machine has control groups");
            assert!(router.driver.prepare(&router.intent, &router.place).await.expect("prepared"));
            assert!(!router.driver.prepare(&router.intent, &router.place).await.expect("prepared again"));
            let started = router.driver.start(&router.place).await.expect("started");
            assert_eq!(started.len(), router.driver.process_count());
        }
    }

    pub fn routes(&self, index: usize) -> String {
        ip(&format!("-n {}.{index} route", self.name))
    }

    pub async fn wait_for_routes(&self) -> Duration {
        let begin = Instant::now();
        let wanted = [(1, "100.64.0.2 "), (2, "100.64.0.1 "), (2, "198.18.1.0/24 ")];
        while !wanted.iter().all(|(index, route)| self.routes(*index).contains(route)) {
            assert!(
                begin.elapsed() < Duration::from_secs(40),
                "no routes: {} {}",
                self.routes(1),
                self.routes(2)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        begin.elapsed()
    }

    pub async fn wait_for_adjacency(&self) {
        for router in &self.routers {
            let begin = Instant::now();
            loop {
                let health = router.driver.health(&router.place, LIMIT).await;
                if health.as_ref().is_ok_and(|health| health.adjacencies() == 1) {
                    break;
                }
                assert!(begin.elapsed() < Duration::from_secs(40), "no adjacency: {health:?}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for (index, router) in self.routers.iter().enumerate() {
            for process in router.driver.processes(&router.place).unwrap_or_default() {
                let _ = process.signal(Signal::KILL);
                while process.is_alive() {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            clear_crash_logs(&router.place.dir);
            let _ = Netns::delete(&format!("{}.{}", self.name, index + 1));
            let _ = router.place.cgroup.delete();
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Changes the cost of a router's link by the engine's own tool, as an operator does.
async fn operator_sets_cost(router: &Router, cost: u16) {
    let dir = router.place.dir.display();
    let run = |program: &str, args: &[&str]| {
        let output = router.place.netns.command(program).args(args).output().expect("it runs");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let vtysh = |line: &str| {
        let socket = dir.to_string();
        run("vtysh", &["--vty_socket", &socket, "-c", "configure", "-c", "interface eth1", "-c", line]);
    };
    match router.driver.engine() {
        Engine::FrrOspf => vtysh(&format!("ip ospf cost {cost}")),
        Engine::FrrIsis => vtysh(&format!("isis metric {cost}")),
        Engine::BirdOspf => {
            let config = fs::read_to_string(router.place.dir.join("bird.conf")).expect("a configuration");
            let changed = format!("{dir}/operator.conf");
            fs::write(&changed, config.replace("cost 300;", &format!("cost {cost};"))).expect("written");
            run("birdc", &["-s", &format!("{dir}/bird.ctl"), &format!("configure \"{changed}\"")]);
        }
        Engine::NativeOspf => {
            let path = router.place.dir.join("braid-ospf.json");
            let mut file = ospf::File::read(&path).expect("a configuration");
            file.interfaces.get_mut("eth1").expect("it has that interface").cost = Some(cost);
            fs::write(&path, file.to_text()).expect("written");
            reload(ospf::socket_of(&router.place.dir)).await;
        }
        Engine::NativeIsis => {
            let path = router.place.dir.join("braid-isis.json");
            let mut file = isis::File::read(&path).expect("a configuration");
            file.circuits.get_mut("eth1").expect("it has that circuit").metric = Some(cost.into());
            fs::write(&path, file.to_text()).expect("written");
            reload(isis::socket_of(&router.place.dir)).await;
        }
    }
}

async fn reload(socket: PathBuf) {
    Client::new(socket, LIMIT).ask::<()>(&ShellQuestion::Reload).await.expect("taken");
}

/// The whole life of a pair of one engine.
pub async fn life(engine: Engine) {
    let pair = Pair::new([engine; 2]);
    pair.start().await;
    let converged = pair.wait_for_routes().await;
    pair.wait_for_adjacency().await;
    eprintln!("{engine}: two routers with all routes in {converged:?}");
    let [first, second] = &pair.routers;

    // It names what announces the other's prefix, and nothing where there is none.
    let told =
        |prefix: &str| second.driver.announced(prefix.parse().expect("a prefix"), &second.place.dir, LIMIT);
    let by = told("198.18.1.0/24").await.expect("an answer").expect("it is announced");
    eprintln!("{engine}: announced by {by}");
    let wanted: &[&str] = match engine {
        Engine::FrrOspf | Engine::BirdOspf | Engine::NativeOspf => {
            &["router LSA 100.64.0.1 from 100.64.0.1, sequence 0x800000", ", age "]
        }
        Engine::FrrIsis => &["LSP r1.00-00, sequence 0x"],
        Engine::NativeIsis => &["LSP ", ".00-00 (r1), sequence 0x"],
    };
    assert!(wanted.iter().all(|part| by.contains(part)), "{engine}: {by}");
    assert_eq!(told("203.0.113.0/24").await.expect("an answer"), None, "{engine}");

    // The running configuration is the intent, in every engine's own words.
    for router in &pair.routers {
        let drift = router.driver.drift(&router.intent, &router.place, LIMIT).await.expect("an answer");
        assert_eq!(drift, [], "{engine}");
    }
    // A prefix that somebody blackholes here is not announced.
    ip(&format!("-n {}.1 route add blackhole 198.18.99.0/24", pair.name));
    // What an operator changes behind our back is found.
    operator_sets_cost(first, 77).await;
    let drift = first.driver.drift(&first.intent, &first.place, LIMIT).await.expect("an answer");
    assert!(drift.len() == 1 && drift[0].found.contains("77"), "{engine}: {drift:?}");
    operator_sets_cost(first, first.intent.links[0].metric).await;
    assert_eq!(first.driver.drift(&first.intent, &first.place, LIMIT).await.expect("an answer"), []);

    // Another intent is found to differ from what runs.
    let mut other = first.intent.clone();
    other.links[0].metric = 301;
    let drift = first.driver.drift(&other, &first.place, LIMIT).await.expect("an answer");
    assert_eq!(drift.len(), 1, "{drift:?}");
    assert!(drift[0].wanted.contains("301") && drift[0].found.contains("300"), "{drift:?}");

    // Adoption: whoever looks at the pid files finds the same processes, in their control group.
    let pids = |router: &Router| -> BTreeSet<i32> {
        router.driver.processes(&router.place).expect("read").iter().map(|p| p.pid()).collect()
    };
    let before = pids(first);
    assert_eq!(before.len(), first.driver.process_count());
    assert_eq!(first.place.cgroup.pids().into_iter().collect::<BTreeSet<_>>(), before);
    let again = first.driver.start(&first.place).await.expect("nothing to start");
    assert_eq!(again.iter().map(|p| p.pid()).collect::<BTreeSet<_>>(), before);
    // Also when its pid files are lost.
    for process in first.driver.processes(&first.place).expect("read") {
        let file = first.place.dir.join(format!("{}.pid", process.name().expect("it lives")));
        let text = fs::read_to_string(&file).expect("a pid file");
        fs::remove_file(&file).expect("removed");
        assert_eq!(pids(first), before, "{engine}");
        fs::write(&file, text).expect("written");
    }

    // A crash: the routes that the first life put into the kernel stay until the second has learnt them anew.
    for process in first.driver.processes(&first.place).expect("read") {
        process.signal(Signal::KILL).expect("killed");
        process.exited().await.expect("it ends");
    }
    assert_eq!(pids(first).len(), 0);
    first.driver.start(&first.place).await.expect("started again");
    let begin = Instant::now();
    let mut gone = 0;
    // Longer than any engine holds on to routes that it has not learnt anew.
    while begin.elapsed() < Duration::from_secs(20) {
        // The agent asks every second.
        let _ = first.driver.health(&first.place, LIMIT).await;
        gone += u32::from(!pair.routes(1).contains("100.64.0.2 "));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(gone, 0, "{engine}: the restarted router forgot its routes for a while");
    pair.wait_for_routes().await;
    pair.wait_for_adjacency().await;
    assert!(!pair.routes(2).contains("198.18.99.0/24"), "a foreign route was announced");

    // A frozen daemon is silent within the limit.
    let frozen = second.driver.processes(&second.place).expect("read");
    for process in &frozen {
        process.signal(Signal::STOP).expect("stopped");
    }
    let begin = Instant::now();
    let error = second.driver.health(&second.place, Duration::from_millis(300)).await.expect_err("frozen");
    assert!(matches!(error, EngineError::Silent { .. }), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(2));
    for process in &frozen {
        process.signal(Signal::CONT).expect("continued");
    }

    // The new metric takes effect, and no route is lost on the way.
    assert!(first.driver.prepare(&other, &first.place).await.expect("prepared"));
    first.driver.reconfigure(&first.place, LIMIT).await.expect("reconfigured");
    assert!(pair.routes(1).contains("100.64.0.2 "), "{engine}: reconfiguring took the routes away");
    first.driver.start(&first.place).await.expect("runs");
    pair.wait_for_adjacency().await;
    assert!(pair.routes(1).contains("100.64.0.2 "), "{engine}: reconfiguring took the routes away");
    assert_eq!(first.driver.drift(&other, &first.place, LIMIT).await.expect("an answer"), []);

    for router in &pair.routers {
        router.driver.stop(&router.place, Duration::from_secs(2)).await.expect("stopped");
        assert_eq!(pids(router).len(), 0);
        router.place.cgroup.delete().expect("nothing is in it");
    }
}
