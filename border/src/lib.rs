//! border
pub mod ballots;
pub mod booth;
pub mod filter;
pub mod spec;
pub mod steering;
