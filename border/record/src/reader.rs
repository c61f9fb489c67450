//! Reading a record back.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{
    Segment,
    segment::{VERSION, file_number},
};

/// A record cannot be read, or not be written.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The system refuses.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A directory without records.
    #[error(
        "{path} holds no record: name a directory with files `record-<number>.brec`, such as a border's `record`, or one of them"
    )]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// Not a record.
    #[error("{path} is not a record of a border: it does not begin with `braidrec`")]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// Of another version.
    #[error(
        "{path} has version {version} of the format, this braid reads {VERSION}: use the braid that wrote it"
    )]
    Version {
        /// Which.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The beginning is damaged.
    #[error(
        "{path} is damaged at its beginning and tells nothing; remove it, or name another file of the record"
    )]
    NoHeader {
        /// Which.
        path: PathBuf,
    },
    /// An event, or what is known of all prefixes, is larger than a record may be.
    #[error("the record in {path} may have {limit} bytes, and a snapshot does not fit: allow more")]
    TooLarge {
        /// Which directory.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
}

impl RecordError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RecordError {
        let path = path.to_owned();
        move |source| RecordError::Io { what, path, source }
    }
}

/// A record, read and checked.
#[derive(Debug)]
pub struct Record {
    stretches: Vec<Vec<Segment>>,
    warnings: Vec<String>,
}

impl Record {
    /// Reads a record: all files in a directory, or one file. What is damaged is left out, with a warning.
    ///
    /// # Errors
    /// When nothing can be read.
    pub fn open(path: &Path) -> Result<Record, RecordError> {
        let mut files = if path.is_dir() { numbered(path)? } else { vec![(0, path.to_owned())] };
        files.sort_unstable();
        if files.is_empty() {
            return Err(RecordError::Empty { path: path.to_owned() });
        }
        let mut record = Record { stretches: Vec::new(), warnings: Vec::new() };
        let mut refused = None;
        let mut last: Option<u64> = None;
        for (number, file) in files {
            let bytes = fs::read(&file).map_err(RecordError::io("read", &file));
            match bytes.and_then(|bytes| Segment::read(&file, bytes)) {
                Ok(segment) => {
                    record.add(&file, last.is_some_and(|last| last.checked_add(1) == Some(number)), segment);
                    last = Some(number);
                }
                Err(error) => {
                    record.warnings.push(error.to_string());
                    refused = Some(error);
                }
            }
        }
        match refused {
            Some(error) if record.stretches.is_empty() => Err(error),
            _ => Ok(record),
        }
    }

    fn add(&mut self, file: &Path, follows: bool, segment: Segment) {
        if segment.damaged() > 0 {
            self.warnings.push(format!(
                "the last {} bytes of {} are torn or damaged, as after a crash; they are left out",
                segment.damaged(),
                file.display()
            ));
        }
        if segment.header().lost > 0 {
            self.warnings.push(format!(
                "before {} there is a gap: {} events were not recorded",
                file.display(),
                segment.header().lost
            ));
        }
        let before = self.stretches.last_mut().filter(|stretch| {
            let Some(before) = stretch.last() else { return false };
            let same = |what: fn(&Segment) -> u64| what(before) == what(&segment);
            follows && segment.header().lost == 0 && before.damaged() == 0 && same(|it| it.header().epoch_ms)
        });
        match before {
            Some(stretch) => stretch.push(segment),
            None => self.stretches.push(vec![segment]),
        }
    }

    /// Its files, by stretches: within one, nothing is missing and the border was not started anew. There is at least one.
    #[must_use]
    pub fn stretches(&self) -> &[Vec<Segment>] {
        &self.stretches
    }

    /// What could not be read or was never recorded, for people.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The files of a record in a directory, with their numbers.
pub(crate) fn numbered(dir: &Path) -> Result<Vec<(u64, PathBuf)>, RecordError> {
    let refused = || RecordError::io("list", dir);
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(refused())? {
        let path = entry.map_err(refused())?.path();
        files.extend(file_number(&path).map(|number| (number, path)));
    }
    Ok(files)
}
