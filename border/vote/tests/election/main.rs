//! The voter from outside: scenarios by name, and properties over random histories of evidence.

mod clones;
mod evidence;
mod patience;
mod properties;
mod rules;
mod scenarios;
mod world;
