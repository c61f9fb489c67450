//! A storm of FIB updates over a large sparse network, as fast as the verifier takes it, against a naive peer in the same run.
//!
//! `cargo run --release -p braid-verify --example storm -- [NODES LINKS VNS BORDERS UPDATES SEED]`
//!
//! The network has the size of Topology Zoo's KDL (754 nodes, 895 links) times 5 VNs with metrics of their own; every node has
//! a loopback and an attached prefix, and is a border. Links fail and are repaired; each time the links' ends report it, and
//! then the nodes update their FIBs one route at a time, in any order, so that there are transient loops and holes. After
//! every single update the changed verdicts are asked for.

#![allow(clippy::print_stdout, clippy::disallowed_types, clippy::disallowed_methods)]

mod peer;
mod weather;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use braid_proto::VnId;
use braid_verify::{Action, NodeId, Verifier};
use ipnet::Ipv4Net;

use crate::{
    peer::Peer,
    weather::{Random, Step, Weather},
};

/// How many updates the peer follows: enough for a mean, few enough to wait for.
const PEER_UPDATES: usize = 300;

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let argument = |place: usize, default: usize| arguments.get(place).copied().unwrap_or(default);
    let (nodes, links, vns) = (argument(0, 754), argument(1, 895), argument(2, 5));
    let (borders, updates, seed) = (argument(3, nodes), argument(4, 1_000_000), argument(5, 1));
    let mut random = Random(seed as u64);
    let mut weather = Weather::new(nodes, links, vns as u32, &mut random);
    println!(
        "{nodes} nodes, {links} links, {vns} VNs, {borders} borders, {} prefixes, seed {seed}",
        2 * nodes
    );

    let topology = weather.topology(borders);
    let before = resident();
    let started = Instant::now();
    let mut verifier = Verifier::new(&topology).expect("a topology");
    let building = started.elapsed();
    let empty = resident() - before;
    let mut fibs: Vec<Fib> = Vec::new();
    for (number, vn) in weather.vns.iter().enumerate() {
        for node in 0..nodes {
            let id = verifier.node(&Weather::name(node)).expect("a node");
            fibs.push((*vn, id, weather.fib(number, node, &verifier)));
        }
    }
    let mut peer = mirror(&weather, &verifier, &fibs);

    let before = resident();
    let started = Instant::now();
    for (vn, node, fib) in &fibs {
        verifier.set_snapshot(*vn, *node, fib).expect("a member");
    }
    let loaded = building + started.elapsed();
    let first = verifier.changes().len();
    let size = verifier.size();
    let memory = empty + resident() - before;
    println!(
        "load      {:>10.3} s for {} routes ({:.2} us each), {first} verdicts",
        loaded.as_secs_f64(),
        size.routes,
        loaded.as_secs_f64() * 1e6 / size.routes as f64
    );
    println!(
        "memory    {:>10.1} MB resident, {:.1} bytes per route; {size:?}",
        memory / 1e6,
        memory / size.routes as f64
    );

    drop(fibs);
    let mut steps = Vec::new();
    let mut made = 0;
    while made < updates {
        let link = random.below(links);
        let first = steps.len();
        for _ in 0..2 {
            weather.turn(link, &verifier, &mut random, &mut steps);
        }
        made += steps[first..].iter().filter(|step| matches!(step, Step::Fib { .. })).count();
    }

    let before = resident();
    let ingresses: Vec<NodeId> = (0..nodes).filter_map(|node| verifier.node(&Weather::name(node))).collect();
    let mut storm = Storm::default();
    let mut followed = Followed::default();
    let started = on_cpu();
    for step in &steps {
        if storm.updates.len() == updates {
            break;
        }
        storm.take(step, &mut verifier);
        followed.take(step, &mut peer, &verifier, &ingresses, weather.vns[0]);
    }
    storm.cpu = on_cpu() - started - followed.cpu;
    storm.print(resident() - before);
    followed.print(&storm, &peer, &ingresses, nodes);
}

/// A node's FIB in a VN.
type Fib = (VnId, NodeId, Vec<(Ipv4Net, Action)>);

/// The peer with the first VN's FIBs.
fn mirror(weather: &Weather, numbers: &Verifier, fibs: &[Fib]) -> Peer {
    let vn = weather.vns[0];
    let id = |node: usize| numbers.node(&Weather::name(node)).expect("a node");
    let mut peers = BTreeMap::new();
    for (number, [a, b]) in weather.links.iter().enumerate() {
        let name = format!("l{number}").parse().expect("an interface name");
        for (node, peer) in [(*a, *b), (*b, *a)] {
            peers.extend(numbers.interface(vn, id(node), &name).map(|interface| (interface, id(peer))));
        }
    }
    let own = fibs.iter().filter(|(other, ..)| *other == vn);
    Peer {
        fibs: own.map(|(_, node, fib)| (*node, fib.iter().cloned().collect())).collect(),
        peers,
        down: Default::default(),
        loopbacks: (0..weather.nodes).map(|node| (Weather::prefixes(node)[0], id(node))).collect(),
    }
}

