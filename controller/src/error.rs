//! Why a call is refused, and how that goes over the wire.

use std::{collections::HashMap, io};

use braid_layout::LayoutError;
use braid_proto::{NetworkName, NodeName, VnId, wire::FieldError};
use braid_topology::Diagnostics;
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{report::cut, store::StoreError};

/// The domain of all our `google.rpc.ErrorInfo`.
const DOMAIN: &str = "braid";
/// gRPC carries messages in headers, which are bounded.
const MAX_MESSAGE_CHARS: usize = 2000;

/// A topology cannot be put in force.
#[derive(Debug, Error)]
pub enum TopologyError {
    /// The file is not valid.
    #[error(transparent)]
    Invalid(#[from] Diagnostics),
    /// It cannot be laid out.
    #[error("{file}: {source}")]
    Layout {
        /// The file, as named by whoever gave it.
        file: String,
        /// Why.
        source: LayoutError,
    },
    /// It is another network's.
    #[error(
        "{file} is of network `{given}`, but this controller runs `{ours}`, whose name is part of every namespace: use another state directory for another network"
    )]
    OtherNetwork {
        /// The file, as named by whoever gave it.
        file: String,
        /// The network in the file.
        given: NetworkName,
        /// The network in force.
        ours: NetworkName,
    },
}

/// Why a call is refused.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    #[error("no topology is in force: start the controller with --topology FILE, or call ApplyTopology")]
    NoTopology,
    #[error("this is the controller of network `{ours}`, not of `{asked}`: dial that network's controller")]
    OtherNetwork { asked: NetworkName, ours: NetworkName },
    #[error("network `{network}` has no node `{node}`: add it to the topology file, or mend the node's name")]
    UnknownNode { network: NetworkName, node: NodeName },
    #[error(
        "node `{node}` is no border: give it attached prefixes in the topology file, or do not start a border on it"
    )]
    NotBorder { node: NodeName },
    #[error("the first message of the stream must be a Hello, within {seconds} s")]
    NoHello { seconds: u64 },
    #[error("only the first message of the stream may be a Hello")]
    SecondHello,
    #[error(transparent)]
    Malformed(#[from] FieldError),
    #[error("the message holds nothing that this controller knows")]
    EmptyMessage,
    #[error("{vn} is not the id of a virtual network of the topology in force")]
    UnknownVn { vn: VnId },
    #[error(
        "the node's FIBs together would have more than {max} routes, the most that this controller holds"
    )]
    TooManyRoutes { max: usize },
    #[error("another {role} for node `{node}` has taken over (pid {pid})")]
    Replaced { role: &'static str, node: NodeName, pid: i32 },
    #[error("the controller is stopping")]
    Stopping,
    #[error("the page token is not one of this list: pass the `next_page_token` of the page before, or none")]
    PageToken,
    #[error("network `{network}` has no border `{border}`: its borders are {known}")]
    UnknownBorder { network: NetworkName, border: NodeName, known: String },
    #[error("border `{border}` does not vote on {prefix}: {why}")]
    UnknownPrefix { border: NodeName, prefix: String, why: &'static str },
    #[error(
        "the border of node `{border}` is not connected: start it (braid border), or wait until it is back"
    )]
    BorderAway { border: NodeName },
    #[error("the border of node `{border}` has not answered within {seconds} s")]
    BorderSilent { border: NodeName, seconds: u64 },
    #[error("the border of node `{border}` has too many questions to answer: ask again later")]
    BorderBusy { border: NodeName },
    #[error(transparent)]
    Topology(#[from] TopologyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the controller failed: {0}")]
    Internal(String),
}

