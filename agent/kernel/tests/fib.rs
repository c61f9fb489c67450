//! The FIB watch against the kernel: whatever is done to a table, what was told ends up equal to what is.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test's panic is its report

mod common;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use braid_kernel::{
    FibEntry, FibEvent, FibWatch, LinkState, Netlink, NextHop, Nexthop, NexthopTarget, Route, RouteChange,
    RouteKind, VethSpec, sysctl,
};
use common::{PATIENCE, TestNs, eventually};
use ipnet::Ipv4Net;
use tokio::time::timeout;

const MAIN: u32 = 254;
const BRAID: u8 = 76;
const LINKS: usize = 4;

/// A router with four cables `e0`…`e3` to one neighbour, 10.0.N.0/31.
struct Router {
    ns: TestNs,
    neighbour: TestNs,
    netlink: Netlink,
}

async fn router() -> Router {
    let (ns, neighbour) = (TestNs::new("r"), TestNs::new("n"));
    let netlink = ns.netlink();
    netlink.set_admin("lo", true).await.unwrap();
    for number in 0..LINKS {
        add_cable(&netlink, &neighbour, number).await;
    }
    Router { ns, neighbour, netlink }
}

async fn add_cable(netlink: &Netlink, neighbour: &TestNs, number: usize) {
    let name = format!("e{number}");
    let cable = VethSpec { name: &name, peer: &name, peer_netns: &neighbour.netns, mtu: 1500, up: true };
    netlink.create_veth(&cable).await.unwrap();
    netlink.add_address(&name, format!("10.0.{number}.0/31").parse().unwrap()).await.unwrap();
}

impl Router {
    async fn index(&self, name: &str) -> u32 {
        self.netlink.link(name).await.unwrap().unwrap().index
    }
}

/// A watch and what it has told so far.
struct Reader {
    watch: FibWatch,
    told: BTreeMap<Ipv4Net, FibEntry>,
    links: Vec<(String, LinkState)>,
    snapshots: usize,
}

impl Reader {
    async fn open(ns: &TestNs) -> Self {
        Self::new(FibWatch::open(&ns.netns, MAIN).unwrap()).await
    }

    async fn new(watch: FibWatch) -> Self {
        let mut reader = Self { watch, told: BTreeMap::new(), links: Vec::new(), snapshots: 0 };
        timeout(PATIENCE, reader.take()).await.unwrap();
        assert_eq!(reader.snapshots, 1, "the first event is a snapshot");
        reader
    }

    async fn take(&mut self) {
        let events = self.watch.next_batch(1000).await;
        assert!(!events.is_empty(), "the watch ended");
        for event in events {
            match event {
                FibEvent::Snapshot(entries) => {
                    self.snapshots += 1;
                    self.told = entries.into_iter().map(|entry| (entry.prefix, entry)).collect();
                }
                FibEvent::Change { prefix, entry: Some(entry) } => {
                    assert_eq!(prefix, entry.prefix);
                    assert_ne!(self.told.insert(prefix, entry.clone()), Some(entry), "told twice");
                }
                FibEvent::Change { prefix, entry: None } => {
                    assert!(self.told.remove(&prefix).is_some(), "{prefix} was not there to go");
                }
                FibEvent::Link { interface, state, .. } => self.links.push((interface.to_string(), state)),
                FibEvent::Stale { reason } => panic!("stale: {reason}"),
            }
        }
    }

    /// Takes events until what was told has a property.
    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let all = async {
            while !holds(self) {
                self.take().await;
            }
        };
        let late = timeout(PATIENCE, all).await.is_err();
        let some: String = self.text().lines().take(20).collect::<Vec<_>>().join("\n");
        assert!(!late, "not told within {PATIENCE:?}: {what}; told are {}, as\n{some}", self.told.len());
    }

    fn usable(&self, prefix: &str) -> bool {
        self.told.get(&net(prefix)).is_some_and(FibEntry::is_usable)
    }

    /// What was told, as text to compare.
    fn text(&self) -> String {
        let mut text = String::new();
        for entry in self.told.values() {
            // Routes to nowhere may name the loopback interface.
            let hops = if entry.kind == RouteKind::Unicast { &entry.next_hops[..] } else { &[] };
            let hops: Vec<_> = hops
                .iter()
                .map(|hop| (hop.via.map(|via| via.to_string()), hop.interface.to_string(), hop.up))
                .collect();
            let kind = format!("{:?}", entry.kind).to_lowercase();
            writeln!(text, "{} {kind} metric {} {hops:?}", entry.prefix, entry.priority).unwrap();
        }
        text
    }
}

