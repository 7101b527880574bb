use std::io::{self, IsTerminal};
use std::sync::Arc;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt;

use crate::cli::{LogArgs, LogFormat};

/// The log, which is complete once this is dropped.
pub(super) struct Log {
    dropped: ErrorCounter,
    _writer: WorkerGuard,
}

/// Logs to stderr from a thread of its own: a pipe that nobody empties would otherwise hold up reviews, so beyond a
/// backlog lines are left out, and counted.
pub(super) fn start(arguments: LogArgs) -> Log {
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(BACKLOG)
        .finish(io::stderr());
    let dropped = writer.error_counter();
    let builder = fmt()
        .with_max_level(arguments.log_level)
        .with_target(false)
        .with_writer(writer);
    match arguments.log_format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .init(),
    }
    Log {
        dropped,
        _writer: guard,
    }
}

impl Log {
    /// Tells how many lines were left out so far.
    pub(super) fn dropped(&self) -> Arc<dyn Fn() -> u64 + Send + Sync> {
        let dropped = self.dropped.clone();
        Arc::new(move || u64::try_from(dropped.dropped_lines()).unwrap_or(u64::MAX))
    }
}

/// Some seconds of a busy server; a line has some 300 bytes.
const BACKLOG: usize = 16 * 1024;
