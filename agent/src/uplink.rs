//! The line to the controller: specifications come in, the node's state and its FIBs go out.
//!
//! Level-triggered: each connection begins with everything, and between two messages any number of changes melt into one.
//! Without a controller the agent goes on as before.

use std::{sync::Arc, time::Duration};

use braid_proto::{
    stay_connected,
    v1::{self, attach_agent_request::Message as Up, attach_agent_response::Message as Down},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, transport::Channel};
use tracing::info;

use crate::{
    announced,
    config::AgentConfig,
    fib::Fibs,
    status::{Board, NodeStatus},
};

/// Messages that may wait for the network.
const QUEUE: usize = 16;
/// Questions under way; what is asked beyond them stays without an answer.
const QUESTIONS: usize = 8;
/// What is no news, the memory in use, is sent this often.
const BREATH: Duration = Duration::from_secs(2);

/// Stays in touch with the controller for ever. Specifications go to `specs`; how they are received shows on the board.
pub(crate) async fn run(
    config: AgentConfig,
    board: Arc<Board>,
    fibs: Arc<Fibs>,
    specs: mpsc::Sender<v1::NodeSpec>,
) {
    stay_connected(&config.controller, config.tls.as_ref(), |channel| {
        let line = Line { board: board.subscribe(), fibs: &fibs, specs: &specs };
        line.session(channel, &config)
    })
    .await;
}

/// One connection.
struct Line<'a> {
    board: watch::Receiver<NodeStatus>,
    fibs: &'a Fibs,
    specs: &'a mpsc::Sender<v1::NodeSpec>,
}

fn closed<T>(_: T) -> Status {
    Status::unavailable("the controller closed the connection")
}

async fn send(up: &mpsc::Sender<v1::AttachAgentRequest>, message: Up) -> Result<(), Status> {
    let request = v1::AttachAgentRequest { message: Some(message) };
    up.send(request).await.map_err(closed)
}

impl Line<'_> {
    async fn session(self, channel: Channel, config: &AgentConfig) -> (bool, Result<(), Status>) {
        let hello = v1::Hello {
            network: config.network.to_string(),
            node: config.node.to_string(),
            version: braid_proto::VERSION.to_owned(),
            pid: i32::try_from(std::process::id()).unwrap_or(0),
        };
        let mut got_through = false;
        let result = self.exchange(channel, hello, config, &mut got_through).await;
        (got_through, result)
    }

    async fn exchange(
        mut self,
        channel: Channel,
        hello: v1::Hello,
        config: &AgentConfig,
        got_through: &mut bool,
    ) -> Result<(), Status> {
        let (up, requests) = mpsc::channel(QUEUE);
        send(&up, Up::Hello(hello)).await?;
        let mut client = v1::fleet_service_client::FleetServiceClient::new(channel);
        let mut down = client.attach_agent(ReceiverStream::new(requests)).await?.into_inner();
        let mut told = self.board.borrow_and_update().to_wire();
        send(&up, Up::Status(told.clone())).await?;
        self.fibs.tell_all();
        let mut answers = JoinSet::new();
        let mut breath = interval(BREATH);
        breath.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                permit = up.reserve(), if self.fibs.has_news() => {
                    let permit = permit.map_err(closed)?;
                    if let Some(delta) = self.fibs.take() {
                        permit.send(v1::AttachAgentRequest { message: Some(Up::Fib(delta)) });
                    }
                }
                message = down.message() => {
                    let Some(message) = message? else { return Ok(()) };
                    if !*got_through {
                        info!("connected to the controller");
                        *got_through = true;
                    }
                    match message.message {
                        Some(Down::Spec(spec)) => {
                            let passed_on = self.specs.send(spec).await;
                            passed_on.map_err(|_| Status::cancelled("the agent is shutting down"))?;
                        }
                        Some(Down::Announced(query)) if answers.len() < QUESTIONS => {
                            let run_dir = config.run_dir.clone();
                            answers.spawn(async move { announced::answer(&run_dir, query).await });
                        }
                        Some(Down::Announced(_)) | None => {}
                    }
                }
                Some(answered) = answers.join_next() => {
                    if let Ok(reply) = answered {
                        send(&up, Up::Announced(reply)).await?;
                    }
                }
                () = self.fibs.news() => {}
                Ok(()) = self.board.changed() => tell(&mut self.board, &mut told, &up).await?,
                _ = breath.tick() => tell(&mut self.board, &mut told, &up).await?,
            }
        }
    }
}

/// Sends the node's state if it is another than was told.
async fn tell(
    board: &mut watch::Receiver<NodeStatus>,
    told: &mut v1::NodeStatus,
    up: &mpsc::Sender<v1::AttachAgentRequest>,
) -> Result<(), Status> {
    let now = board.borrow_and_update().to_wire();
    if now != *told {
        send(up, Up::Status(now.clone())).await?;
        *told = now;
    }
    Ok(())
}
