//! The embedded engines.

mod isis;
mod ospf;

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use serde_json::{Value, json};

use super::{Adjacency, Costs, Daemon, Task};
use crate::{Error, Protocol};

pub(super) use isis::is_designated;
pub(super) use ospf::designated;

const LIMIT: Duration = Duration::from_secs(5);

/// The program: `BRAID_BIN`, or the one that cargo builds with this crate's tests.
fn program() -> PathBuf {
    if let Some(path) = env::var_os("BRAID_BIN") {
        return path.into();
    }
    let here = env::current_exe().unwrap_or_default();
    let beside = here.ancestors().skip(1).take(2).map(|dir| dir.join("braid-interop-engine"));
    beside.into_iter().find(|path| path.is_file()).unwrap_or_else(|| "braid".into())
}

/// The name of the process and of its files.
fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Ospf => "braid-ospf",
        Protocol::Isis => "braid-isis",
    }
}

fn socket(daemon: &Daemon) -> String {
    format!("{}.sock", name(daemon.protocol))
}

fn config(task: &Task<'_>) -> Value {
    match task.settings.protocol() {
        Protocol::Ospf => ospf::config(task),
        Protocol::Isis => isis::config(task),
    }
}

pub(super) fn start(daemon: &mut Daemon, task: &Task<'_>) -> Result<(), Error> {
    let (socket, protocol) = (socket(daemon), daemon.protocol);
    let _ = fs::remove_file(task.dir.join(&socket));
    let file = format!("{protocol}.json");
    daemon.write(&file, &config(task).to_string())?;
    let (config, dir) = (daemon.path(&file), task.dir.to_string_lossy().into_owned());
    let arguments = [
        "agent",
        "engine",
        &protocol.to_string(),
        "--config",
        &config.to_string_lossy(),
        "--run-dir",
        &dir,
        "--foreground",
    ];
    daemon.spawn(name(protocol), &program().to_string_lossy(), &arguments)?;
    daemon.wait_for_socket(&socket)
}

pub(super) fn reconfigure(daemon: &mut Daemon, task: &Task<'_>) -> Result<(), Error> {
    daemon.write(&format!("{}.json", daemon.protocol), &config(task).to_string())?;
    ask(daemon, "reload").map(drop)
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
    let interfaces = match daemon.protocol {
        Protocol::Ospf => "interfaces",
        Protocol::Isis => "circuits",
    };
    let mut text = String::new();
    for question in ["neighbours", interfaces, "routes", "database", "counters"] {
        let answer = ask(daemon, question)?;
        text += &format!("-- {question}\n");
        match answer {
            Value::Array(rows) => rows.iter().for_each(|row| text += &format!("{row}\n")),
            other => text += &format!("{other}\n"),
        }
    }
    Ok(text)
}

fn ask(daemon: &Daemon, question: &str) -> Result<Value, Error> {
    let talk = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(daemon.path(&socket(daemon)))?;
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

fn rows(daemon: &Daemon, question: &str) -> Result<Vec<Value>, Error> {
    match ask(daemon, question)? {
        Value::Array(rows) => Ok(rows),
        other => Err(daemon.failed(format!("{question}: not a list: {other}"))),
    }
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

fn number(row: &Value, key: &str) -> u32 {
    row[key].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}
