//! Memory at rest, and the time from the start of the process until it is ready.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::harness::http::get;
use crate::harness::process::{Process, scratch};
use crate::harness::webhook::make_certificates;
use crate::machine::{Placement, resident};
use crate::turns::{Which, compare};
use crate::world;

pub(crate) fn measure() -> Result<()> {
    let folder = scratch("footprint")?;
    make_certificates(Path::new(PROGRAM), &folder.join("certs"))?;
    let (one, many) = (Start::of(ONE, &folder)?, Start::of(MANY, &folder)?);
    let start = |which| match which {
        Which::Ours => &many,
        Which::Other => &one,
    };
    let memory = compare(TURNS, |which| {
        start(which).measure(|_, process| resident(process.id()))
    })?;
    println!(
        "  resident when ready: {:.1} MiB with one user, {:.1} MiB with {MANY}",
        memory.other, memory.ours
    );
    let ready = compare(TURNS, |which| {
        start(which).measure(|took, _| Ok(took.as_secs_f64() * 1e3))
    })?;
    println!(
        "  start to ready: {:.1} ms with one user, {:.1} ms with {MANY}",
        ready.other, ready.ours
    );
    Ok(())
}

/// How a process is started.
struct Start {
    folder: PathBuf,
    directory: PathBuf,
}

impl Start {
    fn of(users: usize, folder: &Path) -> Result<Self> {
        let directory = folder.join(format!("{users}.yaml"));
        fs::write(&directory, world::directory(users))?;
        Ok(Self {
            folder: folder.to_owned(),
            directory,
        })
    }

    /// Starts it, measures once it is ready, and ends it.
    fn measure(&self, what: impl FnOnce(Duration, &Process) -> Result<f64>) -> Result<f64> {
        let (listen, admin) = (free()?, free()?);
        let certificate = |name: &str| self.folder.join("certs").join(name);
        let mut command = Placement::Free.command(Path::new(PROGRAM));
        command.arg("serve").args(world::CLUSTER);
        command.arg("--listen").arg(listen.to_string());
        command.arg("--admin-listen").arg(admin.to_string());
        command.arg("--tls-cert").arg(certificate("tls.crt"));
        command.arg("--tls-key").arg(certificate("tls.key"));
        command.arg("--directory").arg(&self.directory);
        let began = Instant::now();
        let process = Process::start(&mut command, &self.folder.join("log"))?;
        wait_until_ready(admin, began + READY_WITHIN)?;
        what(began.elapsed(), &process)
    }
}

fn wait_until_ready(admin: SocketAddr, until: Instant) -> Result<()> {
    while !get(admin, "/readyz").is_ok_and(|answer| answer.status == 200) {
        anyhow::ensure!(Instant::now() < until, "not ready in time");
        thread::sleep(BETWEEN_LOOKS);
    }
    Ok(())
}

/// An address that was free a moment ago.
fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_palette-rbac");
const ONE: usize = 1;
const MANY: usize = 10_000;
const TURNS: usize = 15;
const READY_WITHIN: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