/// What `ip` shows of the main table, the first route of each prefix, in the same form. It shows what a nexthop object
/// stands for only with nexthop_compat_mode=1, so this sets that for the time being.
fn kernel_text(ns: &TestNs) -> String {
    const KEY: &str = "net/ipv4/nexthop_compat_mode";
    let mode = sysctl::read(&ns.netns, KEY).unwrap();
    sysctl::write(&ns.netns, KEY, "1").unwrap();
    let mut best = BTreeMap::new();
    for route in ns.ip_json("-d route show table main").as_array().unwrap() {
        let destination = match route["dst"].as_str().unwrap() {
            "default" => "0.0.0.0/0".to_owned(),
            host if !host.contains('/') => format!("{host}/32"),
            net => net.to_owned(),
        };
        if route.get("tos").is_some() {
            continue;
        }
        let hop = |hop: &serde_json::Value| {
            let flags = hop["flags"].as_array().unwrap();
            let up = !flags.contains(&"linkdown".into()) && !flags.contains(&"dead".into());
            (hop["gateway"].as_str().map(str::to_owned), hop["dev"].as_str().unwrap().to_owned(), up)
        };
        let kind = route["type"].as_str().unwrap();
        let hops: Vec<_> = match route.get("nexthops") {
            _ if kind != "unicast" => vec![],
            Some(hops) => hops.as_array().unwrap().iter().map(hop).collect(),
            None if route.get("dev").is_some() => vec![hop(route)],
            None => vec![],
        };
        let metric = route["metric"].as_u64().unwrap_or(0);
        let prefix: Ipv4Net = destination.parse().unwrap();
        best.entry(prefix).or_insert(format!("{prefix} {kind} metric {metric} {hops:?}\n"));
    }
    sysctl::write(&ns.netns, KEY, &mode).unwrap();
    best.into_values().collect()
}

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

/// The `number`th of many /32 prefixes.
fn many(number: u32) -> Ipv4Net {
    Ipv4Net::new(Ipv4Addr::from(0x2000_0000 + number), 32).unwrap()
}

/// Random numbers from a seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }

    /// One thing that may happen to a router, as a line for `ip -batch`. Many are refused; that is part of it.
    fn deed(&mut self) -> String {
        let prefix = format!("172.16.{}.0/24", self.roll(6));
        let (a, b) = (self.roll(LINKS), self.roll(LINKS));
        let id = 1 + self.roll(3);
        let verb = self.pick(&["add", "append", "prepend", "replace", "replace", "change", "del", "del"]);
        let metric = self.pick(&["", "", "metric 10", "metric 20"]);
        let tos = self.pick(&["", "", "", "", "tos 0x10"]);
        match self.roll(20) {
            0..=5 => format!("route {verb} {prefix} via 10.0.{a}.1 dev e{a} {metric} {tos}"),
            6 => format!("route {verb} {prefix} dev e{a} {metric}"),
            7..=8 => format!("route {verb} {prefix} {metric} nexthop via 10.0.{a}.1 nexthop via 10.0.{b}.1"),
            9 => format!(
                "route {verb} {} {prefix} {metric}",
                self.pick(&["blackhole", "unreachable", "prohibit"])
            ),
            10..=12 => format!("route {verb} {prefix} {metric} nhid {}", 1 + self.roll(4)),
            13 => format!("nexthop replace id {id} via 10.0.{a}.1 dev e{a}"),
            14 => format!("nexthop replace id {id} blackhole"),
            15 => format!("nexthop replace id 4 group {}/{},2", 1 + self.roll(2), 3),
            16 => format!("nexthop del id {}", 1 + self.roll(4)),
            17 => format!("link set dev e{a} down"),
            18 => format!("link set dev e{a} up"),
            _ => match self.roll(4) {
                0 => format!("addr del 10.0.{a}.0/31 dev e{a}"),
                1 => format!("route flush {prefix}"),
                _ => format!("addr add 10.0.{a}.0/31 dev e{a}"),
            },
        }
    }
}

