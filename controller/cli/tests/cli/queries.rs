//! Questions to a controller, here one whose answers are written down: so pages, refusals and hostile texts can be had.

use std::{process::Command, sync::mpsc, thread};

use crate::support::{Ran, braid, run_command};
use braid_proto::v1::{
    self,
    network_service_server::{NetworkService, NetworkServiceServer},
};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// A controller with three borders and 2,500 votes.
struct Scripted;

const VOTES: usize = 2_500;
const PAGE: usize = 1_000;

fn vote(index: usize) -> v1::Vote {
    let decided = index != 7;
    v1::Vote {
        border: ["atlanta", "denver", "seattle"][index % 3].to_owned(),
        prefix: format!("10.{}.{}.0/24", index / 256, index % 256),
        winner: decided.then(|| "red".to_owned()),
        decisive_step: if decided { "master".to_owned() } else { String::new() },
        since: decided.then_some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        ..Default::default()
    }
}

#[tonic::async_trait]
impl NetworkService for Scripted {
    async fn get_status(
        &self,
        _: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        Ok(Response::new(v1::GetStatusResponse {
            network: "scripted".to_owned(),
            version: "0.1.0".to_owned(),
            pending: vec!["denver: agent away \x1b[31m".to_owned()],
            ..Default::default()
        }))
    }

    async fn list_nodes(
        &self,
        _: Request<v1::ListNodesRequest>,
    ) -> Result<Response<v1::ListNodesResponse>, Status> {
        Ok(Response::new(v1::ListNodesResponse::default()))
    }

    async fn list_links(
        &self,
        _: Request<v1::ListLinksRequest>,
    ) -> Result<Response<v1::ListLinksResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    /// Its pages never end.
    async fn list_vns(
        &self,
        _: Request<v1::ListVnsRequest>,
    ) -> Result<Response<v1::ListVnsResponse>, Status> {
        Ok(Response::new(v1::ListVnsResponse { next_page_token: "again".to_owned(), ..Default::default() }))
    }

    async fn list_routers(
        &self,
        _: Request<v1::ListRoutersRequest>,
    ) -> Result<Response<v1::ListRoutersResponse>, Status> {
        let router = |vn: &str, node: &str| v1::Router {
            vn: vn.to_owned(),
            node: node.to_owned(),
            state: v1::RouterState::Backoff.into(),
            processes: vec![v1::Process { name: "bird".to_owned(), pid: 5, start_time: 1 }],
            ..Default::default()
        };
        let routers = vec![router("red", "denver"), router("red", "seattle"), router("blue", "denver")];
        Ok(Response::new(v1::ListRoutersResponse { routers, next_page_token: String::new() }))
    }

    async fn list_prefixes(
        &self,
        _: Request<v1::ListPrefixesRequest>,
    ) -> Result<Response<v1::ListPrefixesResponse>, Status> {
        Err(Status::internal("the store is damaged"))
    }

    async fn list_votes(
        &self,
        request: Request<v1::ListVotesRequest>,
    ) -> Result<Response<v1::ListVotesResponse>, Status> {
        let first: usize = request.into_inner().page_token.parse().unwrap_or(0);
        let end = (first + PAGE).min(VOTES);
        let next_page_token = if end < VOTES { end.to_string() } else { String::new() };
        Ok(Response::new(v1::ListVotesResponse { votes: (first..end).map(vote).collect(), next_page_token }))
    }

    async fn list_probe_paths(
        &self,
        _: Request<v1::ListProbePathsRequest>,
    ) -> Result<Response<v1::ListProbePathsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    type WatchVotesStream = tokio_stream::Empty<Result<v1::WatchVotesResponse, Status>>;

    async fn watch_votes(
        &self,
        _: Request<v1::WatchVotesRequest>,
    ) -> Result<Response<Self::WatchVotesStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_hosts(
        &self,
        _: Request<v1::ListHostsRequest>,
    ) -> Result<Response<v1::ListHostsResponse>, Status> {
        let host = |node: &str, address: &str| v1::Host {
            name: format!("{node}-host"),
            node: node.to_owned(),
            addresses: vec![address.to_owned()],
            ..Default::default()
        };
        let hosts = vec![host("denver", "198.18.1.10/24"), host("seattle", "198.18.2.10/24")];
        Ok(Response::new(v1::ListHostsResponse { hosts, next_page_token: String::new() }))
    }

    async fn explain_vote(
        &self,
        request: Request<v1::ExplainVoteRequest>,
    ) -> Result<Response<v1::ExplainVoteResponse>, Status> {
        let v1::ExplainVoteRequest { prefix, border } = request.into_inner();
        if border == "nowhere" {
            let info =
                ErrorDetails::with_error_info("NO_SUCH_BORDER", "braid", [("border".to_owned(), border)]);
            return Err(Status::with_error_details(Code::NotFound, "there is no border `nowhere`", info));
        }
        let vote = v1::Vote { border, prefix, winner: Some("red".to_owned()), ..vote(0) };
        let candidates = vec![
            v1::Candidate { vn: "red".to_owned(), eligible: true, metric: Some(20), ..Default::default() },
            v1::Candidate { vn: "blue".to_owned(), reason: "no route".to_owned(), ..Default::default() },
        ];
        let steps = vec![v1::VoteStep { step: "master".to_owned(), decisive: true, ..Default::default() }];
        let explanation = v1::Explanation { vote: Some(vote), candidates, steps, ..Default::default() };
        Ok(Response::new(v1::ExplainVoteResponse { explanation: Some(explanation) }))
    }

