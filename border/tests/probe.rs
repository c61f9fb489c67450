//! Probes in namespaces: three borders, two virtual networks with a router in the middle, real packets.
//!
//! ```text
//!  [a] braid-vn1 ── port [a.red] eth1 ── to-a [t.red] to-b ── eth1 [b.red] port ── braid-vn1 [b] cust0 ── eth0 [host]
//!      braid-vn2 ── port [a.green] …           to-c ── eth1 [c.red] port ── braid-vn1 [c]
//! ```
#![allow(clippy::print_stdout, reason = "figures for who runs it")]

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, UdpSocket},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use braid_border::probe::{
    self, Config, Counters, Evidence, Finding, Handle, Key, ProbePort, ProbeSpec, Target, drop_rule,
};
use braid_kernel::Netns;
use braid_probe::{Message, PORT, Probe};
use braid_proto::{NodeName, VnId};
use ipnet::Ipv4Net;
use tokio::sync::mpsc::Receiver;

const BORDERS: [&str; 3] = ["a", "b", "c"];
const VNS: [(u32, &str); 2] = [(1, "red"), (2, "green")];
const MORE_BORDERS: [&str; 5] = ["a", "b", "c", "d", "e"];
const MORE_VNS: [(u32, &str); 3] = [(1, "red"), (2, "green"), (3, "blue")];
const KEY: Key = Key([42; 32]);
const PATIENCE: Duration = Duration::from_secs(20);

fn vn(id: u32) -> VnId {
    VnId::try_from(id).expect("an id")
}

fn node(name: &str) -> NodeName {
    name.parse().expect("a name")
}

fn number(border: &str) -> u8 {
    border.as_bytes()[0] - b'a' + 1
}

fn loopback(border: &str) -> Ipv4Addr {
    Ipv4Addr::new(100, 64, 0, number(border))
}

fn prefix(border: &str) -> Ipv4Net {
    nth_prefix(border, 0)
}

fn nth_prefix(border: &str, n: u8) -> Ipv4Net {
    Ipv4Net::new(Ipv4Addr::new(198, 18, number(border) + 10 * n, 0), 24).expect("a prefix")
}

fn at(border: &str) -> Target {
    Target::Border(node(border))
}

fn within(border: &str) -> Target {
    Target::Prefix(prefix(border))
}

/// The surroundings; gone with the test.
struct World {
    name: String,
    borders: Vec<&'static str>,
    vns: Vec<(u32, &'static str)>,
    /// Behind each border.
    prefixes: u8,
}

impl World {
    fn new() -> Self {
        Self::of(&BORDERS, &VNS, 1)
    }

    fn of(borders: &[&'static str], vns: &[(u32, &'static str)], prefixes: u8) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tp{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let world = Self { name, borders: borders.to_vec(), vns: vns.to_vec(), prefixes };
        for part in world.parts() {
            Netns::create(&world.ns(&part)).expect("a namespace");
            world.ip(&part, "link set lo up");
        }
        for border in borders {
            for (id, vn) in vns {
                world.router(border, *id, vn);
            }
            world.sysctl(border, "net.ipv4.ip_forward=1");
        }
        world.cable("b", "cust0", "198.18.2.1/24", "host", "eth0", "198.18.2.10/24");
        world.ip("host", "route add default via 198.18.2.1");
        for border in borders {
            let ports: Vec<_> =
                vns.iter().map(|(id, _)| format!("braid-vn{id}").parse().expect("a name")).collect();
            let rule = drop_rule(&ports, borders.iter().map(|border| loopback(border)));
            let chain = "type filter hook prerouting priority raw; policy accept;";
            world.nft(border, &format!("table inet braid {{ chain probes {{ {chain}\n{rule}}}\n}}\n"));
        }
        world
    }

    fn parts(&self) -> Vec<String> {
        let mut parts = vec!["host".to_owned()];
        for (_, vn) in &self.vns {
            parts.push(format!("t.{vn}"));
            parts.extend(self.borders.iter().map(|border| format!("{border}.{vn}")));
        }
        parts.extend(self.borders.iter().map(|border| (*border).to_owned()));
        parts
    }

