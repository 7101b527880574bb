use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines on their way out, one after another in one buffer.
///
/// Whoever logs copies its line there. A thread takes them all at once: a queue of lines costs each an allocation, and
/// both sides several atomic operations.
pub(super) struct Backlog {
    state: Mutex<State>,
    changed: Condvar,
    left_out: AtomicU64,
    largest: usize,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// Whether the thread waits for a line; otherwise it will look by itself.
    is_waiting: bool,
    phase: Phase,
}

#[derive(Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// No line will come.
    Closed,
    /// Every line is out.
    Out,
}

impl Backlog {
    /// Holds so many bytes at most; lines beyond are left out.
    pub(super) fn new(largest: usize) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            left_out: AtomicU64::new(0),
            largest,
        }
    }

    /// How many lines were left out so far.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.lines.len().saturating_add(line.len()) > self.largest {
            drop(state);
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.lines.extend_from_slice(line);
        let is_awaited = mem::take(&mut state.is_waiting);
        drop(state);
        if is_awaited {
            self.changed.notify_all();
        }
    }

    /// Writes what comes until the end. It rests after each write: meanwhile lines gather, and wake nobody.
    pub(super) fn write_to(&self, mut to: impl Write, rest: Duration) {
        let mut lines = Vec::new();
        while self.take(&mut lines) {
            // There is no better place to tell of it.
            let _ = to.write_all(&lines);
            let _ = to.flush();
            lines.clear();
            thread::sleep(rest);
        }
        self.state().phase = Phase::Out;
        self.changed.notify_all();
    }

    /// Waits for lines, and takes them; `false` at the end.
    fn take(&self, lines: &mut Vec<u8>) -> bool {
        let mut state = self.state();
        while state.lines.is_empty() && state.phase == Phase::Open {
            state.is_waiting = true;
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        mem::swap(&mut state.lines, lines);
        !lines.is_empty()
    }

    /// Ends once every line is out, or after this time: a pipe that nobody empties holds up no end.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.state();
        state.phase = Phase::Closed;
        self.changed.notify_all();
        // What it ends with is of no concern.
        let _ = self
            .changed
            .wait_timeout_while(state, patience, |state| state.phase != Phase::Out);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the log is written.
pub(super) struct ToBacklog(pub(super) Arc<Backlog>);

impl<'b> MakeWriter<'b> for ToBacklog {
    type Writer = LineWriter<'b>;

    fn make_writer(&'b self) -> Self::Writer {
        LineWriter(&self.0)
    }
}

/// A line is written by one call.
pub(super) struct LineWriter<'b>(&'b Backlog);

impl Write for LineWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    /// Sends on what is written.
    struct Sent(mpsc::Sender<Vec<u8>>);

    impl Write for Sent {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_out_when_it_is_closed() {
        let backlog = Arc::new(Backlog::new(1024));
        let (to, written) = mpsc::channel();
        let from = Arc::clone(&backlog);
        let writer = thread::spawn(move || from.write_to(Sent(to), Duration::ZERO));
        backlog.push(b"one\n");
        // It comes without another: whoever waits is woken.
        assert_eq!(written.recv_timeout(LONG).unwrap(), b"one\n");
        backlog.push(b"two\n");
        backlog.push(b"three\n");
        backlog.close(LONG);
        let rest: Vec<u8> = written.try_iter().flatten().collect();
        assert_eq!(rest, b"two\nthree\n");
        writer.join().unwrap();
    }

    #[test]
    fn lines_beyond_the_limit_are_left_out_and_counted() {
        let backlog = Backlog::new(8);
        backlog.push(b"first\n");
        backlog.push(b"second\n");
        backlog.push(b"3\n");
        assert_eq!(backlog.left_out(), 1);
        let mut lines = Vec::new();
        assert!(backlog.take(&mut lines));
        assert_eq!(lines, b"first\n3\n");
    }

    #[test]
    fn a_writer_that_is_stuck_does_not_hold_up_the_end() {
        let backlog = Backlog::new(8);
        backlog.push(b"line\n");
        // Nobody writes.
        backlog.close(Duration::from_millis(1));
    }
}