/// What the verifier took.
#[derive(Default)]
struct Storm {
    updates: Vec<Duration>,
    links: Vec<Duration>,
    verdicts: usize,
    /// What all of it took on the processor: on a busy machine, less than by the clock.
    cpu: Duration,
}

impl Storm {
    fn take(&mut self, step: &Step, verifier: &mut Verifier) {
        let started = Instant::now();
        match step {
            Step::Fib { vn, node, change } => verifier.apply(*vn, *node, change).expect("a known FIB"),
            Step::Link { vn, ends, up } => {
                for end in ends {
                    verifier.set_link(*vn, *end, *up).expect("an interface");
                }
            }
        }
        let changes = verifier.changes();
        self.verdicts += changes.len();
        drop(changes);
        let took = started.elapsed();
        match step {
            Step::Fib { .. } => self.updates.push(took),
            Step::Link { .. } => self.links.push(took),
        }
    }

    fn print(&mut self, memory: f64) {
        let total: Duration = self.updates.iter().chain(&self.links).sum();
        println!(
            "storm     {:>10.3} s ({:.3} s on the processor) for {} updates and {} link events, {} changed verdicts told, {:+.1} MB resident",
            total.as_secs_f64(),
            self.cpu.as_secs_f64(),
            self.updates.len(),
            self.links.len(),
            self.verdicts,
            memory / 1e6
        );
        for (what, times) in [("update", &mut self.updates), ("link", &mut self.links)] {
            times.sort_unstable();
            let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
            println!(
                "{what:<9} {:>10.2} us p50, {:.2} p90, {:.2} p99, {:.2} p99.9, {:.2} max",
                at(0.5),
                at(0.9),
                at(0.99),
                at(0.999),
                at(1.0)
            );
        }
    }

    fn mean(&self) -> f64 {
        self.updates.iter().sum::<Duration>().as_secs_f64() / self.updates.len() as f64
    }
}

/// What the peer took, and whether it says the same.
#[derive(Default)]
struct Followed {
    times: Vec<Duration>,
    compared: usize,
    /// What following took on the processor, comparisons included.
    cpu: Duration,
}

impl Followed {
    fn take(&mut self, step: &Step, peer: &mut Peer, verifier: &Verifier, ingresses: &[NodeId], vn: VnId) {
        if self.times.len() == PEER_UPDATES {
            return;
        }
        match step {
            Step::Link { vn: other, ends, up } if *other == vn => {
                for end in ends {
                    if *up {
                        peer.down.remove(end)
                    } else {
                        peer.down.insert(*end)
                    };
                }
            }
            Step::Fib { vn: other, node, change: [(prefix, action)] } if *other == vn => {
                let (started, cpu) = (Instant::now(), on_cpu());
                let fib = peer.fibs.entry(*node).or_default();
                match action {
                    Some(action) => fib.insert(*prefix, action.clone()),
                    None => fib.remove(prefix),
                };
                let walks: Vec<_> = ingresses.iter().map(|ingress| peer.walk(*prefix, *ingress)).collect();
                self.times.push(started.elapsed());
                for (ingress, walk) in ingresses.iter().zip(walks) {
                    let verdict = verifier.verdict(vn, *prefix, *ingress).expect("a prefix of interest");
                    assert!(walk.agrees(&verdict), "{prefix} from {ingress:?}: {walk:?} against {verdict:?}");
                    self.compared += 1;
                }
                self.cpu += on_cpu() - cpu;
            }
            _ => {}
        }
    }

    fn print(&self, storm: &Storm, peer: &Peer, ingresses: &[NodeId], nodes: usize) {
        let mean = self.times.iter().sum::<Duration>().as_secs_f64() / self.times.len().max(1) as f64;
        println!(
            "peer 1    {:>10.2} us mean: walks of the one prefix from every node after each of {} updates, {} verdicts \
             compared and equal; {:.0} times the verifier's mean of {:.2} us",
            mean * 1e6,
            self.times.len(),
            self.compared,
            mean / storm.mean(),
            storm.mean() * 1e6
        );
        let started = Instant::now();
        let mut delivered = 0;
        for prefix in (0..nodes).flat_map(Weather::prefixes) {
            delivered +=
                ingresses.iter().filter(|ingress| !peer.walk(prefix, **ingress).egress.is_empty()).count();
        }
        let all = started.elapsed().as_secs_f64();
        println!(
            "peer 2    {:>10.2} us: walks of all prefixes of one VN from every node ({delivered} delivered), as if after each \
             update; {:.0} times",
            all * 1e6,
            all / storm.mean()
        );
    }
}

/// The process's resident memory in bytes, as Linux tells it.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(0.0, |kb| kb * 1024.0)
}

/// How long this thread has run, as Linux tells it.
fn on_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0))
}
