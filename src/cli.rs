//! The command line: what was typed, and one file a subcommand. Nothing here listens or judges.

mod certs;
mod cluster;
mod completions;
mod serve;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::metrics::{REVISION, VERSION};

pub use certs::CertsArgs;
pub use cluster::ClusterArgs;
pub use completions::CompletionsArgs;
pub use serve::{CertificateFrom, DirectoryFrom, LogArgs, LogFormat, ServeArgs, Settings};

/// Judges whether the subjects of a role binding may hold its role, by what they hold in Palette
#[derive(Debug, Parser)]
#[command(name = "palette-rbac", version = VERSION, long_version = &**LONG_VERSION, args_override_self = true, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One a file.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer the API server's questions about role bindings
    Serve(Box<ServeArgs>),
    /// Make a CA and a serving certificate for development
    Certs(CertsArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
}

/// Why a command could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// What was given has mistakes, each a line.
    #[error("{}", .0.join("\n"))]
    BadInput(Vec<String>),
    /// What was given may be right, but the system does not let us.
    #[error("{0}")]
    CouldNotRun(String),
}

impl Failure {
    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::BadInput(_) => ExitCode::from(2),
            Self::CouldNotRun(_) => ExitCode::from(3),
        }
    }
}

impl Cli {
    /// Reads the arguments; clap's own error prints itself and knows its exit code.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let mut command = command_named_as_called(arguments.first());
        let matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// kubectl finds a plugin as `kubectl-palette_rbac` and people then type `kubectl palette-rbac`.
fn command_named_as_called(program: Option<&OsString>) -> clap::Command {
    let name = program.and_then(|program| Path::new(program).file_name());
    let is_plugin = name.is_some_and(|name| name == PLUGIN);
    let command = Cli::command();
    if is_plugin {
        command.bin_name("kubectl palette-rbac")
    } else {
        command
    }
}

static LONG_VERSION: LazyLock<String> = LazyLock::new(|| format!("{VERSION} ({REVISION})"));
const PLUGIN: &str = "kubectl-palette_rbac";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_of_the_plugin_says_what_people_type() {
        let help = |program: &str| {
            let arguments = [program, "certs", "--help"].map(OsString::from);
            Cli::read(arguments).unwrap_err().to_string()
        };
        assert!(help("/opt/kubectl-palette_rbac").contains("Usage: kubectl palette-rbac certs"));
        assert!(help("palette-rbac").contains("Usage: palette-rbac certs"));
    }
}
