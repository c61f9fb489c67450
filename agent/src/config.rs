//! What an agent is told at its start.

use std::path::PathBuf;

use braid_proto::{Address, NetworkName, NodeName, TlsFiles};

/// How an agent is to run. It takes the network namespace that it is started in as its node's.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// The network it belongs to.
    pub network: NetworkName,
    /// The node it runs on.
    pub node: NodeName,
    /// Where the controller listens.
    pub controller: Address,
    /// For a controller on TCP.
    pub tls: Option<TlsFiles>,
    /// The node's directory, shared with its border: instances below `vn<ID>/`, and the specification in force. Unix
    /// sockets are made below it, so keep it short (at most 70 bytes).
    pub run_dir: PathBuf,
}
