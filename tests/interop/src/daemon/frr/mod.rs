//! FRR: zebra and the daemon of the protocol.

mod isis;
mod ospf;

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use braid_world::{External, World};
use nix::unistd::{Group, User, chown};
use serde_json::Value;

use super::{Adjacency, Costs, Daemon, Task};
use crate::{Error, Protocol};

pub(super) use isis::is_designated;
pub(super) use ospf::designated;

const LIMIT: Duration = Duration::from_secs(5);

pub(super) fn start(daemon: &mut Daemon, task: &Task<'_>) -> Result<(), Error> {
    let (user, group) = (User::from_name("frr").ok().flatten(), Group::from_name("frrvty").ok().flatten());
    chown(task.dir, user.map(|user| user.uid), group.map(|group| group.gid))
        .map_err(|errno| Error::system("give a directory to frr")(errno.into()))?;
    let (program, config) = match task.settings.protocol() {
        Protocol::Ospf => (ospf::PROGRAM, ospf::config(task)),
        Protocol::Isis => (isis::PROGRAM, isis::config(task)),
    };
    daemon.write("zebra.conf", "no zebra nexthop kernel enable\n")?;
    daemon.write(&format!("{program}.conf"), &config)?;
    let dir = task.dir.to_string_lossy().into_owned();
    for (program, socket) in [("zebra", "zserv.api".to_owned()), (program, vty(program))] {
        for leftover in [&socket, &vty(program), &format!("{program}.pid")] {
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
        daemon.wait_for_socket(&socket)?;
    }
    Ok(())
}

pub(super) fn reconfigure(daemon: &mut Daemon, before: &World, task: &Task<'_>) -> Result<(), Error> {
    let (program, mut lines) = match task.settings.protocol() {
        Protocol::Ospf => (ospf::PROGRAM, ospf::differences(before, task)),
        Protocol::Isis => (isis::PROGRAM, isis::differences(before, task)),
    };
    if lines.is_empty() {
        return Ok(());
    }
    lines.insert(0, "configure terminal".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    ask(daemon, program, &lines).map(drop)
}

pub(super) fn neighbours(daemon: &Daemon) -> Result<Vec<Adjacency>, Error> {
    match daemon.protocol {
        Protocol::Ospf => ospf::neighbours(daemon),
        Protocol::Isis => isis::neighbours(daemon),
    }
}

pub(super) fn costs(daemon: &Daemon) -> Result<Costs, Error> {
    match daemon.protocol {
        Protocol::Ospf => ospf::costs(daemon),
        Protocol::Isis => isis::costs(daemon),
    }
}

pub(super) fn account(daemon: &Daemon) -> Result<String, Error> {
    let (program, questions) = match daemon.protocol {
        Protocol::Ospf => (ospf::PROGRAM, ospf::QUESTIONS),
        Protocol::Isis => (isis::PROGRAM, isis::QUESTIONS),
    };
    let mut text = String::new();
    for question in questions {
        text += &ask(daemon, program, &[question])?;
    }
    Ok(text)
}

/// Prefix lists and a route map that lets the routes of the outer world through, with what is set of each.
fn outside(task: &Task<'_>, set: impl Fn(&External) -> String) -> String {
    let mut text = String::new();
    for (n, (prefix, external)) in task.world.router(task.router).externals.iter().enumerate() {
        let sequence = 10 * (n + 1);
        let _ = write!(
            text,
            "ip prefix-list OUTSIDE{n} seq 5 permit {prefix}\nroute-map OUTSIDE permit {sequence}\n \
             match ip address prefix-list OUTSIDE{n}\n{}exit\n",
            set(external),
        );
    }
    text + "route-map OUTSIDE deny 65000\nexit\n"
}

/// What makes the same of the running daemon; `text` is what [`outside`] now gives.
fn outside_anew(before: &World, task: &Task<'_>, text: &str) -> Vec<String> {
    let (old, new) = (before.router(task.router), task.world.router(task.router));
    if old.externals == new.externals {
        return Vec::new();
    }
    // Begun anew: the numbers of what stays may have changed.
    let mut lines = vec!["no route-map OUTSIDE".to_owned()];
    lines.extend((0..old.externals.len()).map(|n| format!("no ip prefix-list OUTSIDE{n}")));
    lines.extend(text.lines().map(|line| line.trim().to_owned()));
    lines
}

fn vty(program: &str) -> String {
    format!("{program}.vty")
}

/// Asks a program one thing after the other, on its vty socket; gives the last answer.
fn ask(daemon: &Daemon, program: &str, commands: &[&str]) -> Result<String, Error> {
    let talk = || -> std::io::Result<Result<String, String>> {
        let mut stream = UnixStream::connect(daemon.path(&vty(program)))?;
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

fn json(daemon: &Daemon, program: &str, command: &str) -> Result<Value, Error> {
    let text = ask(daemon, program, &[command])?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|error| daemon.failed(format!("{command}: {error}: {text}")))
}
