//! Child processes that never outlive this one, however it ends.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A running program whose output goes to a file; dropping it kills it.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, with what it writes going to the file `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let output =
            File::create(log).with_context(|| format!("cannot write `{}`", log.display()))?;
        Self::spawn(command.stdout(output.try_clone()?).stderr(output), log)
    }

    /// Starts `command`, with its messages going to our own standard error.
    pub(crate) fn start_in_sight(command: &mut Command) -> Result<Self> {
        Self::spawn(command.stdout(Stdio::null()), Path::new("/dev/null"))
    }

    /// In a process group of its own: Ctrl-C reaches only us, and what it starts in turn ends with it.
    fn spawn(command: &mut Command, log: &Path) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
        let started = Self {
            child,
            log: log.to_owned(),
        };
        guard(&format!("run {}", started.id()))?;
        Ok(started)
    }

    /// How it ended, if it did.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it wrote so far.
    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(mut self) -> Result<ExitStatus> {
        signal("TERM", &self.child.id().to_string())?;
        wait_for("the end of a process", Duration::from_secs(30), || {
            self.exited()
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Once it was waited for, its number may be somebody else's.
        if self.exited().is_none() {
            // These fail only when it has ended just now.
            let _ = signal("KILL", &format!("-{}", self.child.id()));
            let _ = self.child.wait();
        }
        // Without a guard it was never told of the start.
        let _ = guard(&format!("end {}", self.child.id()));
    }
}

/// The shell's own `kill`: not every machine has one as a program.
fn signal(name: &str, target: &str) -> Result<ExitStatus> {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"kill -s "$1" -- "$2""#, "kill", name, target]);
    Ok(shell.stderr(Stdio::null()).status()?)
}

/// A new folder for `name`, thrown away when this process ends; whoever asks twice has two.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    let folder = tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .tempdir_in(&the_guard()?.folder)?;
    Ok(folder.keep())
}

/// Asks `condition` until it answers, at most for `limit`.
pub(crate) fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if Instant::now() > deadline {
            bail!("waited {} s for {what}", limit.as_secs());
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// Kills what still runs and removes the scratch folder once its standard input ends: with us, even by SIGKILL.
struct Guard {
    folder: PathBuf,
    input: Mutex<ChildStdin>,
}

impl Guard {
    fn start() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("palette-rbac-")
            .tempdir()
            .context("there is no place for temporary files (TMPDIR)")?
            .keep();
        let child = guard_command(&folder).spawn();
        let mut child = child.context("cannot start `sh`")?;
        let input = Mutex::new(
            child
                .stdin
                .take()
                .context("the guard has no standard input")?,
        );
        Ok(Self { folder, input })
    }
}

/// A guard of `folder`, in a process group of its own: what ends us must not end it first.
pub(crate) fn guard_command(folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", GUARD_SCRIPT, "guard"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command
}

fn guard(line: &str) -> Result<()> {
    let input = the_guard()?.input.lock();
    let mut input = input.unwrap_or_else(PoisonError::into_inner);
    writeln!(input, "{line}").context("the guard of what was started has ended")
}

fn the_guard() -> Result<&'static Guard> {
    static GUARD: LazyLock<Result<Guard>> = LazyLock::new(Guard::start);
    GUARD.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

const GUARD_SCRIPT: &str = r#"
trap '' INT TERM HUP
running=
while read -r verb id; do
    others=
    for other in $running; do
        [ "$other" = "$id" ] || others="$others $other"
    done
    running=$others
    [ "$verb" = end ] || running="$running $id"
done
for id in $running; do
    kill -s KILL -- "-$id"
done
rm -rf "$1"
"#;
