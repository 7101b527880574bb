mod backlog;
mod json_lines;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt;

use crate::cli::{LogArgs, LogFormat};
use backlog::{Backlog, ToBacklog};
use json_lines::JsonLines;

/// The log, which is complete once this is dropped.
pub(super) struct Log(Arc<Backlog>);

/// Logs to stderr from a thread of its own: a pipe that nobody empties would otherwise hold up reviews, so beyond a
/// backlog lines are left out, and counted.
pub(super) fn start(arguments: LogArgs) -> Log {
    let backlog = Arc::new(Backlog::new(LARGEST_BACKLOG));
    let from = Arc::clone(&backlog);
    thread::spawn(move || from.write_to(io::stderr(), REST));
    let builder = fmt()
        .with_max_level(arguments.log_level)
        .with_target(false)
        .with_writer(ToBacklog(Arc::clone(&backlog)));
    match arguments.log_format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.event_format(JsonLines).init(),
    }
    Log(backlog)
}

impl Log {
    /// Tells how many lines were left out so far.
    pub(super) fn dropped(&self) -> Arc<dyn Fn() -> u64 + Send + Sync> {
        let backlog = Arc::clone(&self.0);
        Arc::new(move || backlog.left_out())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.close(END_TIMEOUT);
    }
}

/// So late is a line at most, and so much later a process ends; the backlog holds what comes meanwhile many times over.
const REST: Duration = Duration::from_millis(20);

/// Some seconds of a busy server; a line has some 350 bytes.
const LARGEST_BACKLOG: usize = 4 * 1024 * 1024;

/// Nothing is lost by it but lines that nobody reads.
const END_TIMEOUT: Duration = Duration::from_secs(1);
