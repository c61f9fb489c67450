//! The record of evidence of a border, and its replay.
mod change;
mod event;
mod hindsight;
mod outcome;
mod reader;
mod recorder;
mod replay;
mod segment;
mod wire;
mod writer;

pub use change::{Change, RuleError, parse_rule};
pub use event::{Decided, Event, Header, Known, Standing};
pub use hindsight::Cause;
pub use outcome::{Fault, Figures, Outcome, Timeline, Turn};
pub use reader::{Record, RecordError};
pub use recorder::Recorder;
pub use replay::replay;
pub use segment::Segment;
pub use wire::Engine;
pub use writer::{Limits, Writer};
