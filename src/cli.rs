//! The command line: one file a subcommand.

mod check;
mod directory;
mod explain;
mod inputs;
mod lint;
mod manifests;
mod output;
mod policy;
mod report;
mod review;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::document::{InFile, Mistake, Mistakes};
use output::Output;

/// Keeps a cluster's role bindings in step with Palette.
#[derive(Debug, Parser)]
#[command(name = "palette-rbac", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::CheckArgs),
    Review(review::ReviewArgs),
    Explain(explain::ExplainArgs),
    Policy(policy::PolicyCommand),
    Directory(directory::DirectoryCommand),
}

/// Runs the command line that was typed.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let matches = match command(args.first()).try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) => error.exit(),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let mut output = Output::standard();
    let result = match &cli.command {
        Command::Check(args) => args.run(&mut output),
        Command::Review(args) => args.run(&mut output),
        Command::Explain(args) => args.run(&mut output),
        Command::Policy(command) => command.run(&mut output),
        Command::Directory(command) => command.run(&mut output),
    };
    finish(result, &mut output).into()
}

fn finish(result: Result<Exit, Failure>, output: &mut Output<'_>) -> Exit {
    let exit = result.unwrap_or_else(|failure| {
        // Nobody is left to be told where the standard error cannot be written to.
        let _ = failure
            .lines()
            .iter()
            .try_for_each(|line| output.error(line));
        failure.exit()
    });
    match output.out.flush() {
        Ok(()) => exit,
        Err(_) => Exit::CouldNotRun,
    }
}

/// The command as it calls itself: kubectl finds a plugin by the name of its file.
fn command(program: Option<&OsString>) -> clap::Command {
    let file = program.and_then(|program| Path::new(program).file_name());
    let command = Cli::command();
    if file.is_some_and(|file| file == PLUGIN_FILE) {
        as_plugin(command.bin_name(PLUGIN_NAME))
    } else {
        command
    }
}

/// Writes the examples for who types `kubectl palette-rbac`.
fn as_plugin(mut command: clap::Command) -> clap::Command {
    if let Some(examples) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(examples.replace("palette-rbac ", "kubectl palette-rbac "));
    }
    command.mut_subcommands(as_plugin)
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// What the process ends with; the worse, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Nothing is wrong.
    Success = 0,
    /// A finding denies, or what `--fail-on` names.
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

/// Why a subcommand could not do its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "no directory, so nobody would hold a Palette role; name one with --directory FILE (to begin with: examples/directory.yaml)"
    )]
    NoDirectory,
    #[error("{0}")]
    Usage(&'static str),
    #[error("cannot read `{file}`: {reason}")]
    Unreadable { file: String, reason: String },
    #[error("{}", InFile::new(file, mistakes))]
    Mistakes {
        file: String,
        mistakes: Vec<Mistake>,
    },
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl Failure {
    fn mistakes(path: &Path, mistakes: &Mistakes) -> Self {
        Self::Mistakes {
            file: path.display().to_string(),
            mistakes: mistakes.iter().cloned().collect(),
        }
    }

    const fn exit(&self) -> Exit {
        match self {
            Self::NoDirectory | Self::Usage(_) | Self::Mistakes { .. } => Exit::BadInput,
            Self::Unreadable { .. } | Self::Write(_) => Exit::CouldNotRun,
        }
    }

    /// One line for each thing that is wrong.
    fn lines(&self) -> Vec<String> {
        self.to_string().lines().map(str::to_owned).collect()
    }
}

const PLUGIN_FILE: &str = "kubectl-palette_rbac";
const PLUGIN_NAME: &str = "kubectl palette-rbac";
