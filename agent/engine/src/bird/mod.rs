//! BIRD 2's OSPF.

mod announced;
mod config;
mod control;
mod status;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use braid_kernel::Process;
use braid_proto::Engine;
use ipnet::Ipv4Net;

use self::config::Kernel;
use crate::{
    Drift, Driver, EngineError, Health, Place, Requirement, RouterIntent, announced::together, instance,
};

const BIRD: Requirement =
    Requirement { program: "bird", paths: &["/usr/sbin/bird", "/usr/local/sbin/bird"], package: "bird2" };

/// Its control socket.
const SOCKET: &str = "bird.ctl";
/// What BIRD runs by.
const CONFIG: &str = "bird.conf";
/// What it runs by after a crash, until it has learnt its routes anew.
const RECOVERY: &str = "recovery.conf";
/// How long that takes, at short hellos: BIRD waits for its adjacencies, renews the LSAs of its former life only MinLSInterval
/// (5 s, RFC 2328 appendix B) after it has seen them, and computes each second from then on.
const RELEARNT_AFTER: Duration = Duration::from_secs(15);
/// The same, at long hellos, in hellos.
const RELEARNT_HELLOS: u32 = 5;
/// A neighbour that never becomes adjacent is waited for this many times as long: old routes must not stay for ever.
const PATIENCE: u32 = 4;

/// BIRD with one OSPF instance.
pub(crate) struct Bird;

fn socket(place: &Place) -> PathBuf {
    place.dir.join(SOCKET)
}

fn take_config(place: &Place) -> String {
    format!("configure \"{}\"", place.dir.join(CONFIG).display())
}

/// How long BIRD has been running: it writes its pid file at its start.
fn age(place: &Place) -> Option<Duration> {
    fs::metadata(place.dir.join("bird.pid")).and_then(|meta| meta.modified()).ok()?.elapsed().ok()
}

/// Whether a BIRD of that age and hello interval, its neighbours all adjacent or not, has learnt its routes anew.
fn relearnt(age: Duration, hello: Duration, whole: bool) -> bool {
    let due = RELEARNT_AFTER.max(RELEARNT_HELLOS * hello);
    age >= due * if whole { 1 } else { PATIENCE }
}

#[async_trait]
impl Driver for Bird {
    fn engine(&self) -> Engine {
        Engine::BirdOspf
    }

    fn requirements(&self) -> &'static [Requirement] {
        &[BIRD]
    }

    fn process_count(&self) -> usize {
        1
    }

    async fn prepare(&self, intent: &RouterIntent, place: &Place) -> Result<bool, EngineError> {
        BIRD.find()?;
        let dir = place.dir.to_string_lossy();
        instance::write(place, RECOVERY, &config::render(intent, &dir, Kernel::HandsOff))?;
        instance::write(place, CONFIG, &config::render(intent, &dir, Kernel::Synced))
    }

    async fn start(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        if let Some(running) = instance::find(place, BIRD.program)? {
            return Ok(vec![running]);
        }
        // BIRD takes its pid file away, and its routes, unless it is killed. Graceful restart (-R) alone keeps the routes where
        // one router restarts; where all do, BIRD sweeps the kernel before they have exchanged their LSAs.
        let killed = place.dir.join("bird.pid").exists();
        instance::clear(place, "bird.pid")?;
        instance::clear(place, "bird.ctl")?;
        let config = place.dir.join(if killed { RECOVERY } else { CONFIG });
        let args = ["-c", &config.to_string_lossy(), "-s", "bird.ctl", "-P", "bird.pid", "-R"];
        Ok(vec![instance::start_daemon(place, BIRD.program, BIRD.find()?.as_ref(), &args).await?.0])
    }

    fn processes(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        Ok(instance::find(place, BIRD.program)?.into_iter().collect())
    }

    async fn health(&self, place: &Place, limit: Duration) -> Result<Health, EngineError> {
        let questions = ["show ospf neighbors", "show protocols kernel1"];
        let answers = control::ask(&socket(place), &questions, limit).await?;
        let health = Health { neighbours: status::neighbours(&answers[0]) };
        if status::is_down(&answers[1], "kernel1") {
            let interfaces = control::ask(&socket(place), &["show ospf interface"], limit).await?;
            let hello = status::longest_hello(&interfaces[0]);
            let whole = health.adjacencies() == health.neighbours.len();
            if age(place).is_some_and(|age| relearnt(age, hello, whole)) {
                // The last step of a start after a crash.
                control::ask(&socket(place), &[&take_config(place)], limit).await?;
            }
        }
        Ok(health)
    }

    async fn drift(
        &self,
        intent: &RouterIntent,
        place: &Place,
        limit: Duration,
    ) -> Result<Vec<Drift>, EngineError> {
        let questions = ["show status", "show ospf interface", "show ospf state"];
        let answers = control::ask(&socket(place), &questions, limit).await?;
        Ok(status::drift(intent, &answers[0], &answers[1], &answers[2]))
    }

    async fn announced(
        &self,
        prefix: Ipv4Net,
        dir: &Path,
        limit: Duration,
    ) -> Result<Option<String>, EngineError> {
        let (socket, begin) = (dir.join(SOCKET), Instant::now());
        let state = control::ask(&socket, &[announced::STATE], limit).await?;
        let origins = announced::origins(&prefix, &state[0]);
        let questions: Vec<String> = origins.iter().map(announced::Origin::command).collect();
        let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
        let answers = control::ask(&socket, &questions, limit.saturating_sub(begin.elapsed())).await?;
        let lsas = origins.iter().zip(&answers).filter_map(|(origin, answer)| origin.lsa(&prefix, answer));
        Ok(together(&lsas.collect::<Vec<_>>()))
    }

    async fn reconfigure(&self, place: &Place, limit: Duration) -> Result<(), EngineError> {
        let answer = control::ask(&socket(place), &[&take_config(place)], limit).await?;
        if answer[0].contains("Reconfigur") {
            return Ok(());
        }
        let reason = answer[0].trim().to_owned();
        Err(EngineError::Answer { program: BIRD.program, command: "configure".to_owned(), reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_routes_stay_until_new_ones_may_be_expected_but_not_for_ever() {
        let s = Duration::from_secs;
        assert_eq!([14, 15].map(|age| relearnt(s(age), s(1), true)), [false, true]);
        assert_eq!([299, 300].map(|age| relearnt(s(age), s(60), true)), [false, true]);
        assert_eq!([59, 60].map(|age| relearnt(s(age), s(1), false)), [false, true]);
    }
}
