//! The machine, what it tells of a process, and on which processor a process runs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

/// Prints what the numbers depend on.
pub(crate) fn describe() {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_default();
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "machine: {} x {processor}, {memory}, Linux {}",
        processors(),
        kernel.trim()
    );
    println!("load average before: {}", load.trim());
    println!(
        "palette-rbac {}, built by {}",
        palette_rbac::metrics::VERSION,
        rustc()
    );
}

fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or_else(
        |_| "an unknown rustc".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// How many processors this process may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Where a server of the throughput part runs.
///
/// With a processor of its own, what the load generator costs is no part of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// On the first processor alone; the load generator is on the second.
    Pinned,
    /// Wherever the system puts it.
    Free,
}

impl Placement {
    /// Starts `program` there.
    pub(crate) fn command(self, program: &Path) -> Command {
        match self {
            Self::Pinned => {
                let mut command = Command::new("taskset");
                command.args(["-c", "0"]).arg(program);
                command
            }
            Self::Free => Command::new(program),
        }
    }

    /// A script that starts `program` there with its arguments.
    pub(crate) fn script(self, program: &Path, folder: &Path) -> Result<PathBuf> {
        let script = folder.join("palette-rbac");
        let pin = match self {
            Self::Pinned => "taskset -c 0 ",
            Self::Free => "",
        };
        fs::write(
            &script,
            format!("#!/bin/sh\nexec {pin}'{}' \"$@\"\n", program.display()),
        )?;
        fs::set_permissions(&script, Permissions::from_mode(0o755))?;
        Ok(script)
    }
}

/// Puts every thread of this process on these processors, as in `1` or `0-3`.
pub(crate) fn pin_ourselves(processors: &str) -> Result<()> {
    let output = Command::new("taskset")
        .args([
            "-a",
            "-c",
            "-p",
            processors,
            &std::process::id().to_string(),
        ])
        .output()
        .context("cannot start `taskset`")?;
    anyhow::ensure!(output.status.success(), "`taskset` failed");
    Ok(())
}

/// Whether there are two processors, and a program to pin with.
pub(crate) fn can_pin() -> bool {
    processors() > 1 && Command::new("taskset").arg("--version").output().is_ok()
}

/// The processor time that a process has used so far.
pub(crate) fn processor_time(id: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, after_name) = stat.rsplit_once(')').context("no name in `stat`")?;
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * MILLISECONDS_A_TICK))
}

/// Resident memory of a process, in MiB.
pub(crate) fn resident(id: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Ok(kib.context("no `VmRSS`")? / 1024.0)
}

/// `USER_HZ` is 100 on every Linux that is in use.
const MILLISECONDS_A_TICK: u64 = 10;