impl ApiError {
    /// The gRPC code and the reason for machines.
    fn kind(&self) -> (Code, &'static str) {
        match self {
            Self::NoTopology => (Code::FailedPrecondition, "NO_TOPOLOGY"),
            Self::OtherNetwork { .. } => (Code::NotFound, "NETWORK_UNKNOWN"),
            Self::UnknownNode { .. } => (Code::NotFound, "NODE_UNKNOWN"),
            Self::NotBorder { .. } => (Code::NotFound, "NODE_NOT_BORDER"),
            Self::NoHello { .. } => (Code::InvalidArgument, "HELLO_MISSING"),
            Self::SecondHello => (Code::InvalidArgument, "HELLO_REPEATED"),
            Self::Malformed(_) => (Code::InvalidArgument, "FIELD_MALFORMED"),
            Self::EmptyMessage => (Code::InvalidArgument, "MESSAGE_EMPTY"),
            Self::UnknownVn { .. } => (Code::InvalidArgument, "VN_UNKNOWN"),
            Self::TooManyRoutes { .. } => (Code::ResourceExhausted, "TOO_MANY_ROUTES"),
            Self::Replaced { .. } => (Code::Aborted, "REPLACED"),
            Self::Stopping => (Code::Unavailable, "CONTROLLER_STOPPING"),
            Self::PageToken => (Code::InvalidArgument, "PAGE_TOKEN_INVALID"),
            Self::UnknownBorder { .. } => (Code::NotFound, "BORDER_UNKNOWN"),
            Self::UnknownPrefix { .. } => (Code::NotFound, "PREFIX_UNKNOWN"),
            Self::BorderAway { .. } => (Code::Unavailable, "BORDER_NOT_CONNECTED"),
            Self::BorderSilent { .. } => (Code::DeadlineExceeded, "BORDER_SILENT"),
            Self::BorderBusy { .. } => (Code::ResourceExhausted, "BORDER_BUSY"),
            Self::Topology(TopologyError::OtherNetwork { .. }) => {
                (Code::FailedPrecondition, "TOPOLOGY_OF_OTHER_NETWORK")
            }
            Self::Topology(_) => (Code::InvalidArgument, "TOPOLOGY_INVALID"),
            Self::Store(StoreError::Io { source, .. })
                if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                (Code::ResourceExhausted, "STATE_DIRECTORY_FULL")
            }
            Self::Store(_) => (Code::Internal, "STATE_DIRECTORY_FAILED"),
            Self::Internal(_) => (Code::Internal, "INTERNAL"),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::OtherNetwork { asked, .. } => vec![("network", asked.to_string())],
            Self::UnknownNode { network, node } => {
                vec![("network", network.to_string()), ("node", node.to_string())]
            }
            Self::NotBorder { node } => vec![("node", node.to_string())],
            Self::Malformed(error) => vec![("field", error.field.to_owned())],
            Self::UnknownVn { vn } => vec![("vn_id", vn.to_string())],
            Self::TooManyRoutes { max } => vec![("max_routes", max.to_string())],
            Self::Replaced { node, pid, .. } => vec![("node", node.to_string()), ("pid", pid.to_string())],
            Self::UnknownPrefix { border, prefix, .. } => {
                vec![("border", border.to_string()), ("prefix", cut(prefix, 64))]
            }
            Self::UnknownBorder { border, .. }
            | Self::BorderAway { border }
            | Self::BorderSilent { border, .. }
            | Self::BorderBusy { border } => vec![("border", border.to_string())],
            _ => Vec::new(),
        }
    }

    /// What is wrong with which field of the request.
    fn violations(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Malformed(error) => vec![(error.field, error.reason.clone())],
            Self::PageToken => vec![("page_token", self.to_string())],
            Self::Topology(TopologyError::Invalid(found)) => {
                let line = |finding: &braid_topology::Diagnostic| match finding.place {
                    Some(p) => format!("{}:{}:{}: {}", found.file(), p.line, p.column, finding.message),
                    None => format!("{}: {}", found.file(), finding.message),
                };
                found.findings().iter().map(|f| ("text", line(f))).collect()
            }
            Self::Topology(error) => vec![("text", error.to_string())],
            _ => Vec::new(),
        }
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Status {
        let (code, reason) = error.kind();
        let metadata: HashMap<String, String> =
            error.metadata().into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
        for (field, description) in error.violations() {
            details.add_bad_request_violation(field, short(&description));
        }
        Status::with_error_details(code, short(&error.to_string()), details)
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_MESSAGE_CHARS).collect()
}
