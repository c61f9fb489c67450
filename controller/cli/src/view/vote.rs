//! A border's verdict on a prefix, as `braid get votes` shows it.

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::{Row, present};
use crate::{
    page::{Cell, Tone},
    units,
};

/// A border's verdict on a prefix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Vote {
    pub border: String,
    pub prefix: String,
    /// The virtual network that forwards; null while none has been elected.
    pub winner: Option<String>,
    /// The step that left a single candidate.
    pub decisive_step: Option<String>,
    /// Who would forward without the winner.
    pub runner_up: Option<String>,
    pub dissenters: Vec<String>,
    /// Since when this winner forwards.
    pub since: Option<Timestamp>,
    /// Set where an operator should look.
    pub alarm: Option<String>,
    /// Whether the kernel's route follows the verdict.
    pub steered: bool,
}

impl From<v1::Vote> for Vote {
    fn from(vote: v1::Vote) -> Self {
        Self {
            border: vote.border,
            prefix: vote.prefix,
            winner: vote.winner.and_then(present),
            decisive_step: present(vote.decisive_step),
            runner_up: vote.runner_up.and_then(present),
            dissenters: vote.dissenters,
            since: units::timestamp(vote.since),
            alarm: vote.alarm.and_then(present),
            steered: vote.steered,
        }
    }
}

impl Row for Vote {
    const NOUN: &'static str = "votes";
    const HEADER: &'static [&'static str] =
        &["BORDER", "PREFIX", "WINNER", "DECIDED BY", "RUNNER-UP", "DISSENTERS", "AGE", "STEERED", "ALARM"];

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        let winner = match &self.winner {
            Some(winner) => Cell::toned(winner, Tone::Strong),
            None => Cell::toned("none", Tone::Bad),
        };
        let steered =
            if self.steered { Cell::toned("yes", Tone::Good) } else { Cell::toned("no", Tone::Bad) };
        vec![
            (&self.border).into(),
            (&self.prefix).into(),
            winner,
            Cell::maybe(self.decisive_step.as_ref()),
            Cell::maybe(self.runner_up.as_ref()),
            Cell::list(&self.dissenters).tone(if self.dissenters.is_empty() {
                Tone::Faint
            } else {
                Tone::Doubtful
            }),
            Cell::maybe(self.since.map(|since| units::age(since, now))),
            steered,
            Cell::maybe(self.alarm.as_ref()).tone(if self.alarm.is_some() { Tone::Bad } else { Tone::Faint }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{at, drawn};

    #[test]
    fn a_vote_has_the_fields_that_scripts_rely_on_and_null_for_what_is_absent() {
        let decided = Vote::from(v1::Vote {
            border: "seattle".into(),
            prefix: "198.18.5.0/24".into(),
            winner: Some("red".into()),
            decisive_step: "master".into(),
            runner_up: Some("green".into()),
            dissenters: vec!["blue".into()],
            since: at(60),
            steered: true,
            ..Default::default()
        });
        let open = Vote::from(v1::Vote { border: "atlanta".into(), ..Default::default() });
        let votes = vec![decided, open];
        assert_eq!(
            serde_json::to_value(&votes).unwrap()[0],
            serde_json::json!({
                "border": "seattle", "prefix": "198.18.5.0/24", "winner": "red", "decisive_step": "master",
                "runner_up": "green", "dissenters": ["blue"], "since": "1970-01-01T00:01:00Z", "alarm": null,
                "steered": true
            })
        );
        let json = serde_json::to_value(&votes).unwrap();
        for field in ["winner", "decisive_step", "runner_up", "since"] {
            assert!(json[1][field].is_null(), "{field}");
        }
        let text = drawn(&votes);
        assert!(text.contains("red     master      green      blue        30s  yes"), "{text}");
        assert!(text.contains("none    -"), "{text}");
    }

    #[test]
    fn no_votes_are_an_empty_array() {
        assert_eq!(serde_json::to_string(&Vec::<Vote>::new()).unwrap(), "[]");
        assert_eq!(drawn(&Vec::<Vote>::new()), "no votes\n");
    }
}
