//! The line to the controller: specifications and questions come in, verdicts and answers go out.
//!
//! Level-triggered: each connection begins with all verdicts, and between two messages any number of changes melt into
//! one. Without a controller the border goes on as before.

use std::sync::Arc;

use braid_proto::{
    stay_connected,
    v1::{self, attach_border_request::Message as Up, attach_border_response::Message as Down},
};
use ipnet::Ipv4Net;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, transport::Channel};
use tracing::info;

use crate::{config::BorderConfig, votes::Votes};

/// Messages that may wait for the network.
const QUEUE: usize = 16;

/// What the border has to say at the moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Every verdict, by prefix.
    pub votes: Votes,
    /// What keeps the border from its desired state.
    pub problems: Vec<String>,
    /// How many objects and routes in the kernel audits have found changed by others, and put right.
    pub repairs: u64,
    /// What probes have measured, once they have.
    pub probes: Option<v1::ProbeReport>,
}

/// What the controller says.
#[derive(Debug)]
pub enum Order {
    /// The specification to follow from now on.
    Spec(Box<v1::BorderSpec>),
    /// What the controller has verified; all of it, or what has changed.
    Verification(v1::Verification),
    /// The controller is not there any more.
    ControllerAway,
    /// A question: why does this prefix go where it goes?
    Explain(Ipv4Net, oneshot::Sender<Option<v1::Explanation>>),
}

/// What to send so that a controller that has heard `told` knows `now`.
fn news(told: Option<&Report>, now: &Report) -> Vec<Up> {
    let heard = |told: &Report| {
        (&told.votes, &told.problems, told.repairs) == (&now.votes, &now.problems, now.repairs)
    };
    let votes = (!told.is_some_and(heard)).then(|| Up::Votes(difference(told, now)));
    let probes =
        now.probes.clone().filter(|probes| told.and_then(|told| told.probes.as_ref()) != Some(probes));
    votes.into_iter().chain(probes.map(Up::Probes)).collect()
}

fn difference(told: Option<&Report>, now: &Report) -> v1::VoteReport {
    let nothing = Votes::default();
    let before = told.map_or(&nothing, |told| &told.votes);
    v1::VoteReport {
        snapshot: told.is_none(),
        votes: now.votes.news(before).cloned().collect(),
        removed: now.votes.gone(before).map(|prefix| prefix.to_string()).collect(),
        problems: now.problems.clone(),
        repairs: now.repairs,
    }
}

/// Stays in touch with the controller for ever.
pub async fn run(config: BorderConfig, reports: watch::Receiver<Arc<Report>>, orders: mpsc::Sender<Order>) {
    stay_connected(&config.controller, config.tls.as_ref(), |channel| {
        session(channel, &config, reports.clone(), &orders)
    })
    .await;
}

async fn session(
    channel: Channel,
    config: &BorderConfig,
    mut reports: watch::Receiver<Arc<Report>>,
    orders: &mpsc::Sender<Order>,
) -> (bool, Result<(), Status>) {
    let (up, requests) = mpsc::channel(QUEUE);
    let hello = v1::Hello {
        network: config.network.to_string(),
        node: config.node.to_string(),
        version: braid_proto::VERSION.to_owned(),
        pid: i32::try_from(std::process::id()).unwrap_or(0),
    };
    let mut got_through = false;
    let line = Line { up, requests, hello };
    let result = line.exchange(channel, &mut reports, orders, &mut got_through).await;
    // A border that is shutting down need not hear it.
    let _ = orders.send(Order::ControllerAway).await;
    (got_through, result)
}

/// One connection.
struct Line {
    up: mpsc::Sender<v1::AttachBorderRequest>,
    requests: mpsc::Receiver<v1::AttachBorderRequest>,
    hello: v1::Hello,
}

async fn send(up: &mpsc::Sender<v1::AttachBorderRequest>, message: Up) -> Result<(), Status> {
    let request = v1::AttachBorderRequest { message: Some(message) };
    up.send(request).await.map_err(|_| Status::unavailable("the controller closed the connection"))
}

