//! `braid lab up FILE`: a network on this machine.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use braid_lab::{Lab, Root, UpOptions, UpReport};

use crate::{
    client::Client,
    failure::Failure,
    output::Output,
    progress::StageLines,
    runtime::{self, Interrupt},
    source::Source,
    target,
    view::{Host, LabUp},
};

/// Build a network on this machine from a topology file, and wait until it has converged and voted
///
/// On a lab that is up already it makes what is missing and applies a changed file. Progress goes to stderr, the summary to
/// stdout.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid lab up topologies/ring.yaml
  braid lab up topologies/geant.yaml --timeout 2m
  braid lab up topologies/ring.yaml -o json | jq '.stages[] | {stage, took_ms}'")]
pub struct Args {
    /// The topology file; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How long the network may take to converge
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let root = Root::from_env();
        let source = Source::read(&self.file)?;
        let braid = env::current_exe()
            .map_err(|source| Failure::Setup { what: "find the braid binary that runs now", source })?;
        let options = UpOptions {
            topology_text: source.text,
            topology_path: absolute(&self.file, &source.name),
            braid,
            timeout: self.timeout,
        };
        let several = |report: &UpReport| {
            target::labs(&root).is_ok_and(|labs| labs.iter().any(|lab| lab.name != report.lab))
        };
        let up = runtime::block_on(async {
            let interrupt = Interrupt::catch()?;
            let mut lines = StageLines::new();
            let report = tokio::select! {
                report = braid_lab::up(&root, options, &mut lines) => report.map_err(Failure::lab)?,
                signal = interrupt.wait() => {
                    return Err(Failure::Part(format!(
                        "interrupted by {signal}: what is up so far stays up; `braid lab down` removes it"
                    )));
                }
            };
            drop(lines);
            let next = next(&root, &report, several(&report)).await;
            Ok(LabUp::new(report, next))
        })?;
        output.show(&up)
    }
}

/// The path as it reads from any directory.
fn absolute(path: &Path, name: &str) -> PathBuf {
    if path == Path::new("-") {
        return name.into();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Commands to try on the lab that is up, with names that it really has.
async fn next(root: &Root, report: &UpReport, several: bool) -> Vec<String> {
    let lab = if several { format!(" --lab {}", report.lab) } else { String::new() };
    let mut commands = vec![format!("braid status{lab}"), format!("braid get votes{lab}")];
    let address = Lab::new(root, report.lab.clone()).socket();
    let hosts = async { Client::connect(address, None).await?.hosts().await };
    // These are hints: a controller that has no hosts to name, or is gone by now, has its own commands to say so.
    let hosts: Vec<Host> = hosts.await.unwrap_or_default().into_iter().map(Host::from).collect();
    if let (Some(from), Some(to)) = (hosts.first(), hosts.get(1))
        && let Some(address) = to.addresses.first()
    {
        commands.push(format!("braid explain {address} --at {}{lab}", from.node));
        commands.push(format!("braid lab exec{lab} {} -- ping -c 3 {address}", from.name));
    }
    let name = if several { format!(" {}", report.lab) } else { String::new() };
    commands.push(format!("braid lab down{name}"));
    commands
}
