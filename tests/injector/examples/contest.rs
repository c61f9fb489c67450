//! Holds a trial for each implementation named, and prints what it has shown: for profiling by hand.
//!
//! `contest ospf|isis [frr] [bird] [PATH-OF-BRAID]`, with `SIDE` and `ROUNDS` from the environment.

use std::{env, path::PathBuf, process::ExitCode};

use braid_injector::{Implementation, Place, Protocol, Settings, hold};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u8>().ok());
    let mut arguments = env::args().skip(1);
    let protocol = match arguments.next().as_deref() {
        Some("ospf") => Protocol::Ospf,
        Some("isis") => Protocol::Isis,
        _ => {
            eprintln!("usage: contest ospf|isis [frr] [bird] [PATH-OF-BRAID]");
            return ExitCode::from(2);
        }
    };
    let mut settings = Settings::benchmark(protocol);
    if let Some(side) = number("SIDE").filter(|side| *side > 1) {
        settings.side = side;
        settings.places =
            vec![Place::new(0, 1), Place::new(side / 2, side / 2), Place::new(side - 1, side - 2)];
    }
    settings.rounds = number("ROUNDS").map_or(settings.rounds, u32::from);
    for name in arguments {
        let implementation = match name.as_str() {
            "frr" => Implementation::Frr,
            "bird" => Implementation::Bird,
            path => Implementation::Native(PathBuf::from(path)),
        };
        match hold(&implementation, &settings).await {
            Ok(figures) => eprintln!("{} {protocol}: {figures:#?}", implementation.name()),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
