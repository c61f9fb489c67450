//! The form of a record on disk: files of frames.
//!
//! A file `record-<number>.brec` begins with [`MAGIC`] and the version of the format (u32, as all numbers outside of frames
//! little-endian). Frames follow, each with the length of its payload (u32), the payload's CRC-32 (u32), and the payload: an
//! LZ4 block with the length of its content before it (u32). The first frame's content is one [`Header`]; that of the others
//! are [`Event`]s one after another. Both are in postcard's form.

use std::path::Path;

use crate::{Event, Header, RecordError};

/// What every file begins with.
pub(crate) const MAGIC: [u8; 8] = *b"braidrec";
/// The version of the format.
pub(crate) const VERSION: u32 = 1;
/// Magic and version.
pub(crate) const PREAMBLE: usize = MAGIC.len() + 4;
/// Length and checksum.
const FRAME_HEAD: usize = 8;
/// The content of a frame is no longer than this. What claims to be is damaged.
pub(crate) const MAX_CONTENT: usize = 4 << 20;

/// The name of the file of that number.
pub(crate) fn file_name(number: u64) -> String {
    format!("record-{number}.brec")
}

/// The number of a record's file; none for other files.
pub(crate) fn file_number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("record-")?.strip_suffix(".brec")?.parse().ok()
}

/// The first bytes of a file.
pub(crate) fn preamble() -> Vec<u8> {
    [&MAGIC[..], &VERSION.to_le_bytes()].concat()
}

/// A frame of that content.
pub(crate) fn frame(content: &[u8]) -> Vec<u8> {
    let payload = lz4_flex::block::compress_prepend_size(content);
    let mut bytes = Vec::with_capacity(FRAME_HEAD + payload.len());
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes) as usize)
}

/// The content of the frame at an offset, and where the next one begins; none where there is no whole frame.
fn content(bytes: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let (length, checksum) = (number(bytes, at)?, number(bytes, at + 4)?);
    let begin = at + FRAME_HEAD;
    let end = begin.checked_add(length)?;
    let payload = bytes.get(begin..end)?;
    if crc32fast::hash(payload) as usize != checksum {
        return None;
    }
    let size = number(payload, 0).filter(|size| *size <= MAX_CONTENT)?;
    let content = lz4_flex::block::decompress(&payload[4..], size).ok()?;
    Some((content, end))
}

fn events(mut content: &[u8]) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    while !content.is_empty() {
        let (event, rest) = postcard::take_from_bytes(content).ok()?;
        events.push(event);
        content = rest;
    }
    Some(events)
}

/// One file of a record, checked.
#[derive(Debug, Clone)]
pub struct Segment {
    header: Header,
    bytes: Vec<u8>,
    /// Where the frames of events begin and end.
    frames: (usize, usize),
    damaged: usize,
}

impl Segment {
    /// Reads a file's bytes. What follows a damaged frame is left out.
    ///
    /// # Errors
    /// When not even the header can be read.
    pub fn read(path: &Path, bytes: Vec<u8>) -> Result<Segment, RecordError> {
        let path = || path.to_owned();
        if !bytes.starts_with(&MAGIC) {
            return Err(RecordError::Foreign { path: path() });
        }
        match number(&bytes, MAGIC.len()) {
            Some(version) if version as u32 != VERSION => {
                return Err(RecordError::Version { path: path(), version: version as u32 });
            }
            _ => {}
        }
        let first = content(&bytes, PREAMBLE);
        let header = first.and_then(|(content, next)| Some((postcard::from_bytes(&content).ok()?, next)));
        let Some((header, begin)) = header else { return Err(RecordError::NoHeader { path: path() }) };
        let mut end = begin;
        while let Some((_, next)) = content(&bytes, end).filter(|(content, _)| events(content).is_some()) {
            end = next;
        }
        let damaged = bytes.len() - end;
        Ok(Segment { header, bytes, frames: (begin, end), damaged })
    }

    /// What it begins with.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How many bytes at its end are damaged or torn, and were left out.
    #[must_use]
    pub const fn damaged(&self) -> usize {
        self.damaged
    }

    /// Its size in bytes, compressed.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Its events, in order. They are read as one goes.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        let (mut at, end) = self.frames;
        let frames = std::iter::from_fn(move || {
            let (content, next) = (at < end).then(|| content(&self.bytes, at)).flatten()?;
            at = next;
            events(&content)
        });
        frames.flatten()
    }
}
