//! The voter: a pure function from evidence to verdict.
