//! How long a lab takes to come and to go.

use std::{fs, time::Instant};

use braid_tests::{Lab, repository};

use crate::row::Row;

/// From nothing to a voted network, and back to nothing.
pub fn measure() -> Vec<Row> {
    let text = fs::read_to_string(repository().join("topologies/abilene-diverse.yaml")).expect("it ships");
    let lab = Lab::new(&text);
    let begin = Instant::now();
    lab.start();
    let up = begin.elapsed();
    let begin = Instant::now();
    assert!(lab.down().status.success(), "lab down");
    vec![
        Row::alone("lab up, Abilene, 3 VNs, to all verdicts", format!("{:.1} s", up.as_secs_f64()))
            .aim("20 s"),
        Row::alone("lab down", format!("{:.1} s", begin.elapsed().as_secs_f64())).aim("5 s"),
    ]
}
