//! `braid debug routes`: the routes that an engine computes from a database.

use std::{net::Ipv4Addr, path::PathBuf};

use braid_native::ospf;
use clap::ValueEnum;

use crate::{failure::Failure, output::Output, source::Source};

/// Compute the routes that a router would have, from a database in hexadecimal
///
/// Reads LSAs, one a line, as hexadecimal digits, each with `area A.B.C.D` before it where that is not 0.0.0.0. Empty lines and
/// what follows # do not count. No interfaces are needed: next hops are taken from the LSAs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid debug routes --protocol ospf --self 100.64.0.1 database.hex
  braid agent engine show database --hex --run-dir /run/braid/ring/seattle/vn1 \\
      | braid debug routes --protocol ospf --self 100.64.0.1 -o json")]
pub struct Args {
    /// The routing protocol
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// The router whose routes they are, by its id
    #[arg(long = "self", value_name = "ROUTER-ID")]
    root: Ipv4Addr,
    /// The LSAs; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// OSPFv2 (RFC 2328)
    Ospf,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let Protocol::Ospf = self.protocol;
        let source = Source::read(&self.file)?;
        let routes = ospf::routes_from_hex(&source.text, self.root).map_err(|error| {
            Failure::Diagnosed(format!("{}:{}: {}", source.name, error.line, error.reason))
        })?;
        output.show(&routes)
    }
}
