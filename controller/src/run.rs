//! The daemon's life: start, serve, stop.

use std::{
    fs::File,
    future::Future,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use braid_proto::{
    Address, NetworkName, TlsFiles,
    v1::{self, fleet_service_server::FleetServiceServer, network_service_server::NetworkServiceServer},
};
use thiserror::Error;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Server, server::TcpIncoming};
use tracing::info;

use crate::{
    error::TopologyError,
    hub::Hub,
    in_force::InForce,
    listen::{ListenError, Listener, tls_error},
    service,
    store::{Store, StoreError, Stored},
};

/// A peer that is silent for this long is pinged, and given up if it does not answer within as long again.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long calls may take to end when the controller stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest message from an agent or a border: a snapshot of some 300,000 routes.
const MAX_FLEET_MESSAGE_BYTES: usize = 16 << 20;
/// The largest message from an operator, above the largest topology file, so that one that is too large is told so.
const MAX_NETWORK_MESSAGE_BYTES: usize = 20 << 20;
/// The most that is read of a topology file.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// How a controller is to run.
#[derive(Debug, Clone)]
pub struct ControllerConfig {
    /// Where it listens.
    pub listen: Address,
    /// Its certificates; needed for TCP.
    pub tls: Option<TlsFiles>,
    /// Where it keeps what must survive a restart. Made if absent.
    pub state_dir: PathBuf,
    /// The topology file to put in force; without one, the one last in force holds.
    pub topology: Option<PathBuf>,
}

/// Why a controller cannot start or go on.
#[derive(Debug, Error)]
pub enum ControllerError {
    /// The topology file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The topology cannot be put in force.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The state directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address cannot be listened at.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The server failed.
    #[error("the controller's server failed: {0}")]
    Serve(String),
}

/// A controller that has its state and its address, and is about to serve.
pub struct Controller {
    hub: Arc<Hub>,
    server: Server,
    listener: Listener,
    address: Address,
}

impl Controller {
    /// Reads the state directory, puts the topology in force and binds the address. Callers wait from here on until
    /// [`Controller::serve`].
    ///
    /// # Errors
    /// [`ControllerError`]: the state directory or the address is another controller's or unusable, the topology is not
    /// valid, or the certificates cannot be used.
    pub async fn start(config: ControllerConfig) -> Result<Self, ControllerError> {
        let (store, stored) = Store::open(&config.state_dir)?;
        let key = store.key()?;
        // A stored topology that this version does not read any more must not keep a new one out.
        let before = stored.topology.as_ref().and_then(|text| braid_topology::parse(text, "").ok());
        let in_force = in_force(&config, &store, &stored, before.as_ref().map(|t| &t.name))?;
        let retired = before.iter().flat_map(|t| &t.vns).map(|v| v.id).collect();
        let (listener, address) = Listener::bind(&config.listen, config.tls.as_ref()).await?;
        let mut server = Server::builder()
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE));
        if let (Listener::Tcp(_, tls), Some(files)) = (&listener, &config.tls) {
            server = server.tls_config(tls.as_ref().clone()).map_err(|e| tls_error(files, &e))?;
        }
        match &in_force {
            Some(f) => info!(network = %f.plan.network, revision = f.revision, %address, "ready"),
            None => info!(%address, "ready, but no topology is in force"),
        }
        Ok(Self { hub: Arc::new(Hub::new(store, key, in_force, retired)), server, listener, address })
    }

    /// Where it listens; with TCP port 0 in the configuration, the port that was given.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Serves until `shutdown` resolves; then ends all streams, and calls after at most 2 s.
    ///
    /// # Errors
    /// [`ControllerError`]: the server fails.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), ControllerError> {
        let Self { hub, mut server, listener, .. } = self;
        let fleet = FleetServiceServer::new(service::fleet::Fleet::new(Arc::clone(&hub)))
            .max_decoding_message_size(MAX_FLEET_MESSAGE_BYTES);
        let network = NetworkServiceServer::new(service::network::Network::new(Arc::clone(&hub)))
            .max_decoding_message_size(MAX_NETWORK_MESSAGE_BYTES);
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<FleetServiceServer<service::fleet::Fleet>>().await;
        reporter.set_serving::<NetworkServiceServer<service::network::Network>>().await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(v1::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map_err(|e| ControllerError::Serve(e.to_string()))?;

        let router =
            server.add_service(health).add_service(reflection).add_service(fleet).add_service(network);

        let stopping = hub.stopping();
        let serving = async {
            match listener {
                Listener::Unix(listener, file) => {
                    let served = router
                        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stopping)
                        .await;
                    drop(file);
                    served
                }
                Listener::Tcp(listener, _) => {
                    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                    router.serve_with_incoming_shutdown(incoming, stopping).await
                }
            }
        };
        let last_call = async {
            shutdown.await;
            info!("stopping");
            hub.stop();
            tokio::time::sleep(STOP_TIMEOUT).await;
        };
        tokio::select! {
            served = serving => served.map_err(|e| ControllerError::Serve(e.to_string())),
            () = last_call => Ok(()),
            () = hub.inspect() => Ok(()),
        }
    }
}

/// Runs a controller until `shutdown` resolves.
///
/// # Errors
/// [`ControllerError`]
pub async fn run(
    config: ControllerConfig,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ControllerError> {
    Controller::start(config).await?.serve(shutdown).await
}

/// The topology that the configuration asks for, or else the stored one. One that differs from the stored is stored.
fn in_force(
    config: &ControllerConfig,
    store: &Store,
    stored: &Stored,
    ours: Option<&NetworkName>,
) -> Result<Option<InForce>, ControllerError> {
    let (text, file) = match (&config.topology, &stored.topology) {
        (Some(path), _) => (read(path)?, path.display().to_string()),
        (None, Some(text)) => (text.clone(), store.topology_path().display().to_string()),
        (None, None) => return Ok(None),
    };
    let changed = stored.topology.as_ref() != Some(&text);
    let revision = stored.revision + u64::from(changed);
    let (next, warnings) = InForce::prepare(text, &file, &stored.allocation, revision, ours)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if changed || next.allocation != stored.allocation {
        store.save(&next.text, &next.allocation, next.revision)?;
    }
    Ok(Some(next))
}

fn read(path: &Path) -> Result<String, ControllerError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text))
        .map_err(|source| ControllerError::File { path: path.to_owned(), source })?;
    Ok(text)
}
