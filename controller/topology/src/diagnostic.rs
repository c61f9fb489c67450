//! What is wrong with a file, and where.

use std::fmt;

/// How many problems of one file are shown; the rest is counted.
const SHOWN: usize = 20;
/// How many spellings are looked up for one file: a lookup compares with every known name.
const HINTS: usize = 100;

/// A place in a file, both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Place {
    /// The first character of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// One finding: what is wrong or doubtful, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where; `None` where the file as a whole is meant.
    pub place: Option<Place>,
    /// What, and what to do; a single line.
    pub message: String,
}

/// The findings about one file, by place. Displayed as one `file:line:column: message` per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    findings: Vec<Diagnostic>,
    more: usize,
}

impl Diagnostics {
    /// Sorts `findings` and keeps the first 20.
    pub(crate) fn new(file: &str, mut findings: Vec<Diagnostic>) -> Self {
        // A stable sort: what stands at one place stays in the order in which it was found.
        findings.sort_by_key(|finding| finding.place);
        findings.dedup();
        let more = findings.len().saturating_sub(SHOWN);
        findings.truncate(SHOWN);
        Self { file: file.to_owned(), findings, more }
    }

    /// The only finding is `message`.
    pub(crate) fn one(file: &str, place: Option<Place>, message: impl Into<String>) -> Self {
        Self::new(file, vec![Diagnostic { place, message: message.into() }])
    }

    /// The name of the file, as given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The findings by place, at most 20.
    #[must_use]
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// How many findings were left off.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Diagnostic { place, message }) in self.findings.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match place {
                Some(Place { line, column }) => write!(f, "{}:{line}:{column}: {message}", self.file)?,
                None => write!(f, "{}: {message}", self.file)?,
            }
        }
        if self.more > 0 {
            write!(f, "\n{}: and {} more", self.file, self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Collects findings while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
    hints: usize,
}

impl Findings {
    pub(crate) fn error(&mut self, place: Place, message: impl Into<String>) {
        self.errors.push(Diagnostic { place: Some(place), message: message.into() });
    }

    pub(crate) fn warn(&mut self, place: Place, message: impl Into<String>) {
        self.warnings.push(Diagnostic { place: Some(place), message: message.into() });
    }

    /// [`did_you_mean`] for the first names that are asked for, then nothing.
    pub(crate) fn hint<'a>(&mut self, text: &str, known: impl IntoIterator<Item = &'a str>) -> String {
        self.hints += 1;
        if self.hints > HINTS { String::new() } else { did_you_mean(text, known) }
    }
}

/// ` (did you mean `x`?)` where one of `known` is near `text`, else nothing.
pub(crate) fn did_you_mean<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let lower = shown(text).to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&name.to_lowercase(), &lower), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4 && *distance < name.len())
        .map(|(_, name)| format!(" (did you mean `{name}`?)"))
        .unwrap_or_default()
}

/// `text` as it may stand in a message: at most 64 characters, none of them a control character.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String =
        text.chars().take(64).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.chars().nth(64).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_sorted_counted_and_capped() {
        let findings = (1..=30)
            .rev()
            .map(|line| Diagnostic { place: Some(Place { line, column: 3 }), message: "wrong".to_owned() });
        let all = Diagnostics::new("x.yaml", findings.collect());
        assert_eq!((all.findings().len(), all.more()), (20, 10));
        let text = all.to_string();
        assert!(text.starts_with("x.yaml:1:3: wrong\nx.yaml:2:3: wrong\n"), "{text}");
        assert!(text.ends_with("x.yaml: and 10 more"), "{text}");
    }

    #[test]
    fn a_slip_is_pointed_out_and_a_stranger_is_not() {
        assert_eq!(did_you_mean("endpoint", ["endpoints", "metric"]), " (did you mean `endpoints`?)");
        assert_eq!(did_you_mean("Name", ["name", "vns"]), " (did you mean `name`?)");
        assert_eq!(did_you_mean("colour", ["name", "vns"]), "");
    }
}
