//! FRR's ospfd and isisd, each with a zebra of its own.

mod announced;
mod config;
mod status;
mod vty;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use braid_kernel::{Process, Signal};
use braid_proto::Engine;
use ipnet::Ipv4Net;
use nix::unistd::{Group, User, chown};

use crate::{
    Drift, Driver, EngineError, Health, Place, Requirement, RouterIntent,
    announced::together,
    instance::{self, Ended},
};

/// The account that FRR's daemons drop to, and the group of its sockets.
const USER: &str = "frr";
const GROUP: &str = "frrvty";
/// For how long a new zebra leaves the routes of the one before it, in seconds at least and in hellos, unless they are learnt
/// anew sooner. An adjacency takes two or three hellos and the first SPF.
const KEEP_ROUTES_S: u64 = 30;
const KEEP_ROUTES_HELLOS: u64 = 5;
/// How long zebra may take to open its socket.
const ZEBRA_LIMIT: Duration = Duration::from_secs(5);

/// How long a killed process may take to go.
const KILL_LIMIT: Duration = Duration::from_secs(1);

const ZEBRA: Requirement =
    Requirement { program: "zebra", paths: &["/usr/lib/frr/zebra", "/usr/sbin/zebra"], package: "frr" };
const OSPFD: Requirement =
    Requirement { program: "ospfd", paths: &["/usr/lib/frr/ospfd", "/usr/sbin/ospfd"], package: "frr" };
const ISISD: Requirement =
    Requirement { program: "isisd", paths: &["/usr/lib/frr/isisd", "/usr/sbin/isisd"], package: "frr" };

/// Which of FRR's protocol daemons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Ospf,
    Isis,
}

impl Protocol {
    const fn daemon(self) -> Requirement {
        match self {
            Protocol::Ospf => OSPFD,
            Protocol::Isis => ISISD,
        }
    }
}

/// FRR with one protocol daemon.
pub(crate) struct Frr {
    pub protocol: Protocol,
}

/// A daemon of FRR has a directory of its own there, named after the process id that it had in the foreground; it leaves it
/// behind if it is killed, and after a dry run.
const CRASH_LOGS: &str = "/var/tmp/frr";

/// Removes such a directory. A matter of tidiness, so failures are let be.
fn clear_crash_log(program: &str, pid: i32) {
    let _ = fs::remove_dir_all(format!("{CRASH_LOGS}/{program}.{pid}"));
}

/// The file that remembers that process id.
fn foreground_pid(program: &str) -> String {
    format!("{program}.foreground-pid")
}

/// Removes what killed daemons of an instance left behind outside its directory. For those who end an instance without its
/// driver, before they remove the directory.
pub fn clear_crash_logs(instance: &Path) {
    for program in [ZEBRA, OSPFD, ISISD].map(|daemon| daemon.program) {
        let pid = fs::read_to_string(instance.join(foreground_pid(program))).ok();
        if let Some(pid) = pid.and_then(|text| text.trim().parse().ok()) {
            clear_crash_log(program, pid);
        }
    }
}

/// Removes what an earlier daemon of the instance left behind.
fn clear_remains(place: &Place, program: &str) -> Result<(), EngineError> {
    if let Some(earlier) = instance::read_pid(place, &foreground_pid(program))? {
        clear_crash_log(program, earlier);
        instance::clear(place, &foreground_pid(program))?;
    }
    instance::clear(place, &format!("{program}.pid"))?;
    instance::clear(place, &format!("{program}.vty"))
}

/// Ends processes in their order, without asking.
async fn kill(processes: &[Process]) -> Result<(), EngineError> {
    for process in processes {
        process.signal(Signal::KILL)?;
    }
    Ok(braid_kernel::terminate(processes, KILL_LIMIT).await?)
}

/// The instance's directory belongs to FRR: its daemons make sockets in it after they have dropped root.
fn give_to_frr(place: &Place) -> Result<(), EngineError> {
    let missing = || EngineError::Missing { program: "frr", package: "frr" };
    let user = User::from_name(USER).ok().flatten().ok_or_else(missing)?;
    let group = Group::from_name(GROUP).ok().flatten().ok_or_else(missing)?;
    let dir = &place.dir;
    let meta = fs::metadata(dir).map_err(EngineError::file("read", dir))?;
    if (meta.uid(), meta.gid()) != (user.uid.as_raw(), group.gid.as_raw()) {
        chown(dir, Some(user.uid), Some(group.gid))
            .map_err(|e| EngineError::file("give to FRR", dir)(e.into()))?;
    }
    if meta.mode() & 0o777 != 0o755 {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755))
            .map_err(EngineError::file("open to FRR", dir))?;
    }
    Ok(())
}

