//! The command line: what was typed, and one file a subcommand. Nothing here listens or judges.

mod audit;
mod certs;
mod check;
mod cluster;
mod completions;
mod directory;
mod explain;
mod facts;
mod inputs;
mod lint;
mod output;
mod policy;
mod registration;
mod report;
mod results;
mod review;
mod serve;
mod sync;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::metrics::{REVISION, VERSION};
use crate::sources::SourceError;
use crate::sources::manifests::Problem;

pub use audit::AuditArgs;
pub use certs::CertsArgs;
pub use check::CheckArgs;
pub use cluster::ClusterArgs;
pub use completions::CompletionsArgs;
pub use directory::DirectoryCommand;
pub use explain::ExplainArgs;
pub use output::Output;
pub(crate) use output::printable;
pub use policy::PolicyCommand;
pub use registration::RegistrationCommand;
pub use review::ReviewArgs;
pub use serve::{CertificateFrom, DirectoryFrom, LogArgs, LogFormat, ServeArgs, Settings};
pub use sync::{HubSettings, SyncArgs, SyncSettings};
pub(crate) use sync::{broken_bindings, print_preview};

/// Judges whether the subjects of a role binding may hold its role, by what they hold in Palette
#[derive(Debug, Parser)]
#[command(name = "palette-rbac", version = VERSION, long_version = &**LONG_VERSION, args_override_self = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One a file. What each says of itself is its help, so its variant has no words of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Box<ServeArgs>),
    Sync(Box<SyncArgs>),
    Check(CheckArgs),
    Audit(AuditArgs),
    Review(ReviewArgs),
    Explain(ExplainArgs),
    Policy(PolicyCommand),
    Directory(DirectoryCommand),
    Certs(CertsArgs),
    Registration(RegistrationCommand),
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
        self.exit().into()
    }

    const fn exit(&self) -> Exit {
        match self {
            Self::BadInput(_) => Exit::BadInput,
            Self::CouldNotRun(_) => Exit::CouldNotRun,
        }
    }

    fn usage(problem: &str) -> Self {
        Self::BadInput(vec![problem.to_owned()])
    }
}

impl From<&Problem> for Exit {
    /// What a part of the input that is not judged makes of the run.
    fn from(problem: &Problem) -> Self {
        match problem {
            Problem::Unreadable { .. } => Self::CouldNotRun,
            Problem::EmptyFolder(_)
            | Problem::NoObjects
            | Problem::NothingJudged(_)
            | Problem::Page { .. }
            | Problem::Broken { .. } => Self::BadInput,
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Unreadable { .. } => Self::CouldNotRun(error.to_string()),
            SourceError::Rejected(problems) => Self::BadInput(problems),
        }
    }
}

/// Results that cannot be printed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::CouldNotRun(format!("cannot write: {error}"))
    }
}

/// What a command ends with; the worse, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Nothing is wrong.
    Success = 0,
    /// A finding denies, or does what `--fail-on` names.
    Denied = 1,
    /// Bad input or usage.
    BadInput = 2,
    /// A port in use, an unreadable file.
    CouldNotRun = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// For machines
    Json,
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
        with_examples_of_plugin(command.bin_name("kubectl palette-rbac"))
    } else {
        command
    }
}

fn with_examples_of_plugin(mut command: clap::Command) -> clap::Command {
    if let Some(examples) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(examples.replace("palette-rbac ", "kubectl palette-rbac "));
    }
    command.mut_subcommands(with_examples_of_plugin)
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
    fn every_flag_can_be_set_by_the_environment() {
        fn check(command: &clap::Command) {
            let is_flag = |argument: &&clap::Arg| argument.get_long().is_some();
            for flag in command.get_arguments().filter(is_flag) {
                let variable = flag
                    .get_env()
                    .unwrap_or_else(|| panic!("{command}: {flag}"));
                let variable = variable.to_str().unwrap();
                assert!(variable.starts_with("PALETTE_RBAC_"), "{command}: {flag}");
            }
            command.get_subcommands().for_each(check);
        }
        // `--help` and `--version` come only when the command is built, and have no variable.
        check(&Cli::command());
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
