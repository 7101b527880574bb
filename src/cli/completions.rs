//! `completions`: the script that a shell completes by.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::Cli;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    /// Prints the script.
    pub fn run(&self) {
        let mut command = Cli::command();
        let mut script = Vec::new();
        generate(self.shell, &mut command, "palette-rbac", &mut script);
        // A pipe that was closed, as by `head`, is no fault.
        let _ = io::stdout().write_all(&script);
    }
}

const EXAMPLES: &str = "\
Examples:
  source <(palette-rbac completions bash)
  palette-rbac completions zsh > \"${fpath[1]}/_palette-rbac\"";
