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
        let message = failure.to_string();
        // Nobody is left to be told where the standard error cannot be written to.
        let _ = message.lines().try_for_each(|line| output.error(line));
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
    fn usage(problem: &str) -> Self {
        Self::BadInput(vec![problem.to_owned()])
    }

    fn unreadable(file: &str, error: &io::Error) -> Self {
        Self::CouldNotRun(format!("cannot read `{file}`: {error}"))
    }

    const fn exit(&self) -> Exit {
        match self {
            Self::BadInput(_) => Exit::BadInput,
            Self::CouldNotRun(_) => Exit::CouldNotRun,
        }
    }
}

/// Results that cannot be printed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::CouldNotRun(format!("cannot write: {error}"))
    }
}

const PLUGIN_FILE: &str = "kubectl-palette_rbac";
const PLUGIN_NAME: &str = "kubectl palette-rbac";
