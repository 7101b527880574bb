//! `palette-rbac sync` as its own process.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use super::http::get;
use super::process::{Process, wait_for};
use super::webhook::{Metrics, STARTS_WITHIN};

/// A running `palette-rbac sync`; dropping it ends it.
pub(crate) struct Syncer {
    process: Process,
    admin: SocketAddr,
}

impl Syncer {
    /// Reads the Palette at that address with that key, with `arguments`, until it syncs.
    pub(crate) fn start(
        program: &Path,
        folder: &Path,
        (url, key): (&str, &str),
        arguments: &[&str],
    ) -> Result<Self> {
        let key_file = folder.join("palette-key");
        std::fs::write(&key_file, key)?;
        let mut command = Command::new(program);
        command
            .args(["sync", "--palette-url", url, "--palette-key-file"])
            .arg(&key_file)
            .args(["--admin-listen", "127.0.0.1:0", "--log-format", "json"])
            .args(arguments);
        let name = format!("sync-{}.log", std::fs::read_dir(folder)?.count());
        let mut process = Process::start(&mut command, &folder.join(name))?;
        let admin = wait_for("sync to begin", STARTS_WITHIN, || match process.exited() {
            Some(_) => Some(None),
            None => admin(&process.output()).map(Some),
        })?;
        match admin {
            Some(admin) => Ok(Self { process, admin }),
            None => anyhow::bail!("sync ended: {}", process.output()),
        }
    }

    pub(crate) fn metrics(&self) -> Result<Metrics> {
        Ok(Metrics::parse(&get(self.admin, "/metrics")?.body))
    }

    pub(crate) fn log(&self) -> String {
        self.process.output()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

fn admin(log: &str) -> Option<SocketAddr> {
    let mut lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.find(|line| line["message"] == "listening" && line["endpoint"] == "admin")?;
    line["address"].as_str()?.parse().ok()
}
