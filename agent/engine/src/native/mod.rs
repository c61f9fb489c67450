//! braid's own OSPF: the binary itself, as a process of its own.

mod config;
mod status;

use std::{env, path::PathBuf, time::Duration};

use async_trait::async_trait;
use braid_kernel::Process;
use braid_native::{
    AskError, Client,
    ospf::{self, Question, Running, ShellQuestion},
};
use braid_proto::Engine;

use crate::{Drift, Driver, EngineError, Health, Neighbour, Place, Requirement, RouterIntent, instance};

/// The name of its process, and of its files.
const PROGRAM: &str = ospf::NAME;
/// What it runs by.
const CONFIG: &str = "braid-ospf.json";
/// The environment variable that names another binary than the one that asks: tests have none of their own.
const BINARY: &str = "BRAID_BIN";

/// braid's own OSPF.
pub(crate) struct NativeOspf;

/// The binary that has the engine: also after its file was replaced, the one that runs now.
fn binary() -> PathBuf {
    env::var_os(BINARY).filter(|path| !path.is_empty()).map_or_else(|| "/proc/self/exe".into(), PathBuf::from)
}

fn socket(place: &Place) -> PathBuf {
    place.dir.join(format!("{PROGRAM}.sock"))
}

fn failed(place: &Place, limit: Duration, command: &str, error: &AskError) -> EngineError {
    let reason = error.to_string();
    match error {
        AskError::Silent { reason, .. } => {
            EngineError::Silent { program: PROGRAM, socket: socket(place), limit, reason: reason.clone() }
        }
        _ => EngineError::Answer { program: PROGRAM, command: command.to_owned(), reason },
    }
}

#[async_trait]
impl Driver for NativeOspf {
    fn engine(&self) -> Engine {
        Engine::NativeOspf
    }

    fn requirements(&self) -> &'static [Requirement] {
        &[]
    }

    fn process_count(&self) -> usize {
        1
    }

    async fn prepare(&self, intent: &RouterIntent, place: &Place) -> Result<bool, EngineError> {
        instance::write(place, CONFIG, &config::render(intent).to_text())
    }

    async fn start(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        if let Some(running) = instance::find(place, PROGRAM)? {
            return Ok(vec![running]);
        }
        instance::clear(place, &format!("{PROGRAM}.pid"))?;
        let config = place.dir.join(CONFIG);
        let (config, dir) = (config.to_string_lossy(), place.dir.to_string_lossy());
        let args = ["agent", "engine", "ospf", "--config", &config, "--run-dir", &dir];
        Ok(vec![instance::start_daemon(place, PROGRAM, &binary(), &args).await?.0])
    }

    fn processes(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        Ok(instance::find(place, PROGRAM)?.into_iter().collect())
    }

    async fn health(&self, place: &Place, limit: Duration) -> Result<Health, EngineError> {
        let client = Client::new(socket(place), limit);
        let neighbours: Vec<ospf::Neighbour> = client
            .ask(&Question::Neighbours)
            .await
            .map_err(|error| failed(place, limit, "neighbours", &error))?;
        let neighbour = |n: ospf::Neighbour| Neighbour {
            id: n.router_id.to_string(),
            interface: n.interface,
            state: n.state,
            adjacent: n.adjacent,
        };
        Ok(Health { neighbours: neighbours.into_iter().map(neighbour).collect() })
    }

    async fn drift(
        &self,
        intent: &RouterIntent,
        place: &Place,
        limit: Duration,
    ) -> Result<Vec<Drift>, EngineError> {
        let client = Client::new(socket(place), limit);
        let running: Running =
            client.ask(&Question::Running).await.map_err(|error| failed(place, limit, "running", &error))?;
        Ok(status::drift(&config::render(intent), &running))
    }

    async fn reconfigure(&self, place: &Place, limit: Duration) -> Result<(), EngineError> {
        let client = Client::new(socket(place), limit);
        client.ask(&ShellQuestion::Reload).await.map_err(|error| failed(place, limit, "reload", &error))
    }
}