/// Does the deeds in `ip`'s own process, as quickly as it can.
fn carry_out(ns: &TestNs, deeds: &str) {
    use std::{io::Write as _, process::Stdio};
    let mut command = ns.netns.command("ip");
    command.args(["-force", "-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut ip = command.spawn().unwrap();
    ip.stdin.take().unwrap().write_all(deeds.as_bytes()).unwrap();
    ip.wait().unwrap();
}

/// The seed of a random run: from `BRAID_SEED`, else of this process.
fn seed() -> u64 {
    std::env::var("BRAID_SEED")
        .map_or(0x9E37_79B9 ^ u64::from(std::process::id()), |seed| seed.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_sequence_of_changes_what_was_told_is_what_is() {
    let seed = seed();
    let mut dice = Dice(seed | 1);
    let router = router().await;
    let mut reader = Reader::open(&router.ns).await;
    let mut deeds = 0;
    for round in 0..60 {
        // A burst of 1 to 60 deeds, perhaps a far end that goes down or comes up amid them, then quiet: what was told
        // must come to equal what is. Every other round the kernel names nexthop objects only by their id.
        let mode = if round % 2 == 0 { "1" } else { "0" };
        sysctl::write(&router.ns.netns, "net/ipv4/nexthop_compat_mode", mode).unwrap();
        let burst: Vec<String> = (0..1 + dice.roll(60)).map(|_| dice.deed()).collect();
        let far = format!("link set dev e{} {}", dice.roll(LINKS), dice.pick(&["up", "down"]));
        deeds += burst.len();
        std::thread::scope(|scope| {
            scope.spawn(|| carry_out(&router.ns, &(burst.join("\n") + "\n")));
            scope.spawn(|| carry_out(&router.neighbour, &(far + "\n")));
        });
        let start = Instant::now();
        while reader.text() != kernel_text(&router.ns) {
            let _ = timeout(Duration::from_millis(10), reader.take()).await;
            assert!(
                start.elapsed() < PATIENCE,
                "seed {seed}, round {round}: after\n{}\nthe kernel has\n{}\nbut told was\n{}\nreplay: \
                 BRAID_SEED={seed} cargo test -p braid-kernel --test fib after_any",
                burst.join("\n"),
                kernel_text(&router.ns),
                reader.text()
            );
        }
    }
    println!("{deeds} deeds, {:?}", reader.watch.stats());
    assert_eq!(reader.snapshots, 1, "only the first snapshot is needed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_finds_nothing_while_notifications_tell_all() {
    // The same random deeds, audited all the time and without lists after each burst: no audit finds a difference.
    let seed = seed();
    let mut dice = Dice(seed | 1);
    let router = router().await;
    let watch = FibWatch::open_audited(&router.ns.netns, MAIN, Duration::from_millis(30)).unwrap();
    let mut reader = Reader::new(watch).await;
    for _ in 0..40 {
        let burst: Vec<String> = (0..20).map(|_| dice.deed()).collect();
        carry_out(&router.ns, &(burst.join("\n") + "\n"));
        let before = reader.watch.stats().audits;
        eventually("an undisturbed audit", async || {
            while let Ok(()) = timeout(Duration::from_millis(1), reader.take()).await {}
            reader.watch.stats().audits > before
        })
        .await;
        assert_eq!(reader.text(), kernel_text(&router.ns), "seed {seed}");
    }
    let stats = reader.watch.stats();
    println!("{stats:?}");
    assert_eq!(stats.audit_differences, 0, "seed {seed}: {stats:?}");
}

#[tokio::test]
async fn a_change_is_told_at_once() {
    let router = router().await;
    let mut reader = Reader::open(&router.ns).await;
    let hop = NextHop::new(Ipv4Addr::new(10, 0, 1, 1), router.index("e1").await);
    let route = Route::unicast(net("198.18.0.0/15"), MAIN, BRAID, hop);
    let mut latencies = Vec::new();
    for _ in 0..50 {
        let start = Instant::now();
        router.netlink.replace_route(&route).await.unwrap();
        reader.until("the route", |reader| reader.usable("198.18.0.0/15")).await;
        router.netlink.delete_route(&route).await.unwrap();
        reader.until("no route", |reader| !reader.told.contains_key(&route.prefix)).await;
        latencies.push(start.elapsed() / 2);
    }
    latencies.sort();
    println!("told after {:?} (median), {:?} (worst)", latencies[25], latencies[49]);
}

#[tokio::test]
async fn the_lower_metric_wins_and_the_other_stands_by() {
    let router = router().await;
    let mut reader = Reader::open(&router.ns).await;
    router.ns.ip("route add 192.0.2.0/24 via 10.0.1.1 metric 20");
    router.ns.ip("route add 192.0.2.0/24 via 10.0.2.1 metric 10");
    let metric = |reader: &Reader| reader.told.get(&net("192.0.2.0/24")).map(|entry| entry.priority);
    reader.until("metric 10", |reader| metric(reader) == Some(10)).await;
    router.ns.ip("route del 192.0.2.0/24 metric 10");
    reader.until("metric 20", |reader| metric(reader) == Some(20)).await;
    // Routes for one type of service are not the best for all.
    router.ns.ip("route add 192.0.2.0/24 tos 0x10 via 10.0.3.1 metric 1");
    router.ns.ip("route add 192.0.3.0/24 via 10.0.3.1");
    reader.until("the later route", |reader| reader.usable("192.0.3.0/24")).await;
    assert_eq!(metric(&reader), Some(20));
    // Other tables are not this one.
    router.ns.ip("route add 192.0.4.0/24 via 10.0.3.1 table 100");
    router.ns.ip("route del 192.0.3.0/24");
    reader.until("gone", |reader| !reader.usable("192.0.3.0/24")).await;
    assert!(!reader.told.contains_key(&net("192.0.4.0/24")));
}

#[tokio::test]
async fn routes_that_go_in_silence_are_told() {
    let router = router().await;
    router.ns.ip("route add 192.0.2.0/24 via 10.0.1.1");
    router.ns.ip("route add 192.0.3.0/24 nexthop via 10.0.1.1 nexthop via 10.0.2.1");
    router.ns.ip("nexthop add id 9 via 10.0.1.1 dev e1");
    router.ns.ip("route add 192.0.4.0/24 nhid 9");
    let mut reader = Reader::open(&router.ns).await;
    assert!(["192.0.2.0/24", "192.0.3.0/24", "192.0.4.0/24"].iter().all(|prefix| reader.usable(prefix)));

    // The far end goes down: no carrier. The routes stay, those over this link alone are of no use.
    router.neighbour.ip("link set dev e1 down");
    reader.until("192.0.2.0/24 is of no use", |reader| !reader.usable("192.0.2.0/24")).await;
    reader.until("192.0.4.0/24 is of no use", |reader| !reader.usable("192.0.4.0/24")).await;
    assert!(reader.usable("192.0.3.0/24"));
    assert!(reader.links.contains(&("e1".to_owned(), LinkState::Down)));

    // Carrier again: what the kernel kept is of use again (routes to nexthop objects it did not keep).
    router.neighbour.ip("link set dev e1 up");
    reader.until("192.0.2.0/24 is back", |reader| reader.usable("192.0.2.0/24")).await;

    // Admin-down: the kernel takes the routes away without a word.
    router.ns.ip("link set dev e1 down");
    reader.until("192.0.2.0/24 is gone", |reader| !reader.told.contains_key(&net("192.0.2.0/24"))).await;
    assert!(reader.usable("192.0.3.0/24"), "the other half of the multipath stays");

    // The interface vanishes, and so does what is left over it.
    router.ns.ip("link del dev e2");
    reader.until("192.0.3.0/24 is gone", |reader| !reader.told.contains_key(&net("192.0.3.0/24"))).await;
    reader.until("e2 is gone", |reader| reader.links.contains(&("e2".to_owned(), LinkState::Gone))).await;

    // A new interface of the old name is another interface.
    add_cable(&router.netlink, &router.neighbour, 2).await;
    router.ns.ip("route add 192.0.5.0/24 via 10.0.2.1");
    reader.until("192.0.5.0/24", |reader| reader.usable("192.0.5.0/24")).await;
    assert_eq!(reader.text(), kernel_text(&router.ns));
}

#[tokio::test]
async fn one_nexthop_replace_changes_all_its_entries() {
    const COUNT: u32 = 10_000;
    let router = router().await;
    sysctl::write(&router.ns.netns, "net/ipv4/nexthop_compat_mode", "0").unwrap();
    let (e1, e2) = (router.index("e1").await, router.index("e2").await);
    let by = |number: u8, ifindex| Nexthop {
        id: 7601,
        target: NexthopTarget::Device { via: Some(Ipv4Addr::new(10, 0, number, 1)), ifindex },
        protocol: BRAID,
    };
    router.netlink.replace_nexthop(&by(1, e1)).await.unwrap();
    let changes: Vec<_> =
        (0..COUNT).map(|n| RouteChange::Replace(Route::to_nexthop(many(n), MAIN, BRAID, 7601))).collect();
    router.netlink.apply_routes(&changes).await.unwrap();
    let mut reader = Reader::open(&router.ns).await;
    let all_by = |reader: &Reader, name: &str| {
        reader
            .told
            .range(many(0)..=many(COUNT))
            .filter(|(_, entry)| &*entry.next_hops[0].interface == name)
            .count()
            == COUNT as usize
    };
    assert!(all_by(&reader, "e1"));

    // The kernel says one word, and all entries follow.
    let start = Instant::now();
    router.netlink.replace_nexthop(&by(2, e2)).await.unwrap();
    reader.until("all by e2", |reader| all_by(reader, "e2")).await;
    println!("{COUNT} entries followed in {:?}", start.elapsed());

    // Into the black hole they are of no use; deleted with the object they are gone, of which the kernel says nothing.
    router
        .netlink
        .replace_nexthop(&Nexthop { id: 7601, target: NexthopTarget::Blackhole, protocol: BRAID })
        .await
        .unwrap();
    reader
        .until("all black", |reader| {
            reader.told.range(many(0)..=many(COUNT)).all(|(_, entry)| entry.kind == RouteKind::Blackhole)
        })
        .await;
    router.netlink.delete_nexthop(7601).await.unwrap();
    reader.until("all gone", |reader| reader.told.range(many(0)..=many(COUNT)).next().is_none()).await;
}

#[tokio::test]
async fn an_overrun_loses_nothing() {
    // A reader that does not read while far more happens than the kernel's buffer and the queue hold.
    const COUNT: u32 = 200_000;
    let router = router().await;
    let mut reader = Reader::open(&router.ns).await;
    let hop = NextHop::new(Ipv4Addr::new(10, 0, 1, 1), router.index("e1").await);
    let route = |n| Route::unicast(many(n), MAIN, BRAID, hop);
    let add: Vec<_> = (0..COUNT).map(|n| RouteChange::Replace(route(n))).collect();
    let delete: Vec<_> = (1000..COUNT).map(|n| RouteChange::Delete(route(n))).collect();
    router.netlink.apply_routes(&add).await.unwrap();
    router.netlink.apply_routes(&delete).await.unwrap();
    reader.until("1,000 routes and the cables'", |reader| reader.told.len() == 1000 + LINKS).await;
    eventually("quiet", async || timeout(Duration::from_millis(100), reader.take()).await.is_err()).await;
    assert_eq!(reader.text(), kernel_text(&router.ns));
    println!("{:?}", reader.watch.stats());
    assert!(reader.watch.stats().overruns > 0, "this test is meant to overrun the buffer");
}

#[tokio::test]
async fn dropping_the_watch_lets_go_of_the_namespace() {
    let ns = TestNs::new("drop");
    let reader = Reader::open(&ns).await;
    drop(reader);
    // The socket keeps a namespace: its end shows by the cable that it takes with it.
    let other = TestNs::new("other");
    let cable = VethSpec { name: "x", peer: "x", peer_netns: &other.netns, mtu: 1500, up: false };
    ns.netlink().create_veth(&cable).await.unwrap();
    drop(ns);
    let netlink = other.netlink();
    eventually("the namespace is gone", async || netlink.link("x").await.unwrap().is_none()).await;
}
