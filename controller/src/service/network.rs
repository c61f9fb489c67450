//! `NetworkService`: what operators ask and order.

use std::{
    net::Ipv4Addr,
    sync::{Arc, MutexGuard},
    time::SystemTime,
};

use braid_proto::{
    v1::{self, network_service_server::NetworkService},
    wire::{FieldError, parse},
};
use ipnet::Ipv4Net;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{list::page, watch};
use crate::{error::ApiError, hub::Hub, report::cut, state::State, view};

/// Messages on their way to a watcher.
const WATCH_QUEUE: usize = 64;

pub(crate) struct Network {
    hub: Arc<Hub>,
}

impl Network {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.hub.state()
    }
}

/// A list call: all rows from the view, one page of them to the caller.
macro_rules! list {
    ($self:ident, $request:ident, $rows:ident => $Response:ident) => {{
        let request = $request.into_inner();
        let rows = view::$rows(&$self.state());
        let (rows, next_page_token) = page(stringify!($rows), rows, request.page_size, &request.page_token)?;
        Ok(Response::new(v1::$Response { $rows: rows, next_page_token }))
    }};
}

#[tonic::async_trait]
impl NetworkService for Network {
    async fn get_status(
        &self,
        _: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        Ok(Response::new(view::status(&self.state(), self.hub.started, SystemTime::now())))
    }

    async fn list_nodes(
        &self,
        request: Request<v1::ListNodesRequest>,
    ) -> Result<Response<v1::ListNodesResponse>, Status> {
        list!(self, request, nodes => ListNodesResponse)
    }

    async fn list_links(
        &self,
        request: Request<v1::ListLinksRequest>,
    ) -> Result<Response<v1::ListLinksResponse>, Status> {
        list!(self, request, links => ListLinksResponse)
    }

    async fn list_vns(
        &self,
        request: Request<v1::ListVnsRequest>,
    ) -> Result<Response<v1::ListVnsResponse>, Status> {
        list!(self, request, vns => ListVnsResponse)
    }

    async fn list_routers(
        &self,
        request: Request<v1::ListRoutersRequest>,
    ) -> Result<Response<v1::ListRoutersResponse>, Status> {
        list!(self, request, routers => ListRoutersResponse)
    }

    async fn list_prefixes(
        &self,
        request: Request<v1::ListPrefixesRequest>,
    ) -> Result<Response<v1::ListPrefixesResponse>, Status> {
        list!(self, request, prefixes => ListPrefixesResponse)
    }

    async fn list_votes(
        &self,
        request: Request<v1::ListVotesRequest>,
    ) -> Result<Response<v1::ListVotesResponse>, Status> {
        list!(self, request, votes => ListVotesResponse)
    }

    async fn list_probe_paths(
        &self,
        request: Request<v1::ListProbePathsRequest>,
    ) -> Result<Response<v1::ListProbePathsResponse>, Status> {
        list!(self, request, probe_paths => ListProbePathsResponse)
    }

    type WatchVotesStream = ReceiverStream<Result<v1::WatchVotesResponse, Status>>;

    async fn watch_votes(
        &self,
        request: Request<v1::WatchVotesRequest>,
    ) -> Result<Response<Self::WatchVotesStream>, Status> {
        let request = request.into_inner();
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let border = given(&request.border).map(|text| parse("border", &text)).transpose();
        let prefix = given(&request.prefix).map(|text| parse("prefix", &text)).transpose();
        let filter = watch::Filter {
            border: border.map_err(ApiError::from)?,
            prefix: prefix.map_err(ApiError::from)?,
        };
        let (outgoing, receiver) = mpsc::channel(WATCH_QUEUE);
        tokio::spawn(watch::run(Arc::clone(&self.hub), filter, request.resume_revision, outgoing));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn list_hosts(
        &self,
        request: Request<v1::ListHostsRequest>,
    ) -> Result<Response<v1::ListHostsResponse>, Status> {
        list!(self, request, hosts => ListHostsResponse)
    }

    async fn explain_vote(
        &self,
        request: Request<v1::ExplainVoteRequest>,
    ) -> Result<Response<v1::ExplainVoteResponse>, Status> {
        let request = request.into_inner();
        let border = parse("border", &request.border).map_err(ApiError::from)?;
        let prefix = prefix_or_address(&request.prefix)?;
        let explanation = self.hub.explain(&border, prefix).await?;
        Ok(Response::new(v1::ExplainVoteResponse { explanation: Some(explanation) }))
    }

    async fn get_topology(
        &self,
        _: Request<v1::GetTopologyRequest>,
    ) -> Result<Response<v1::GetTopologyResponse>, Status> {
        let state = self.state();
        let in_force = state.in_force.as_ref().ok_or(ApiError::NoTopology)?;
        let (text, revision) = (in_force.text.clone(), in_force.revision);
        Ok(Response::new(v1::GetTopologyResponse { text, revision }))
    }

    async fn apply_topology(
        &self,
        request: Request<v1::ApplyTopologyRequest>,
    ) -> Result<Response<v1::ApplyTopologyResponse>, Status> {
        let request = request.into_inner();
        let file = match cut(&request.file_name, 256) {
            name if name.is_empty() => "topology".to_owned(),
            name => name,
        };
        let hub = Arc::clone(&self.hub);
        let applied = tokio::task::spawn_blocking(move || hub.apply(request.text, &file))
            .await
            .map_err(|e| ApiError::Internal(e.to_string()))??;
        Ok(Response::new(v1::ApplyTopologyResponse {
            revision: applied.revision,
            changed: applied.changed,
            warnings: applied.warnings,
        }))
    }
}

/// A prefix, or an address as a /32.
fn prefix_or_address(text: &str) -> Result<Ipv4Net, ApiError> {
    text.parse::<Ipv4Net>().or_else(|_| text.parse::<Ipv4Addr>().map(Ipv4Net::from)).map_err(|_| {
        let reason = format!(
            "is `{}`: write a prefix such as 198.18.1.0/24, or an IPv4 address within one",
            cut(text, 64)
        );
        FieldError::new("prefix", reason).into()
    })
}
