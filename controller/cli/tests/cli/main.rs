//! The built `braid`, as a script sees it: stdout, stderr, exit status.

mod files;
mod queries;
mod support;
