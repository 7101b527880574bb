//! The one place that writes to the standard output and the standard error.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, StderrLock, StdoutLock, Write};
use std::path::PathBuf;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

/// Where a subcommand prints: results to `out`, everything else to `err`. Colour reaches terminals only.
pub struct Output<'w> {
    pub(super) out: Box<dyn Write + 'w>,
    pub(super) err: Box<dyn Write + 'w>,
}

impl Output<'static> {
    /// The process's own.
    pub fn standard() -> Self {
        let out: AutoStream<StdoutLock<'static>> = AutoStream::auto(io::stdout().lock());
        let err: AutoStream<StderrLock<'static>> = AutoStream::auto(io::stderr().lock());
        Self {
            out: Box::new(BufWriter::new(WhileRead::new(out))),
            err: Box::new(WhileRead::new(err)),
        }
    }
}

impl Output<'_> {
    /// Hands on what is still held back.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Says what takes long.
    pub(super) fn note(&mut self, message: impl Display) -> io::Result<()> {
        writeln!(self.err, "{}", printable(message))?;
        self.err.flush()
    }

    /// Says what is wrong with the input.
    pub(super) fn error(&mut self, message: impl Display) -> io::Result<()> {
        writeln!(self.err, "{BAD}error{BAD:#}: {}", printable(message))
    }

    /// The same, a line for each of its lines.
    pub(super) fn problem(&mut self, problem: &impl Display) -> io::Result<()> {
        let text = problem.to_string();
        text.lines().try_for_each(|line| self.error(line))
    }

    /// Says what is likely not meant.
    pub(super) fn warning(&mut self, message: impl Display) -> io::Result<()> {
        writeln!(
            self.err,
            "{CAUTION}warning{CAUTION:#}: {}",
            printable(message)
        )
    }

    /// Says which folders were not looked into.
    pub(super) fn left_out(&mut self, links: &[PathBuf]) -> io::Result<()> {
        links.iter().try_for_each(|link| {
            self.warning(format_args!(
                "`{}` is a link to a folder and left out, as kubectl does; name it to have it read",
                link.display()
            ))
        })
    }
}

/// One line in which nothing commands the terminal, whatever a file or its name holds.
pub(crate) fn printable(text: impl Display) -> String {
    let escape = |character: char| {
        if character.is_control() {
            character.escape_debug().to_string()
        } else {
            character.to_string()
        }
    };
    text.to_string().chars().map(escape).collect()
}

/// Writes as long as somebody reads; `| head` is no failure, and the exit code stays what it would have been.
struct WhileRead<W> {
    writer: W,
    is_read: bool,
}

impl<W: Write> WhileRead<W> {
    const fn new(writer: W) -> Self {
        Self {
            writer,
            is_read: true,
        }
    }

    fn note<T>(&mut self, result: io::Result<T>, unread: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_read = false;
                Ok(unread)
            }
            result => result,
        }
    }
}

impl<W: Write> Write for WhileRead<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_read {
            return Ok(bytes.len());
        }
        let result = self.writer.write(bytes);
        self.note(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.is_read {
            return Ok(());
        }
        let result = self.writer.flush();
        self.note(result, ())
    }
}

/// Refused, or wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Let through, but worth a look.
pub(super) const CAUTION: Style = AnsiColor::Yellow.on_default().bold();
/// Let through.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn goes_on_quietly_when_nobody_reads() {
        let mut writer = WhileRead::new(Closed);
        writer.write_all(b"first").unwrap();
        writer.write_all(b"second").unwrap();
        writer.flush().unwrap();
        assert!(!writer.is_read);
    }
}
