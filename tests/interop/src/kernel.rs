//! What is in a namespace's kernel.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    net::Ipv4Addr,
    process::{Command, Stdio},
};

use braid_kernel::Netns;
use ipnet::Ipv4Net;
use serde_json::Value;

use crate::Error;

/// Protocols whose routes are not a daemon's: the kernel's own, those made by hand, and the harness's.
const FOREIGN: [&str; 4] = ["2", "3", "4", EXTERNAL_PROTOCOL];
/// Routes that stand for the world outside.
pub(crate) const EXTERNAL_PROTOCOL: &str = "99";

/// Unicast routes that daemons installed: prefix to interfaces and gateways.
pub type KernelRoutes = BTreeMap<Ipv4Net, BTreeSet<(String, Option<Ipv4Addr>)>>;

/// Runs `ip` in a namespace, with its arguments separated by blanks.
pub(crate) fn ip(netns: &Netns, arguments: &str) -> Result<String, Error> {
    let run = netns.command("ip").args(arguments.split_whitespace()).output();
    let output = run.map_err(Error::system("run ip"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::Ip { arguments: arguments.to_owned(), said })
}

/// Runs many lines of `ip` at once; in the caller's namespace if none is given.
pub(crate) fn batch(netns: Option<&Netns>, lines: &str) -> Result<(), Error> {
    let mut command = netns.map_or_else(|| Command::new("ip"), |netns| netns.command("ip"));
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::system("run ip"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(lines.as_bytes()).map_err(Error::system("talk to ip"))?;
    }
    let output = child.wait_with_output().map_err(Error::system("wait for ip"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::Ip { arguments: "-batch".to_owned(), said })
}

/// The daemons' routes in a namespace.
pub(crate) fn routes(netns: &Netns) -> Result<KernelRoutes, Error> {
    let text = ip(netns, "-N -j -4 route show table main")?;
    let unreadable = |why: String| Error::Ip { arguments: "-j route".to_owned(), said: why };
    let rows: Vec<Value> = if text.trim().is_empty() {
        Vec::new()
    } else {
        serde_json::from_str(&text).map_err(|e| unreadable(e.to_string()))?
    };
    let mut routes = KernelRoutes::new();
    for row in rows {
        let text = |key: &str| row[key].as_str();
        if FOREIGN.contains(&text("protocol").unwrap_or("3"))
            || text("type").is_some_and(|kind| kind != "unicast" && kind != "1")
        {
            continue;
        }
        let prefix = match text("dst").unwrap_or_default() {
            "default" => Ipv4Net::default(),
            dst if dst.contains('/') => dst.parse().map_err(|_| unreadable(format!("dst {dst}")))?,
            dst => dst.parse::<Ipv4Addr>().map_err(|_| unreadable(format!("dst {dst}")))?.into(),
        };
        let hops = match row["nexthops"].as_array() {
            Some(hops) => hops.iter().map(hop).collect(),
            None => BTreeSet::from([hop(&row)]),
        };
        routes.entry(prefix).or_default().extend(hops);
    }
    Ok(routes)
}

fn hop(row: &Value) -> (String, Option<Ipv4Addr>) {
    let gateway = row["gateway"].as_str().or(row["via"]["host"].as_str());
    (row["dev"].as_str().unwrap_or("?").to_owned(), gateway.and_then(|gateway| gateway.parse().ok()))
}
