//! The async runtime that commands and daemons run on.

use std::{future::Future, io};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::Setup { what: "start the async runtime", source })?;
    let outcome = runtime.block_on(future);
    // A thread that still waits for the kernel must not keep the process from ending.
    runtime.shutdown_background();
    outcome
}

/// SIGTERM and SIGINT, caught from the moment this is made.
#[derive(Debug)]
pub struct Interrupt {
    terminate: Signal,
    interrupt: Signal,
}

impl Interrupt {
    /// Catches both signals; within a runtime only.
    pub fn catch() -> Result<Self, Failure> {
        let catch = |kind| signal(kind);
        let both = || -> io::Result<Self> {
            Ok(Self {
                terminate: catch(SignalKind::terminate())?,
                interrupt: catch(SignalKind::interrupt())?,
            })
        };
        both().map_err(|source| Failure::Setup { what: "catch signals", source })
    }

    /// Waits for either of them.
    pub async fn wait(mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
