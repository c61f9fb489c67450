//! Files of a lab: written whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{error::LabError, paths::Lab};

/// Replaces `path` by `content`: a reader sees the old or the new content, never a part.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), LabError> {
    let fresh = fresh(path);
    let written = File::create(&fresh)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written.map_err(LabError::io("write", path))
}

/// Where the new content of `path` is written before it takes its place.
pub(crate) fn fresh(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Replaces `path` by `value` as JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), LabError> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| LabError::io("write", path)(error.into()))?;
    replace(path, &text)
}

/// Reads JSON; `None` if there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(lab: &Lab, path: &Path) -> Result<Option<T>, LabError> {
    let damaged = |reason: serde_json::Error| LabError::Damaged {
        path: path.to_owned(),
        reason: reason.to_string(),
        lab: lab.name().clone(),
    };
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(damaged),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LabError::io("read", path)(error)),
    }
}

/// Makes a directory and those above it; that it exists is fine.
pub(crate) fn make_directory(path: &Path) -> Result<(), LabError> {
    fs::create_dir_all(path).map_err(LabError::io("make the directory", path))
}

/// Opens a log for appending.
pub(crate) fn open_log(path: &Path) -> Result<File, LabError> {
    OpenOptions::new().create(true).append(true).open(path).map_err(LabError::io("open", path))
}

/// How much of a log's end is shown, in bytes and in lines.
const TAIL_BYTES: u64 = 8192;
const TAIL_LINES: usize = 20;

/// The last lines of a log, indented; says so where there are none.
pub(crate) fn tail(path: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut text = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = match read() {
        Ok(text) => text,
        Err(error) => return format!("  (cannot be read: {error})"),
    };
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    if shown.is_empty() {
        return "  (it is empty)".to_owned();
    }
    shown.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_end_of_a_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("x.log");
        assert!(tail(&log).contains("cannot be read"));
        fs::write(&log, "").unwrap();
        assert_eq!(tail(&log), "  (it is empty)");
        let text: String = (1..=5000).map(|n| format!("line {n}\n")).collect();
        fs::write(&log, text).unwrap();
        let end = tail(&log);
        assert_eq!(end.lines().count(), 20);
        assert!(end.ends_with("  line 5000"), "{end}");
    }

    #[test]
    fn a_failed_write_says_on_which_file_and_leaves_nothing() {
        // /dev/full accepts an open and refuses the bytes, as a full disk does.
        let error = replace(Path::new("/dev/null/lab.json"), b"x").unwrap_err().to_string();
        assert!(error.contains("/dev/null/lab.json"), "{error}");
    }
}
