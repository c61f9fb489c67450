//! The lab: hosts and cables on one machine, and the braid processes on them.
