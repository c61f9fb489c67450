//! Holds a trial for each implementation named, and prints what it has shown: for profiling by hand.
//!
//! `contest [frr] [bird] [PATH-OF-BRAID]`, with `SIDE` and `ROUNDS` from the environment.

use std::{env, path::PathBuf, process::ExitCode};

use braid_injector::{Implementation, Place, Settings, hold};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u8>().ok());
    let mut settings = Settings::benchmark();
    if let Some(side) = number("SIDE").filter(|side| *side > 1) {
        settings.side = side;
        settings.places =
            vec![Place::new(0, 1), Place::new(side / 2, side / 2), Place::new(side - 1, side - 2)];
    }
    settings.rounds = number("ROUNDS").map_or(settings.rounds, u32::from);
    for name in env::args().skip(1) {
        let implementation = match name.as_str() {
            "frr" => Implementation::Frr,
            "bird" => Implementation::Bird,
            path => Implementation::Native(PathBuf::from(path)),
        };
        match hold(&implementation, &settings).await {
            Ok(figures) => eprintln!("{}: {figures:#?}", implementation.name()),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
