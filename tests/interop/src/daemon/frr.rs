//! FRR's zebra and ospfd.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::Ipv4Addr,
    os::unix::net::UnixStream,
    time::Duration,
};

use braid_world::{AreaKind, Interface, PathKind, SegmentKind, World};
use ipnet::Ipv4Net;
use nix::unistd::{Group, User, chown};
use serde_json::Value;

use super::{Adjacency, Cost, Costs, Daemon, Task};
use crate::{Algorithm, Auth, Error};

const LIMIT: Duration = Duration::from_secs(5);

pub(super) fn start(daemon: &mut Daemon, task: &Task<'_>) -> Result<(), Error> {
    let (user, group) = (User::from_name("frr").ok().flatten(), Group::from_name("frrvty").ok().flatten());
    chown(task.dir, user.map(|user| user.uid), group.map(|group| group.gid))
        .map_err(|errno| Error::system("give a directory to frr")(errno.into()))?;
    daemon.write("zebra.conf", "no zebra nexthop kernel enable\n")?;
    daemon.write("ospfd.conf", &config(task))?;
    let dir = task.dir.to_string_lossy().into_owned();
    for (program, socket) in [("zebra", "zserv.api"), ("ospfd", "ospfd.vty")] {
        for leftover in [socket, &format!("{program}.vty"), &format!("{program}.pid")] {
            let _ = fs::remove_file(task.dir.join(leftover));
        }
        let pid = format!("{dir}/{program}.pid");
        let (zserv, conf) = (format!("{dir}/zserv.api"), format!("{dir}/{program}.conf"));
        let arguments = [
            "-z",
            &zserv,
            "--vty_socket",
            &dir,
            "-i",
            &pid,
            "-f",
            &conf,
            "-A",
            "127.0.0.1",
            "-P",
            "0",
            "--log",
            "stdout",
        ];
        daemon.spawn(program, &format!("/usr/lib/frr/{program}"), &arguments)?;
        daemon.wait_for_socket(socket)?;
    }
    Ok(())
}

fn config(task: &Task<'_>) -> String {
    let Task { world, router, settings, .. } = task;
    let it = world.router(*router);
    let (hello, dead) = (settings.hello_s, settings.dead_s());
    let mut text = externals(world, task);
    for (index, segment, end) in world.ends_of(*router) {
        let kind = match segment.kind {
            SegmentKind::PointToPoint => "point-to-point",
            SegmentKind::Broadcast => "broadcast",
        };
        let _ = write!(
            text,
            "interface {}\n ip ospf network {kind}\n ip ospf cost {}\n ip ospf hello-interval {hello}\n \
             ip ospf dead-interval {dead}\n ip ospf retransmit-interval 2\n ip ospf priority {}\n ip ospf area {}\n",
            Interface::Segment(index),
            end.cost,
            end.priority,
            segment.area,
        );
        if end.passive {
            text.push_str(" ip ospf passive\n");
        }
        match settings.auth(index, *router) {
            Auth::None => {}
            Auth::Simple(secret) => {
                let _ = write!(text, " ip ospf authentication\n ip ospf authentication-key {secret}\n");
            }
            Auth::Keys(Algorithm::Md5, keys) => {
                text.push_str(" ip ospf authentication message-digest\n");
                // The last one configured signs.
                for (id, secret) in keys.iter().rev() {
                    let _ = writeln!(text, " ip ospf message-digest-key {id} md5 {secret}");
                }
            }
            // FRR 8 has no other; the world is not one for it, and the adjacency will tell.
            Auth::Keys(..) => {}
        }
        text.push_str("exit\n");
    }
    for (n, stub) in it.stubs.iter().enumerate() {
        let _ = write!(
            text,
            "interface {}\n ip ospf passive\n ip ospf cost {}\n ip ospf area {}\nexit\n",
            Interface::Stub(n),
            stub.cost,
            stub.area,
        );
    }
    let _ = write!(
        text,
        "router ospf\n ospf router-id {}\n timers throttle spf 0 20 200\n timers throttle lsa all 50\n \
         timers lsa min-arrival 0\n maximum-paths 64\n redistribute kernel route-map OUTSIDE\n",
        it.id,
    );
    if it.stub_router {
        text.push_str(" max-metric router-lsa administrative\n");
    }
    for area in world.areas_of(*router) {
        let word = |summaries: bool| if summaries { "" } else { " no-summary" };
        match world.areas.get(&area) {
            Some(AreaKind::Stub { summaries, default_cost }) => {
                let _ = write!(
                    text,
                    " area {area} stub{}\n area {area} default-cost {default_cost}\n",
                    word(*summaries)
                );
            }
            Some(AreaKind::Nssa { summaries, default_cost }) => {
                let _ = write!(
                    text,
                    " area {area} nssa{}\n area {area} default-cost {default_cost}\n",
                    word(*summaries)
                );
            }
            _ => {}
        }
    }
    for range in &it.ranges {
        let hidden = if range.advertise { "" } else { " not-advertise" };
        let _ = writeln!(text, " area {} range {}{hidden}", range.area, range.prefix);
    }
    for link in world.virtual_links.iter().filter(|link| link.ends.contains(router)) {
        let peer = link.ends.iter().find(|end| *end != router).unwrap_or(&link.ends[0]);
        let (transit, peer) = (link.transit, world.router(*peer).id);
        let _ = write!(
            text,
            " area {transit} virtual-link {peer}\n area {transit} virtual-link {peer} hello-interval {hello} \
             retransmit-interval 2 transmit-delay 1 dead-interval {dead}\n"
        );
    }
    text.push_str("exit\n");
    text
}

