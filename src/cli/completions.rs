use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::Cli;

/// Prints a script that a shell reads, as in `source <(palette-rbac completions bash)`.
#[derive(Debug, clap::Args)]
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
