//! Which policy a record is replayed under.

use std::{collections::BTreeMap, time::Duration};

use braid_vote::{Policy, Rule};
use thiserror::Error;

use crate::{Event, Record};

/// What to replay differently; the rest is as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// The rule for all prefixes.
    pub rule: Option<Rule>,
    /// Whether VNs with a verified fault lose their vote.
    pub verified: Option<bool>,
    /// How long a disagreement must last.
    pub settle: Option<Duration>,
}

impl Change {
    /// Nothing is different.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Change::default()
    }

    pub(crate) fn apply(&self, policy: Policy) -> Policy {
        Policy {
            rule: self.rule.unwrap_or(policy.rule),
            verified: self.verified.unwrap_or(policy.verified),
            settle: self.settle.unwrap_or(policy.settle),
            ..policy
        }
    }
}

/// A rule in words that make no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// No such rule.
    #[error("there is no policy `{0}`: write master:VN, majority, first-k:NUMBER or consensus")]
    Unknown(String),
    /// No such VN.
    #[error("the record knows no virtual network `{name}`: it has {known}")]
    NoSuchVn {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A number that is none, or is zero.
    #[error("`{0}` is not a number of code bases: write a number from 1 to 255, such as first-k:3")]
    BadNumber(String),
}

/// A rule in words: `master:VN` (its name, or its id), `majority`, `first-k:NUMBER`, `consensus`.
///
/// # Errors
/// When it is not one of these, or the record has no such VN.
pub fn parse_rule(text: &str, record: &Record) -> Result<Rule, RuleError> {
    let (word, rest) = text.split_once(':').map_or((text, None), |(word, rest)| (word, Some(rest)));
    match (word, rest) {
        ("majority", None) => Ok(Rule::Majority),
        ("consensus", None) => Ok(Rule::Consensus),
        ("first-k", Some(k)) => match k.parse() {
            Ok(k @ 1_u8..) => Ok(Rule::FirstK { k }),
            _ => Err(RuleError::BadNumber(k.to_owned())),
        },
        ("master", Some(name)) => {
            let vns = record.vn_names();
            let named = vns.iter().find(|(_, known)| *known == name).map(|(vn, _)| *vn);
            let master = named.or_else(|| name.parse().ok().filter(|vn| vns.contains_key(vn)));
            master.map(|master| Rule::Master { master }).ok_or_else(|| RuleError::NoSuchVn {
                name: name.to_owned(),
                known: vns.into_values().collect::<Vec<_>>().join(", "),
            })
        }
        _ => Err(RuleError::Unknown(text.to_owned())),
    }
}

impl Record {
    /// The names of the VNs, by id; `vn<ID>` for those of which only the id is known.
    #[must_use]
    pub fn vn_names(&self) -> BTreeMap<u8, String> {
        let mut names = BTreeMap::new();
        for segment in self.stretches().iter().flatten() {
            let mut header = segment.header().clone();
            for event in segment.events() {
                if matches!(event, Event::Vn { .. } | Event::Electors(_)) {
                    header.follow(&event);
                }
            }
            for elector in &header.electors {
                names.entry(elector.vn).or_insert_with(|| format!("vn{}", elector.vn));
            }
            names.extend(header.vns);
        }
        names
    }
}
