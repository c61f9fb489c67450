//! braid's own OSPF.

mod config;
mod status;

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use braid_kernel::Process;
use braid_native::ospf::{self, Question, Running};
use braid_proto::Engine;
use ipnet::Ipv4Net;

use super::Program;
use crate::{
    Drift, Driver, EngineError, Health, Neighbour, Place, Requirement, RouterIntent, announced::lsa,
};

const PROGRAM: Program = Program { name: ospf::NAME, word: "ospf", config: "braid-ospf.json" };

/// braid's own OSPF.
pub(crate) struct NativeOspf;

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
        PROGRAM.prepare(place, &config::render(intent).to_text())
    }

    async fn start(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        PROGRAM.start(place).await
    }

    fn processes(&self, place: &Place) -> Result<Vec<Process>, EngineError> {
        PROGRAM.find(place)
    }

    async fn health(&self, place: &Place, limit: Duration) -> Result<Health, EngineError> {
        let neighbours: Vec<ospf::Neighbour> =
            PROGRAM.ask(&place.dir, limit, "neighbours", &Question::Neighbours).await?;
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
        let running: Running = PROGRAM.ask(&place.dir, limit, "running", &Question::Running).await?;
        Ok(status::drift(&config::render(intent), &running))
    }

    async fn announced(
        &self,
        prefix: Ipv4Net,
        dir: &Path,
        limit: Duration,
    ) -> Result<Option<String>, EngineError> {
        let found: Option<ospf::Announcement> =
            PROGRAM.ask(dir, limit, "announced", &Question::Announced { prefix }).await?;
        Ok(found.map(|found| {
            let kind = match found.kind.as_str() {
                "external" => "AS-external",
                "nssa-external" => "NSSA-external",
                other => other,
            };
            let sequence = found.sequence.cast_unsigned();
            lsa(kind, found.id, found.advertising_router, sequence, found.age.into())
        }))
    }

    async fn reconfigure(&self, place: &Place, limit: Duration) -> Result<(), EngineError> {
        PROGRAM.reload(place, limit).await
    }
}
