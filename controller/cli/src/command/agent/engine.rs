//! `braid agent engine`: braid's own routing engines, each a process of its own, and looks into them.

use std::{fs, path::PathBuf, time::Duration};

use braid_kernel::{Netns, Process};
use braid_native::{
    Client, Options, StartError,
    ospf::{self, Question},
};
use clap::{Subcommand, ValueEnum};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    failure::Failure,
    output::{self, Output, View},
    runtime,
    view::Figure,
};

/// How long a running engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Run one of braid's own routing engines, or look into one that runs
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Ospf(OspfArgs),
    Show(ShowArgs),
}

/// Run an OSPF router in this network namespace, in the background
///
/// Goes into the background once its configuration and its sockets are fine. Ends on SIGTERM, and takes its routes along;
/// killed, it leaves them to its next life. SIGHUP makes it read its configuration anew. Agents start it for engine native-ospf.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ip netns exec r1 braid agent engine ospf --config r1.json --run-dir /run/r1

  r1.json: { \"router_id\": \"10.0.0.1\", \"interfaces\": { \"eth1\": { \"address\": \"10.1.0.0/31\", \"cost\": 20 } } }")]
struct OspfArgs {
    /// The configuration, in JSON
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where pid file, control socket and log go
    #[arg(long, value_name = "DIR")]
    run_dir: PathBuf,
    /// Stay in the foreground, and log to stderr
    #[arg(long)]
    foreground: bool,
}

/// Look into a running engine
///
/// Without --run-dir it is the one in this network namespace.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid lab exec seattle/red -- braid agent engine show neighbours
  braid lab exec seattle/red -- braid agent engine show routes -o json
  braid agent engine show database --hex --run-dir /run/braid/ring/seattle/vn1 \\
      | braid debug routes --protocol ospf --self 100.64.0.1")]
struct ShowArgs {
    /// What to show
    #[arg(value_enum, value_name = "WHAT")]
    what: Noun,
    /// The engine's run directory
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// With `database`: LSAs in hexadecimal, one a line, as `braid debug routes` reads them
    #[arg(long)]
    hex: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Noun {
    /// The routers heard, and how far the exchange with each has come
    Neighbours,
    /// Interfaces with OSPF
    Interfaces,
    /// The link-state database
    Database,
    /// The routes that OSPF has computed
    Routes,
    /// What was counted: packets, LSAs, computations, limits that were hit
    Counters,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        match self.what {
            What::Ospf(args) => args.run(),
            What::Show(args) => args.run(output),
        }
    }
}

impl OspfArgs {
    fn run(self) -> Result<(), Failure> {
        let options = Options { config: self.config, run_dir: self.run_dir, foreground: self.foreground };
        ospf::start(&options).map_err(|error| match error {
            StartError::Config(error) => Failure::Diagnosed(error.to_string()),
            other => Failure::part(&other),
        })
    }
}

impl ShowArgs {
    fn run(self, output: Output) -> Result<(), Failure> {
        if self.hex && self.what != Noun::Database {
            return Err(Failure::Usage("--hex goes with `database`".to_owned()));
        }
        let dir = match self.run_dir {
            Some(dir) => dir,
            None => here()?,
        };
        let client = Client::new(ospf::socket_of(&dir), PATIENCE);
        match self.what {
            Noun::Neighbours => show::<Vec<ospf::Neighbour>>(&client, Question::Neighbours, output),
            Noun::Interfaces => show::<Vec<ospf::InterfaceStatus>>(&client, Question::Interfaces, output),
            Noun::Routes => show::<Vec<ospf::Route>>(&client, Question::Routes, output),
            Noun::Database if self.hex => {
                let entries: Vec<ospf::DatabaseEntry> = ask(&client, Question::Database)?;
                let lines: String = entries.iter().map(|entry| format!("{}\n", entry.line())).collect();
                output::write_out(lines.as_bytes())
            }
            Noun::Database => show::<Vec<ospf::DatabaseEntry>>(&client, Question::Database, output),
            Noun::Counters => {
                let counters: Vec<(String, u64)> = ask(&client, Question::Counters)?;
                let figures = counters.into_iter().map(|(name, value)| Figure { name, value });
                output.show(&figures.collect::<Vec<_>>())
            }
        }
    }
}

fn show<T: View + Serialize + DeserializeOwned>(
    client: &Client,
    question: Question,
    output: Output,
) -> Result<(), Failure> {
    output.show(&ask::<T>(client, question)?)
}

fn ask<T: DeserializeOwned>(client: &Client, question: Question) -> Result<T, Failure> {
    runtime::block_on(async { client.ask(&question).await.map_err(|error| Failure::part(&error)) })
}

/// The run directory of the only engine in this namespace.
fn here() -> Result<PathBuf, Failure> {
    let pids = Netns::current().and_then(|netns| netns.pids()).map_err(|error| Failure::part(&error))?;
    let is_engine = |pid: &i32| {
        Process::open(*pid).and_then(|process| process.name()).is_ok_and(|name| name == ospf::NAME)
    };
    let dirs: Vec<PathBuf> = pids.into_iter().filter(is_engine).filter_map(run_dir_of).collect();
    match &dirs[..] {
        [dir] => Ok(dir.clone()),
        [] => Err(Failure::Part(format!(
            "no {} runs in this network namespace: name its --run-dir, or enter its namespace: \
             braid lab exec NODE/VN -- braid agent engine show …",
            ospf::NAME,
        ))),
        _ => Err(Failure::Part("more than one engine runs here: name its --run-dir".to_owned())),
    }
}

/// What a process was told with `--run-dir`.
fn run_dir_of(pid: i32) -> Option<PathBuf> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<String> =
        bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let place = words.iter().position(|word| word == "--run-dir")?;
    // A relative one was so to where the process began.
    words.get(place + 1).map(PathBuf::from).filter(|dir| dir.is_absolute())
}