/// Prefix lists and route maps that give each external prefix its metric.
fn externals(world: &World, task: &Task<'_>) -> String {
    let mut text = String::new();
    for (n, (prefix, external)) in world.router(task.router).externals.iter().enumerate() {
        let sequence = 10 * (n + 1);
        let _ = write!(
            text,
            "ip prefix-list OUTSIDE{n} seq 5 permit {prefix}\nroute-map OUTSIDE permit {sequence}\n \
             match ip address prefix-list OUTSIDE{n}\n set metric {}\n set metric-type type-{}\n set tag {}\nexit\n",
            external.metric,
            if external.type2 { 2 } else { 1 },
            external.tag,
        );
    }
    text + "route-map OUTSIDE deny 65000\nexit\n"
}

pub(super) fn reconfigure(daemon: &mut Daemon, before: &World, task: &Task<'_>) -> Result<(), Error> {
    let router = task.router;
    let mut lines = Vec::new();
    for ((index, _, old), (_, _, new)) in before.ends_of(router).zip(task.world.ends_of(router)) {
        if old.cost != new.cost {
            lines.push(format!("interface {}", Interface::Segment(index)));
            lines.push(format!("ip ospf cost {}", new.cost));
            lines.push("exit".to_owned());
        }
    }
    let (old, new) = (before.router(router), task.world.router(router));
    if old.externals != new.externals {
        // Begun anew: the numbers of what stays may have changed.
        lines.push("no route-map OUTSIDE".to_owned());
        lines.extend((0..old.externals.len()).map(|n| format!("no ip prefix-list OUTSIDE{n}")));
        lines.extend(externals(task.world, task).lines().map(|line| line.trim().to_owned()));
    }
    if old.stub_router != new.stub_router {
        let no = if new.stub_router { "" } else { "no " };
        lines.push("router ospf".to_owned());
        lines.push(format!("{no}max-metric router-lsa administrative"));
        lines.push("exit".to_owned());
    }
    if lines.is_empty() {
        return Ok(());
    }
    lines.insert(0, "configure terminal".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    ask(daemon, &lines).map(drop)
}

/// Asks ospfd one thing after the other, on its vty socket; gives the last answer.
fn ask(daemon: &Daemon, commands: &[&str]) -> Result<String, Error> {
    let talk = || -> std::io::Result<Result<String, String>> {
        let mut stream = UnixStream::connect(daemon.path("ospfd.vty"))?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut last = String::new();
        for command in ["enable"].iter().chain(commands) {
            stream.write_all(format!("{command}\0").as_bytes())?;
            let mut answer = Vec::new();
            let mut buffer = [0; 65536];
            // An answer ends with three NULs and a status.
            while answer.len() < 4 || answer[answer.len() - 4..answer.len() - 1] != [0; 3] {
                match stream.read(&mut buffer)? {
                    0 => return Ok(Err("it closed its vty".to_owned())),
                    n => answer.extend_from_slice(&buffer[..n]),
                }
            }
            last = String::from_utf8_lossy(&answer[..answer.len() - 4]).into_owned();
            if answer.last() != Some(&0) {
                return Ok(Err(format!("`{command}` is refused: {last}")));
            }
        }
        Ok(Ok(last))
    };
    let answer = talk().map_err(|error| daemon.failed(format!("does not answer: {error}")))?;
    answer.map_err(|why| daemon.failed(why))
}

fn json(daemon: &Daemon, command: &str) -> Result<Value, Error> {
    let text = ask(daemon, &[command])?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|error| daemon.failed(format!("{command}: {error}: {text}")))
}