    async fn get_topology(
        &self,
        _: Request<v1::GetTopologyRequest>,
    ) -> Result<Response<v1::GetTopologyResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn apply_topology(
        &self,
        _: Request<v1::ApplyTopologyRequest>,
    ) -> Result<Response<v1::ApplyTopologyResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// The scripted controller on a unix socket, until dropped.
struct Controller {
    dir: tempfile::TempDir,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Controller {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("controller.sock");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = UnixListener::bind(socket).unwrap();
                ready.send(()).unwrap();
                let server =
                    tonic::transport::Server::builder().add_service(NetworkServiceServer::new(Scripted));
                let end = async {
                    let _ = stopped.await;
                };
                server.serve_with_incoming_shutdown(UnixListenerStream::new(listener), end).await.unwrap();
            });
        });
        is_ready.recv().unwrap();
        Self { dir, stop: Some(stop), thread: Some(thread) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = braid(arguments);
        command
            .env("BRAID_CONTROLLER", format!("unix:{}", self.dir.path().join("controller.sock").display()));
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run_command(self.command(arguments))
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn a_list_is_whole_whatever_its_pages_and_filters_work_on_all_of_it() {
    let controller = Controller::start();
    let all = controller.run(&["get", "votes", "-o", "json"]).ok().json();
    assert_eq!(all.as_array().unwrap().len(), VOTES);
    assert_eq!(all[0]["since"], "2023-11-14T22:13:20Z");
    assert!(all[7]["winner"].is_null() && all[7]["since"].is_null());

    let at = |arguments: &[&str]| controller.run(arguments).ok().json().as_array().unwrap().len();
    assert_eq!(at(&["get", "votes", "--at", "seattle", "-o", "json"]), 833);
    assert_eq!(at(&["get", "votes", "--vn", "red", "-o", "json"]), VOTES - 1);
    assert_eq!(at(&["get", "votes", "--prefix", "10.9.3.77", "-o", "json"]), 1);
    assert_eq!(at(&["-o", "json", "get", "votes", "--at", "nowhere"]), 0);

    let table = controller.run(&["get", "votes", "--at", "denver"]).ok().stdout;
    assert_eq!(table.lines().count(), 1 + 833);
}

#[test]
fn routers_and_hosts_have_what_scripts_read() {
    let controller = Controller::start();
    let routers =
        controller.run(&["get", "routers", "--node", "denver", "--vn", "red", "-o", "json"]).ok().json();
    assert_eq!(routers.as_array().unwrap().len(), 1);
    assert_eq!(routers[0]["state"], "backoff");
    assert_eq!(routers[0]["pids"], serde_json::json!([5]));
    let hosts = controller.run(&["get", "hosts", "-o", "json"]).ok().json();
    assert_eq!(hosts[1]["addresses"], serde_json::json!(["198.18.2.10"]));
    let yaml = controller.run(&["get", "hosts", "--at", "denver", "-o", "yaml"]).ok().stdout;
    assert!(yaml.starts_with("- name: denver-host\n"), "{yaml}");
}

#[test]
fn an_empty_list_is_an_empty_array() {
    let controller = Controller::start();
    assert_eq!(controller.run(&["get", "nodes", "-o", "json"]).ok().stdout, "[]\n");
    assert_eq!(controller.run(&["get", "nodes", "-o", "yaml"]).ok().stdout, "[]\n");
    assert_eq!(controller.run(&["get", "nodes"]).ok().stdout, "no nodes\n");
}

#[test]
fn an_explanation_names_the_winner_first() {
    let controller = Controller::start();
    let text = controller.run(&["explain", "10.0.0.0/24", "--at", "seattle"]).ok().stdout;
    assert!(text.starts_with("10.0.0.0/24 at seattle: red forwards, decided by `master`"), "{text}");
    let json = controller.run(&["explain", "10.0.0.9", "--at", "seattle", "-o", "json"]).ok().json();
    assert_eq!(json["prefix"], "10.0.0.9", "an address goes to the controller as it is");
    assert_eq!(json["candidates"][0]["metric"], 20);
    assert!(json["candidates"][1]["metric"].is_null());
    assert!(json["runner_up"].is_null());
}

#[test]
fn refusals_are_plain_sentences() {
    let controller = Controller::start();
    let told = |arguments: &[&str]| controller.run(arguments).failed(1).stderr;
    assert_eq!(
        told(&["explain", "10.0.0.0/24", "--at", "nowhere"]),
        "error: there is no border `nowhere` (NO_SUCH_BORDER)\n"
    );
    assert!(told(&["get", "links"]).contains("another version"));
    assert!(told(&["get", "vns"]).contains("the same page again"));
    assert_eq!(told(&["get", "prefixes"]), "error: the store is damaged\n");
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let controller = Controller::start();
    let text = controller.run(&["status"]).ok().stdout;
    assert!(text.contains("agent away") && !text.contains('\x1b'), "{text:?}");
    let json = controller.run(&["status", "-o", "json"]).ok();
    assert!(!json.stdout.contains('\x1b'));
    assert_eq!(json.json()["converged"], false);
}

#[test]
fn nobody_at_the_address_is_told_with_what_to_do() {
    let mut command = braid(&["status"]);
    command.env("BRAID_CONTROLLER", "unix:/nonexistent/controller.sock");
    let ran = run_command(command).failed(1);
    assert!(
        ran.stderr.starts_with("error: cannot reach the controller at unix:/nonexistent/controller.sock")
    );
    assert!(ran.stderr.contains("braid lab list"), "{}", ran.stderr);

    let ran = run_command(braid(&["status", "--controller", "tcp:127.0.0.1:1"])).failed(1);
    assert!(ran.stderr.contains("--tls-ca"), "{}", ran.stderr);
    let ran = run_command(braid(&["status", "--controller", "tcp:127.0.0.1:1", "--tls-ca", "x"])).failed(2);
    assert!(ran.stderr.contains("all of --tls-ca, --tls-cert and --tls-key"), "{}", ran.stderr);
}
