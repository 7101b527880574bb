//! What is told of a fault of the program itself: a line, never a stack trace.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;

use crate::cli::{Exit, printable};
use crate::manifest::contains_panics;
use crate::metrics::VERSION;

/// Runs a program of ours. Should it be at fault itself, that is told in one line, and no stack trace, whatever
/// `RUST_BACKTRACE` says.
pub fn contained(program: impl FnOnce() -> ExitCode) -> ExitCode {
    panic::set_hook(Box::new(|info| {
        if !contains_panics() {
            tell(&words(info));
        }
    }));
    // Nobody looks at what the program held.
    panic::catch_unwind(AssertUnwindSafe(program)).unwrap_or_else(|_| Exit::CouldNotRun.into())
}

/// From now on a fault is told in the log: what serves goes on without the connection that met it.
pub(super) fn told_in_the_log() {
    panic::set_hook(Box::new(|info| tracing::error!("{}", words(info))));
}

/// Past the lock of the standard error: whoever holds it may be waiting for the thread that is at fault.
fn tell(words: &str) {
    if let Ok(copy) = io::stderr().as_fd().try_clone_to_owned() {
        // If nobody listens, the exit code still tells.
        let _ = writeln!(File::from(copy), "error: {words}");
    }
}

/// What went wrong, where, and what to do.
fn words(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let message = text.or_else(|| payload.downcast_ref::<&str>().copied());
    let message = printable(message.unwrap_or("it does not say which"));
    let place = info.location().map(|place| format!(" ({place})"));
    format!(
        "a fault in palette-rbac {VERSION} itself: {message}{}; please report it, with what you did",
        place.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Not a test by itself: it is run in a process of its own, since a hook is the whole process's.
    #[test]
    #[ignore = "the next test runs it"]
    fn at_fault() {
        assert_eq!(contained(|| panic!("no\nway")), Exit::CouldNotRun.into());
        let in_a_thread = std::thread::spawn(|| panic!("{}", "not here either"));
        let _held = io::stderr().lock();
        assert!(in_a_thread.join().is_err());
    }

    #[test]
    fn a_fault_is_told_in_one_line_without_a_stack_trace() {
        let test = std::env::current_exe().unwrap();
        for wanted in ["0", "1", "full"] {
            let mut command = Command::new(&test);
            command.args(["--ignored", "--exact", "app::fault::tests::at_fault"]);
            let output = command.env("RUST_BACKTRACE", wanted).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            let told = |message: &str| {
                format!(
                    "error: a fault in palette-rbac {VERSION} itself: {message} (src/app/fault.rs:"
                )
            };
            let lines: Vec<_> = said.lines().collect();
            assert!(output.status.success(), "{said}");
            assert_eq!(lines.len(), 2, "{said}");
            assert!(lines[0].starts_with(&told(r"no\nway")), "{said}");
            assert!(lines[1].starts_with(&told("not here either")), "{said}");
            assert!(
                lines[1].ends_with("; please report it, with what you did"),
                "{said}"
            );
        }
    }
}
