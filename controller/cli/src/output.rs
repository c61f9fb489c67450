//! The one place that writes: results to stdout, everything else to stderr.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;

use crate::{failure::Failure, page::Page};

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
    Yaml,
}

/// What a command answers: one struct, serialised for scripts and drawn for people.
pub trait View: Serialize {
    /// Draws it for people.
    fn draw(&self, page: &mut Page);
}

/// Stdout in the format that the operator wants.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
}

impl Output {
    /// An output in `format`.
    pub fn new(format: Format) -> Self {
        Self { format }
    }

    /// Shows a result.
    pub fn show(self, view: &impl View) -> Result<(), Failure> {
        match self.format {
            Format::Table => {
                let terminal = io::stdout().is_terminal();
                let mut page = Page::new(Timestamp::now(), terminal && colour_wanted(), terminal);
                view.draw(&mut page);
                write_out(page.text().as_bytes())
            }
            Format::Json => {
                let mut text = serde_json::to_string_pretty(view).map_err(Failure::encode)?;
                text.push('\n');
                write_out(text.as_bytes())
            }
            Format::Yaml => write_out(serde_saphyr::to_string(view).map_err(Failure::encode)?.as_bytes()),
        }
    }

    /// Shows one of many results that come over time: a line of text, a line of JSON, or a YAML document.
    pub fn show_line(self, item: &(impl Serialize + fmt::Display)) -> Result<(), Failure> {
        let text = match self.format {
            Format::Table => format!("{item}\n"),
            Format::Json => serde_json::to_string(item).map_err(Failure::encode)? + "\n",
            Format::Yaml => format!("---\n{}", serde_saphyr::to_string(item).map_err(Failure::encode)?),
        };
        write_out(text.as_bytes())
    }
}

/// Writes bytes to stdout as they are.
pub fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::Write)
}

/// Writes a line to stderr. Nobody is left to hear of it when that fails.
pub fn note(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes `warning: …` to stderr.
pub fn warn(text: impl fmt::Display) {
    note(format_args!("{} {text}", label("warning:", "33")));
}

/// Writes `error: …` to stderr.
pub fn error(text: impl fmt::Display) {
    note(format_args!("{} {text}", label("error:", "31")));
}

/// Whether colours may be used on a terminal (<https://no-color.org>).
pub fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether stderr takes colours.
pub fn stderr_colour() -> bool {
    io::stderr().is_terminal() && colour_wanted()
}

/// `text`, in bold and the given SGR colour where stderr takes colours.
fn label(text: &str, colour: &str) -> String {
    if stderr_colour() { format!("\x1b[1;{colour}m{text}\x1b[0m") } else { text.to_owned() }
}