    fn ns(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }

    fn netns(&self, part: &str) -> Netns {
        Netns::open(&self.ns(part)).expect("the namespace")
    }

    fn run(&self, part: &str, program: &str, args: &str, input: &str) {
        let mut command = self.netns(part).command(program);
        command.args(args.split_whitespace()).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "in {part}: {program} {args} {input}: {error}");
    }

    fn ip(&self, part: &str, args: &str) {
        self.run(part, "ip", args, "");
    }

    fn sysctl(&self, part: &str, setting: &str) {
        self.run(part, "sysctl", &format!("-qw {setting}"), "");
    }

    fn nft(&self, part: &str, rules: &str) {
        self.run(part, "nft", "-f -", rules);
    }

    /// Drops what a transit router forwards and matches.
    fn drop_in(&self, part: &str, what: &str) {
        let chain = "type filter hook forward priority 0; policy accept;";
        self.nft(part, &format!("table inet fault {{ chain forward {{ {chain}\n{what} drop\n}}\n}}\n"));
    }

    fn mend(&self, part: &str) {
        self.nft(part, "delete table inet fault\n");
    }

    fn cable(&self, a: &str, a_name: &str, a_address: &str, b: &str, b_name: &str, b_address: &str) {
        self.ip(a, &format!("link add {a_name} type veth peer name {b_name} netns {}", self.ns(b)));
        for (ns, name, address) in [(a, a_name, a_address), (b, b_name, b_address)] {
            self.ip(ns, &format!("addr add {address} dev {name}"));
            self.ip(ns, &format!("link set dev {name} up"));
        }
    }

    /// A border's router in a virtual network, and its cables.
    fn router(&self, border: &str, id: u32, vn: &str) {
        let (n, router, transit) = (number(border), format!("{border}.{vn}"), format!("t.{vn}"));
        let (even, odd) = (format!("100.67.{n}.{}", 2 * id), format!("100.67.{n}.{}", 2 * id + 1));
        self.port(border, id, vn);
        self.cable(
            &router,
            "eth1",
            &format!("100.65.{n}.0/31"),
            &transit,
            &format!("to-{border}"),
            &format!("100.65.{n}.1/31"),
        );
        self.ip(&router, &format!("addr add {}/32 dev lo", loopback(border)));
        for all in ["100.64.0.0/16", "198.18.0.0/16"] {
            self.ip(&router, &format!("route add {all} via 100.65.{n}.1"));
        }
        self.ip(&transit, &format!("route add {}/32 via 100.65.{n}.0", loopback(border)));
        for prefix in (0..self.prefixes).map(|nth| nth_prefix(border, nth)) {
            self.ip(&router, &format!("route add {prefix} via {even} dev port"));
            self.ip(&transit, &format!("route add {prefix} via 100.65.{n}.0"));
        }
        for part in [&router, &transit] {
            self.sysctl(part, "net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0");
        }
        self.ip(border, &format!("route add default via {odd} metric {id}"));
    }

    fn port(&self, border: &str, id: u32, vn: &str) {
        let (n, router) = (number(border), format!("{border}.{vn}"));
        let (even, odd) = (format!("100.67.{n}.{}/31", 2 * id), format!("100.67.{n}.{}/31", 2 * id + 1));
        self.cable(border, &format!("braid-vn{id}"), &even, &router, "port", &odd);
        self.sysctl(&router, "net.ipv4.conf.port.accept_local=1");
    }

    fn spec(&self, border: &'static str) -> ProbeSpec {
        let others = self.borders.iter().filter(|other| **other != border);
        let prefixes = |border: &'static str| (0..self.prefixes).map(move |nth| nth_prefix(border, nth));
        let port = |(id, name): &(u32, &str)| {
            let port = ProbePort {
                namespace: self.ns(&format!("{border}.{name}")),
                port: format!("braid-vn{id}").parse().expect("a name"),
                router_port: "port".parse().expect("a name"),
            };
            (vn(*id), port)
        };
        ProbeSpec {
            key: KEY,
            config: Config::default(),
            loopback: loopback(border),
            borders: self.borders.iter().map(|border| (node(border), loopback(border))).collect(),
            attached: prefixes(border).collect(),
            foreign: others
                .flat_map(|other| prefixes(other).map(|prefix| (prefix, [node(other)].into())))
                .collect(),
            vns: self.vns.iter().map(port).collect(),
        }
    }

    fn start(&self, border: &'static str) -> Border {
        let (handle, inbox) = probe::start(&self.netns(border)).expect("probing starts");
        let spec = self.spec(border);
        let drives = spec.foreign.keys().map(|prefix| (*prefix, Some(vn(1)))).collect();
        handle.set(spec);
        handle.drives(drives);
        Border { name: border, handle, inbox, known: BTreeMap::new() }
    }

    fn udp(&self, part: &str, address: &str) -> UdpSocket {
        self.netns(part).run(|| UdpSocket::bind(address)).expect("entered").expect("bound")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for part in self.parts() {
            let _ = Netns::delete(&self.ns(&part));
        }
    }
}

