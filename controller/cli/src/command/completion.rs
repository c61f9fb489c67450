//! `braid completion SHELL`: tab completion.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{failure::Failure, output};

/// Print a shell's completion script
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  braid completion bash > /etc/bash_completion.d/braid
  braid completion zsh  > \"${fpath[1]}/_braid\"
  braid completion fish > ~/.config/fish/completions/braid.fish")]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Args {
    pub fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::Cli::command(), "braid", &mut script);
        output::write_out(&script)
    }
}
