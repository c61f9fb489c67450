//! Questions to the controller, in whole lists.

use std::time::Duration;

use braid_proto::{
    Address, TlsFiles,
    v1::{self, network_service_client::NetworkServiceClient},
};
use tonic::{Request, Streaming, transport::Channel};

use crate::failure::Failure;

/// How long the controller may take over one answer.
const DEADLINE: Duration = Duration::from_secs(20);

/// A connection to a controller.
#[derive(Debug)]
pub struct Client {
    address: Address,
    service: NetworkServiceClient<Channel>,
}

/// Defines a method that asks for all pages of a list.
macro_rules! list {
    ($(#[$doc:meta])* $method:ident, $rpc:ident, $request:ident, $field:ident: $item:ident) => {
        $(#[$doc])*
        pub async fn $method(&mut self) -> Result<Vec<v1::$item>, Failure> {
            let mut items = Vec::new();
            let mut page_token = String::new();
            loop {
                let message = v1::$request { page_size: 0, page_token: page_token.clone() };
                let answer = self.service.$rpc(timed(message)).await;
                let page = answer.map_err(|status| Failure::rpc(&self.address, &status))?.into_inner();
                items.extend(page.$field);
                if page.next_page_token.is_empty() {
                    return Ok(items);
                }
                if page.next_page_token == page_token {
                    return Err(Failure::Rpc(format!(
                        "the controller at {} sends the same page again and again: it is of another version",
                        self.address
                    )));
                }
                page_token = page.next_page_token;
            }
        }
    };
}

impl Client {
    /// Dials the controller.
    pub async fn connect(address: Address, tls: Option<&TlsFiles>) -> Result<Self, Failure> {
        let channel = address.connect(tls).await.map_err(|source| Failure::Connect { source })?;
        Ok(Self { address, service: NetworkServiceClient::new(channel) })
    }

    /// The network in brief.
    pub async fn status(&mut self) -> Result<v1::GetStatusResponse, Failure> {
        let answer = self.service.get_status(timed(v1::GetStatusRequest {})).await;
        answer.map(tonic::Response::into_inner).map_err(|status| Failure::rpc(&self.address, &status))
    }

    list!(
        /// All nodes.
        nodes, list_nodes, ListNodesRequest, nodes: Node
    );
    list!(
        /// All physical links.
        links, list_links, ListLinksRequest, links: Link
    );
    list!(
        /// All virtual networks.
        vns, list_vns, ListVnsRequest, vns: Vn
    );
    list!(
        /// All virtual routers.
        routers, list_routers, ListRoutersRequest, routers: Router
    );
    list!(
        /// All attached prefixes.
        prefixes, list_prefixes, ListPrefixesRequest, prefixes: Prefix
    );
    list!(
        /// All verdicts.
        votes, list_votes, ListVotesRequest, votes: Vote
    );
    list!(
        /// All customer hosts.
        hosts, list_hosts, ListHostsRequest, hosts: Host
    );

    list!(
        /// All probed ways.
        probe_paths, list_probe_paths, ListProbePathsRequest, probe_paths: MeasuredPath
    );

    /// Every change of a vote from now on.
    pub async fn watch_votes(&mut self, request: v1::WatchVotesRequest) -> Result<VoteChanges, Failure> {
        let answer = self.service.watch_votes(request).await;
        let stream = answer.map_err(|status| Failure::rpc(&self.address, &status))?.into_inner();
        Ok(VoteChanges { address: self.address.clone(), stream })
    }

    /// Why `border` forwards `prefix` (CIDR notation or an address within) as it does.
    pub async fn explain(&mut self, prefix: String, border: String) -> Result<v1::Explanation, Failure> {
        let answer = self.service.explain_vote(timed(v1::ExplainVoteRequest { prefix, border })).await;
        let answer = answer.map_err(|status| Failure::rpc(&self.address, &status))?;
        answer.into_inner().explanation.ok_or_else(|| {
            Failure::Rpc(format!(
                "the controller at {} sends no explanation: it is of another version",
                self.address
            ))
        })
    }
}

/// A watch.
#[derive(Debug)]
pub struct VoteChanges {
    address: Address,
    stream: Streaming<v1::WatchVotesResponse>,
}

impl VoteChanges {
    /// The next message; `None` once the controller has ended the watch.
    pub async fn next(&mut self) -> Result<Option<v1::WatchVotesResponse>, Failure> {
        self.stream.message().await.map_err(|status| Failure::rpc(&self.address, &status))
    }
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}
