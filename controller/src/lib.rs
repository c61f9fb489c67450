//! The controller: desired state in, actual state collected, operators answered.
//!
//! It decides nothing about packets and touches neither kernel nor engines: agents and borders dial in, hear what they are
//! to do, and say how they fare. Losing it loses no packet; restarted on its state directory it hands out the same numbers
//! again, and agents and borders come back by themselves.
//!
//! ```text
//!  topology file ──in_force──► Plan ──desired──► NodeSpec, BorderSpec ──watch──► streams of agents and borders
//!                    │ store                          ▲ layout classes                  │
//!                    ▼                                │                                 ▼ report (checked)
//!              state directory                      links ◄──────────────── fleet: what was last heard
//!                                                                               │
//!                      operators ◄── view ◄── convergence, alarms ◄─────────────┤
//!                        borders ◄── verification (verifier and model) ◄────────┘
//! ```
//!
//! Streams are level-triggered: specifications go out whole whenever they change, and a caller begins with all that it
//! knows. A message that does not convert ends its stream with INVALID_ARGUMENT and a reason; what was heard before stays.
//!
//! Contract: one controller per network, state directory and address, both of which it keeps others from. Everything is
//! behind [`Controller`], or [`run`] for a daemon.
//!
//! ```
//! use braid_controller::{Controller, ControllerConfig};
//! use braid_proto::{Address, v1};
//!
//! # let runtime = tokio::runtime::Runtime::new().unwrap();
//! # runtime.block_on(async {
//! let dir = tempfile::tempdir().unwrap();
//! let file = dir.path().join("pair.yaml");
//! std::fs::write(&file, r#"
//! name: pair
//! topology:
//!   nodes: { left: {}, right: {} }
//!   links: [{ endpoints: ["left:eth1", "right:eth1"] }]
//! vns: [{ id: 1, name: red, engine: bird-ospf }]
//! "#).unwrap();
//!
//! let config = ControllerConfig {
//!     listen: Address::Unix(dir.path().join("controller.sock")),
//!     tls: None,
//!     state_dir: dir.path().join("state"),
//!     topology: Some(file),
//! };
//! let controller = Controller::start(config).await.unwrap();
//! let address = controller.address().clone();
//! let serving = tokio::spawn(controller.serve(std::future::pending()));
//!
//! let channel = address.connect(None).await.unwrap();
//! let mut network = v1::network_service_client::NetworkServiceClient::new(channel);
//! let status = network.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
//! assert_eq!((status.network.as_str(), status.revision, status.converged), ("pair", 1, false));
//! assert_eq!(status.pending[0], "the agent of left is not connected");
//! # serving.abort();
//! # });
//! ```

mod alarms;
mod convergence;
mod desired;
mod desk;
mod error;
mod explain;
mod fleet;
mod hub;
mod in_force;
mod journal;
mod key;
mod links;
mod listen;
mod report;
mod run;
mod service;
mod state;
mod store;
#[cfg(test)]
mod testing;
mod verification;
mod view;

pub use error::TopologyError;
pub use listen::ListenError;
pub use run::{Controller, ControllerConfig, ControllerError, run};
pub use store::StoreError;
