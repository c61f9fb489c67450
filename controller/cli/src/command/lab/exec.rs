//! `braid lab exec TARGET -- CMD…`: a command inside the lab.

use std::os::unix::process::CommandExt;

use braid_lab::Root;

use crate::{failure::Failure, target::LabTarget};

/// Run a command on a customer host, a node or a virtual router
///
/// The command takes this process's place: terminal, signals and exit status are its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid lab exec seattle-host -- ping -c 3 198.18.5.10
  braid lab exec seattle -- tcpdump -ni eth1 udp port 4789
  braid lab exec seattle/red -- ip route")]
pub struct Args {
    /// A customer host such as seattle-host, a node such as seattle, or a virtual router such as seattle/red
    #[arg(value_name = "TARGET")]
    target: String,
    /// The command and its arguments
    #[arg(value_name = "CMD", last = true, required = true)]
    command: Vec<String>,
    #[command(flatten)]
    lab: LabTarget,
}

impl Args {
    pub fn run(self) -> Result<(), Failure> {
        let root = Root::from_env();
        let lab = self.lab.resolve(&root)?;
        let mut command =
            braid_lab::exec_command(&root, &lab, &self.target, &self.command).map_err(Failure::lab)?;
        let error = command.exec();
        let program = self.command.first().map(String::as_str).unwrap_or_default();
        Err(Failure::Part(format!("cannot run `{program}` on {}: {error}", self.target)))
    }
}
