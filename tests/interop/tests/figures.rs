//! The figures that the benchmark takes can be had of every implementation.
#![allow(clippy::unwrap_used)] // a failed step ends the test

use std::time::Duration;

use braid_interop::{
    Kind, Protocol,
    measure::{self, Subject},
};

#[test]
fn starts_outages_and_memory_are_measured() {
    for protocol in [Protocol::Ospf, Protocol::Isis] {
        for kind in [Kind::Native, Kind::Frr] {
            let subject = Subject { kind, protocol };
            let start = measure::cold_start(subject, 9).unwrap();
            let outage = measure::outage(subject).unwrap();
            let pss = measure::pss(subject, 4).unwrap();
            eprintln!("{kind} {protocol}: cold start {start:?}, outage {outage:?}, PSS {pss} bytes");
            assert!(start > outage && outage > Duration::ZERO && pss > 100_000);
        }
    }
}
