//! braid's own IS-IS.

mod config;
mod status;

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use braid_kernel::Process;
use braid_native::isis::{self, Question, Running};
use braid_proto::Engine;
use ipnet::Ipv4Net;

use super::Program;
use crate::{
    Drift, Driver, EngineError, Health, Neighbour, Place, Requirement, RouterIntent, announced::lsp,
};

const PROGRAM: Program = Program { name: isis::NAME, word: "isis", config: "braid-isis.json" };

/// braid's own IS-IS.
pub(crate) struct NativeIsis;

#[async_trait]
impl Driver for NativeIsis {
    fn engine(&self) -> Engine {
        Engine::NativeIsis
    }

    fn requirements(&self) -> &'static [Requirement] {
        &[]
    }

    fn process_count(&self) -> usize {
        1
    }

    async fn prepare(&self, intent: &RouterIntent, place: &Place) -> Result<bool, EngineError> {
        PROGRAM.prepare(place, &config::render(intent).to_text())
    }

    async fn start(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        PROGRAM.start(place).await
    }

    fn processes(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        PROGRAM.find(place)
    }

    async fn health(&self, place: &Place, limit: Duration) -> Result<Health, EngineError> {
        let neighbours: Vec<isis::Neighbour> =
            PROGRAM.ask(&place.dir, limit, "neighbours", &Question::Neighbours).await?;
        let neighbour = |n: isis::Neighbour| Neighbour {
            id: n.host_name.unwrap_or_else(|| n.system_id.to_string()),
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
        let running: Running = PROGRAM.ask(&place.dir, limit, "running", &Question::Running).await?;
        Ok(status::drift(&config::render(intent), &running))
    }

    async fn announced(
        &self,
        prefix: Ipv4Net,
        dir: &Path,
        limit: Duration,
    ) -> Result<Option<String>, EngineError> {
        let found: Option<isis::Announcement> =
            PROGRAM.ask(dir, limit, "announced", &Question::Announced { prefix }).await?;
        Ok(found.map(|found| {
            let id = match found.host_name {
                Some(name) => format!("{} ({name})", found.id),
                None => found.id.to_string(),
            };
            lsp(id, found.sequence, found.lifetime.into())
        }))
    }

    async fn reconfigure(&self, place: &Place, limit: Duration) -> Result<(), EngineError> {
        PROGRAM.reload(place, limit).await
    }
}
