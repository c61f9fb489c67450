//! braid's own engines: the binary itself, as a process of its own.

mod comparison;
mod isis;
mod ospf;

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use braid_kernel::Process;
use braid_native::{AskError, Client, ShellQuestion, ospf::Spf};
use braid_proto::Engine;
use ipnet::Ipv4Net;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Drift, Driver, EngineError, Health, Neighbour, Place, Requirement, RouterIntent, instance};

pub(crate) use isis::NativeIsis;
pub(crate) use ospf::NativeOspf;

/// The environment variable that names another binary than the one that asks: tests have none of their own.
const BINARY: &str = "BRAID_BIN";

/// SPF back-off: the first change after a time of rest is computed and told at once, those of a storm at growing distances.
const SPF: Spf = Spf {
    initial_ms: Some(0),
    short_ms: Some(20),
    long_ms: Some(200),
    hold_down_ms: Some(2000),
    time_to_learn_ms: Some(500),
};

/// The binary that has the engines: also after its file was replaced, the one that runs now.
fn binary() -> PathBuf {
    env::var_os(BINARY).filter(|path| !path.is_empty()).map_or_else(|| "/proc/self/exe".into(), PathBuf::from)
}

/// What one of the engines has of its protocol.
pub(crate) trait Protocol: Send + Sync {
    /// Which engine it is.
    const ENGINE: Engine;
    /// The name of its process, and of its files.
    const NAME: &'static str;
    /// Its word on the command line.
    const WORD: &'static str;
    /// What it is asked.
    type Question: Serialize + Send + Sync;
    /// Asks for [`Protocol::Neighbour`]s.
    const NEIGHBOURS: Self::Question;
    /// Asks for [`Protocol::Running`].
    const RUNNING: Self::Question;
    /// What it runs by.
    type File: Send + Sync;
    /// A neighbour, as it tells it.
    type Neighbour: DeserializeOwned + Send;
    /// What it does, as it tells it.
    type Running: DeserializeOwned + Send;
    /// Who announces a prefix, as it tells it.
    type Announcement: DeserializeOwned + Send;

    /// The configuration.
    fn render(intent: &RouterIntent) -> Self::File;
    /// As text.
    fn text(file: &Self::File) -> String;
    /// The neighbour, as of any engine.
    fn neighbour(neighbour: Self::Neighbour) -> Neighbour;
    /// Where what it does differs from what it should.
    fn drift(wanted: &Self::File, running: &Self::Running) -> Vec<Drift>;
    /// Asks for an [`Protocol::Announcement`].
    fn announced(prefix: Ipv4Net) -> Self::Question;
    /// The announcement, in the words of an operator.
    fn announcement(announcement: Self::Announcement) -> String;
}

fn config<P: Protocol>() -> String {
    format!("{}.json", P::NAME)
}

/// Asks the process; `command` is the question in an error's words.
async fn ask<P: Protocol, T: DeserializeOwned>(
    dir: &Path,
    limit: Duration,
    command: &str,
    question: &(impl Serialize + Sync),
) -> Result<T, EngineError> {
    let client = Client::new(dir.join(format!("{}.sock", P::NAME)), limit);
    client.ask(question).await.map_err(|error| match error {
        AskError::Silent { socket, limit, reason } => {
            EngineError::Silent { program: P::NAME, socket, limit, reason }
        }
        other => {
            EngineError::Answer { program: P::NAME, command: command.to_owned(), reason: other.to_string() }
        }
    })
}

#[async_trait]
impl<P: Protocol> Driver for P {
    fn engine(&self) -> Engine {
        P::ENGINE
    }

    fn requirements(&self) -> &'static [Requirement] {
        &[]
    }

    fn process_count(&self) -> usize {
        1
    }

    async fn prepare(&self, intent: &RouterIntent, place: &Place) -> Result<bool, EngineError> {
        instance::write(place, &config::<P>(), &P::text(&P::render(intent)))
    }

    async fn start(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        if let Some(running) = instance::find(place, P::NAME)? {
            return Ok(vec![running]);
        }
        instance::clear(place, &format!("{}.pid", P::NAME))?;
        let config = place.dir.join(config::<P>());
        let (config, dir) = (config.to_string_lossy(), place.dir.to_string_lossy());
        let args = ["agent", "engine", P::WORD, "--config", &config, "--run-dir", &dir];
        Ok(vec![instance::start_daemon(place, P::NAME, &binary(), &args).await?.0])
    }

    fn processes(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        Ok(instance::find(place, P::NAME)?.into_iter().collect())
    }

    async fn health(&self, place: &Place, limit: Duration) -> Result<Health, EngineError> {
        let neighbours: Vec<P::Neighbour> =
            ask::<P, _>(&place.dir, limit, "neighbours", &P::NEIGHBOURS).await?;
        Ok(Health { neighbours: neighbours.into_iter().map(P::neighbour).collect() })
    }

    async fn drift(
        &self,
        intent: &RouterIntent,
        place: &Place,
        limit: Duration,
    ) -> Result<Vec<Drift>, EngineError> {
        let running: P::Running = ask::<P, _>(&place.dir, limit, "running", &P::RUNNING).await?;
        Ok(P::drift(&P::render(intent), &running))
    }

    async fn announced(
        &self,
        prefix: Ipv4Net,
        dir: &Path,
        limit: Duration,
    ) -> Result<Option<String>, EngineError> {
        let found: Option<P::Announcement> =
            ask::<P, _>(dir, limit, "announced", &P::announced(prefix)).await?;
        Ok(found.map(P::announcement))
    }

    async fn reconfigure(&self, place: &Place, limit: Duration) -> Result<(), EngineError> {
        ask::<P, _>(&place.dir, limit, "reload", &ShellQuestion::Reload).await
    }
}
