//! Probes: their format and schedule, and what their answers prove
