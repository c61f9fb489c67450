//! Why a command failed, in words for its user, and the exit status.

use std::{fmt, io, path::PathBuf, process::ExitCode};

use braid_lab::LabError;
use braid_proto::{Address, ConnectError};
use thiserror::Error;
use tonic::Code;
use tonic_types::StatusExt;

use crate::output;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// Stdout takes no more.
    #[error("cannot write to standard output: {0}")]
    Write(io::Error),
    /// A result does not encode as JSON or YAML.
    #[error("cannot encode the result: {0}")]
    Encode(String),
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The command line asks for what does not go together, in a way that the parser cannot see.
    #[error("{0}")]
    Usage(String),
    /// Nobody answers at the controller's address.
    #[error("{source}{}", dial_hint(.source))]
    Connect {
        /// What the dialler says.
        source: ConnectError,
    },
    /// The controller refuses, or is gone.
    #[error("{0}")]
    Rpc(String),
    /// The runtime or the signal handlers cannot be set up.
    #[error("cannot {what}: {source}")]
    Setup {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Another part of braid failed; its message stands for itself.
    #[error("{0}")]
    Part(String),
    /// What is wrong with a file, one `file:line:column: message` per line, as editors read it.
    #[error("{0}")]
    Diagnosed(String),
    /// The result on stdout says it all.
    #[error("see above")]
    Told,
}

impl Failure {
    /// A result that does not encode.
    pub fn encode(error: impl fmt::Display) -> Self {
        Failure::Encode(error.to_string())
    }

    /// An error of another part of braid, with its causes.
    pub fn part(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let inner_text = inner.to_string();
            // Many messages quote their cause already.
            if !text.contains(&inner_text) {
                text = format!("{text}: {inner_text}");
            }
            cause = inner.source();
        }
        Failure::Part(text)
    }

    /// An error of a lab.
    pub fn lab(error: LabError) -> Self {
        match error {
            LabError::Topology(findings) => Failure::Diagnosed(findings.to_string()),
            other => Failure::part(&other),
        }
    }

    /// A gRPC status in plain words.
    pub fn rpc(address: &Address, status: &tonic::Status) -> Self {
        Failure::Rpc(sentence(address, status))
    }

    /// Tells the user, and says with which status to exit.
    pub fn report(&self) -> ExitCode {
        match self {
            // `braid get votes | head` is no failure.
            Failure::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Failure::Told => {}
            Failure::Diagnosed(findings) => output::note(findings),
            _ => output::error(self),
        }
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// What to do about a controller that nobody hears of; nothing where the error itself says it.
fn dial_hint(error: &ConnectError) -> &'static str {
    match error {
        ConnectError::Dial { address: Address::Unix(_), .. } => {
            "\n  is it running? `braid lab list` shows the labs, `braid lab restart controller` starts a lab's again"
        }
        ConnectError::Dial { .. } => {
            "\n  is it running, and do its certificates match --tls-ca, --tls-cert and --tls-key?"
        }
        ConnectError::File { .. } | ConnectError::TlsRequired(_) => "",
    }
}

/// What a status means to an operator.
fn sentence(address: &Address, status: &tonic::Status) -> String {
    if let Some(info) = status.get_details_error_info() {
        return format!("{} ({})", status.message(), info.reason);
    }
    let message = status.message();
    match status.code() {
        Code::DeadlineExceeded | Code::Cancelled => {
            format!("the controller at {address} does not answer in time")
        }
        Code::Unavailable => format!(
            "the controller at {address} went away{}{message}\n  `braid lab restart controller` starts a lab's again",
            if message.is_empty() { "" } else { ": " },
        ),
        Code::Unimplemented => {
            format!("the controller at {address} does not know this request: it is of another version")
        }
        code if message.is_empty() => format!("the controller at {address} says: {}", code.description()),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn told(status: &tonic::Status) -> String {
        Failure::rpc(&"unix:/run/x.sock".parse().unwrap(), status).to_string()
    }

    #[test]
    fn a_status_is_told_in_words() {
        let details =
            ErrorDetails::with_error_info("NO_SUCH_BORDER", "braid", [("border".to_owned(), "x".to_owned())]);
        let status = tonic::Status::with_error_details(Code::NotFound, "there is no border `x`", details);
        assert_eq!(told(&status), "there is no border `x` (NO_SUCH_BORDER)");
        assert_eq!(told(&tonic::Status::not_found("no such prefix")), "no such prefix");
        let silent = told(&tonic::Status::deadline_exceeded(""));
        assert_eq!(silent, "the controller at unix:/run/x.sock does not answer in time");
        for code in [Code::Unavailable, Code::Unimplemented, Code::Internal, Code::Unknown] {
            let text = told(&tonic::Status::new(code, ""));
            assert!(text.contains("unix:/run/x.sock") && !text.contains("Status"), "{text}");
        }
    }

    #[test]
    fn causes_are_told_once() {
        #[derive(Debug, Error)]
        #[error("cannot start: {source}")]
        struct Quoting {
            source: io::Error,
        }
        #[derive(Debug, Error)]
        #[error("lab failed")]
        struct Silent(#[source] Quoting);
        let error = Silent(Quoting { source: io::Error::other("disk full") });
        assert_eq!(Failure::part(&error).to_string(), "lab failed: cannot start: disk full");
    }
}
