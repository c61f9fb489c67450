//! How fast the voter is and how much it keeps, with 1,000,000 prefixes and five VNs of four code bases on one core:
//! `cargo run --release -p braid-vote --example votes [PREFIXES]`. A figure per line: its name, its value, and what it
//! should be, separated by tabs.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark needs a clock and its own size"
)]
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use braid_vote::{
    EgressId, EgressSet, Elector, EngineState, Evidence, LayoutClass, Millis, NextHop, Policy, Poll,
    PrefixId, ProbeEvidence, RouteEvidence, Rule, VerificationEvidence,
};

const VNS: u8 = 5;
const NEIGHBOURS: u8 = 8;
const BORDERS: u16 = 5;
const CHANGES: u32 = 200_000;

/// A border's poll, and what a booth keeps besides: which prefix has which number.
struct Border {
    poll: Poll,
    numbers: BTreeMap<(u32, u8), PrefixId>,
    prefixes: Vec<(u32, u8)>,
    routes: Vec<RouteEvidence>,
    now: u64,
}

fn electors() -> Vec<Elector> {
    let code_bases = ["frr", "bird", "frr", "native-ospf", "native-isis"];
    let electors = (1..).zip(code_bases).map(|(vn, code_base)| Elector {
        vn,
        rank: vn.into(),
        code_base: code_base.into(),
        layout: Some(LayoutClass(1)),
    });
    electors.collect()
}

fn borders(index: u32) -> EgressSet {
    [EgressId((index % u32::from(BORDERS)) as u16)].into_iter().collect()
}

impl Border {
    /// All VNs agree on everything, probes and verification have looked at all, and the first vote has been held.
    fn new(prefixes: u32) -> Border {
        let next_hop = |last| NextHop { gateway: Some([100, 65, 0, last].into()), interface: "eth1".into() };
        let routes = (0..=NEIGHBOURS).map(|last| RouteEvidence::Usable {
            next_hops: [next_hop(last)].into_iter().collect(),
            metric: 20,
        });
        let mut border = Border {
            poll: Poll::new(),
            numbers: BTreeMap::new(),
            prefixes: Vec::new(),
            routes: routes.collect(),
            now: 0,
        };
        border.poll.set_electors(&electors());
        border.poll.reserve(prefixes as usize);
        border.prefixes.reserve_exact(prefixes as usize);
        for index in 0..prefixes {
            let number = border.poll.open(Policy::new(Rule::Majority), &borders(index));
            border.numbers.insert((index << 8, 24), number);
            border.prefixes.push((index << 8, 24));
        }
        for index in 0..prefixes {
            for vn in 1..=VNS {
                border.agree(index, vn);
            }
        }
        for vn in 1..=VNS {
            border.poll.hear(Millis(0), &Evidence::Engine { vn, state: EngineState::Running });
        }
        border.decide(10_000);
        border
    }

    fn route(&self, index: u32, vn: u8, wrong: bool) -> Evidence {
        let neighbour = index % u32::from(NEIGHBOURS);
        let route = self.routes[if wrong { usize::from(NEIGHBOURS) } else { neighbour as usize }].clone();
        Evidence::Route { prefix: PrefixId(index), vn, route }
    }

    fn agree(&mut self, index: u32, vn: u8) {
        let (prefix, egress) = (PrefixId(index), borders(index));
        let verification = VerificationEvidence::Delivers { egress: egress.clone() };
        let probe = ProbeEvidence::Delivers { egress };
        let now = Millis(self.now);
        self.poll.hear(now, &self.route(index, vn, false));
        self.poll.hear(now, &Evidence::Probe { prefix, vn, probe });
        self.poll.hear(now, &Evidence::Verification { prefix, vn, verification });
    }

    /// Votes on what changed, so many milliseconds later.
    fn decide(&mut self, later: u64) -> usize {
        self.now += later;
        self.poll.decide(Millis(self.now)).len()
    }

    fn set_policy(&mut self, policy: Policy) {
        for number in self.numbers.values() {
            self.poll.set_policy(*number, policy);
        }
        self.decide(10_000);
    }

    /// Has a VN see every prefix come out at the wrong border, or the right one.
    fn lie(&mut self, vn: u8, lies: bool) {
        for index in 0..self.prefixes.len() as u32 {
            let probe = ProbeEvidence::Delivers { egress: borders(index + u32::from(lies)) };
            self.poll.hear(Millis(self.now), &Evidence::Probe { prefix: PrefixId(index), vn, probe });
        }
    }

    /// Votes on everything, a few times over; the best time of a round.
    fn revote(&mut self) -> Duration {
        let round = |border: &mut Border| {
            border.poll.revote();
            let start = on_cpu();
            black_box(border.decide(0));
            on_cpu() - start
        };
        (0..5).map(|_| round(self)).min().unwrap_or_default()
    }

