//! Writing a record to disk, bounded.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    Event, Header, RecordError,
    reader::numbered,
    segment::{MAX_CONTENT, file_name, frame, preamble},
};

/// Events wait until there is this much of them, or until [`Writer::flush`].
const FRAME: usize = 64 << 10;

/// How large a record may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All its files together take no more bytes than this: the oldest are deleted.
    pub total: u64,
    /// A file of this size is followed by another, unless a snapshot is more than half of it.
    pub segment: u64,
}

impl Default for Limits {
    /// 64 MiB, in files of 8 MiB.
    fn default() -> Limits {
        Limits { total: 64 << 20, segment: 8 << 20 }
    }
}

/// Writes a record into a directory. After an error it writes nothing until the next [`Writer::begin`]; what was written
/// before can be read.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    limits: Limits,
    next: u64,
    /// Finished files, the oldest first, with their sizes.
    old: Vec<(u64, u64)>,
    open: Option<Open>,
    pending: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    file: File,
    number: u64,
    size: u64,
    /// Its size when its snapshot was complete, as far as is known.
    snapshot: u64,
}

impl Writer {
    /// A writer into a directory, which is made if there is none. What is recorded there already stays, and counts.
    ///
    /// # Errors
    /// When the directory cannot be made or listed.
    pub fn open(dir: &Path, limits: Limits) -> Result<Writer, RecordError> {
        fs::create_dir_all(dir).map_err(RecordError::io("make", dir))?;
        let mut old = Vec::new();
        for (number, path) in numbered(dir)? {
            let size = fs::metadata(&path).map_err(RecordError::io("look at", &path))?.len();
            old.push((number, size));
        }
        old.sort_unstable();
        let next = old.last().map_or(1, |(number, _)| number.saturating_add(1));
        Ok(Writer { dir: dir.to_owned(), limits, next, old, open: None, pending: Vec::new() })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(file_name(number))
    }

    /// Begins a file; the one before is finished.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(&mut self, header: &Header) -> Result<(), RecordError> {
        // A tail that cannot be written leaves a record that ends early; the header says what is missing only if the
        // caller counts it, so the error comes first.
        self.flush()?;
        self.close();
        let number = self.next;
        let path = self.path(number);
        let file = File::create_new(&path).map_err(RecordError::io("make", &path))?;
        self.next += 1;
        self.open = Some(Open { file, number, size: 0, snapshot: 0 });
        let content = postcard::to_allocvec(header).map_err(|_| self.too_large())?;
        let mut bytes = preamble();
        bytes.extend(frame(&content));
        self.write(&bytes)
    }

    fn too_large(&self) -> RecordError {
        RecordError::TooLarge { path: self.dir.clone(), limit: self.limits.total }
    }

    /// Finishes the file; one that holds nothing readable is removed.
    fn close(&mut self) {
        self.pending.clear();
        if let Some(open) = self.open.take() {
            if open.size == 0 {
                // What cannot be removed is found to be damaged by readers.
                let _ = fs::remove_file(self.path(open.number));
            } else {
                self.old.push((open.number, open.size));
            }
        }
    }

    /// Writes an event; some later, with others.
    ///
    /// # Errors
    /// When the disk refuses, or if no file was begun since it did.
    pub fn add(&mut self, event: &Event) -> Result<(), RecordError> {
        let before = self.pending.len();
        let mut encoder = postcard::Serializer { output: Bytes(&mut self.pending) };
        if event.serialize(&mut encoder).is_err() || self.pending.len() - before > MAX_CONTENT / 2 {
            self.pending.truncate(before);
            let error = self.too_large();
            self.close();
            return Err(error);
        }
        if self.pending.len() >= FRAME {
            self.flush()?;
        }
        if matches!(event, Event::Standing(_))
            && let Some(open) = &mut self.open
        {
            open.snapshot = open.size;
        }
        Ok(())
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let bytes = frame(&self.pending);
        self.pending.clear();
        self.write(&bytes)
    }

    /// Writes bytes whole or not at all, and finishes the file if that fails.
    fn write(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        let written = self.make_room(bytes.len() as u64).and_then(|()| {
            let Some(open) = &mut self.open else { return Ok(()) };
            let path = self.dir.join(file_name(open.number));
            if let Err(error) = open.file.write_all(bytes) {
                // If that fails too, readers find the torn frame.
                let _ = open.file.set_len(open.size);
                return Err(RecordError::io("write to", &path)(error));
            }
            open.size += bytes.len() as u64;
            Ok(())
        });
        if written.is_err() {
            self.close();
        }
        written
    }

    /// Deletes the oldest files until there is room for so many bytes more.
    fn make_room(&mut self, more: u64) -> Result<(), RecordError> {
        let mut total = self.size() + more;
        while total > self.limits.total {
            let Some((number, size)) = self.old.first().copied() else { return Err(self.too_large()) };
            let path = self.path(number);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(RecordError::io("delete", &path)(error));
                }
                _ => {
                    self.old.remove(0);
                    total -= size;
                }
            }
        }
        Ok(())
    }

    /// How many bytes the record takes.
    #[must_use]
    pub fn size(&self) -> u64 {
        let old: u64 = self.old.iter().map(|(_, size)| size).sum();
        old + self.open.as_ref().map_or(0, |open| open.size)
    }

    /// Whether another file should begin, since this one is large or there is none.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let full = |open: &Open| open.size >= self.limits.segment.max(open.snapshot.saturating_mul(2));
        self.open.as_ref().is_none_or(full)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Nobody is left to hear of an error.
        let _ = self.flush();
    }
}

/// Where encoded events go.
struct Bytes<'p>(&'p mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Bytes<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