pub(super) fn neighbours(daemon: &Daemon) -> Result<Vec<Adjacency>, Error> {
    let answer = json(daemon, "show ip ospf neighbor json")?;
    let mut all = Vec::new();
    for (id, list) in answer["neighbors"].as_object().into_iter().flatten() {
        for neighbour in list.as_array().into_iter().flatten() {
            let state = neighbour["nbrState"].as_str().or(neighbour["state"].as_str()).unwrap_or_default();
            let interface = neighbour["ifaceName"].as_str().unwrap_or_default();
            all.push(Adjacency {
                router_id: id.parse().unwrap_or(Ipv4Addr::UNSPECIFIED),
                interface: interface.split(':').next().unwrap_or_default().to_owned(),
                state: state.split('/').next().unwrap_or_default().to_lowercase(),
            });
        }
    }
    Ok(all)
}

pub(super) fn costs(daemon: &Daemon) -> Result<Costs, Error> {
    let answer = json(daemon, "show ip ospf route json")?;
    let mut costs = Costs::new();
    for (prefix, route) in answer.as_object().into_iter().flatten() {
        let kind = match route["routeType"].as_str().unwrap_or_default().trim() {
            "N" => PathKind::IntraArea,
            "N IA" => PathKind::InterArea,
            "N E1" => PathKind::External1,
            "N E2" => PathKind::External2,
            _ => continue,
        };
        let number = |key: &str| route[key].as_u64().and_then(|n| u32::try_from(n).ok());
        let Ok(prefix) = prefix.parse::<Ipv4Net>() else { continue };
        let cost = number("cost").or_else(|| number("metric")).unwrap_or_default();
        let type2_cost = number("type2cost").unwrap_or_default();
        costs.insert(prefix, Cost { kind, cost, type2_cost });
    }
    Ok(costs)
}

pub(super) fn designated(daemon: &Daemon, interface: &str) -> Result<(Ipv4Addr, Ipv4Addr), Error> {
    let answer = json(daemon, &format!("show ip ospf interface {interface} json"))?;
    let it = &answer["interfaces"][interface];
    let address = |key: &str| it[key].as_str().and_then(|a| a.parse().ok()).unwrap_or(Ipv4Addr::UNSPECIFIED);
    Ok((address("drAddress"), address("bdrAddress")))
}

pub(super) fn account(daemon: &Daemon) -> Result<String, Error> {
    let mut text = String::new();
    for question in ["show ip ospf neighbor", "show ip ospf route", "show ip ospf database"] {
        text += &ask(daemon, &[question])?;
    }
    Ok(text)
}