impl Line {
    async fn exchange(
        self,
        channel: Channel,
        reports: &mut watch::Receiver<Arc<Report>>,
        orders: &mpsc::Sender<Order>,
        got_through: &mut bool,
    ) -> Result<(), Status> {
        let Line { up, requests, hello } = self;
        send(&up, Up::Hello(hello)).await?;
        let mut client = v1::fleet_service_client::FleetServiceClient::new(channel);
        let mut down = client.attach_border(ReceiverStream::new(requests)).await?.into_inner();
        let (answers, mut answered) = mpsc::channel::<v1::ExplainReply>(QUEUE);
        let mut told = Arc::clone(&reports.borrow_and_update());
        for message in news(None, &told) {
            send(&up, message).await?;
        }
        loop {
            tokio::select! {
                message = down.message() => {
                    let Some(message) = message? else { return Ok(()) };
                    if !*got_through {
                        info!("connected to the controller");
                        *got_through = true;
                    }
                    match message.message {
                        Some(Down::Spec(spec)) => pass_on(orders, Order::Spec(Box::new(spec))).await?,
                        Some(Down::Verification(verified)) => {
                            pass_on(orders, Order::Verification(verified)).await?;
                        }
                        Some(Down::Explain(query)) => ask(orders, query, answers.clone()).await?,
                        None => {}
                    }
                }
                Some(reply) = answered.recv() => send(&up, Up::Explanation(reply)).await?,
                Ok(()) = reports.changed() => {
                    let now = Arc::clone(&reports.borrow_and_update());
                    for message in news(Some(&told), &now) {
                        send(&up, message).await?;
                    }
                    told = now;
                }
            }
        }
    }
}

async fn pass_on(orders: &mpsc::Sender<Order>, order: Order) -> Result<(), Status> {
    orders.send(order).await.map_err(|_| Status::cancelled("the border is shutting down"))
}

/// Puts a question to the border; its answer goes to `answers` when it comes.
async fn ask(
    orders: &mpsc::Sender<Order>,
    query: v1::ExplainQuery,
    answers: mpsc::Sender<v1::ExplainReply>,
) -> Result<(), Status> {
    let Ok(prefix) = query.prefix.parse() else {
        // Not a prefix, so not one that is voted on.
        let _ = answers.try_send(v1::ExplainReply { id: query.id, explanation: None });
        return Ok(());
    };
    let (reply, answer) = oneshot::channel();
    pass_on(orders, Order::Explain(prefix, reply)).await?;
    tokio::spawn(async move {
        let explanation = answer.await.unwrap_or(None);
        let _ = answers.send(v1::ExplainReply { id: query.id, explanation }).await;
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_brings_the_controller_from_what_it_knows_to_what_is() {
        let vote = |winner: &str| v1::Vote { winner: Some(winner.to_owned()), ..v1::Vote::default() };
        let (a, b) = ("198.18.1.0/24".parse().unwrap(), "198.18.2.0/24".parse().unwrap());
        let old =
            Report { votes: [(a, vote("red")), (b, vote("red"))].into_iter().collect(), ..Report::default() };
        let probes = Some(v1::ProbeReport { sent: 7, ..Default::default() });
        let new = Report {
            votes: [(a, vote("green"))].into_iter().collect(),
            problems: vec!["x".to_owned()],
            repairs: 2,
            probes,
        };
        let report = difference(Some(&old), &new);
        assert!(!report.snapshot);
        assert_eq!(report.votes, [vote("green")]);
        assert_eq!(report.removed, ["198.18.2.0/24"]);
        assert_eq!((report.problems, report.repairs), (vec!["x".to_owned()], 2));
        assert!(difference(None, &new).snapshot);
        assert_eq!(
            (news(None, &new).len(), news(Some(&old), &new).len(), news(Some(&new), &new).len()),
            (2, 2, 0)
        );
        // Where only measurements are new, votes are not said again.
        let later = Report { probes: Some(v1::ProbeReport::default()), ..new.clone() };
        assert!(matches!(news(Some(&new), &later)[..], [Up::Probes(_)]));
    }
}
