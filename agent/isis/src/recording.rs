//! Snapshots of a router, and recordings of its inputs that replay to the same state.

use serde::{Deserialize, Serialize};

use crate::{Config, ConfigError, Input, Instance, Instant, Output};

/// Why a snapshot or recording is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The bytes are not one, or of another version.
    #[error("not a snapshot or recording of this version, at byte {offset}: {error}")]
    Malformed {
        /// Where reading stopped.
        offset: usize,
        /// Why.
        error: postcard::Error,
    },
    /// Its configuration is wrong.
    #[error("its configuration is wrong: {0}")]
    Config(#[from] ConfigError),
}

impl Instance {
    /// The whole state, for [`Instance::restore`].
    ///
    /// # Errors
    /// When it cannot be written, which no known state does.
    pub fn snapshot(&self) -> Result<Vec<u8>, RecordingError> {
        postcard::to_stdvec(self).map_err(|error| RecordingError::Malformed { offset: 0, error })
    }

    /// A router as it was; times go on from there.
    ///
    /// # Errors
    /// When the bytes are not a snapshot.
    pub fn restore(bytes: &[u8]) -> Result<Self, RecordingError> {
        let restored = postcard::from_bytes::<Self>(bytes);
        let instance = restored.map_err(|error| RecordingError::Malformed { offset: 0, error })?;
        instance.config.validate()?;
        Ok(instance)
    }
}

/// What a recording starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Start {
    config: Config,
    seed: u64,
    at: Instant,
}

/// The inputs of a router since its start, as bytes to be appended to a file.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    bytes: Vec<u8>,
}

impl Recording {
    /// The recording of a router that [`Instance::new`] made of the same.
    ///
    /// # Errors
    /// When it cannot be written, which no known configuration does.
    pub fn new(config: &Config, seed: u64, at: Instant) -> Result<Self, RecordingError> {
        let mut recording = Self::default();
        recording.append(&Start { config: config.clone(), seed, at })?;
        Ok(recording)
    }

    /// Adds an input: the one that [`Instance::handle`] takes.
    ///
    /// # Errors
    /// When it cannot be written, which no known input does.
    pub fn push(&mut self, now: Instant, input: &Input) -> Result<(), RecordingError> {
        self.append(&(now, input))
    }

    /// What was added since this was last called.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    fn append(&mut self, record: &impl Serialize) -> Result<(), RecordingError> {
        let offset = self.bytes.len();
        let record =
            postcard::to_stdvec(record).map_err(|error| RecordingError::Malformed { offset, error })?;
        self.bytes.extend(record);
        Ok(())
    }

    /// Lives a recorded life again, and shows each output when it comes. A last record that is cut off is
    /// left out: the recorded process may have died while writing it.
    ///
    /// # Errors
    /// When the bytes are not a recording.
    pub fn replay(bytes: &[u8], mut show: impl FnMut(Instant, Output)) -> Result<Instance, RecordingError> {
        let malformed =
            |rest: &[u8], error| RecordingError::Malformed { offset: bytes.len() - rest.len(), error };
        let start = postcard::take_from_bytes::<Start>(bytes);
        let (Start { config, seed, at }, mut rest) = start.map_err(|error| malformed(bytes, error))?;
        let mut instance = Instance::new(config, seed, at)?;
        let mut drain = |now, instance: &mut Instance| {
            while let Some(output) = instance.poll_output() {
                show(now, output);
            }
        };
        drain(at, &mut instance);
        while !rest.is_empty() {
            let ((now, input), after) = match postcard::take_from_bytes::<(Instant, Input)>(rest) {
                Ok(record) => record,
                Err(postcard::Error::DeserializeUnexpectedEnd) => break,
                Err(error) => return Err(malformed(rest, error)),
            };
            rest = after;
            instance.handle(now, input);
            drain(now, &mut instance);
        }
        Ok(instance)
    }
}
