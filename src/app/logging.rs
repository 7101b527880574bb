//! Log lines, written by a thread of their own, so that nobody who reads them slowly holds up a review.

mod json_lines;

use std::io::{self, BufWriter, IsTerminal, Stderr, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt;

use crate::cli::{LogArgs, LogFormat};
use json_lines::JsonLines;

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
        .finish(Gathered(BufWriter::with_capacity(GATHERED, io::stderr())));
    let dropped = writer.error_counter();
    let builder = fmt()
        .with_max_level(arguments.log_level)
        .with_target(false)
        .with_writer(writer);
    match arguments.log_format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.event_format(JsonLines).init(),
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

/// Lines that come together are written together.
///
/// Whoever logs wakes this thread only where it waits for a line; with a call to the system for each, that is most of
/// what a line costs.
struct Gathered(BufWriter<Stderr>);

impl Write for Gathered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// Called once no line is left: while it rests, lines gather.
    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.0.flush();
        thread::sleep(REST);
        flushed
    }
}

/// So late is a line at most, and so much later a process ends; the backlog holds what comes meanwhile many times over.
const REST: Duration = Duration::from_millis(5);

/// What a busy server says while the log rests.
const GATHERED: usize = 64 * 1024;

/// Some seconds of a busy server; a line has some 300 bytes.
const BACKLOG: usize = 16 * 1024;
