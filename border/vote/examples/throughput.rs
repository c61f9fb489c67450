//! How many votes per second one core decides, with five VNs of four code bases:
//! `cargo run --release -p braid-vote --example throughput`. One line per case: its name, then votes per second.
#![allow(clippy::disallowed_types, reason = "a benchmark needs a clock; the library does not")]
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::{hint::black_box, time::Instant};

use braid_vote::{
    Ballot, Election, Elector, EngineEvidence, EngineState, FibEvidence, LayoutClass, Millis, NextHop,
    Policy, RouteEvidence, Rule, SortedSet,
};

const PREFIXES: usize = 100_000;
const ROUNDS: u64 = 20;

fn ballots(gateways: [u8; 5]) -> Vec<Ballot> {
    let next_hops = |last: u8| -> SortedSet<NextHop> {
        [NextHop { gateway: Some([100, 65, 0, last].into()), interface: "eth1".into() }].into_iter().collect()
    };
    let usable = |last| RouteEvidence::Usable { next_hops: next_hops(last), metric: 20 };
    (1..)
        .zip(gateways)
        .map(|(vn, last)| Ballot {
            fib: FibEvidence { route: usable(last), since: Millis(0) },
            engine: EngineEvidence { state: EngineState::Running, since: Millis(0) },
            ..Ballot::blank(vn)
        })
        .collect()
}

fn measure(name: &str, policy: Policy, electors: &[Elector], evidence: &[Vec<Ballot>]) {
    let mut elections = vec![Election::new(policy); PREFIXES];
    let mut changes = 0_u64;
    let start = Instant::now();
    for round in 0..ROUNDS {
        // A second per round: every disagreement has settled when the evidence changes again.
        let ballots = &evidence[round as usize % evidence.len()];
        for election in &mut elections {
            let decision = election.decide(Millis(round * 1000), electors, black_box(ballots));
            changes += u64::from(black_box(decision).changed);
        }
    }
    let votes = ROUNDS * PREFIXES as u64;
    let per_second = votes as f64 / start.elapsed().as_secs_f64();
    println!("{name:<24} {per_second:>10.0} votes/s  {changes:>8} changes");
}

fn main() {
    let electors: Vec<Elector> = ["frr", "bird", "frr", "native-ospf", "native-isis"]
        .into_iter()
        .zip(1..)
        .map(|(code_base, vn)| Elector {
            vn,
            rank: vn.into(),
            code_base: code_base.into(),
            layout: Some(LayoutClass(1)),
        })
        .collect();
    let (master, majority) = (Policy::new(Rule::Master { master: 1 }), Policy::new(Rule::Majority));
    let agreed = [ballots([1; 5])];
    let dissent = [ballots([1, 1, 1, 9, 1])];
    let contradicted = [ballots([1; 5]), ballots([9, 1, 1, 1, 1]), ballots([9, 1, 1, 1, 1])];
    let mut lost = ballots([1; 5]);
    lost[0].fib.route = RouteEvidence::Missing;
    let failing = [ballots([1; 5]), lost];
    measure("master-agreed", master, &electors, &agreed);
    measure("master-dissent", master, &electors, &dissent);
    measure("master-contradicted", master, &electors, &contradicted);
    measure("master-failing", master, &electors, &failing);
    measure("majority-agreed", majority, &electors, &agreed);
    measure("majority-contradicted", majority, &electors, &contradicted);
}
