//! Asking an engine's process.

use std::{io, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// The longest answer that is read, in bytes: a process gone mad must not take us along.
const LONGEST: usize = 256 << 20;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// Nobody answers, or not in time.
    #[error("no answer on {socket} within {limit:?}: {reason}")]
    Silent {
        /// The control socket.
        socket: PathBuf,
        /// How long was waited.
        limit: Duration,
        /// What happened instead.
        reason: String,
    },
    /// It refuses.
    #[error("{0}")]
    Refused(String),
    /// The answer cannot be read.
    #[error("the answer on {socket} cannot be read: {reason}")]
    Unreadable {
        /// The control socket.
        socket: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A control socket, and the patience with it.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
    limit: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reply<T> {
    Ok(T),
    Error(String),
}

impl Client {
    /// A client of that socket, which waits so long for each answer.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>, limit: Duration) -> Self {
        Self { socket: socket.into(), limit }
    }

    /// Asks one question. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask<T: DeserializeOwned>(&self, question: &impl Serialize) -> Result<T, AskError> {
        let silent = |error: io::Error| self.silent(error.to_string());
        let talk = async {
            let mut line =
                serde_json::to_vec(question).map_err(|error| self.unreadable(error.to_string()))?;
            line.push(b'\n');
            let mut stream = UnixStream::connect(&self.socket).await.map_err(silent)?;
            stream.write_all(&line).await.map_err(silent)?;
            let mut answer = Vec::new();
            while answer.last() != Some(&b'\n') {
                if answer.len() > LONGEST {
                    return Err(self.unreadable(format!("it is longer than {LONGEST} bytes")));
                }
                if stream.read_buf(&mut answer).await.map_err(silent)? == 0 {
                    return Err(self.silent("it closed the connection".to_owned()));
                }
            }
            Ok(answer)
        };
        let answer = tokio::time::timeout(self.limit, talk)
            .await
            .unwrap_or_else(|_| Err(self.silent("it does not answer".to_owned())))?;
        match serde_json::from_slice(&answer) {
            Ok(Reply::Ok(answer)) => Ok(answer),
            Ok(Reply::Error(reason)) => Err(AskError::Refused(reason)),
            Err(error) => Err(self.unreadable(error.to_string())),
        }
    }

    fn silent(&self, reason: String) -> AskError {
        AskError::Silent { socket: self.socket.clone(), limit: self.limit, reason }
    }

    fn unreadable(&self, reason: String) -> AskError {
        AskError::Unreadable { socket: self.socket.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_says_nothing_costs_the_limit_and_one_that_says_nonsense_is_no_panic() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let client = Client::new(&path, Duration::from_millis(50));
        let error = client.ask::<()>(&"x").await.unwrap_err();
        assert!(matches!(error, AskError::Silent { .. }), "{error}");
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 64]).await;
                // The first one has given up.
                let _ = stream.write_all(b"{\"ok\": nonsense\n").await;
            }
        });
        let client = Client::new(&path, Duration::from_secs(5));
        let error = client.ask::<()>(&"x").await.unwrap_err();
        assert!(matches!(error, AskError::Unreadable { .. }), "{error}");
    }
}
