//! Composition: what the parts are made from, in which order they begin, and how they end.

mod fault;
mod inputs;
mod logging;
mod service;
mod signals;
mod sync;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::cli::{Cli, Command, Exit, Failure, Output, ServeArgs, Settings};

pub use fault::contained;
use logging::Log;
use service::Service;
use signals::Signals;

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Every request that was begun is answered, or had its time.
    Drained,
    /// Somebody did not want to wait.
    Aborted,
}

/// Does what the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    contained(|| run_command(arguments))
}

fn run_command(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::read(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and the version are errors to clap, with exit code 0.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    let done = match cli.command {
        Command::Serve(arguments) => serve(*arguments),
        Command::Sync(arguments) => sync::sync(&arguments),
        Command::Check(arguments) => once(|output| arguments.run(output)),
        Command::Audit(arguments) => once(|output| arguments.run(output)),
        Command::Review(arguments) => once(|output| arguments.run(output)),
        Command::Explain(arguments) => once(|output| arguments.run(output)),
        Command::Policy(command) => once(|output| command.run(output)),
        Command::Directory(command) => once(|output| command.run(output)),
        Command::Certs(arguments) => arguments.run().map(|()| ExitCode::SUCCESS),
        Command::Registration(command) => once(|output| command.run(output)),
        Command::Completions(arguments) => {
            arguments.run();
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|failure| {
        tell(&failure);
        failure.exit_code()
    })
}

/// A command that reads, prints and ends.
fn once(run: impl FnOnce(&mut Output<'_>) -> Result<Exit, Failure>) -> Result<ExitCode, Failure> {
    let mut output = Output::standard();
    let exit = run(&mut output)?;
    output.flush()?;
    Ok(exit.into())
}

fn serve(arguments: ServeArgs) -> Result<ExitCode, Failure> {
    let log = logging::start(arguments.log());
    fault::told_in_the_log();
    let settings = arguments.resolve()?;
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::CouldNotRun(format!("cannot start threads: {error}")))?;
    let ended = runtime.block_on(serve_until_signal(settings, &log));
    // A file system that hangs must not keep the process.
    runtime.shutdown_timeout(BLOCKING_TIMEOUT);
    match ended? {
        Ended::Drained => Ok(ExitCode::SUCCESS),
        Ended::Aborted => Ok(ExitCode::from(ABORTED)),
    }
}

async fn serve_until_signal(settings: Settings, log: &Log) -> Result<Ended, Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::CouldNotRun(format!("cannot handle signals: {error}")))?;
    let service = Service::start(settings, log.dropped()).await?;
    Ok(service.run_until_signal(&mut signals).await)
}

fn tell(failure: &Failure) {
    let mut stderr = io::stderr().lock();
    for line in failure.to_string().lines() {
        // If nobody listens, the exit code still tells.
        let _ = writeln!(stderr, "error: {line}");
    }
}

/// How long a read of a file may go on after the end.
const BLOCKING_TIMEOUT: Duration = Duration::from_millis(500);

/// As shells tell of SIGINT.
const ABORTED: u8 = 130;
