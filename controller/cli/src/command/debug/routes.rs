//! `braid debug routes`: the routes that an engine computes from a database.

use std::{fmt::Display, path::PathBuf, str::FromStr};

use braid_native::{isis, ospf};
use clap::ValueEnum;

use crate::{failure::Failure, output::Output, source::Source};

/// Compute the routes that a router would have, from a database in hexadecimal
///
/// Reads LSAs or LSPs, one a line, as hexadecimal digits; an LSA with `area A.B.C.D` before it where that is not 0.0.0.0. Empty
/// lines and what follows # do not count. No interfaces are needed: next hops are taken from what neighbours tell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid debug routes --protocol ospf --self 100.64.0.1 database.hex
  braid debug routes --protocol isis --self 1000.6400.0001 --level 1 database.hex
  braid agent engine show database --hex --run-dir /run/braid/ring/seattle/vn1 \\
      | braid debug routes --protocol ospf --self 100.64.0.1 -o json")]
pub struct Args {
    /// The routing protocol
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// The router whose routes they are, by its router id or system id
    #[arg(long = "self", value_name = "ID")]
    root: String,
    /// With IS-IS: the level; LSPs of the other do not count [default: 2]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
    level: Option<u8>,
    /// The LSAs or LSPs; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// OSPFv2 (RFC 2328)
    Ospf,
    /// IS-IS (ISO 10589, RFC 1195)
    Isis,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        match self.protocol {
            Protocol::Ospf if self.level.is_some() => {
                Err(Failure::Usage("--level goes with --protocol isis".to_owned()))
            }
            Protocol::Ospf => {
                let root = self.id("a router id such as 100.64.0.1")?;
                let source = Source::read(&self.file)?;
                let routes = ospf::routes_from_hex(&source.text, root);
                output.show(&routes.map_err(|error| at_line(&source, error.line, &error.reason))?)
            }
            Protocol::Isis => {
                let root = self.id("a system id such as 1000.6400.0001")?;
                let level = if self.level == Some(1) { isis::OneLevel::One } else { isis::OneLevel::Two };
                let source = Source::read(&self.file)?;
                let routes = isis::routes_from_hex(&source.text, root, level).map_err(|error| match error {
                    isis::DatabaseError::Hex(error) => at_line(&source, error.line, &error.reason),
                    isis::DatabaseError::Router(error) => {
                        Failure::Diagnosed(format!("{}: {error}", source.name))
                    }
                });
                output.show(&routes?)
            }
        }
    }

    fn id<T: FromStr<Err: Display>>(&self, wanted: &str) -> Result<T, Failure> {
        let root = &self.root;
        root.parse().map_err(|error| Failure::Usage(format!("--self {root}: {error}; give {wanted}")))
    }
}

fn at_line(source: &Source, line: usize, reason: &str) -> Failure {
    Failure::Diagnosed(format!("{}:{line}: {reason}", source.name))
}