/// A border that probes.
struct Border {
    name: &'static str,
    handle: Handle,
    inbox: Receiver<Finding>,
    known: BTreeMap<(VnId, Target), Finding>,
}

impl Border {
    fn listen(&mut self) {
        while let Ok(finding) = self.inbox.try_recv() {
            self.known.insert((finding.vn, finding.target.clone()), finding);
        }
    }

    fn evidence(&self, id: u32, target: &Target) -> Option<&Evidence> {
        Some(&self.known.get(&(vn(id), target.clone()))?.evidence)
    }

    fn delivers(&self, id: u32, target: &Target, egress: &str) -> bool {
        self.evidence(id, target) == Some(&Evidence::Delivers { egress: [node(egress)].into() })
    }

    fn is_lost(&self, id: u32, target: &Target) -> bool {
        self.evidence(id, target) == Some(&Evidence::Lost)
    }

    /// Waits until it is so, and says how long that took.
    fn await_that(&mut self, what: &str, is: impl Fn(&Self) -> bool) -> Duration {
        let begin = Instant::now();
        loop {
            self.listen();
            if is(self) {
                return begin.elapsed();
            }
            let counters = self.counters();
            assert!(
                begin.elapsed() < PATIENCE,
                "{} waits in vain: {what}: {:?} {counters:?}",
                self.name,
                self.known
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until all is well with what the others have.
    fn await_all(&mut self) {
        let name = self.name;
        self.await_that("all is well", |border| {
            BORDERS.iter().filter(|other| **other != name).all(|other| {
                let well = |target: &Target| VNS.iter().all(|(id, _)| border.delivers(*id, target, other));
                well(&at(other)) && well(&within(other))
            })
        });
    }

    fn counters(&self) -> Counters {
        self.handle.statistics().counters
    }

    /// Waits until so many more probes have been sent.
    fn await_probes(&mut self, more: u64) {
        let sent = |border: &Self| border.counters().border_probes;
        let before = sent(self);
        self.await_that("probes go on", |border| sent(border) >= before + more);
    }
}

#[test]
fn a_silent_fault_of_one_virtual_network_is_known_at_once_and_the_other_is_not_blamed() {
    // Goal: an egress drop at a transit router, which no control plane notices, is known in a moment.
    let world = World::new();
    let mut borders = BORDERS.map(|border| world.start(border));
    borders.iter_mut().for_each(Border::await_all);
    let [a, ..] = &mut borders;

    world.drop_in("t.red", "oifname \"to-b\"");
    let took = a.await_that("b is lost in red", |a| a.is_lost(1, &at("b")));
    println!("a dead way was known after {took:?}");
    assert!(took < Duration::from_millis(500), "{took:?}");
    a.await_that("its prefix, too", |a| a.is_lost(1, &within("b")));
    a.await_probes(50);
    a.listen();
    assert!(
        a.delivers(2, &at("b"), "b") && a.delivers(2, &within("b"), "b"),
        "green delivers: {:?}",
        a.known
    );
    assert!(a.delivers(1, &at("c"), "c"), "red delivers to others: {:?}", a.known);

    world.mend("t.red");
    a.await_all();
}

#[test]
fn one_prefix_that_goes_nowhere_or_elsewhere_is_found_and_no_customer_sees_a_probe() {
    let world = World::new();
    // A customer listens on the very port, with an address in the prefix: real datagrams come, probes never.
    let customer = world.udp("host", &format!("198.18.2.10:{PORT}"));
    customer.set_nonblocking(true).expect("it can");
    let mut capture = world
        .netns("host")
        .command("tcpdump")
        .args(["-i", "eth0", "-n", "-l", "-U", "udp and src net 100.64.0.0/16"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tcpdump runs");
    let mut ready = [0; 64];
    let length = capture.stderr.as_mut().expect("piped").read(&mut ready).expect("it says so");
    assert!(length > 0, "tcpdump listens");

    let mut borders = BORDERS.map(|border| world.start(border));
    borders.iter_mut().for_each(Border::await_all);
    let [a, ..] = &mut borders;
    a.await_probes(100);

    // Blackholed at the transit router.
    world.ip("t.red", "route replace blackhole 198.18.2.0/24");
    let took = a.await_that("the prefix is lost in red", |a| a.is_lost(1, &within("b")));
    println!("a blackholed prefix was known after {took:?}");
    a.listen();
    assert!(a.delivers(1, &at("b"), "b"), "the rest is well: {:?}", a.known);
    assert!(a.delivers(2, &within("b"), "b"), "green is well: {:?}", a.known);

    // Led to another border, and out of its port.
    world.ip("c.red", "route add 198.18.2.0/24 via 100.67.3.2 dev port");
    world.ip("t.red", "route replace 198.18.2.0/24 via 100.65.3.0");
    a.handle.doubt(vec![prefix("b")]);
    let took = a.await_that("it comes out at c", |a| a.delivers(1, &within("b"), "c"));
    println!("a misdirected prefix was known after {took:?}");
    a.await_that("c says that it is not attached", |a| a.counters().astray > 0);

    // And back out of the port that it went into.
    world.ip("t.red", "route replace 198.18.2.0/24 via 100.65.1.0");
    world.ip("a.red", "route replace 198.18.2.0/24 via 100.67.1.2 dev port");
    a.handle.doubt(vec![prefix("b")]);
    a.await_that("it comes out at a", |a| a.delivers(1, &within("b"), "a"));
    world.ip("a.red", "route del 198.18.2.0/24");
    world.ip("t.red", "route replace 198.18.2.0/24 via 100.65.2.0");
    a.await_all();

    // A datagram that is not from a border passes: port and prefix are the same.
    world.ip("a.red", "addr add 198.18.1.77/32 dev lo");
    let other = world.udp("a.red", "198.18.1.77:0");
    let mut got = Vec::new();
    let begin = Instant::now();
    while got.is_empty() && begin.elapsed() < PATIENCE {
        other.send_to(b"hello", ("198.18.2.10", PORT)).expect("sent");
        thread::sleep(Duration::from_millis(5));
        let mut bytes = [0; 2000];
        while let Ok((length, from)) = customer.recv_from(&mut bytes) {
            got.push((bytes[..length].to_vec(), from.ip()));
        }
    }
    assert!(!got.is_empty(), "customers reach each other on that port");
    assert!(got.iter().all(|(bytes, _)| bytes == b"hello"), "a customer got a probe: {got:?}");
    capture.kill().expect("it lives");
    let seen = capture.wait_with_output().expect("it ends").stdout;
    assert!(seen.is_empty(), "a customer's interface saw: {}", String::from_utf8_lossy(&seen));
}

#[test]
fn a_broken_way_back_is_bridged_by_the_other_virtual_network() {
    let world = World::new();
    let mut borders = BORDERS.map(|border| world.start(border));
    borders.iter_mut().for_each(Border::await_all);
    world.drop_in("t.red", "iifname \"to-b\" oifname \"to-a\"");
    let [a, b, _] = &mut borders;
    b.await_that("its own way to a is broken", |b| b.is_lost(1, &at("a")));
    a.await_probes(200);
    a.listen();
    assert!(a.delivers(1, &at("b"), "b"), "a's way to b is not: {:?}", a.known);
    assert!(a.delivers(1, &within("b"), "b"), "{:?}", a.known);
    b.await_that("green helped", |b| b.counters().helped > 0);
}

#[test]
fn forged_old_and_malformed_messages_change_counters_only() {
    let world = World::new();
    let mut borders = BORDERS.map(|border| world.start(border));
    borders.iter_mut().for_each(Border::await_all);
    let [_, b, _] = &mut borders;
    b.listen();
    let before: BTreeMap<_, _> = b.known.iter().map(|(key, f)| (key.clone(), f.evidence.clone())).collect();

    // As if a border had sent them: from its loopback, in its virtual network.
    let liar = world.udp("a.red", "100.64.0.1:0");
    let send =
        |bytes: &[u8]| assert_eq!(liar.send_to(bytes, (loopback("b"), PORT)).expect("sent"), bytes.len());
    let probe = Probe {
        vn: vn(1),
        help: true,
        prober: loopback("a"),
        target: loopback("b"),
        // Long before the one that runs.
        incarnation: 1,
        sequence: 7,
        nonce: 8,
        sent_at: 9,
    };
    let genuine = KEY.seal(&Message::Probe(probe));
    let mut changed = genuine.clone();
    changed[30] ^= 1;
    for _ in 0..20 {
        send(b"");
        send(b"GET / HTTP/1.1");
        send(&[0xff; 1400]);
        send(&changed);
        send(&Key([1; 32]).seal(&Message::Probe(probe)));
        send(&genuine);
        // A virtual network that it did not come through.
        send(&KEY.seal(&Message::Probe(Probe { vn: vn(2), ..probe })));
    }
    b.await_that("all were counted", |b| {
        let Counters { malformed, forged, replayed, unexpected, .. } = b.counters();
        malformed == 60 && forged == 40 && replayed == 20 && unexpected >= 20
    });
    b.await_probes(50);
    b.listen();
    let after: BTreeMap<_, _> = b.known.iter().map(|(key, f)| (key.clone(), f.evidence.clone())).collect();
    assert_eq!(before, after);
    borders[0].await_all();
}

#[test]
fn a_border_that_does_not_answer_is_lost_only_after_a_long_time_and_everywhere() {
    let world = World::new();
    let mut borders: Vec<_> = BORDERS.iter().map(|border| world.start(border)).collect();
    borders.iter_mut().for_each(Border::await_all);
    // Nothing but b's process is at fault: both virtual networks fall silent alike.
    drop(borders.remove(1));
    let a = &mut borders[0];
    let took = a.await_that("b is lost", |a| a.is_lost(1, &at("b")) || a.is_lost(2, &at("b")));
    println!("a border that does not answer was lost after {took:?}");
    assert!(took > Duration::from_millis(150), "fifteen probes take longer than three: {took:?}");
    a.await_that("in both", |a| a.is_lost(1, &at("b")) && a.is_lost(2, &at("b")));

    borders.push(world.start("b"));
    borders[0].await_all();
}

#[test]
fn a_port_that_goes_is_unknown_and_one_that_comes_is_probed() {
    let world = World::new();
    let mut borders = BORDERS.map(|border| world.start(border));
    borders.iter_mut().for_each(Border::await_all);
    let [a, ..] = &mut borders;
    world.ip("a", "link del braid-vn1");
    a.await_that("red is unknown", |a| a.evidence(1, &at("b")) == Some(&Evidence::Unknown));
    assert!(a.delivers(2, &at("b"), "b"));
    world.port("a", 1, "red");
    world.ip("a.red", "route add 198.18.1.0/24 via 100.67.1.2 dev port");
    a.await_all();

    // The whole namespace goes, and comes again.
    Netns::delete(&world.ns("a.red")).expect("deleted");
    a.await_that("red is unknown", |a| a.evidence(1, &at("b")) == Some(&Evidence::Unknown));
    Netns::create(&world.ns("a.red")).expect("a namespace");
    world.ip("a.red", "link set lo up");
    let begin = Instant::now();
    // Its cables go once nobody holds the namespace any more.
    while Command::new("ip")
        .args(["-n", &world.ns("t.red"), "link", "show", "dev", "to-a"])
        .output()
        .expect("ip runs")
        .status
        .success()
    {
        assert!(begin.elapsed() < PATIENCE, "somebody holds the old namespace");
        thread::sleep(Duration::from_millis(5));
    }
    world.router("a", 1, "red");
    a.await_all();
}

/// The time that the probing threads of this process have run so far, in user and kernel mode.
fn time_of_threads() -> [Duration; 2] {
    let mut time = [Duration::ZERO; 2];
    for task in std::fs::read_dir("/proc/self/task").expect("listed") {
        let stat = std::fs::read_to_string(task.expect("an entry").path().join("stat")).unwrap_or_default();
        if let Some((_, fields)) = stat.split_once("(probes)") {
            let ticks =
                fields.split_whitespace().skip(11).take(2).map(|field| field.parse().expect("a number"));
            // A tick of this interface is 10 ms on every Linux.
            time.iter_mut()
                .zip(ticks)
                .for_each(|(time, ticks): (_, u64)| *time += Duration::from_millis(ticks * 10));
        }
    }
    time
}

#[test]
fn probing_keeps_to_its_budget_and_costs_little() {
    // Goal: five borders, three virtual networks, twenty prefixes each, all at their defaults.
    let world = World::of(&MORE_BORDERS, &MORE_VNS, 20);
    let mut borders = MORE_BORDERS.map(|border| world.start(border));
    let wanted = 3 * 4 * (1 + 20);
    for border in &mut borders {
        border.await_that("all is known", |border| {
            let delivered = |finding: &&Finding| matches!(finding.evidence, Evidence::Delivers { .. });
            border.known.values().filter(delivered).count() == wanted
        });
    }
    let sent = |border: &Border| {
        let statistics = border.handle.statistics();
        let Counters { border_probes, prefix_probes, answers, lost, late, .. } = statistics.counters;
        (statistics.at, [border_probes, prefix_probes, answers, lost, late])
    };
    let (begin, time) = (borders.each_ref().map(sent), time_of_threads());
    for border in &mut borders {
        border.await_probes(1000);
    }
    let (end, later) = (borders.each_ref().map(sent), time_of_threads());
    let elapsed = end[0].0.since(begin[0].0).as_secs_f64();
    for ((border, then), now) in borders.iter().zip(&begin).zip(&end) {
        let rate = |at: usize| (now.1[at] - then.1[at]) as f64 / now.0.since(then.0).as_secs_f64();
        let [loopbacks, prefixes, answers, lost, late] = [0, 1, 2, 3, 4].map(rate);
        println!(
            "{}: {loopbacks:.0} probes to borders, {prefixes:.0} to prefixes, {answers:.0} answers, {lost:.1} lost, {late:.1} late, per second",
            border.name
        );
        assert!(loopbacks + prefixes + answers < 1100.0, "the budget is 1000");
    }
    let share = |at: usize| 100.0 * (later[at] - time[at]).as_secs_f64() / elapsed / borders.len() as f64;
    println!("each takes {:.1} % of a core in user mode and {:.1} % in the kernel", share(0), share(1));
}
