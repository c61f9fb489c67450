//! The routers under test: FRR, BIRD and the embedded engines, each with one interface and nothing tuned but what makes it
//! answer at once. What is written in their configurations is with the protocols.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use braid_kernel::{Process, Signal};
use nix::unistd::{Group, User, chown};

use crate::{InjectorError, Protocol, Site, isis, ospf};

/// How long a daemon may take to open its socket, and to end when asked.
const LIMIT: Duration = Duration::from_secs(5);

/// Whose code is under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Implementation {
    /// FRR: ospfd or isisd, and zebra.
    Frr,
    /// BIRD. It speaks no IS-IS.
    Bird,
    /// The embedded engine: `braid agent engine ospf` or `isis` of this binary.
    Native(PathBuf),
}

impl Implementation {
    /// How tables call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Implementation::Frr => "FRR",
            Implementation::Bird => "BIRD",
            Implementation::Native(_) => "braid",
        }
    }
}

/// A daemon at work; it ends with this.
struct Daemon {
    program: &'static str,
    child: Child,
}

impl Daemon {
    fn start(
        site: &Site,
        program: &'static str,
        path: &Path,
        arguments: &[&str],
    ) -> Result<Self, InjectorError> {
        let failed = |source| InjectorError::Start { program: path.to_owned(), source };
        let log = fs::File::create(site.dir().join(format!("{program}.output"))).map_err(failed)?;
        let mut command = site.router().command(path);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log);
        Ok(Self { program, child: command.spawn().map_err(failed)? })
    }

    fn pid(&self) -> i32 {
        self.child.id() as i32
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(process) = Process::open(self.pid()) {
            let _ = process.signal(Signal::TERM);
            let begin = Instant::now();
            while process.is_alive() && begin.elapsed() < LIMIT {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // FRR's daemons leave such a directory behind when they are killed.
        let _ = fs::remove_dir_all(format!("/var/tmp/frr/{}.{}", self.program, self.pid()));
    }
}

/// A router under test. Its daemons end when it is dropped.
pub struct Router {
    daemons: Vec<Daemon>,
}

impl Router {
    /// Starts one.
    ///
    /// # Errors
    /// [`InjectorError`] if a file cannot be written or a daemon not be started.
    pub fn start(
        protocol: Protocol,
        implementation: &Implementation,
        site: &Site,
    ) -> Result<Self, InjectorError> {
        let daemons = match (implementation, protocol) {
            (Implementation::Frr, Protocol::Ospf) => start_frr(site, "ospfd", &ospf::router::frr())?,
            (Implementation::Frr, Protocol::Isis) => start_frr(site, "isisd", &isis::router::frr())?,
            (Implementation::Bird, Protocol::Ospf) => start_bird(site, &ospf::router::bird())?,
            (Implementation::Bird, Protocol::Isis) => {
                return Err(InjectorError::NotSpoken { router: "BIRD" });
            }
            (Implementation::Native(binary), Protocol::Ospf) => {
                start_native(site, binary, "ospf", &ospf::router::native())?
            }
            (Implementation::Native(binary), Protocol::Isis) => {
                start_native(site, binary, "isis", &isis::router::native())?
            }
        };
        Ok(Self { daemons })
    }

    /// The daemons, the one that computes routes first: name and process id.
    pub fn processes(&self) -> impl Iterator<Item = (&'static str, i32)> {
        self.daemons.iter().map(|daemon| (daemon.program, daemon.pid()))
    }
}

fn write(site: &Site, name: &str, text: &str) -> Result<PathBuf, InjectorError> {
    let path = site.dir().join(name);
    match fs::write(&path, text) {
        Ok(()) => Ok(path),
        Err(source) => Err(InjectorError::File { path, source }),
    }
}

fn start_frr(site: &Site, program: &'static str, config: &str) -> Result<Vec<Daemon>, InjectorError> {
    give_to_frr(site.dir())?;
    let zebra = write(site, "zebra.conf", "no zebra nexthop kernel enable\n")?;
    let config = write(site, &format!("{program}.conf"), config)?;
    let dir = site.dir().to_string_lossy().into_owned();
    let socket = site.dir().join("zserv.api");
    let start = |program: &'static str, config: &Path| {
        let path = Path::new("/usr/lib/frr").join(program);
        let (socket, config) = (socket.to_string_lossy(), config.to_string_lossy());
        let pid_file = format!("{dir}/{program}.pid");
        let arguments = [
            "-z",
            &socket,
            "--vty_socket",
            &dir,
            "-i",
            &pid_file,
            "-f",
            &config,
            "-A",
            "127.0.0.1",
            "-P",
            "0",
        ];
        Daemon::start(site, program, &path, &arguments)
    };
    let zebra = start("zebra", &zebra)?;
    let begin = Instant::now();
    // A daemon that starts before zebra listens gives up on it for long.
    while !socket.exists() {
        if begin.elapsed() > LIMIT {
            let what = "zebra opens its socket".to_owned();
            return Err(InjectorError::Late { router: "FRR", what, limit: LIMIT, log: dir.into() });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(vec![start(program, &config)?, zebra])
}

/// FRR's daemons make their sockets after they have dropped root.
fn give_to_frr(dir: &Path) -> Result<(), InjectorError> {
    let failed = |source| InjectorError::File { path: dir.to_owned(), source };
    let user = User::from_name("frr").ok().flatten();
    let group = Group::from_name("frrvty").ok().flatten();
    chown(dir, user.map(|user| user.uid), group.map(|group| group.gid)).map_err(|e| failed(e.into()))?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).map_err(failed)
}

fn start_bird(site: &Site, config: &str) -> Result<Vec<Daemon>, InjectorError> {
    let config = write(site, "bird.conf", config)?;
    let socket = site.dir().join("bird.ctl");
    let arguments = ["-f", "-c", &config.to_string_lossy(), "-s", &socket.to_string_lossy()];
    Ok(vec![Daemon::start(site, "bird", Path::new("/usr/sbin/bird"), &arguments)?])
}

fn start_native(
    site: &Site,
    binary: &Path,
    engine: &str,
    config: &str,
) -> Result<Vec<Daemon>, InjectorError> {
    let config = write(site, "braid.json", config)?;
    let (config, dir) = (config.to_string_lossy(), site.dir().to_string_lossy());
    let arguments = ["agent", "engine", engine, "--config", &config, "--run-dir", &dir, "--foreground"];
    Ok(vec![Daemon::start(site, "braid", binary, &arguments)?])
}
