//! The embedded engine.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    net::Ipv4Addr,
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use braid_native::ospf;
use braid_world::{AreaKind, Interface, PathKind, SegmentKind};
use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::{Adjacency, Cost, Costs, Daemon, Task};
use crate::{Algorithm, Auth, Error};

const LIMIT: Duration = Duration::from_secs(5);
const SOCKET: &str = "braid-ospf.sock";

/// The program: `BRAID_BIN`, or the one that cargo builds with this crate's tests.
fn program() -> PathBuf {
    if let Some(path) = env::var_os("BRAID_BIN") {
        return path.into();
    }
    let here = env::current_exe().unwrap_or_default();
    let beside = here.ancestors().skip(1).take(2).map(|dir| dir.join("braid-interop-engine"));
    beside.into_iter().find(|path| path.is_file()).unwrap_or_else(|| "braid".into())
}

pub(super) fn start(daemon: &mut Daemon, task: &Task<'_>) -> Result<(), Error> {
    let _ = fs::remove_file(task.dir.join(SOCKET));
    daemon.write("ospf.json", &config(task).to_text())?;
    let (config, dir) = (daemon.path("ospf.json"), task.dir.to_string_lossy().into_owned());
    let arguments =
        ["agent", "engine", "ospf", "--config", &config.to_string_lossy(), "--run-dir", &dir, "--foreground"];
    daemon.spawn("braid-ospf", &program().to_string_lossy(), &arguments)?;
    daemon.wait_for_socket(SOCKET)
}

fn config(task: &Task<'_>) -> ospf::File {
    let Task { world, router, settings, .. } = task;
    let it = world.router(*router);
    let mut file = ospf::File::new(it.id);
    file.max_paths = Some(64);
    file.spf = Some(ospf::Spf {
        initial_ms: Some(0),
        short_ms: Some(20),
        long_ms: Some(200),
        ..ospf::Spf::default()
    });
    file.lsa = Some(ospf::Pacing {
        initial_ms: Some(0),
        hold_ms: Some(50),
        max_ms: Some(1000),
        min_arrival_ms: Some(0),
    });
    if it.stub_router {
        file.stub_router = ospf::StubRouter::Links;
    }
    for area in world.areas_of(*router) {
        let entry = file.areas.entry(area).or_default();
        match world.areas.get(&area) {
            Some(AreaKind::Stub { summaries, default_cost }) => {
                entry.kind = ospf::AreaKind::Stub;
                (entry.summaries, entry.default_cost) = (Some(*summaries), Some(*default_cost));
            }
            Some(AreaKind::Nssa { summaries, default_cost }) => {
                entry.kind = ospf::AreaKind::Nssa;
                (entry.summaries, entry.default_cost) = (Some(*summaries), Some(*default_cost));
            }
            _ => {}
        }
        for range in it.ranges.iter().filter(|range| range.area == area) {
            entry.ranges.insert(range.prefix, ospf::Range { advertise: range.advertise, cost: None });
        }
    }
    for (index, segment, end) in world.ends_of(*router) {
        let mut interface =
            ospf::Interface::new(Ipv4Net::new_assert(end.address, segment.prefix.prefix_len()));
        interface.area = segment.area;
        interface.network = match segment.kind {
            SegmentKind::PointToPoint => ospf::Network::PointToPoint,
            SegmentKind::Broadcast => ospf::Network::Broadcast,
        };
        interface.cost = Some(end.cost);
        interface.passive = end.passive;
        interface.priority = end.priority;
        interface.hello_s = settings.hello_s;
        interface.dead_s = Some(settings.dead_s().into());
        interface.retransmit_s = 2;
        interface.mtu = settings.mtu(index, *router);
        interface.authentication = authentication(settings.auth(index, *router));
        file.interfaces.insert(Interface::Segment(index).to_string(), interface);
    }
    for (n, stub) in it.stubs.iter().enumerate() {
        let mut interface = ospf::Interface::new(stub.address());
        interface.area = stub.area;
        interface.network = ospf::Network::Broadcast;
        interface.cost = Some(stub.cost);
        interface.passive = true;
        file.interfaces.insert(Interface::Stub(n).to_string(), interface);
    }
    for (prefix, external) in &it.externals {
        let kind = if external.type2 { 2 } else { 1 };
        let (metric, tag, forwarding) = (external.metric, external.tag, external.forwarding);
        file.externals.insert(*prefix, ospf::External { metric, kind, tag, forwarding });
    }
    for link in world.virtual_links.iter().filter(|link| link.ends.contains(router)) {
        let peer = link.ends.iter().find(|end| *end != router).unwrap_or(&link.ends[0]);
        file.virtual_links.push(ospf::VirtualLink {
            transit: link.transit,
            peer: world.router(*peer).id,
            hello_s: settings.hello_s,
            dead_s: Some(settings.dead_s().into()),
            retransmit_s: 2,
            transmit_delay_s: 1,
            authentication: ospf::Authentication::None,
        });
    }
    file
}

