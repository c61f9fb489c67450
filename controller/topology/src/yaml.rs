//! YAML as a tree in which every value knows its place, so that all problems of a file can be told at once.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::{Error, MessageFormatter, Spanned, UserMessageFormatter, budget::BudgetBreach};

use crate::{
    decode::duplicate_key,
    diagnostic::{Diagnostics, Place},
};

/// The largest file that is read, in bytes.
pub(crate) const MAX_BYTES: usize = 4 << 20;
/// The deepest nesting; the file type itself needs 7 levels.
const MAX_DEPTH: usize = 16;
/// Values, counting a value again wherever an alias repeats it. The largest legal file needs about 100,000.
const MAX_NODES: usize = 250_000;

/// A value and where it stands (for an alias: where it is used).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What YAML can say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// The text as written, whatever YAML would take it for, so that names need no quotes.
    Scalar {
        text: String,
        /// Neither quoted nor a block, so that it may be a number.
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) text: String,
}

/// Reads one YAML document.
pub(crate) fn read(text: &str, file: &str) -> Result<Node, Diagnostics> {
    if text.len() > MAX_BYTES {
        return Err(too_large(file, text.len() as u64));
    }
    if text.lines().all(|line| matches!(line.trim(), "" | "---" | "...") || line.trim().starts_with('#')) {
        return Err(Diagnostics::one(
            file,
            Some(Place::START),
            "the file is empty: a topology needs `name`, `topology` and `vns`",
        ));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_NODES },
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Raw>(text, options)
        .map(|raw| raw.into_node(text))
        .map_err(|error| explain(error.without_snippet(), file))
}

pub(crate) fn too_large(file: &str, bytes: u64) -> Diagnostics {
    Diagnostics::one(
        file,
        None,
        format!("the file has {bytes} bytes: a topology file may have 4 MiB ({MAX_BYTES} bytes)"),
    )
}

/// A YAML error in our form: the place apart, and what to do.
fn explain(error: &Error, file: &str) -> Diagnostics {
    let at = error.location().map(|l| place(&l));
    let what = UserMessageFormatter.format_message(error);
    let message = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => duplicate_key(key),
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } | Error::MultipleDocuments { .. } => {
            "a second YAML document begins here: a topology file has one".to_owned()
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => format!(
            "the file is too deep or too large, or its aliases repeat too much: at most {MAX_DEPTH} levels and \
             {MAX_NODES} values are read"
        ),
        Error::AliasError { error, .. } => return explain_alias(error, at, file),
        Error::NullIntoString { .. } => "a key is empty here: write a name before the `:`".to_owned(),
        _ if what.contains("recursion limit") => {
            format!("the nesting is too deep: at most {MAX_DEPTH} levels are read")
        }
        _ if what.contains("tab") => format!("{what}: indent with spaces"),
        _ => format!("this is not the YAML it should be: {what}"),
    };
    Diagnostics::one(file, at, message)
}

/// An error inside what an alias repeats, at the alias.
fn explain_alias(error: &Error, at: Option<Place>, file: &str) -> Diagnostics {
    let inner = explain(error, file);
    let message = inner.findings().first().map(|finding| finding.message.clone()).unwrap_or_default();
    Diagnostics::one(file, at, message)
}

fn place(location: &serde_saphyr::Location) -> Place {
    let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    Place { line: narrow(location.line()), column: narrow(location.column()) }
}

/// The tree as serde hands it over: places are there, but scalars have been interpreted.
struct Raw(Spanned<RawValue>);

enum RawValue {
    Null,
    Scalar(String),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Raw)
    }
}

impl Raw {
    fn into_node(self, source: &str) -> Node {
        let Raw(Spanned { value, referenced, defined, .. }) = self;
        let value = match value {
            RawValue::Null => Value::Null,
            RawValue::Scalar(text) => scalar(text, &defined, source),
            RawValue::List(items) => Value::List(items.into_iter().map(|i| i.into_node(source)).collect()),
            RawValue::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let key = Key { place: place(&key.referenced), text: key.value };
                        (key, value.into_node(source))
                    })
                    .collect(),
            ),
        };
        Node { place: place(&referenced), value }
    }
}

