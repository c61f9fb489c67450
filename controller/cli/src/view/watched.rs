//! A change that `braid watch votes` tells.

use std::fmt;

use braid_proto::v1;
use jiff::Timestamp;
use serde::Serialize;

use super::Vote;
use crate::units;

/// What a line of a watch says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The vote as it was when the watch began.
    Snapshot,
    /// A vote has changed.
    Changed,
    /// The prefix is not voted on any more.
    Removed,
    /// Changes were lost; a snapshot follows.
    Lagged,
}

/// A vote and what has become of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watched {
    pub kind: Kind,
    pub time: Option<Timestamp>,
    /// Grows with every change; a later watch may begin after it.
    pub revision: u64,
    pub vote: Option<Vote>,
}

impl Watched {
    /// A message worth a line: heartbeats and marks are not.
    pub fn of(message: v1::WatchVotesResponse) -> Option<Self> {
        let kind = match message.kind() {
            v1::WatchKind::Snapshot => Kind::Snapshot,
            v1::WatchKind::Changed => Kind::Changed,
            v1::WatchKind::Removed => Kind::Removed,
            v1::WatchKind::Lagged => Kind::Lagged,
            v1::WatchKind::Unspecified
            | v1::WatchKind::Armed
            | v1::WatchKind::SnapshotEnd
            | v1::WatchKind::Heartbeat => return None,
        };
        let (time, vote) = (units::timestamp(message.time), message.vote.map(Vote::from));
        Some(Self { kind, time, revision: message.revision, vote })
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(time) = self.time {
            write!(f, "{time:.3}  ")?;
        }
        let Some(vote) = &self.vote else { return write!(f, "changes were lost: all votes follow") };
        write!(f, "{:<18} at {:<14} ", vote.prefix, vote.border)?;
        if self.kind == Kind::Removed {
            return write!(f, "is not voted on any more");
        }
        match (&vote.winner, &vote.decisive_step) {
            (Some(winner), Some(step)) => write!(f, "{winner}, by {step}")?,
            (Some(winner), None) => write!(f, "{winner}")?,
            (None, _) => write!(f, "nobody")?,
        }
        if !vote.dissenters.is_empty() {
            write!(f, "; against {}", vote.dissenters.join(", "))?;
        }
        if let Some(alarm) = &vote.alarm {
            write!(f, "; alarm: {alarm}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_line_and_a_heartbeat_is_none() {
        let vote = v1::Vote {
            border: "seattle".into(),
            prefix: "198.18.5.0/24".into(),
            winner: Some("green".into()),
            decisive_step: "majority".into(),
            dissenters: vec!["red".into()],
            ..Default::default()
        };
        let message = |kind: v1::WatchKind, vote| v1::WatchVotesResponse {
            kind: kind.into(),
            revision: 7,
            vote,
            ..Default::default()
        };
        let watched = Watched::of(message(v1::WatchKind::Changed, Some(vote))).unwrap();
        assert_eq!(
            watched.to_string(),
            "198.18.5.0/24      at seattle        green, by majority; against red"
        );
        assert_eq!(Watched::of(message(v1::WatchKind::Heartbeat, None)), None);
    }
}
