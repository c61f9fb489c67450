//! Recordings: a router's inputs with their times, by which its life can be repeated.

use serde::{Deserialize, Serialize};

use crate::{Config, ConfigError, Input, Instance, Instant, RestoreError};

/// A router's beginning and all of its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// As given to [`Instance::new`].
    pub config: Config,
    /// As given to [`Instance::new`].
    pub seed: u64,
    /// As given to [`Instance::new`].
    pub start: Instant,
    /// As given to [`Instance::handle`].
    pub inputs: Vec<(Instant, Input)>,
}

impl Recording {
    /// One without inputs yet.
    #[must_use]
    pub fn new(config: Config, seed: u64, start: Instant) -> Self {
        Self { config, seed, start, inputs: Vec::new() }
    }

    /// Notes an input; call it beside [`Instance::handle`].
    pub fn push(&mut self, now: Instant, input: Input) {
        self.inputs.push((now, input));
    }

    /// The recording as bytes (postcard).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Serialisation into a growing vector cannot fail: all sequences know their lengths.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// A recording out of bytes.
    ///
    /// # Errors
    /// The bytes are no recording.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RestoreError> {
        postcard::from_bytes(bytes).map_err(|error| RestoreError::new(&error))
    }
}

/// The router as it was after the last input. Outputs are thrown away.
///
/// # Errors
/// The configuration contradicts itself.
pub fn replay(recording: &Recording) -> Result<Instance, ConfigError> {
    let mut instance = Instance::new(recording.config.clone(), recording.seed, recording.start)?;
    for (now, input) in &recording.inputs {
        instance.handle(*now, input.clone());
        while instance.poll_output().is_some() {}
    }
    Ok(instance)
}
