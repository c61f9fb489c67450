//! `braid agent engine`: braid's own routing engines, each a process of its own, and looks into them.

use std::{fs, path::PathBuf, time::Duration};

use braid_kernel::{Netns, Process};
use braid_native::{Client, Options, StartError, isis, ospf};
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
    Isis(IsisArgs),
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
    #[command(flatten)]
    run: RunArgs,
}

/// Run an IS-IS router in this network namespace, in the background
///
/// Goes into the background once its configuration and its sockets are fine. Ends on SIGTERM, and takes its routes along;
/// killed, it leaves them to its next life. SIGHUP makes it read its configuration anew. Agents start it for engine native-isis.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ip netns exec r1 braid agent engine isis --config r1.json --run-dir /run/r1

  r1.json: { \"nets\": [\"49.0001.0000.0000.0001.00\"], \"level\": \"level-2\",
             \"circuits\": { \"eth1\": { \"addresses\": [\"10.1.0.0/31\"], \"metric\": 20 } } }")]
struct IsisArgs {
    #[command(flatten)]
    run: RunArgs,
}

/// How an engine is run.
#[derive(Debug, clap::Args)]
struct RunArgs {
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
  braid agent engine show database --hex --run-dir /run/braid/abilene/seattle/vn1 \\
      | braid debug routes --protocol ospf --self 100.64.0.1
  braid agent engine show database --hex --run-dir /run/braid/abilene/seattle/vn2 \\
      | braid debug routes --protocol isis --self 1000.6400.0001")]
struct ShowArgs {
    /// What to show
    #[arg(value_enum, value_name = "WHAT")]
    what: Noun,
    /// The engine's run directory
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// With `database`: LSAs or LSPs in hexadecimal, one a line, as `braid debug routes` reads them
    #[arg(long)]
    hex: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Noun {
    /// The routers heard, and how far the exchange with each has come
    Neighbours,
    /// Interfaces that the protocol runs on
    #[value(alias = "circuits")]
    Interfaces,
    /// The link-state database
    Database,
    /// The routes that the engine has computed
    Routes,
    /// What was counted: packets, what they told, computations, limits that were hit
    Counters,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        match self.what {
            What::Ospf(args) => args.run.run(ospf::start),
            What::Isis(args) => args.run.run(isis::start),
            What::Show(args) => args.run(output),
        }
    }
}

impl RunArgs {
    fn run(self, start: impl FnOnce(&Options) -> Result<(), StartError>) -> Result<(), Failure> {
        let options = Options { config: self.config, run_dir: self.run_dir, foreground: self.foreground };
        start(&options).map_err(|error| match error {
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
        let isis = isis::socket_of(&dir);
        // Of one whose process is gone, the other's error is as good.
        if isis.exists() {
            return self.what.show_isis(&Client::new(isis, PATIENCE), self.hex, output);
        }
        self.what.show_ospf(&Client::new(ospf::socket_of(&dir), PATIENCE), self.hex, output)
    }
}

impl Noun {
    fn show_ospf(self, client: &Client, hex: bool, output: Output) -> Result<(), Failure> {
        use ospf::Question;
        match self {
            Noun::Neighbours => show::<Vec<ospf::Neighbour>>(client, Question::Neighbours, output),
            Noun::Interfaces => show::<Vec<ospf::InterfaceStatus>>(client, Question::Interfaces, output),
            Noun::Routes => show::<Vec<ospf::Route>>(client, Question::Routes, output),
            Noun::Database if hex => {
                let entries: Vec<ospf::DatabaseEntry> = ask(client, Question::Database)?;
                write_lines(entries.iter().map(ospf::DatabaseEntry::line))
            }
            Noun::Database => show::<Vec<ospf::DatabaseEntry>>(client, Question::Database, output),
            Noun::Counters => show_counters(ask(client, Question::Counters)?, output),
        }
    }

    fn show_isis(self, client: &Client, hex: bool, output: Output) -> Result<(), Failure> {
        use isis::Question;
        match self {
            Noun::Neighbours => show::<Vec<isis::Neighbour>>(client, Question::Neighbours, output),
            Noun::Interfaces => show::<Vec<isis::CircuitStatus>>(client, Question::Circuits, output),
            Noun::Routes => show::<Vec<isis::Route>>(client, Question::Routes, output),
            Noun::Database if hex => {
                let entries: Vec<isis::DatabaseEntry> = ask(client, Question::Database)?;
                write_lines(entries.into_iter().map(|entry| entry.hex))
            }
            Noun::Database => show::<Vec<isis::DatabaseEntry>>(client, Question::Database, output),
            Noun::Counters => show_counters(ask(client, Question::Counters)?, output),
        }
    }
}

fn show<T: View + Serialize + DeserializeOwned>(
    client: &Client,
    question: impl Serialize,
    output: Output,
) -> Result<(), Failure> {
    output.show(&ask::<T>(client, question)?)
}

fn show_counters(counters: Vec<(String, u64)>, output: Output) -> Result<(), Failure> {
    let figures = counters.into_iter().map(|(name, value)| Figure { name, value });
    output.show(&figures.collect::<Vec<_>>())
}

fn write_lines(lines: impl Iterator<Item = String>) -> Result<(), Failure> {
    let text: String = lines.map(|line| line + "\n").collect();
    output::write_out(text.as_bytes())
}

fn ask<T: DeserializeOwned>(client: &Client, question: impl Serialize) -> Result<T, Failure> {
    runtime::block_on(async { client.ask(&question).await.map_err(|error| Failure::part(&error)) })
}

/// The run directory of the only engine in this namespace.
fn here() -> Result<PathBuf, Failure> {
    let pids = Netns::current().and_then(|netns| netns.pids()).map_err(|error| Failure::part(&error))?;
    let is_engine = |pid: &i32| {
        let name = Process::open(*pid).and_then(|process| process.name());
        name.is_ok_and(|name| name == ospf::NAME || name == isis::NAME)
    };
    let dirs: Vec<PathBuf> = pids.into_iter().filter(is_engine).filter_map(run_dir_of).collect();
    match &dirs[..] {
        [dir] => Ok(dir.clone()),
        [] => Err(Failure::Part(format!(
            "no {} or {} runs in this network namespace: name its --run-dir, or enter its namespace: \
             braid lab exec NODE/VN -- braid agent engine show …",
            ospf::NAME,
            isis::NAME,
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
