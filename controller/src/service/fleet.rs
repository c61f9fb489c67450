//! `FleetService`: the streams of agents and borders.
//!
//! A stream is one task with three sides: what the caller says, what it is to do (sent whole whenever it changes), and what
//! ends it early (a newer stream for the same node, or the controller stopping).

use std::{future::Future, sync::Arc, time::Duration};

use braid_proto::v1::{
    self, attach_agent_request, attach_agent_response, attach_border_request, attach_border_response,
    fleet_service_server::FleetService,
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::{info, warn};

use super::verification;
use crate::{
    desired::Desired,
    error::ApiError,
    hub::{Hub, Membership},
    report::Hello,
    state::{Caller, Inbox, Role},
};

/// How long a caller may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the reason for an ending may take to go out.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);
/// Messages on their way to a caller.
const OUTGOING: usize = 4;

pub(crate) struct Fleet {
    hub: Arc<Hub>,
}

impl Fleet {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }
}

pub(super) type Outgoing<T> = mpsc::Sender<Result<T, Status>>;

/// Why a stream ends.
pub(super) enum End {
    /// The caller has gone, in order or not, or its message cannot be decoded.
    Gone(Option<Status>),
    /// We end it.
    Refused(ApiError),
}

impl<E: Into<ApiError>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

#[tonic::async_trait]
impl FleetService for Fleet {
    type AttachAgentStream = ReceiverStream<Result<v1::AttachAgentResponse, Status>>;
    type AttachBorderStream = ReceiverStream<Result<v1::AttachBorderResponse, Status>>;

    async fn attach_agent(
        &self,
        request: Request<Streaming<v1::AttachAgentRequest>>,
    ) -> Result<Response<Self::AttachAgentStream>, Status> {
        let (hub, incoming) = (Arc::clone(&self.hub), request.into_inner());
        Ok(answer_with(|outgoing| async move { agent(hub, incoming, &outgoing).await }))
    }

    async fn attach_border(
        &self,
        request: Request<Streaming<v1::AttachBorderRequest>>,
    ) -> Result<Response<Self::AttachBorderStream>, Status> {
        let (hub, incoming) = (Arc::clone(&self.hub), request.into_inner());
        Ok(answer_with(|outgoing| async move { border(hub, incoming, &outgoing).await }))
    }
}

/// Runs a stream in a task of its own and answers at once, so that a caller may also wait for the answer before its Hello.
fn answer_with<T, F>(stream: impl FnOnce(Outgoing<T>) -> F) -> Response<ReceiverStream<Result<T, Status>>>
where
    T: Send + 'static,
    F: Future<Output = End> + Send + 'static,
{
    let (outgoing, receiver) = mpsc::channel(OUTGOING);
    let stream = stream(outgoing.clone());
    tokio::spawn(async move {
        let reason = match stream.await {
            End::Gone(None) => return,
            End::Gone(Some(status)) => status,
            End::Refused(error) => error.into(),
        };
        // A caller that does not listen any more needs no reason.
        let _ = tokio::time::timeout(FAREWELL_TIMEOUT, outgoing.send(Err(reason))).await;
    });
    Response::new(ReceiverStream::new(receiver))
}

async fn agent(
    hub: Arc<Hub>,
    mut incoming: Streaming<v1::AttachAgentRequest>,
    outgoing: &Outgoing<v1::AttachAgentResponse>,
) -> End {
    let hello = match first(&hub, &mut incoming, outgoing).await {
        Ok(Some(attach_agent_request::Message::Hello(hello))) => hello,
        Ok(_) => return no_hello(),
        Err(end) => return end,
    };
    let (membership, Inbox { replaced, announced, .. }) = match join(&hub, Role::Agent, hello) {
        Ok(joined) => joined,
        Err(error) => return End::Refused(error),
    };
    let node = &membership.caller.node;
    let specs = send_specs(
        hub.desired(),
        outgoing,
        |d| d.agent(node),
        |spec| v1::AttachAgentResponse { message: Some(attach_agent_response::Message::Spec(spec)) },
    );
    let end = tokio::select! {
        end = read(&mut incoming, |request| hear_agent(&hub, &membership.caller, request.message)) => end,
        end = specs => end,
        end = send_questions(announced, outgoing, |question| v1::AttachAgentResponse {
            message: Some(attach_agent_response::Message::Announced(question)),
        }) => end,
        end = ended(&hub, &membership.caller, replaced) => end,
    };
    log_end(&membership, &end);
    end
}

