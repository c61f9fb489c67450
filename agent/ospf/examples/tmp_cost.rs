use braid_ospf::*;
use std::time::Duration;
fn main() {
    let mk = |n: u8| {
        let mut c = Config::new([10, 0, 0, n].into());
        for i in 1..=4u32 {
            let mut e = InterfaceConfig::new("eth", format!("192.0.{i}.{}/31", n - 1).parse().unwrap());
            e.hello = Duration::from_secs(1);
            e.dead = Duration::from_secs(4);
            c.interfaces.insert(InterfaceId(i), e);
        }
        Instance::new(c, n.into(), Instant(0)).unwrap()
    };
    let mut r = [mk(1), mk(2)];
    let mut now = Instant(1_000_000);
    let mut q = std::collections::VecDeque::new();
    for i in 1..=4 {
        for x in 0..2 {
            r[x].handle(now, Input::Carrier { interface: InterfaceId(i), up: true });
        }
    }
    let mut hello = None;
    for _ in 0..20000 {
        now = now + Duration::from_micros(500);
        for x in 0..2 {
            if r[x].poll_timeout().is_some_and(|t| t <= now) { r[x].handle(now, Input::Timeout); }
            while let Some(o) = r[x].poll_output() {
                if let Output::Transmit { interface, source, destination, ttl, payload } = o {
                    if payload[1] == 1 && x == 0 && now.0 > 9_000_000 && interface.0 == 1 { hello = Some((source, payload.clone())); }
                    q.push_back((1 - x, Input::Packet { interface, source, destination, ttl, payload }));
                }
            }
        }
        while let Some((x, i)) = q.pop_front() { r[x].handle(now, i); }
    }
    println!("{:?}", r[1].neighbours().iter().map(|n| n.state).collect::<Vec<_>>());
    let (source, payload) = hello.unwrap();
    let n = 1_000_000u32;
    let t = std::time::Instant::now();
    for i in 0..n {
        let input = Input::Packet { interface: InterfaceId(1), source, destination: ALL_SPF_ROUTERS, ttl: 1, payload: payload.clone() };
        r[1].handle(Instant(now.0 + u64::from(i) / 100), input);
        assert!(r[1].poll_timeout().is_some());
    }
    println!("hello received: {:?}", t.elapsed() / n);
    while r[1].poll_output().is_some() {}
    let t = std::time::Instant::now();
    let n = 100_000;
    let mut c = 0;
    for _ in 0..n {
        now = r[1].poll_timeout().unwrap();
        r[1].handle(now, Input::Timeout);
        while r[1].poll_output().is_some() { c += 1; }
        if r[1].neighbours().is_empty() { break; }
    }
    println!("timeouts: {:?} per output ({c})", t.elapsed() / c.max(1));
}
