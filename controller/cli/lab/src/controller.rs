//! Talking with the lab's controller.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use braid_proto::v1::{self, network_service_client::NetworkServiceClient};
use tonic::{Code, Response, Status, transport::Channel};

use crate::{error::LabError, member::Member, paths::Lab, roster};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a controller may take from its start to its first answer.
pub(crate) const START: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// A connection to the lab's controller.
pub(crate) struct Controller {
    lab: Lab,
    client: NetworkServiceClient<Channel>,
}

impl Controller {
    /// Dials until the controller answers, for at most `limit`. Gives up at once if its process ends.
    pub(crate) async fn connect(lab: &Lab, limit: Duration) -> Result<Self, LabError> {
        let deadline = Instant::now() + limit;
        loop {
            let reason = match Self::dial(lab).await {
                Ok(controller) => return Ok(controller),
                Err(reason) => reason,
            };
            if !roster::living(lab, &[Member::Controller])?.contains_key(&Member::Controller) {
                return Err(roster::died(lab, &Member::Controller));
            }
            if Instant::now() > deadline {
                return Err(LabError::Silent {
                    after: limit,
                    reason,
                    log: lab.log_file(&Member::Controller),
                });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn dial(lab: &Lab) -> Result<Self, String> {
        let channel = lab.socket().connect(None).await.map_err(|error| error.to_string())?;
        let mut controller = Self { lab: lab.clone(), client: NetworkServiceClient::new(channel) };
        let status = controller.try_status().await.map_err(|status| status.to_string())?;
        match status.network == lab.name().as_str() {
            true => Ok(controller),
            false => Err(format!("it is the controller of network `{}`", status.network)),
        }
    }

    /// The network in brief, or why it cannot be had at this moment.
    pub(crate) async fn try_status(&mut self) -> Result<v1::GetStatusResponse, Status> {
        answer(self.client.get_status(v1::GetStatusRequest {})).await
    }

    /// Puts `text` in force unless it is already. Says whether it was not.
    pub(crate) async fn apply(&mut self, text: &str, file_name: &str) -> Result<bool, LabError> {
        let current = answer(self.client.get_topology(v1::GetTopologyRequest {})).await;
        let current = current.map_err(|status| self.refused("show its topology", &status))?;
        if current.text == text {
            return Ok(false);
        }
        let request = v1::ApplyTopologyRequest { text: text.to_owned(), file_name: file_name.to_owned() };
        let applied = answer(self.client.apply_topology(request)).await;
        Ok(applied.map_err(|status| self.refused("take the topology", &status))?.changed)
    }

    /// All physical links, with the addresses that were allocated to them.
    pub(crate) async fn links(&mut self) -> Result<Vec<v1::Link>, LabError> {
        let mut links = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = v1::ListLinksRequest { page_size: 0, page_token };
            let page = answer(self.client.list_links(request)).await;
            let page = page.map_err(|status| self.refused("list its links", &status))?;
            links.extend(page.links);
            if page.next_page_token.is_empty() {
                return Ok(links);
            }
            page_token = page.next_page_token;
        }
    }

    fn refused(&self, action: &'static str, status: &Status) -> LabError {
        match status.code() {
            Code::DeadlineExceeded | Code::Unavailable => LabError::Silent {
                after: ANSWER,
                reason: status.message().to_owned(),
                log: self.lab.log_file(&Member::Controller),
            },
            _ => LabError::Refused { action, reason: status.message().to_owned() },
        }
    }
}

async fn answer<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    match tokio::time::timeout(ANSWER, call).await {
        Ok(answer) => Ok(answer?.into_inner()),
        Err(_late) => Err(Status::deadline_exceeded("it does not answer")),
    }
}
