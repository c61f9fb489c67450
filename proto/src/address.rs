//! Where the controller listens, and how one dials it.

use std::{fmt, io, path::PathBuf, str::FromStr, time::Duration};

use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::UnixStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};

/// How long a dial may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that is silent for this long is pinged, and given up if it does not answer within as long again.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// A controller's address: `unix:/run/braid/abilene/controller.sock` or `tcp:controller.example.net:7700`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// A unix socket, guarded by the file system.
    Unix(PathBuf),
    /// TCP, only with mutual TLS.
    Tcp {
        /// Name or IP address.
        host: String,
        /// Port.
        port: u16,
    },
}

/// A text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not an address: write unix:/PATH (at most 107 bytes of path) or tcp:HOST:PORT")]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.chars().take(200).collect());
        if let Some(path) = text.strip_prefix("unix:") {
            // sockaddr_un holds 108 bytes with the terminating zero.
            let fits = path.starts_with('/') && path.len() <= 107 && !path.contains('\0');
            return if fits { Ok(Address::Unix(path.into())) } else { Err(wrong()) };
        }
        let (host, port) =
            text.strip_prefix("tcp:").and_then(|rest| rest.rsplit_once(':')).ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(wrong());
        }
        Ok(Address::Tcp { host: host.to_owned(), port })
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
            Address::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
        }
    }
}

/// The PEM files of one party to mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authority that the peer's certificate must come from.
    pub ca: PathBuf,
    /// Our certificate.
    pub cert: PathBuf,
    /// Our private key.
    pub key: PathBuf,
}

/// The controller cannot be reached.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// A TLS file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// TCP without certificates.
    #[error(
        "{0} needs mutual TLS: give the authority, the certificate and the key (--tls-ca, --tls-cert, --tls-key)"
    )]
    TlsRequired(Address),
    /// Nobody answers, or not in the right way.
    #[error("cannot reach the controller at {address}: {reason}")]
    Dial {
        /// Where.
        address: Address,
        /// Why, down to the root.
        reason: String,
    },
}

/// An error's message with those of its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

impl TlsFiles {
    /// Reads the authority's certificate and our identity.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(&self) -> Result<(Certificate, Identity), ConnectError> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|source| ConnectError::File { path: path.clone(), source })
        };
        let identity = Identity::from_pem(read(&self.cert)?, read(&self.key)?);
        Ok((Certificate::from_pem(read(&self.ca)?), identity))
    }
}

impl Address {
    /// Dials the controller.
    ///
    /// # Errors
    /// [`ConnectError`]: TLS files missing or unreadable, or nobody answers within 5 s.
    pub async fn connect(&self, tls: Option<&TlsFiles>) -> Result<Channel, ConnectError> {
        let dial_error = |reason: String| ConnectError::Dial { address: self.clone(), reason };
        let tuned = |endpoint: Endpoint| {
            endpoint
                .connect_timeout(CONNECT_TIMEOUT)
                .http2_keep_alive_interval(KEEP_ALIVE)
                .keep_alive_timeout(KEEP_ALIVE)
                .keep_alive_while_idle(true)
        };
        match self {
            Address::Unix(path) => {
                let path = path.clone();
                // The URI is not used: the connector below dials the socket.
                tuned(Endpoint::from_static("http://controller.invalid"))
                    .connect_with_connector(tower::service_fn(move |_: Uri| {
                        let path = path.clone();
                        async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
                    }))
                    .await
                    .map_err(|e| dial_error(chain(&e)))
            }
            Address::Tcp { host, port } => {
                let (ca, identity) = tls.ok_or_else(|| ConnectError::TlsRequired(self.clone()))?.read()?;
                let config = ClientTlsConfig::new().ca_certificate(ca).identity(identity).domain_name(host);
                let endpoint = Endpoint::from_shared(format!("https://{host}:{port}"))
                    .and_then(|endpoint| endpoint.tls_config(config))
                    .map_err(|e| dial_error(chain(&e)))?;
                tuned(endpoint).connect().await.map_err(|e| dial_error(chain(&e)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_and_others_are_refused() {
        for good in ["unix:/run/braid/a/controller.sock", "tcp:controller:7700", "tcp:192.0.2.1:1"] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        let long = format!("unix:/{}", "x".repeat(107));
        for bad in ["", "unix:relative", "tcp:host", "tcp::1", "tcp:a:99999", "http://a:1", &long] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn tcp_without_certificates_is_refused_before_dialling() {
        let address: Address = "tcp:127.0.0.1:1".parse().unwrap();
        assert!(matches!(address.connect(None).await, Err(ConnectError::TlsRequired(_))));
    }
}
