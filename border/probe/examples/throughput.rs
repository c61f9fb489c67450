//! What probing costs by itself, without a kernel: `cargo run --release -p braid-probe --example throughput [PREFIXES]`.

// An example measures, so it may look at the clock and at files.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, clippy::print_stdout)]

use std::{
    hint::black_box,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use braid_probe::{Arrival, Config, Datagram, Key, Message, Micros, Place, Probe, Station, Targets};
use braid_proto::VnId;
use ipnet::Ipv4Net;

const ROUNDS: u32 = 100_000;

fn vn(id: u32) -> VnId {
    VnId::try_from(id).expect("an id")
}

/// The memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4096
}

fn each(what: &str, rounds: u32, took: Duration) {
    println!("{what}: {:.2} µs", took.as_secs_f64() * 1e6 / f64::from(rounds));
}

fn main() {
    let prefixes: u32 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let key = Key([7; 32]);
    let [own, other] = [Ipv4Addr::new(100, 64, 0, 1), Ipv4Addr::new(100, 64, 0, 2)];
    let probe = Probe {
        vn: vn(1),
        help: false,
        prober: other,
        target: own,
        incarnation: 1,
        sequence: 0,
        nonce: 3,
        sent_at: 4,
    };
    let begin = Instant::now();
    for sequence in 0..u64::from(ROUNDS) {
        let sealed = key.seal(&Message::Probe(Probe { sequence, ..probe }));
        black_box(key.open(&sealed)).expect("it opens");
    }
    each("seal and open a probe", ROUNDS, begin.elapsed());

    let targets = || Targets {
        own,
        borders: [other].into(),
        vns: (1..=5).map(vn).collect(),
        attached: [].into(),
        foreign: (0..prefixes)
            .map(|n| (Ipv4Net::new((0x0a00_0000 + (n << 4)).into(), 28).expect("a prefix"), vec![other]))
            .collect(),
    };
    let before = resident();
    let mut station = Station::new(key.clone(), 1, 1, Config::default());
    let first = targets();
    let begin = Instant::now();
    station.set_targets(first, Micros(0));
    println!("{prefixes} prefixes × 5 virtual networks, set for the first time: {:?}", begin.elapsed());
    let again = targets();
    let begin = Instant::now();
    station.set_targets(again, Micros(0));
    println!("set again: {:?}", begin.elapsed());
    println!("memory before any is probed: {} bytes per prefix", (resident() - before) / prefixes as usize);
    (1..=5).for_each(|id| station.set_open(vn(id), true, Micros(0)));
    let begin = Instant::now();
    for n in 0..prefixes {
        let prefix = Ipv4Net::new((0x0a00_0000 + (n << 4)).into(), 28).expect("a prefix");
        station.drives(prefix, Some(vn(1)), Micros(0));
    }
    each("say which virtual network drives a prefix", prefixes, begin.elapsed());

    // Every probe is answered at once; the clock goes from one packet to the next.
    let mut responder =
        Station::new(key, 2, 1, Config { packets_per_second: 1_000_000, ..Config::default() });
    let mirror = Targets { own: other, borders: [own].into(), vns: (1..=5).map(vn).collect(), ..targets() };
    responder.set_targets(Targets { foreign: Vec::new(), ..mirror }, Micros(0));
    let (mut now, mut packet, mut sent) = (Micros(0), Vec::new(), 0);
    let begin = Instant::now();
    while sent < ROUNDS {
        now = station.poll_timeout().unwrap_or(now).max(now);
        station.handle_timeout(now);
        while let Some(vn) = station.poll_transmit(now, &mut packet) {
            sent += 1;
            for (to, place) in [(&mut responder, Place::Port), (&mut station, Place::Loopback)] {
                let datagram = Datagram::decode(&packet).expect("a packet");
                let Datagram { source, destination, ttl, .. } = datagram;
                let place = if destination == other { Place::Loopback } else { place };
                to.receive(datagram.payload, &Arrival { vn, place, source, destination, ttl, at: now });
                if place == Place::Loopback && destination == own {
                    break;
                }
                if to.poll_transmit(now, &mut packet).is_none() {
                    break;
                }
            }
        }
        while station.poll_evidence().is_some() {}
    }
    each("send a probe, answer it, take the answer in", ROUNDS, begin.elapsed());
    let lost = station.statistics(now).counters.lost;
    println!("of {sent} probes {lost} were lost; {:.1} s of virtual time", now.0 as f64 / 1e6);
}