async fn border(
    hub: Arc<Hub>,
    mut incoming: Streaming<v1::AttachBorderRequest>,
    outgoing: &Outgoing<v1::AttachBorderResponse>,
) -> End {
    let hello = match first(&hub, &mut incoming, outgoing).await {
        Ok(Some(attach_border_request::Message::Hello(hello))) => hello,
        Ok(_) => return no_hello(),
        Err(end) => return end,
    };
    let (membership, Inbox { replaced, questions, .. }) = match join(&hub, Role::Border, hello) {
        Ok(joined) => joined,
        Err(error) => return End::Refused(error),
    };
    let node = &membership.caller.node;
    let specs = send_specs(
        hub.desired(),
        outgoing,
        |d| d.border(node),
        |spec| v1::AttachBorderResponse { message: Some(attach_border_response::Message::Spec(spec)) },
    );
    let end = tokio::select! {
        // In this order, so that the first that a border hears is its specification.
        biased;
        end = read(&mut incoming, |request| hear_border(&hub, &membership.caller, request.message)) => end,
        end = specs => end,
        end = send_questions(questions, outgoing, |question| v1::AttachBorderResponse {
            message: Some(attach_border_response::Message::Explain(question)),
        }) => end,
        end = verification::send(&hub, node, outgoing) => end,
        end = ended(&hub, &membership.caller, replaced) => end,
    };
    log_end(&membership, &end);
    end
}

/// The first message, in time.
async fn first<Req: Message, T>(
    hub: &Hub,
    incoming: &mut Streaming<Req>,
    outgoing: &Outgoing<T>,
) -> Result<Option<Req::Content>, End> {
    tokio::select! {
        message = tokio::time::timeout(HELLO_TIMEOUT, incoming.message()) => match message {
            Ok(Ok(Some(message))) => Ok(message.content()),
            Ok(Ok(None)) => Err(End::Gone(None)),
            Ok(Err(status)) => Err(End::Gone(Some(status))),
            Err(_) => Err(no_hello()),
        },
        () = outgoing.closed() => Err(End::Gone(None)),
        () = hub.stopping() => Err(End::Refused(ApiError::Stopping)),
    }
}

/// A message of either stream.
trait Message {
    type Content;
    fn content(self) -> Option<Self::Content>;
}

impl Message for v1::AttachAgentRequest {
    type Content = attach_agent_request::Message;
    fn content(self) -> Option<Self::Content> {
        self.message
    }
}

impl Message for v1::AttachBorderRequest {
    type Content = attach_border_request::Message;
    fn content(self) -> Option<Self::Content> {
        self.message
    }
}

fn no_hello() -> End {
    End::Refused(ApiError::NoHello { seconds: HELLO_TIMEOUT.as_secs() })
}

fn join(hub: &Arc<Hub>, role: Role, hello: v1::Hello) -> Result<(Membership, Inbox), ApiError> {
    let refused = |error: ApiError| {
        warn!(role = role.in_words(), reason = %error, "a caller is refused");
        error
    };
    let hello = Hello::try_from(hello).map_err(|e| refused(e.into()))?;
    let joined = hub.join(role, &hello).map_err(refused)?;
    let (role, version) = (role.in_words(), &hello.version);
    if *version == braid_proto::VERSION {
        info!(role, node = %hello.node, pid = hello.pid, "connected");
    } else {
        warn!(role, node = %hello.node, pid = hello.pid, %version, ours = braid_proto::VERSION, "connected, of another version");
    }
    Ok(joined)
}

