//! An agent as a process of its own, for the tests: `agent NETWORK NODE CONTROLLER RUN_DIR`, in the node's namespace.

use std::error::Error;

use braid_agent::{AgentConfig, run};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_env_filter("info").init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, node, controller, run_dir] = &arguments[..] else {
        return Err("usage: agent NETWORK NODE CONTROLLER RUN_DIR".into());
    };
    let config = AgentConfig {
        network: network.parse()?,
        node: node.parse()?,
        controller: controller.parse()?,
        tls: None,
        run_dir: run_dir.into(),
    };
    Ok(run(config, std::future::pending()).await?)
}