/// A scalar with the spelling of the source, which serde's numbers have lost (`007`, `1e3`).
fn scalar(text: String, defined: &serde_saphyr::Location, source: &str) -> Value {
    let span = defined.span();
    let written = span.byte_offset().zip(span.byte_len()).and_then(|(start, length)| {
        let start = usize::try_from(start).ok()?;
        source.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    });
    let plain = written.is_some_and(|w| !w.starts_with(['"', '\'', '|', '>', '!']));
    match written {
        Some(written) if plain && !written.contains('\n') => {
            Value::Scalar { text: written.trim().to_owned(), plain }
        }
        _ => Value::Scalar { text, plain },
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> de::Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }
    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }
    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(value.to_string()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(value.to_string()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(value.to_string()))
    }
    fn visit_i128<E>(self, value: i128) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(value.to_string()))
    }
    fn visit_u128<E>(self, value: u128) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(value.to_string()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(value.to_string()))
    }
    fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
        Ok(RawValue::Scalar(value.to_owned()))
    }
    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawValue::List(list))
    }
    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<RawValue, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(RawValue::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        read(text, "f").unwrap_err().to_string()
    }

    #[test]
    fn scalars_keep_their_spelling_and_their_place() {
        let node = read("a: 007\nb: [no, 1e3, \"1\", .nan]\nc: ~\nd:\n", "f").unwrap();
        let Value::Map(entries) = node.value else { panic!("a map") };
        let plain = |text: &str| Value::Scalar { text: text.to_owned(), plain: true };
        assert_eq!(entries[0].1, Node { place: Place { line: 1, column: 4 }, value: plain("007") });
        let Value::List(items) = &entries[1].1.value else { panic!("a list") };
        assert_eq!(items[0], Node { place: Place { line: 2, column: 5 }, value: plain("no") });
        assert_eq!(items[1].value, plain("1e3"));
        assert_eq!(items[2].value, Value::Scalar { text: "1".to_owned(), plain: false });
        assert_eq!(items[3].value, plain(".nan"));
        assert_eq!((&entries[2].1.value, &entries[3].1.value), (&Value::Null, &Value::Null));
    }

    #[test]
    fn aliases_and_merges_stand_where_they_are_used() {
        let node = read("a: &x { b: 1 }\nc: *x\nd: { <<: *x, e: 5 }\n", "f").unwrap();
        let Value::Map(entries) = node.value else { panic!("a map") };
        assert_eq!(entries[1].1.place, Place { line: 2, column: 4 });
        let Value::Map(merged) = &entries[2].1.value else { panic!("a map") };
        assert_eq!(merged.len(), 2);
    }

    #[test]
    fn what_is_not_yaml_is_told_with_its_place() {
        for (text, start) in [
            ("a: [1, 2\n", "f:1:4: this is not the YAML it should be: "),
            ("a: b: c\n", "f:1:5: this is not the YAML it should be: "),
            ("a: *nope\n", "f:1:4: this is not the YAML it should be: "),
            ("a:\n\tb: 1\n", "f:2:2: tabs disallowed"),
            ("a: 1\na: 2\n", "f:2:1: `a` stands here for the second time"),
            ("a: 1\n---\nb: 2\n", "f:2:1: a second YAML document begins here"),
            ("~: 1\n", "f:1:1: a key is empty here"),
            ("a: !x 1\n", "f:1:7: this is not the YAML it should be: "),
        ] {
            let told = told(text);
            assert!(told.starts_with(start), "{told}");
        }
    }

    #[test]
    fn emptiness_depth_and_repetition_have_bounds() {
        for empty in ["", "\n \n", "# nothing\n---\n"] {
            assert!(told(empty).starts_with("f:1:1: the file is empty"), "{}", told(empty));
        }
        for opening in ["[", "{", "{a: ", "[[{a: "] {
            let told = told(&opening.repeat(100_000));
            assert!(told.contains("too deep"), "{told}");
        }
        let steps: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert!(told(&steps).contains("too deep"), "{}", told(&steps));

        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let previous = vec![format!("*a{}", level - 1); 10].join(", ");
            laughs += &format!("a{level}: &a{level} [{previous}]\n");
        }
        assert!(told(&laughs).contains("aliases repeat too much"), "{}", told(&laughs));

        assert!(told(&"x".repeat(16 << 20)).contains("4 MiB"), "{}", told(&"x".repeat(16 << 20)));
    }
}
