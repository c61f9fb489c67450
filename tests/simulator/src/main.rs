//! `braid-simulator`: runs seeds, and says which fail and how to run them again.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use braid_simulator::{Kind, Protocols, Scenario, Summary, Trace, run};
use clap::Parser;

/// Simulates networks of OSPF and IS-IS routers with faults from seeds.
#[derive(Parser)]
struct Arguments {
    /// One seed.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Seeds from A to below B.
    #[arg(long, value_name = "A..B", value_parser = range)]
    seeds: Option<(u64, u64)>,
    /// What routers speak.
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocols,
    /// So many routers, instead of as many as the seed says.
    #[arg(long)]
    routers: Option<usize>,
    /// So many areas beside the backbone (IS-IS: the core of level 2), instead of as many as the seed says.
    #[arg(long)]
    areas: Option<usize>,
    /// Faults for so many virtual seconds, instead of as many as the seed says.
    #[arg(long)]
    faults_s: Option<u64>,
    /// Kinds of faults to leave out; `all` leaves out all.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    without: Vec<String>,
    /// The only kinds of faults.
    #[arg(long, value_delimiter = ',', value_name = "KIND", conflicts_with = "without")]
    only: Vec<Kind>,
    /// Write every input and output of every router to a file (one seed only).
    #[arg(long, value_name = "FILE", requires = "seed")]
    trace: Option<PathBuf>,
    /// Seeds at a time.
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// Replay the first router's recording at the end.
    #[arg(long)]
    record: bool,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (low, high) = text.split_once("..").ok_or("write it as A..B")?;
    let number = |text: &str| text.parse().map_err(|error| format!("`{text}`: {error}"));
    Ok((number(low)?, number(high)?))
}

impl Arguments {
    fn kinds(&self) -> Result<BTreeSet<Kind>, String> {
        if !self.only.is_empty() {
            return Ok(self.only.iter().copied().collect());
        }
        let mut kinds = BTreeSet::from(Kind::ALL);
        for text in &self.without {
            match text.as_str() {
                "all" => kinds.clear(),
                name => {
                    kinds.remove(&name.parse::<Kind>().map_err(|error| error.to_string())?);
                }
            }
        }
        Ok(kinds)
    }

    fn trace(&self) -> io::Result<Trace> {
        Ok(match &self.trace {
            Some(path) => Trace::to(Box::new(BufWriter::new(File::create(path)?))),
            None => Trace::default(),
        })
    }
}

/// What all seeds together were.
#[derive(Default)]
struct Total {
    runs: u64,
    failed: u64,
    events: u64,
    virtual_s: u64,
    slowest_s: u64,
}

impl Total {
    fn add(&mut self, summary: &Summary) {
        self.events += summary.events;
        self.virtual_s += summary.virtual_s;
        self.slowest_s = self.slowest_s.max(summary.converged_s);
    }

    fn join(&mut self, other: &Total) {
        self.runs += other.runs;
        self.failed += other.failed;
        self.events += other.events;
        self.virtual_s += other.virtual_s;
        self.slowest_s = self.slowest_s.max(other.slowest_s);
    }
}

fn simulate(arguments: &Arguments, kinds: &BTreeSet<Kind>) -> Result<Total, String> {
    let (low, high) = arguments.seed.map(|seed| (seed, seed + 1)).or(arguments.seeds).unwrap_or((0, 100));
    let next = AtomicU64::new(low);
    let work = || -> Result<Total, String> {
        let mut total = Total::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= high {
                return Ok(total);
            }
            let scenario = Scenario {
                protocols: arguments.protocol,
                routers: arguments.routers,
                areas: arguments.areas,
                faults_s: arguments.faults_s,
                kinds: kinds.clone(),
                record: arguments.record,
                ..Scenario::new(seed)
            };
            let trace = arguments.trace().map_err(|error| format!("trace file: {error}"))?;
            total.runs += 1;
            match run(&scenario, trace) {
                Ok(summary) => {
                    if arguments.seed.is_some() {
                        say(&format!("seed {seed}: {summary}"));
                    }
                    total.add(&summary);
                }
                Err(failure) => {
                    total.failed += 1;
                    say(&failure.to_string());
                }
            }
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut total = Total::default();
        for thread in threads {
            total.join(&thread.join().map_err(|_| "a thread of the simulator itself panicked")??);
        }
        Ok(total)
    })
}

fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let start = Instant::now();
    match arguments.kinds().and_then(|kinds| simulate(&arguments, &kinds)) {
        Ok(total) => {
            let real_s = start.elapsed().as_secs_f64();
            say(&format!(
                "{} runs, {} failed: {} events, {} virtual s in {real_s:.1} s ({:.0} times real time, {:.0} events/s), slowest convergence {} s",
                total.runs,
                total.failed,
                total.events,
                total.virtual_s,
                total.virtual_s as f64 / real_s,
                total.events as f64 / real_s,
                total.slowest_s,
            ));
            if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "braid-simulator: {error}");
            ExitCode::from(2)
        }
    }
}
