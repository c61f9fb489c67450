//! `braid doctor`: what this machine lacks.

use crate::{doctor, failure::Failure, output::Output, runtime, view::Doctor};

/// Check what this machine has and lacks: rights, kernel features, programs, limits
///
/// Features are tried in scratch namespaces, which go away again. Exits 1 if something needed is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo braid doctor
  sudo braid doctor -o json | jq -r .install")]
pub struct Args {}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let doctor = Doctor::new(runtime::block_on(async { Ok(doctor::checks().await) })?);
        output.show(&doctor)?;
        if doctor.ok { Ok(()) } else { Err(Failure::Told) }
    }
}