impl Frr {
    async fn start_one(&self, place: &Place, daemon: &Requirement) -> Result<Process, EngineError> {
        if let Some(running) = instance::find(place, daemon.program)? {
            return Ok(running);
        }
        let program = daemon.program;
        let dir = place.dir.to_string_lossy();
        let zserv = format!("{dir}/zserv.api");
        let pid_file = format!("{dir}/{program}.pid");
        let config = format!("{dir}/{program}.conf");
        clear_remains(place, program)?;
        let mut args = vec!["-d", "-z", &zserv, "--vty_socket", &dir, "-i", &pid_file, "-f", &config];
        // The vty over TCP is of no use to us, and one port for all would clash.
        args.extend(["-A", "127.0.0.1", "-P", "0"]);
        let keep = self.keep_routes_s(place)?.to_string();
        if program == ZEBRA.program {
            instance::clear(place, "zserv.api")?;
            args.extend(["-K", &keep]);
        }
        self.check(place, daemon, &config).await?;
        let (process, pid) = instance::start_daemon(place, program, daemon.find()?.as_ref(), &args).await?;
        instance::write(place, &foreground_pid(program), &pid.to_string())?;
        Ok(process)
    }

    fn keep_routes_s(&self, place: &Place) -> Result<u64, EngineError> {
        let path = place.dir.join(format!("{}.conf", self.protocol.daemon().program));
        let text = fs::read_to_string(&path).map_err(EngineError::file("read", path))?;
        Ok(KEEP_ROUTES_S.max(KEEP_ROUTES_HELLOS.saturating_mul(config::hello_s(&text))))
    }

    /// A daemon passes over lines that it does not know, and starts; its dry run at least names them.
    async fn check(&self, place: &Place, daemon: &Requirement, file: &str) -> Result<(), EngineError> {
        let Ended { pid, status, said } =
            instance::run(place, daemon.program, daemon.find()?.as_ref(), &["-C", "-f", file]).await?;
        clear_crash_log(daemon.program, pid);
        match said.lines().find(|line| line.contains("on config line")) {
            None if status.success() => Ok(()),
            line => {
                let reason = line.unwrap_or(&said).to_owned();
                Err(EngineError::Rejected { program: daemon.program, file: file.into(), reason })
            }
        }
    }

    /// A protocol daemon tells a zebra its routes once. One whose zebra is no more has nobody to tell them to, and they go from
    /// the kernel when the next zebra stops keeping them: it must begin anew, too. Not asked, since asked it withdraws them.
    async fn end_widow(&self, place: &Place) -> Result<(), EngineError> {
        let zebra = instance::find(place, ZEBRA.program)?;
        match instance::find(place, self.protocol.daemon().program)? {
            Some(daemon) if zebra.is_none_or(|zebra| daemon.start_time() < zebra.start_time()) => {
                kill(&[daemon]).await
            }
            _ => Ok(()),
        }
    }

