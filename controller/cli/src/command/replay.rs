//! `braid replay RECORD`: what other policies had decided on the same evidence.

use std::{path::PathBuf, time::Duration};

use braid_record::{Change, Record, parse_rule, replay};
use ipnet::Ipv4Net;

use super::explain::parse_prefix;
use crate::{
    failure::Failure,
    output::{self, Output},
    view::{Comparison, Replayed, Timeline},
};

/// Vote again on what a border has recorded, under other policies
///
/// A border records all evidence that it votes on, in `record/` below its directory. This runs the same votes again, off
/// line, and judges them by what is known afterwards: for how long the virtual network that drove did not deliver, how often
/// traffic was moved, and how long that took after a fault. Without a policy it is the one that was in force.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid replay /run/braid/ring/north/record
  braid replay record/ --policy master:red --policy majority --policy first-k:3 --policy consensus
  braid replay record/ --policy majority --verified --settle 50ms
  braid replay record/ --prefix 198.18.5.0/24
  braid replay record/ --policy majority -o json | jq '.policies[] | {policy, wrong_ms}'

Columns:
  WRONG        the driving virtual network did not deliver, by the evidence in the record
  UNAVOIDABLE  of that, nobody else did either
  UNDECIDED    nobody drove, though somebody would have delivered
  FALSE        switches away from a virtual network that delivered, other than back to the master (RETURNS)
  FAULTS       faults of the virtual network that drove; SAT OUT are those that ended before a switch
  DELAY        from the first evidence of a fault to the switch")]
pub struct Args {
    /// A border's record: its directory, or one file of it
    #[arg(value_name = "RECORD")]
    record: PathBuf,
    /// The policy for all prefixes: master:VN, majority, first-k:NUMBER or consensus; more than one are compared
    #[arg(long = "policy", value_name = "POLICY")]
    policies: Vec<String>,
    /// A virtual network with a verified fault has no vote
    #[arg(long)]
    verified: bool,
    /// How long a disagreement must last before it decides
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    settle: Option<Duration>,
    /// Show the course of one prefix
    #[arg(long, value_name = "PREFIX", value_parser = parse_prefix)]
    prefix: Option<Ipv4Net>,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let record = Record::open(&self.record).map_err(|error| Failure::part(&error))?;
        record.warnings().iter().for_each(output::warn);
        let changes = self.changes(&record)?;
        let names = record.vn_names();
        if let Some(prefix) = self.prefix {
            let [(policy, change)] = changes.as_slice() else {
                return Err(Failure::Usage(
                    "the course of a prefix is shown for one --policy at a time".into(),
                ));
            };
            let outcome = replay(&record, change);
            let Some(timeline) = outcome.prefixes.get(&prefix) else {
                let known = outcome.prefixes.keys().take(8).map(ToString::to_string);
                let known = known.collect::<Vec<_>>().join(", ");
                return Err(Failure::Part(format!("the record has no votes on {prefix}; it has {known}")));
            };
            return output.show(&Timeline::new(prefix, policy, timeline, &names));
        }
        let replayed = changes.iter().map(|(policy, change)| Replayed::new(policy, &replay(&record, change)));
        output.show(&Comparison::new(&record, replayed.collect()))
    }

    /// What to replay, each with its name.
    fn changes(&self, record: &Record) -> Result<Vec<(String, Change)>, Failure> {
        let base = Change { rule: None, verified: self.verified.then_some(true), settle: self.settle };
        if self.policies.is_empty() {
            return Ok(vec![("as recorded".to_owned(), base)]);
        }
        let change = |text: &String| {
            let rule = parse_rule(text, record).map_err(|error| Failure::Usage(error.to_string()))?;
            Ok((text.clone(), Change { rule: Some(rule), ..base }))
        };
        self.policies.iter().map(change).collect()
    }
}
