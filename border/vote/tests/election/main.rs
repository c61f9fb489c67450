//! The voter from outside: scenarios by name, and properties over random histories of evidence.

mod patience;
mod properties;
mod scenarios;
mod world;