    /// The time of a vote on everything that has just changed.
    fn timed(&mut self, later: u64) -> (Duration, usize) {
        let start = on_cpu();
        let changed = self.decide(later);
        (on_cpu() - start, changed)
    }
}

/// For how long this process has been running on a core: on a machine that is shared, what counts is one core's work.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default())
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4096
}

fn report(figure: &str, value: &str, aim: &str) {
    println!("{figure}\t{value}\t{aim}");
}

fn votes(figure: &str, prefixes: u32, took: Duration) {
    let per_second = f64::from(prefixes) / took.as_secs_f64();
    report(figure, &format!("{per_second:.0} votes/s"), "≥ 1,000,000");
}

fn milliseconds(took: Duration) -> String {
    format!("{:.0} ms", took.as_secs_f64() * 1e3)
}

fn policies(border: &mut Border, prefixes: u32) {
    let policies = [
        ("master", Rule::Master { master: 1 }),
        ("majority", Rule::Majority),
        ("first-k", Rule::FirstK { k: 3 }),
        ("consensus", Rule::Consensus),
    ];
    for (name, rule) in policies {
        border.set_policy(Policy::new(rule));
        votes(&format!("{name}, all agree"), prefixes, border.revote());
        border.lie(4, true);
        border.decide(5_000);
        votes(&format!("{name}, one code base dissents"), prefixes, border.revote());
        border.lie(4, false);
        border.decide(5_000);
    }
    let policy = Policy { verified: true, ..Policy::new(Rule::Master { master: 1 }) };
    border.set_policy(policy);
    votes("master, verified, all agree", prefixes, border.revote());
}

fn events(border: &mut Border, prefixes: u32) {
    border.set_policy(Policy::new(Rule::Master { master: 1 }));
    report(&format!("re-vote of {prefixes} × {VNS}"), &milliseconds(border.revote()), "≤ 1 s");
    border.lie(1, true);
    let (noticed, _) = border.timed(0);
    let (settled, moved) = border.timed(200);
    assert_eq!(moved, prefixes as usize, "the driver was outvoted everywhere");
    report("the driver is contradicted on all prefixes", &milliseconds(noticed), "≤ 1 s");
    report("the same once it has settled: all move", &milliseconds(settled), "≤ 1 s");
    border.lie(1, false);
    border.decide(0);
    border.decide(900_000);
    let successor = border.poll.succession(1);
    border.poll.hear(Millis(border.now), &Evidence::Engine { vn: 1, state: EngineState::Gone });
    let (gone, moved) = border.timed(0);
    assert!(moved == prefixes as usize && successor == border.poll.winner(PrefixId(0)), "{moved} moved");
    report("the driver's engine dies: all move", &milliseconds(gone), "≤ 1 s");
    border.poll.hear(Millis(border.now), &Evidence::Engine { vn: 1, state: EngineState::Running });
    border.decide(900_000);
}

/// Route changes at random, one by one.
fn changes(border: &mut Border, prefixes: u32) {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut times: Vec<Duration> = (0..CHANGES)
        .map(|turn| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let index = (random % u64::from(prefixes)) as u32;
            let vn = 1 + (random >> 40) as u8 % VNS;
            let evidence = match turn % 3 {
                0 => border.route(index, vn, true),
                1 => Evidence::Route { prefix: PrefixId(index), vn, route: RouteEvidence::Missing },
                _ => Evidence::Probe { prefix: PrefixId(index), vn, probe: ProbeEvidence::Lost },
            };
            border.now += 1;
            let now = Millis(border.now);
            // What is due of earlier changes is not this one's.
            black_box(border.poll.decide(now));
            let start = Instant::now();
            border.poll.hear(now, &evidence);
            black_box(border.poll.decide(now));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    for (name, part) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let took = times[(times.len() as f64 * part) as usize];
        let aim = if name == "p99" { "≤ 20 µs" } else { "-" };
        report(&format!("one change → verdict, {name}"), &format!("{:.1} µs", took.as_secs_f64() * 1e6), aim);
    }
}

fn main() {
    let prefixes =
        std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000_u32).max(1000);
    let empty = resident();
    let mut border = Border::new(prefixes);
    let per_prefix = |bytes: usize| format!("{} bytes", bytes.saturating_sub(empty) / prefixes as usize);
    report("kept per prefix × 5 VNs, at rest", &per_prefix(resident()), "≤ 400 bytes");
    policies(&mut border, prefixes);
    events(&mut border, prefixes);
    changes(&mut border, prefixes);
    report("kept per prefix × 5 VNs, after all that", &per_prefix(resident()), "≤ 400 bytes");
}
