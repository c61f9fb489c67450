//! What a border is told at its start.

use std::path::PathBuf;

use braid_proto::{Address, NetworkName, NodeName, TlsFiles};

/// How a border is to run. It takes the network namespace that it is started in as its node's.
#[derive(Debug, Clone)]
pub struct BorderConfig {
    /// The network it belongs to.
    pub network: NetworkName,
    /// The node it runs on.
    pub node: NodeName,
    /// Where the controller listens.
    pub controller: Address,
    /// For a controller on TCP.
    pub tls: Option<TlsFiles>,
    /// The node's directory, shared with its agent: instance files below `vn<ID>/`, and the specification in force.
    pub run_dir: PathBuf,
}
