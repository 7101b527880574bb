use std::io;

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
        generate(self.shell, &mut command, "palette-rbac", &mut io::stdout());
    }
}
