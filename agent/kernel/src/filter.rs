//! Packet filters, by `nft`. A ruleset is applied whole or not at all; this is for setting up, not for hot paths.

use std::{io, process::Stdio};

use thiserror::Error;
use tokio::{io::AsyncWriteExt, process::Command};

use crate::Netns;

/// Why a packet filter is not in place.
#[derive(Debug, Error)]
pub enum FilterError {
    /// There is no `nft` program.
    #[error("cannot find the program `nft`; install it: apt-get install nftables")]
    NoProgram,
    /// `nft` did not take the ruleset; nothing of it is in place.
    #[error("nft refused the ruleset in network namespace {namespace}: {message}")]
    Refused {
        /// The namespace's label.
        namespace: String,
        /// What `nft` said.
        message: String,
    },
    /// `nft` could not be run.
    #[error("cannot run nft in network namespace {namespace}: {source}")]
    Run {
        /// The namespace's label.
        namespace: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// Applies a ruleset in nft's language, all of it at once or nothing.
///
/// # Errors
/// [`FilterError::NoProgram`] without nftables, [`FilterError::Refused`] for a bad ruleset.
pub async fn apply_ruleset(netns: &Netns, ruleset: &str) -> Result<(), FilterError> {
    feed(netns, "nft", ruleset).await
}

async fn feed(netns: &Netns, program: &str, ruleset: &str) -> Result<(), FilterError> {
    let namespace = netns.label();
    let mut command = netns.command(program);
    command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let run = async {
        let mut nft = Command::from(command).kill_on_drop(true).spawn()?;
        if let Some(mut stdin) = nft.stdin.take() {
            match stdin.write_all(ruleset.as_bytes()).await {
                // It gave up reading, and says why.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                written => written?,
            }
        }
        nft.wait_with_output().await
    };
    match run.await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(FilterError::Refused { namespace, message })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(FilterError::NoProgram),
        Err(source) => Err(FilterError::Run { namespace, source }),
    }
}

/// Removes a table of a family (`ip`, `inet`, `netdev`, …) with all its chains and rules. One that is not there is fine.
///
/// # Errors
/// As [`apply_ruleset`].
pub async fn delete_table(netns: &Netns, family: &str, table: &str) -> Result<(), FilterError> {
    // Adding one that is there changes nothing, and deleting then never fails.
    apply_ruleset(netns, &format!("add table {family} {table}\ndelete table {family} {table}\n")).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_the_program_the_error_says_what_to_install() {
        let error = feed(&Netns::current().unwrap(), "no-such-nft", "").await.unwrap_err();
        assert!(matches!(error, FilterError::NoProgram));
        assert!(error.to_string().contains("apt-get install nftables"));
    }
}