fn authentication(auth: &Auth) -> ospf::Authentication {
    let (algorithm, keys) = match auth {
        Auth::None => return ospf::Authentication::None,
        Auth::Simple(secret) => return ospf::Authentication::Simple(ospf::Secret(secret.clone())),
        Auth::Keys(algorithm, keys) => (algorithm, keys),
    };
    let kind = match algorithm {
        Algorithm::Md5 => ospf::Algorithm::Md5,
        Algorithm::HmacSha1 => ospf::Algorithm::HmacSha1,
        Algorithm::HmacSha256 | Algorithm::Extended => ospf::Algorithm::HmacSha256,
        Algorithm::HmacSha384 => ospf::Algorithm::HmacSha384,
        Algorithm::HmacSha512 => ospf::Algorithm::HmacSha512,
    };
    let key = |(n, (id, secret)): (usize, &(u8, String))| ospf::Key {
        id: *id,
        algorithm: kind,
        extended: *algorithm == Algorithm::Extended,
        secret: ospf::Secret(secret.clone()),
        // The one that began last signs.
        send: ospf::Validity { from: (n == 0 && keys.len() > 1).then_some(ospf::Time(1)), until: None },
        accept: ospf::Validity::default(),
    };
    ospf::Authentication::Keys(keys.iter().enumerate().map(key).collect())
}

pub(super) fn reconfigure(daemon: &mut Daemon, task: &Task<'_>) -> Result<(), Error> {
    daemon.write("ospf.json", &config(task).to_text())?;
    ask(daemon, "reload").map(drop)
}

fn ask(daemon: &Daemon, question: &str) -> Result<Value, Error> {
    let talk = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(daemon.path(SOCKET))?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(format!("{}\n", json!({ "ask": question })).as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    };
    let line = talk().map_err(|error| daemon.failed(format!("does not answer: {error}")))?;
    let mut answer: Value =
        serde_json::from_str(&line).map_err(|error| daemon.failed(format!("{error}: {line}")))?;
    match answer.get("error") {
        Some(reason) => Err(daemon.failed(reason.to_string())),
        None => Ok(answer["ok"].take()),
    }
}

fn list<T>(
    answer: Value,
    row: impl Fn(Value) -> Result<T, serde_json::Error>,
) -> Result<Vec<T>, serde_json::Error> {
    match answer {
        Value::Array(rows) => rows.into_iter().map(row).collect(),
        _ => Ok(Vec::new()),
    }
}

pub(super) fn neighbours(daemon: &Daemon) -> Result<Vec<Adjacency>, Error> {
    let rows = list(ask(daemon, "neighbours")?, serde_json::from_value::<ospf::Neighbour>);
    let adjacency = |row: ospf::Neighbour| Adjacency {
        router_id: row.router_id,
        interface: row.interface,
        state: row.state.to_lowercase(),
    };
    Ok(rows.map_err(|error| daemon.failed(error.to_string()))?.into_iter().map(adjacency).collect())
}

pub(super) fn costs(daemon: &Daemon) -> Result<Costs, Error> {
    let rows = list(ask(daemon, "routes")?, serde_json::from_value::<ospf::Route>);
    let rows = rows.map_err(|error| daemon.failed(error.to_string()))?;
    let cost = |row: ospf::Route| {
        let kind = match row.kind.as_str() {
            "intra-area" => PathKind::IntraArea,
            "inter-area" => PathKind::InterArea,
            "external-1" => PathKind::External1,
            _ => PathKind::External2,
        };
        (row.prefix, Cost { kind, cost: row.cost, type2_cost: row.type2_cost })
    };
    Ok(rows.into_iter().map(cost).collect())
}

pub(super) fn designated(daemon: &Daemon, interface: &str) -> Result<(Ipv4Addr, Ipv4Addr), Error> {
    let rows = list(ask(daemon, "interfaces")?, serde_json::from_value::<ospf::InterfaceStatus>);
    let rows = rows.map_err(|error| daemon.failed(error.to_string()))?;
    let row = rows.into_iter().find(|row| row.name == interface);
    Ok(row.map_or((Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED), |row| (row.designated_router, row.backup)))
}

pub(super) fn account(daemon: &Daemon) -> Result<String, Error> {
    let mut text = String::new();
    for question in ["neighbours", "interfaces", "routes", "database", "counters"] {
        let answer = ask(daemon, question)?;
        text += &format!("-- {question}\n");
        match answer {
            Value::Array(rows) => rows.iter().for_each(|row| text += &format!("{row}\n")),
            other => text += &format!("{other}\n"),
        }
    }
    text += &fs::read_to_string(daemon.path("braid-ospf.out")).unwrap_or_default();
    Ok(text)
}
