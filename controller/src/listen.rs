//! The listener: a unix socket that is ours alone, or TCP with mutual TLS.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use braid_proto::{Address, ConnectError, TlsFiles};
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tonic::transport::ServerTlsConfig;

/// Why the controller cannot listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Another controller is there.
    #[error("a controller is already running at {address}{who}: stop that one first, or listen elsewhere")]
    Running {
        /// Where.
        address: Address,
        /// Its process id in words, if known.
        who: String,
    },
    /// What stands at the path is no socket.
    #[error(
        "cannot listen at {address}: there is a file that is no socket, which is left alone: move it away, or listen elsewhere"
    )]
    NotASocket {
        /// Where.
        address: Address,
    },
    /// The operating system said no.
    #[error("cannot listen at {address}: {source}")]
    Io {
        /// Where.
        address: Address,
        /// Why.
        source: io::Error,
    },
    /// TCP without certificates.
    #[error(
        "{address} needs mutual TLS: give the authority, the certificate and the key (--tls-ca, --tls-cert, --tls-key), or listen on a unix socket"
    )]
    TlsRequired {
        /// Where.
        address: Address,
    },
    /// A TLS file cannot be read.
    #[error(transparent)]
    TlsFile(#[from] ConnectError),
    /// The TLS files do not make a TLS configuration.
    #[error("the TLS files cannot be used (authority {ca}, certificate {cert}, key {key}): {reason}")]
    Tls {
        /// The authority's certificate.
        ca: PathBuf,
        /// Our certificate.
        cert: PathBuf,
        /// Our key.
        key: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A bound listener.
#[derive(Debug)]
pub(crate) enum Listener {
    Unix(UnixListener, SocketFile),
    Tcp(TcpListener, Box<ServerTlsConfig>),
}

/// The file of a unix socket, removed when dropped unless another one stands there by then.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|found| found == self.inode) {
            // One that stays is found stale by the next controller.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|m| (m.dev(), m.ino()))
}

impl Listener {
    /// Binds, and tells the address bound (with port 0, the port that was given).
    ///
    /// # Errors
    /// [`ListenError`]
    pub(crate) async fn bind(
        address: &Address,
        tls: Option<&TlsFiles>,
    ) -> Result<(Self, Address), ListenError> {
        match address {
            Address::Unix(path) => {
                let (listener, file) = bind_unix(path, address).await?;
                Ok((Self::Unix(listener, file), address.clone()))
            }
            Address::Tcp { host, port } => {
                let failed = |source| ListenError::Io { address: address.clone(), source };
                let tls = tls.ok_or_else(|| ListenError::TlsRequired { address: address.clone() })?;
                let (ca, identity) = tls.read()?;
                let config = ServerTlsConfig::new().identity(identity).client_ca_root(ca);
                let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(failed)?;
                let port = listener.local_addr().map_err(failed)?.port();
                Ok((Self::Tcp(listener, Box::new(config)), Address::Tcp { host: host.clone(), port }))
            }
        }
    }
}

/// Binds beside the path, closes the socket to others and moves it into place: at no time is there one that is open to
/// others, or none where a stale one was.
async fn bind_unix(path: &Path, address: &Address) -> Result<(UnixListener, SocketFile), ListenError> {
    let failed = |source| ListenError::Io { address: address.clone(), source };
    match UnixStream::connect(path).await {
        Ok(stream) => {
            let pid = stream.peer_cred().ok().and_then(|c| c.pid());
            let who = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            return Err(ListenError::Running { address: address.clone(), who });
        }
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {}
        Err(e) => return Err(failed(e)),
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
            return Err(ListenError::NotASocket { address: address.clone() });
        }
        _ => {}
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir).map_err(failed)?;
    // Short, since socket paths are bounded; several controllers of one process differ in the socket they want.
    let fresh = dir.join(format!(".{:x}", std::process::id()));
    if inode(&fresh).is_ok() {
        fs::remove_file(&fresh).map_err(failed)?;
    }
    let listener = UnixListener::bind(&fresh).map_err(failed)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    let inode = inode(&fresh).map_err(failed)?;
    fs::rename(&fresh, path).map_err(failed)?;
    Ok((listener, SocketFile { path: path.to_owned(), inode }))
}

/// TLS files that tonic does not take.
pub(crate) fn tls_error(files: &TlsFiles, error: &tonic::transport::Error) -> ListenError {
    let reason = match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    let TlsFiles { ca, cert, key } = files.clone();
    ListenError::Tls { ca, cert, key, reason }
}