fn log_end(membership: &Membership, end: &End) {
    let (role, node) = (membership.caller.role.in_words(), &membership.caller.node);
    match end {
        End::Gone(None) => info!(role, %node, "disconnected"),
        End::Gone(Some(status)) => info!(role, %node, reason = status.message(), "disconnected"),
        // The controller says so itself, once.
        End::Refused(ApiError::Stopping) => {}
        End::Refused(error) => warn!(role, %node, reason = %error, "disconnected by us"),
    }
}

/// Sends the caller what it is to do, now and whenever that changes.
async fn send_specs<S: Clone + PartialEq, T>(
    mut desired: watch::Receiver<Arc<Desired>>,
    outgoing: &Outgoing<T>,
    pick: impl Fn(&Desired) -> Arc<S>,
    message: impl Fn(S) -> T,
) -> End {
    let mut sent: Option<Arc<S>> = None;
    loop {
        let spec = pick(&desired.borrow_and_update());
        if sent.as_ref() != Some(&spec) {
            if outgoing.send(Ok(message(S::clone(&spec)))).await.is_err() {
                return End::Gone(None);
            }
            sent = Some(spec);
        }
        tokio::select! {
            changed = desired.changed() => if changed.is_err() { return End::Refused(ApiError::Stopping) },
            () = outgoing.closed() => return End::Gone(None),
        }
    }
}

async fn send_questions<Q, T>(
    mut questions: mpsc::Receiver<Q>,
    outgoing: &Outgoing<T>,
    message: impl Fn(Q) -> T,
) -> End {
    while let Some(question) = questions.recv().await {
        if outgoing.send(Ok(message(question))).await.is_err() {
            return End::Gone(None);
        }
    }
    // The other end went with our place in the state, of which `ended` tells.
    std::future::pending().await
}

/// Resolves when the stream has to end though the caller is well.
async fn ended(hub: &Hub, caller: &Caller, replaced: tokio::sync::oneshot::Receiver<i32>) -> End {
    tokio::select! {
        Ok(pid) = replaced => {
            let (role, node) = (caller.role.in_words(), caller.node.clone());
            End::Refused(ApiError::Replaced { role, node, pid })
        }
        () = hub.stopping() => End::Refused(ApiError::Stopping),
    }
}

/// Hears a caller out, until it goes or says something that we refuse.
async fn read<R>(incoming: &mut Streaming<R>, mut hear: impl FnMut(R) -> Result<(), ApiError>) -> End {
    loop {
        let request = match incoming.message().await {
            Ok(Some(request)) => request,
            Ok(None) => return End::Gone(None),
            Err(status) => return End::Gone(Some(status)),
        };
        if let Err(error) = hear(request) {
            return End::Refused(error);
        }
    }
}

fn hear_agent(
    hub: &Hub,
    caller: &Caller,
    message: Option<attach_agent_request::Message>,
) -> Result<(), ApiError> {
    match message.ok_or(ApiError::EmptyMessage)? {
        attach_agent_request::Message::Hello(_) => Err(ApiError::SecondHello),
        attach_agent_request::Message::Status(status) => hub.reported(caller, status.try_into()?),
        attach_agent_request::Message::Fib(delta) => hub.forwarded(caller, delta.try_into()?),
        attach_agent_request::Message::Announced(reply) => {
            hub.announced(caller, reply);
            Ok(())
        }
    }
}

fn hear_border(
    hub: &Hub,
    caller: &Caller,
    message: Option<attach_border_request::Message>,
) -> Result<(), ApiError> {
    match message.ok_or(ApiError::EmptyMessage)? {
        attach_border_request::Message::Hello(_) => Err(ApiError::SecondHello),
        attach_border_request::Message::Votes(report) => hub.voted(caller, report.try_into()?),
        attach_border_request::Message::Probes(report) => {
            hub.probed(caller, report);
            Ok(())
        }
        attach_border_request::Message::Explanation(reply) => {
            hub.answered(caller, reply);
            Ok(())
        }
    }
}
