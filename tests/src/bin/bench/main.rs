//! The benchmark table: what braid does, beside what a named peer does in the same run on the same machine.

mod contest;
mod faults;
mod flip;
mod footprint;
mod forwarding;
mod isis;
mod lab;
mod ospf;
mod outage;
mod row;
mod shell;
mod spf;
mod voter;

use std::{collections::BTreeSet, env, process::ExitCode};

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use row::Row;

/// A group of figures: its name on the command line, and how they are had.
type Group = (&'static str, fn() -> Vec<Row>);

const GROUPS: [Group; 10] = [
    ("lab", lab::measure),
    ("forwarding", forwarding::measure),
    ("outage", outage::measure),
    ("faults", faults::measure),
    ("soak", faults::soak),
    ("flip", flip::measure),
    ("voter", voter::measure),
    ("footprint", footprint::measure),
    ("ospf", ospf::measure),
    ("isis", isis::measure),
];

fn main() -> ExitCode {
    let wanted: BTreeSet<String> = env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !GROUPS.iter().any(|(known, _)| known == name)) {
        let names = GROUPS.map(|(name, _)| name).join(" ");
        eprintln!("bench: no group `{unknown}`; there are: {names}");
        return ExitCode::from(2);
    }
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["figure", "braid", "peer", "braid / peer", "aim"]);
    for (name, measure) in GROUPS {
        if wanted.is_empty() || wanted.contains(name) {
            eprintln!("== {name}");
            for row in measure() {
                table.add_row([row.figure, row.braid, row.peer, row.ratio, row.aim]);
            }
        }
    }
    #[allow(clippy::print_stdout)] // The table is what this program is for.
    {
        println!("{table}");
    }
    ExitCode::SUCCESS
}
