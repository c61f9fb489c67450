//! `braid lab down`: removes a lab, and only what is the lab's.

use braid_lab::Root;
use braid_proto::NetworkName;

use crate::{
    failure::Failure,
    output::{self, Output},
    runtime,
    target::{self, LabTarget},
    view::LabDown,
};

/// Remove a lab: its processes, namespaces, cgroups and files, and nothing else
///
/// Works from what the kernel holds: also after a crash, and on a lab that is half made.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid lab down
  braid lab down abilene
  braid lab down --all")]
pub struct Args {
    /// The lab; if none is given, --lab, $BRAID_LAB, or else the only one
    #[arg(value_name = "NAME", conflicts_with_all = ["lab", "all"])]
    name: Option<NetworkName>,
    /// Remove every lab of this machine
    #[arg(long, conflicts_with = "lab")]
    all: bool,
    #[command(flatten)]
    lab: LabTarget,
}

impl Args {
    pub fn run(self, output: Output) -> Result<(), Failure> {
        let root = Root::from_env();
        let names = match self.name {
            _ if self.all => target::labs(&root)?.into_iter().map(|lab| lab.name).collect(),
            Some(name) => vec![name],
            None => vec![self.lab.resolve(&root)?],
        };
        let mut removed = Vec::new();
        let mut failures = Vec::new();
        runtime::block_on(async {
            for name in names {
                match braid_lab::down(&root, &name).await {
                    Ok(report) => removed.push(LabDown::new(&name, report)),
                    Err(error) => failures.push(Failure::lab(error)),
                }
            }
            Ok(())
        })?;
        // One lab that resists does not keep the others up, nor hide that they are gone.
        if !removed.is_empty() || failures.is_empty() {
            output.show(&removed)?;
        }
        let last = failures.pop();
        failures.iter().for_each(output::error);
        last.map_or(Ok(()), Err)
    }
}
