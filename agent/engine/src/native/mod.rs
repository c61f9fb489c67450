//! braid's own engines: the binary itself, as a process of its own.

mod isis;
mod ospf;

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use braid_kernel::Process;
use braid_native::{AskError, Client, ShellQuestion};
use serde::{Serialize, de::DeserializeOwned};

use crate::{EngineError, Place, instance};

pub(crate) use isis::NativeIsis;
pub(crate) use ospf::NativeOspf;

/// The environment variable that names another binary than the one that asks: tests have none of their own.
const BINARY: &str = "BRAID_BIN";

/// The binary that has the engines: also after its file was replaced, the one that runs now.
fn binary() -> PathBuf {
    env::var_os(BINARY).filter(|path| !path.is_empty()).map_or_else(|| "/proc/self/exe".into(), PathBuf::from)
}

/// One of the engines, as a process.
struct Program {
    /// The name of its process, and of its files.
    name: &'static str,
    /// Its word on the command line.
    word: &'static str,
    /// What it runs by.
    config: &'static str,
}

impl Program {
    fn socket(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.sock", self.name))
    }

    fn prepare(&self, place: &Place, config: &str) -> Result<bool, EngineError> {
        instance::write(place, self.config, config)
    }

    fn find(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        Ok(instance::find(place, self.name)?.into_iter().collect())
    }

    async fn start(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        if let Some(running) = instance::find(place, self.name)? {
            return Ok(vec![running]);
        }
        instance::clear(place, &format!("{}.pid", self.name))?;
        let config = place.dir.join(self.config);
        let (config, dir) = (config.to_string_lossy(), place.dir.to_string_lossy());
        let args = ["agent", "engine", self.word, "--config", &config, "--run-dir", &dir];
        Ok(vec![instance::start_daemon(place, self.name, &binary(), &args).await?.0])
    }

    /// Asks the process; `command` is the question in an error's words.
    async fn ask<T: DeserializeOwned>(
        &self,
        dir: &Path,
        limit: Duration,
        command: &str,
        question: &(impl Serialize + Sync),
    ) -> Result<T, EngineError> {
        let client = Client::new(self.socket(dir), limit);
        client.ask(question).await.map_err(|error| match error {
            AskError::Silent { socket, limit, reason } => {
                EngineError::Silent { program: self.name, socket, limit, reason }
            }
            other => EngineError::Answer {
                program: self.name,
                command: command.to_owned(),
                reason: other.to_string(),
            },
        })
    }

    async fn reload(&self, place: &Place, limit: Duration) -> Result<(), EngineError> {
        self.ask(&place.dir, limit, "reload", &ShellQuestion::Reload).await
    }
}
