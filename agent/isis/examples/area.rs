//! Times a router whose database is a grid of 10,000 routers: `cargo run --release -p braid-isis --example area`.
#![allow(clippy::print_stdout, clippy::disallowed_types)] // It is a program for people, and it measures real time.

use std::{fs, net::Ipv4Addr, time::Instant as Clock};

use braid_isis::{
    CircuitConfig, CircuitId, CircuitKind, Config, Input, Instance, Instant, LeakDown, Output,
    packet::{
        Authentication, CircuitType, Level, Lsp, LspFlags, NewLsp, PointToPointHello, SystemId, ThreeWay,
        ThreeWayState, Tlv, WideNeighbour, WidePrefix,
    },
};

const SIDE: u32 = 100;
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const ROUNDS: u32 = 21;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("at level 2 alone");
    measure(config(CircuitType::L2)?, Level::Two)?;
    println!("at level 1, told to level 2");
    measure(config(CircuitType::L1L2)?, Level::One)?;
    println!("at level 2, all of it told to level 1");
    let mut down = config(CircuitType::L1L2)?;
    down.leak.down = LeakDown::All;
    measure(down, Level::Two)
}

fn config(level: CircuitType) -> Result<Config, Box<dyn std::error::Error>> {
    let mut config = Config::new("49.0001.ffff.0000.0001.00".parse()?);
    config.level = level;
    let mut eth = CircuitConfig::new("eth1", CircuitKind::PointToPoint);
    eth.addresses = vec!["100.65.0.0".parse()?];
    eth.prefixes.insert("100.65.0.0/31".parse()?, 10);
    config.circuits.insert(CircuitId(1), eth);
    Ok(config)
}

fn measure(config: Config, level: Level) -> Result<(), Box<dyn std::error::Error>> {
    let own = config.system();
    let circuit_type = config.level;
    let mut router = Instance::new(config, 1, Instant(0))?;
    println!("  started: {} kB", resident()?);
    router.handle(Instant(0), Input::Carrier { circuit: CircuitId(1), up: true, mac: [2, 0, 0, 0, 0, 1] });
    let hello = PointToPointHello {
        circuit_type,
        source: system(0),
        holding_time: 60_000,
        circuit_id: 1,
        tlvs: vec![
            Tlv::AreaAddresses(vec!["49.0001".parse()?]),
            Tlv::ProtocolsSupported(vec![braid_isis::packet::NLPID_IPV4]),
            Tlv::IpInterfaceAddresses(vec!["100.65.0.1".parse()?]),
            Tlv::ThreeWay(ThreeWay {
                state: ThreeWayState::Initializing,
                circuit: Some(9),
                neighbour: Some(own),
                neighbour_circuit: Some(1),
            }),
        ],
    };
    let mut now = Instant(1000);
    take(&mut router, now, hello.encode(&Authentication::None, None)?);
    let start = Clock::now();
    for number in 0..SIDE * SIDE {
        now.0 += 100;
        take(&mut router, now, lsp(level, number, 1, 1, own)?.bytes().to_vec());
        drain(&mut router);
    }
    println!("  {} LSPs taken in {:?}", SIDE * SIDE, start.elapsed());
    let start = Clock::now();
    let mut turns = 0;
    while let Some(at) = router.poll_timeout().filter(|at| *at < Instant(20_000_000)) {
        now = at;
        router.handle(now, Input::Timeout);
        drain(&mut router);
        turns += 1;
    }
    println!("  {turns} turns until quiet in {:?}; {} routes", start.elapsed(), router.routes().count());
    println!("  with the database: {} kB", resident()?);
    let corner = SIDE * SIDE - 1;
    let changes =
        [("of the neighbour", 0), ("next to it", 1), ("far away", corner), ("in the middle", corner / 2)];
    let mut sequence = 1;
    for (what, number) in changes {
        let mut times = Vec::new();
        let (mut routes, mut own_lsps) = (0, 0);
        for round in 0..2 * ROUNDS {
            // All is quiet when it comes, so that nothing waits.
            let due = Instant(now.0 + 30_000_000);
            while let Some(at) = router.poll_timeout().filter(|at| *at < due) {
                router.handle(at, Input::Timeout);
                drain(&mut router);
            }
            now = due;
            sequence += 1;
            let payload = lsp(level, number, sequence, 2 - round % 2, own)?.bytes().to_vec();
            let before = router.counters().instance.own_lsps;
            let start = Clock::now();
            take(&mut router, now, payload);
            routes = drain(&mut router);
            times.push(start.elapsed());
            own_lsps = router.counters().instance.own_lsps - before;
        }
        times.sort_unstable();
        let (best, middle, worst) = (times[0], times[times.len() / 2], times[times.len() - 1]);
        println!(
            "  a change {what}: {middle:?}, {best:?} to {worst:?} ({routes} routes, {own_lsps} own LSPs)"
        );
    }
    println!("  at the end: {} kB", resident()?);
    Ok(())
}

fn system(number: u32) -> SystemId {
    let [a, b, c, d] = number.to_be_bytes();
    SystemId([0, 0, a, b, c, d])
}

fn lsp(
    level: Level,
    number: u32,
    sequence: u32,
    metric: u32,
    own: SystemId,
) -> Result<Lsp, Box<dyn std::error::Error>> {
    let (x, y) = (number % SIDE, number / SIDE);
    let mut neighbours = Vec::new();
    let mut add = |x: u32, y: u32| neighbours.push(WideNeighbour::new(system(y * SIDE + x).node(), metric));
    if x > 0 {
        add(x - 1, y);
    }
    if x + 1 < SIDE {
        add(x + 1, y);
    }
    if y > 0 {
        add(x, y - 1);
    }
    if y + 1 < SIDE {
        add(x, y + 1);
    }
    if number == 0 {
        neighbours.push(WideNeighbour::new(own.node(), metric));
    }
    let loopback = Ipv4Addr::from(0x0a00_0000 + number);
    let new = NewLsp {
        level,
        id: system(number).node().fragment(0),
        sequence,
        lifetime: u16::MAX,
        flags: LspFlags::new(Level::Two),
    };
    let tlvs = [
        Tlv::AreaAddresses(vec!["49.0001".parse()?]),
        Tlv::IsNeighbours(neighbours),
        Tlv::ExtendedIp(vec![WidePrefix::new(loopback.into(), 0)]),
    ];
    Ok(Lsp::build(&new, &tlvs, &Authentication::None)?)
}

fn take(router: &mut Instance, now: Instant, payload: Vec<u8>) {
    router.handle(now, Input::Packet { circuit: CircuitId(1), source: MAC, payload });
}

fn drain(router: &mut Instance) -> usize {
    let mut changes = 0;
    while let Some(output) = router.poll_output() {
        if let Output::Routes(routes) = output {
            changes += routes.len();
        }
    }
    changes
}

fn resident() -> Result<u64, Box<dyn std::error::Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    Ok(line.trim_end_matches("kB").trim().parse()?)
}
