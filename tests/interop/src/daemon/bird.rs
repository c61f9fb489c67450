//! BIRD 2.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::Ipv4Addr,
    os::unix::net::UnixStream,
    time::Duration,
};

use braid_world::{AreaKind, BACKBONE, Interface, PathKind, SegmentKind};
use ipnet::Ipv4Net;

use super::{Adjacency, Cost, Costs, Daemon, Task};
use crate::{Algorithm, Auth, Error, Protocol};

const LIMIT: Duration = Duration::from_secs(5);

pub(super) fn start(daemon: &mut Daemon, task: &Task<'_>) -> Result<(), Error> {
    if daemon.protocol != Protocol::Ospf {
        return Err(daemon.failed("BIRD speaks no IS-IS"));
    }
    let _ = fs::remove_file(task.dir.join("bird.ctl"));
    daemon.write("bird.conf", &config(task))?;
    daemon.spawn("bird", "/usr/sbin/bird", &["-f", "-c", "bird.conf", "-s", "bird.ctl", "-P", "bird.pid"])?;
    daemon.wait_for_socket("bird.ctl")?;
    // It listens before it has read its configuration.
    ask(daemon, "show status").map(drop)
}

fn config(task: &Task<'_>) -> String {
    let Task { world, router, settings, .. } = task;
    let it = world.router(*router);
    let (hello, dead) = (settings.hello_s, settings.dead_s());
    let mut text = format!(
        "log stderr all;\nrouter id {};\nprotocol device {{ }}\nprotocol direct {{ ipv4; interface \"seg*\", \"stub*\"; }}\n\
         protocol kernel {{ merge paths yes limit 64; ipv4 {{ import none; export where source ~ [ RTS_OSPF, RTS_OSPF_IA, \
         RTS_OSPF_EXT1, RTS_OSPF_EXT2 ]; }}; }}\n",
        it.id,
    );
    let mut metrics = String::new();
    text.push_str("protocol static outside {\n  ipv4;\n");
    for (prefix, external) in &it.externals {
        let to =
            external.forwarding.map_or_else(|| "blackhole".to_owned(), |address| format!("via {address}"));
        let _ = writeln!(text, "  route {prefix} {to};");
        let number = if external.type2 { 2 } else { 1 };
        let _ = writeln!(
            metrics,
            "      if net = {prefix} then {{ ospf_metric{number} = {}; ospf_tag = {}; accept; }}",
            external.metric, external.tag,
        );
    }
    // It refuses to be able to announce anything in a stub area.
    let stub = |area| matches!(world.areas.get(area), Some(AreaKind::Stub { .. }));
    let export = if world.areas_of(*router).iter().all(stub) {
        "export none;".to_owned()
    } else {
        format!(
            "export filter {{\n      if proto != \"outside\" then reject;\n{metrics}      reject;\n    }};"
        )
    };
    let _ = write!(
        text,
        "}}\nprotocol ospf v2 ospf1 {{\n  tick 1;\n  ecmp yes limit 64;\n  stub router {};\n  ipv4 {{ import all; {export} }};\n",
        if it.stub_router { "yes" } else { "no" },
    );
    for area in world.areas_of(*router) {
        let _ = writeln!(text, "  area {area} {{");
        let yes = |on: &bool| if *on { "yes" } else { "no" };
        match world.areas.get(&area) {
            Some(AreaKind::Stub { summaries, default_cost }) => {
                let _ =
                    writeln!(text, "    stub yes; summary {}; default cost {default_cost};", yes(summaries));
            }
            Some(AreaKind::Nssa { summaries, default_cost }) => {
                let _ = writeln!(
                    text,
                    "    nssa; summary {}; default cost {default_cost}; translator stability 1;",
                    yes(summaries),
                );
            }
            _ => {}
        }
        for range in it.ranges.iter().filter(|range| range.area == area) {
            let hidden = if range.advertise { "" } else { " hidden" };
            let _ = writeln!(text, "    networks {{ {}{hidden}; }};", range.prefix);
        }
        for link in
            world.virtual_links.iter().filter(|link| link.ends.contains(router) && link.transit == area)
        {
            let peer = link.ends.iter().find(|end| *end != router).unwrap_or(&link.ends[0]);
            let _ = writeln!(
                text,
                "    virtual link {} {{ hello {hello}; dead {dead}; retransmit 2; }};",
                world.router(*peer).id,
            );
        }
        for (index, segment, end) in world.ends_of(*router).filter(|(_, segment, _)| segment.area == area) {
            let kind = if segment.kind == SegmentKind::PointToPoint { "ptp" } else { "bcast" };
            let _ = writeln!(
                text,
                "    interface \"{}\" {{ type {kind}; cost {}; hello {hello}; dead {dead}; wait {dead}; retransmit 2; \
                 priority {}; stub {}; check link yes; {} }};",
                Interface::Segment(index),
                end.cost,
                end.priority,
                yes(&end.passive),
                authentication(settings.auth(index, *router)),
            );
        }
        for (n, stub) in it.stubs.iter().enumerate().filter(|(_, stub)| stub.area == area) {
            let _ = writeln!(
                text,
                "    interface \"{}\" {{ type bcast; stub yes; cost {}; }};",
                Interface::Stub(n),
                stub.cost
            );
        }
        text.push_str("  };\n");
    }
    if world.virtual_links.iter().any(|link| link.ends.contains(router))
        && !text.contains(&format!("  area {BACKBONE} {{"))
    {
        let _ = writeln!(text, "  area {BACKBONE} {{ }};");
    }
    text.push_str("}\n");
    text
}

