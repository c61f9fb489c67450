//! The engine's log: lines of `tracing`, in a file that is turned over once it is large, or on stderr.
//!
//! Not tracing-subscriber, whose filters and registry weigh as much as a whole engine.

use std::{
    fmt::{self, Write as _},
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Instant, SystemTime},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

/// A log is turned over, once, at this size in bytes.
const FILE_BYTES: u64 = 1 << 20;
/// Lines of a second; those beyond are counted, so that whoever floods the engine does not flood the disk.
const LINES_PER_SECOND: u32 = 100;

/// Where lines go.
enum Sink {
    File { file: File, path: PathBuf, bytes: u64 },
    Stderr,
}

struct Output {
    sink: Sink,
    second: Instant,
    lines: u32,
    /// Lines left out in this second.
    left_out: u32,
}

/// A subscriber that writes lines.
pub(crate) struct Log {
    level: LevelFilter,
    output: Mutex<Output>,
}

impl Log {
    fn new(sink: Sink, level: LevelFilter) -> Self {
        Self { level, output: Mutex::new(Output { sink, second: Instant::now(), lines: 0, left_out: 0 }) }
    }

    /// A log in a file.
    pub(crate) fn file(path: &Path, level: LevelFilter) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self::new(Sink::File { file, path: path.to_owned(), bytes }, level))
    }

    /// A log on stderr.
    pub(crate) fn stderr(level: LevelFilter) -> Self {
        Self::new(Sink::Stderr, level)
    }
}

impl Output {
    fn line(&mut self, line: &str) {
        let now = Instant::now();
        if now.duration_since(self.second).as_secs() >= 1 {
            if self.left_out > 0 {
                let note = format!("{} WARN {} lines left out\n", stamp(), self.left_out);
                self.sink.write(&note);
            }
            (self.second, self.lines, self.left_out) = (now, 0, 0);
        }
        if self.lines == LINES_PER_SECOND {
            self.left_out += 1;
            return;
        }
        self.lines += 1;
        self.sink.write(line);
    }
}

impl Sink {
    /// A disk that is full is no reason not to route.
    fn write(&mut self, line: &str) {
        match self {
            Self::Stderr => {
                let _ = io::stderr().lock().write_all(line.as_bytes());
            }
            Self::File { file, path, bytes } => {
                if *bytes > FILE_BYTES {
                    let mut old = path.clone().into_os_string();
                    old.push(".old");
                    if fs::rename(&*path, old).is_ok()
                        && let Ok(fresh) = OpenOptions::new().create(true).append(true).open(&*path)
                    {
                        *file = fresh;
                    }
                    *bytes = 0;
                }
                let _ = file.write_all(line.as_bytes());
                *bytes += line.len() as u64;
            }
        }
    }
}

fn stamp() -> impl fmt::Display {
    humantime::format_rfc3339_millis(SystemTime::now())
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = format!("{} {} ", stamp(), short(*event.metadata().level()));
        let mut fields = Fields { message: String::new(), rest: String::new() };
        event.record(&mut fields);
        let _ = writeln!(line, "{}{}", fields.message, fields.rest);
        self.output.lock().unwrap_or_else(PoisonError::into_inner).line(&line);
    }

    // No spans: an engine does one thing at a time.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

fn short(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

struct Fields {
    message: String,
    rest: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.rest, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_lines_is_counted_and_a_large_log_is_turned_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine.log");
        let log = Log::file(&path, LevelFilter::INFO).unwrap();
        tracing::subscriber::with_default(log, || {
            for number in 0..10 * LINES_PER_SECOND {
                tracing::info!(number, "a line");
                tracing::debug!("not this");
            }
        });
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), LINES_PER_SECOND as usize);
        assert!(text.lines().next().unwrap().ends_with(" INFO a line number=0"), "{text}");
        let mut sink = Sink::File {
            file: File::options().append(true).open(&path).unwrap(),
            path: path.clone(),
            bytes: 2 << 20,
        };
        sink.write("fresh\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "fresh\n");
        assert_eq!(fs::read_to_string(dir.path().join("engine.log.old")).unwrap(), text);
    }
}
