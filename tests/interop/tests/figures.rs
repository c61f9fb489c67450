//! The figures that the benchmark takes can be had of every implementation.
#![allow(clippy::unwrap_used)] // a failed step ends the test

use std::time::Duration;

use braid_interop::{Kind, measure};

#[test]
fn starts_outages_and_memory_are_measured() {
    for kind in [Kind::Native, Kind::Frr] {
        let start = measure::cold_start(kind, 9).unwrap();
        let outage = measure::outage(kind).unwrap();
        let pss = measure::pss(kind, 4).unwrap();
        eprintln!("{kind}: cold start {start:?}, outage {outage:?}, PSS {pss} bytes");
        assert!(start > outage && outage > Duration::ZERO && pss > 100_000);
    }
}