fn authentication(auth: &Auth) -> String {
    let algorithm = |algorithm: &Algorithm| match algorithm {
        Algorithm::Md5 => "keyed md5",
        Algorithm::HmacSha1 => "hmac sha1",
        Algorithm::HmacSha256 | Algorithm::Extended => "hmac sha256",
        Algorithm::HmacSha384 => "hmac sha384",
        Algorithm::HmacSha512 => "hmac sha512",
    };
    match auth {
        Auth::None => String::new(),
        Auth::Simple(secret) => format!("authentication simple; password \"{secret}\";"),
        Auth::Keys(kind, keys) => {
            let mut text = "authentication cryptographic;".to_owned();
            for (id, secret) in keys {
                let _ = write!(text, " password \"{secret}\" {{ id {id}; algorithm {}; }};", algorithm(kind));
            }
            text
        }
    }
}

pub(super) fn reconfigure(daemon: &mut Daemon, task: &Task<'_>) -> Result<(), Error> {
    daemon.write("bird.conf", &config(task))?;
    let answer = ask(daemon, "configure")?;
    if answer.contains("Reconfigur") { Ok(()) } else { Err(daemon.failed(answer)) }
}

/// Asks one question; each line of an answer has a code, and a blank behind the last one's.
fn ask(daemon: &Daemon, question: &str) -> Result<String, Error> {
    let talk = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(daemon.path("bird.ctl"))?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        lines.next().transpose()?;
        stream.write_all(format!("{question}\n").as_bytes())?;
        let mut answer = String::new();
        for line in lines {
            let line = line?;
            let code = line.get(..4).is_some_and(|code| code.bytes().all(|b| b.is_ascii_digit()));
            let text = if code { line.get(5..).unwrap_or_default() } else { line.trim_start_matches('+') };
            answer.push_str(text.trim_end());
            answer.push('\n');
            if code && line.as_bytes().get(4) != Some(&b'-') {
                break;
            }
        }
        Ok(answer)
    };
    talk().map_err(|error| daemon.failed(format!("does not answer: {error}")))
}

pub(super) fn neighbours(daemon: &Daemon) -> Result<Vec<Adjacency>, Error> {
    let answer = ask(daemon, "show ospf neighbors")?;
    let adjacency = |line: &str| {
        // Router ID, priority, state, dead time, interface, address.
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[id, _, state, _, interface, _] = words.as_slice() else { return None };
        let state = state.split('/').next().unwrap_or_default().to_lowercase();
        Some(Adjacency { router: id.to_owned(), interface: interface.to_owned(), state, levels: None })
    };
    Ok(answer.lines().filter_map(adjacency).collect())
}

pub(super) fn costs(daemon: &Daemon) -> Result<Costs, Error> {
    let answer = ask(daemon, "show route protocol ospf1")?;
    let mut costs = Costs::new();
    for line in answer.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(prefix) = words.first().and_then(|word| word.parse::<Ipv4Net>().ok()) else { continue };
        // `PREFIX unicast [ospf1 TIME] * E2 (150/COST/METRIC) [ROUTER]`
        let Some(at) = words.iter().position(|word| word.starts_with('(')) else { continue };
        let numbers: Vec<u32> =
            words[at].trim_matches(['(', ')']).split('/').filter_map(|n| n.parse().ok()).collect();
        let kind = match words[at - 1] {
            "I" => PathKind::IntraArea,
            "IA" => PathKind::InterArea,
            "E1" => PathKind::External1,
            "E2" => PathKind::External2,
            _ => continue,
        };
        let type2_cost = if kind == PathKind::External2 { numbers.get(2).copied().unwrap_or(0) } else { 0 };
        let cost = numbers.get(1).copied().unwrap_or(0);
        costs.insert(prefix, Cost::Ospf { kind, cost, type2_cost });
    }
    Ok(costs)
}

pub(super) fn designated(daemon: &Daemon, interface: &str) -> Result<(Ipv4Addr, Ipv4Addr), Error> {
    let answer = ask(daemon, &format!("show ospf interface \"{interface}\""))?;
    let address = |what: &str| {
        let line = answer.lines().find(|line| line.trim_start().starts_with(what));
        let word = line.and_then(|line| line.split_whitespace().last());
        word.and_then(|word| word.parse().ok()).unwrap_or(Ipv4Addr::UNSPECIFIED)
    };
    Ok((address("Designated router (IP)"), address("Backup designated router (IP)")))
}

pub(super) fn account(daemon: &Daemon) -> Result<String, Error> {
    let mut text = String::new();
    for question in ["show ospf neighbors", "show route", "show ospf state all", "show ospf lsadb"] {
        text += &ask(daemon, question)?;
    }
    Ok(text)
}