    /// A protocol daemon that starts before zebra listens gives up on it for long.
    async fn wait_for_zebra(&self, place: &Place) -> Result<(), EngineError> {
        let socket = place.dir.join("zserv.api");
        let begin = Instant::now();
        while !socket.exists() {
            if begin.elapsed() > ZEBRA_LIMIT {
                let reason = format!("it has not opened {}", socket.display());
                return Err(EngineError::Start { program: ZEBRA.program, reason });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

/// Asks a daemon of the instance with that directory.
async fn ask(
    dir: &Path,
    program: &'static str,
    command: &str,
    limit: Duration,
) -> Result<String, EngineError> {
    vty::ask(program, &dir.join(format!("{program}.vty")), command, limit).await
}

#[async_trait]
impl Driver for Frr {
    fn engine(&self) -> Engine {
        match self.protocol {
            Protocol::Ospf => Engine::FrrOspf,
            Protocol::Isis => Engine::FrrIsis,
        }
    }

    fn requirements(&self) -> &'static [Requirement] {
        match self.protocol {
            Protocol::Ospf => &[ZEBRA, OSPFD],
            Protocol::Isis => &[ZEBRA, ISISD],
        }
    }

    fn process_count(&self) -> usize {
        2
    }

    fn port_addresses(&self, attached: &[Ipv4Net]) -> Vec<Ipv4Net> {
        match self.protocol {
            // A stub network of ospfd's is one that it has an address in. The network's own is nobody's.
            Protocol::Ospf => attached.to_vec(),
            Protocol::Isis => Vec::new(),
        }
    }

    async fn prepare(&self, intent: &RouterIntent, place: &Place) -> Result<bool, EngineError> {
        for requirement in self.requirements() {
            requirement.find()?;
        }
        give_to_frr(place)?;
        let dir = place.dir.to_string_lossy();
        let zebra = instance::write(place, "zebra.conf", &config::zebra(intent, &dir))?;
        let daemon = self.protocol.daemon().program;
        let text = config::protocol(self.protocol, intent, &dir);
        Ok(instance::write(place, &format!("{daemon}.conf"), &text)? || zebra)
    }

    async fn start(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        self.end_widow(place).await?;
        let zebra = self.start_one(place, &ZEBRA).await?;
        self.wait_for_zebra(place).await?;
        let daemon = self.start_one(place, &self.protocol.daemon()).await?;
        Ok(vec![zebra, daemon])
    }

    fn processes(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        let programs = [ZEBRA.program, self.protocol.daemon().program];
        programs.into_iter().filter_map(|program| instance::find(place, program).transpose()).collect()
    }

    async fn health(&self, place: &Place, limit: Duration) -> Result<Health, EngineError> {
        let program = self.protocol.daemon().program;
        // Zebra too must answer: without it no route reaches the kernel.
        ask(&place.dir, ZEBRA.program, "show zebra client summary", limit).await?;
        let command = status::neighbours_command(self.protocol);
        let answer = ask(&place.dir, program, command, limit).await?;
        let neighbours = status::neighbours(self.protocol, &answer)
            .map_err(|reason| EngineError::Answer { program, command: command.to_owned(), reason })?;
        Ok(Health { neighbours })
    }

    async fn drift(
        &self,
        intent: &RouterIntent,
        place: &Place,
        limit: Duration,
    ) -> Result<Vec<Drift>, EngineError> {
        let program = self.protocol.daemon().program;
        let running = ask(&place.dir, program, "show running-config", limit).await?;
        Ok(config::drift(&config::protocol(self.protocol, intent, &place.dir.to_string_lossy()), &running))
    }

    async fn announced(
        &self,
        prefix: Ipv4Net,
        dir: &Path,
        limit: Duration,
    ) -> Result<Option<String>, EngineError> {
        let program = self.protocol.daemon().program;
        let unread = |command: &str, reason| {
            let command = command.to_owned();
            EngineError::Answer { program, command, reason }
        };
        let end = Instant::now() + limit;
        let question = |command: String| async move {
            let answer = ask(dir, program, &command, end.saturating_duration_since(Instant::now())).await?;
            Ok::<_, EngineError>((command, answer))
        };
        if self.protocol == Protocol::Isis {
            let (_, answer) = question(announced::LSPS.to_owned()).await?;
            return Ok(together(&announced::lsps(&prefix, &answer)));
        }
        let (command, answer) = question(announced::OSPF_ROUTES.to_owned()).await?;
        if !announced::has_route(&prefix, &answer).map_err(|reason| unread(&command, reason))? {
            return Ok(None);
        }
        for (theirs, ours) in announced::LSAS {
            let (command, answer) = question(announced::lsas_command(theirs)).await?;
            let found = announced::lsas(&prefix, ours, &answer).map_err(|reason| unread(&command, reason))?;
            if !found.is_empty() {
                return Ok(together(&found));
            }
        }
        Ok(None)
    }

    async fn stop(&self, place: &Place, grace: Duration) -> Result<(), EngineError> {
        braid_kernel::terminate(&self.processes(place)?, grace).await?;
        for requirement in self.requirements() {
            clear_remains(place, requirement.program)?;
        }
        Ok(())
    }

    async fn reconfigure(&self, place: &Place, _limit: Duration) -> Result<(), EngineError> {
        // Undoing lines one by one is what goes wrong in reload scripts; a new process with the routes kept is exact. Zebra goes
        // first, and neither is asked: asked, or left behind by its daemon, zebra takes the routes along.
        kill(&self.processes(place)?).await
    }
}
