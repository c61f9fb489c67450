//! What the commands answer: one module per noun, each with the one struct that JSON, YAML and the table come from.

mod doctor;
mod engine;
mod explanation;
mod host;
mod isis;
mod lab;
mod link;
mod node;
mod plan;
mod prefix;
mod probe;
mod replay;
mod router;
mod status;
mod vn;
mod vote;
mod watched;

#[cfg(test)]
pub use doctor::CheckState;
pub use doctor::{Area, Check, Doctor};
pub use engine::Figure;
pub use explanation::Explanation;
pub use host::Host;
pub use lab::{Lab, LabDown, LabUp, Restarted};
pub use link::Link;
pub use node::Node;
pub use plan::Layout;
pub use prefix::Prefix;
pub use probe::ProbePath;
pub use replay::{Comparison, Replayed, Timeline};
pub use router::Router;
pub use status::Status;
pub use vn::Vn;
pub use vote::Vote;
pub use watched::Watched;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    output::View,
    page::{Cell, Page},
};

/// An item of a list.
pub trait Row: Serialize {
    /// What the list holds, such as "votes".
    const NOUN: &'static str;
    /// The table's column titles.
    const HEADER: &'static [&'static str];
    /// One cell per column.
    fn cells(&self, now: Timestamp) -> Vec<Cell>;
}

impl<T: Row> View for Vec<T> {
    fn draw(&self, page: &mut Page) {
        let now = page.now();
        page.table(T::HEADER, self.iter().map(|row| row.cells(now)), &format!("no {}", T::NOUN));
    }
}

/// The text, unless it is empty: so proto3 spells absence.
fn present(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod testing {
    use super::*;

    /// The page as a pipe would get it, drawn 90 s after the epoch.
    pub fn drawn(view: &impl View) -> String {
        let now = Timestamp::from_second(90).unwrap();
        let mut page = Page::new(now, false, false);
        view.draw(&mut page);
        page.text().to_owned()
    }

    /// A wire timestamp, in seconds after the epoch.
    pub fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }
}
