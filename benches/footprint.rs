//! Memory at rest, and the time from the start of the process until it is ready.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use crate::harness::http::get;
use crate::harness::process::{Process, scratch};
use crate::harness::webhook::make_certificates;
use crate::machine::{Placement, resident};
use crate::turns::{Which, compare};
use crate::world;

pub(crate) fn measure() -> Result<()> {
    let folder = scratch("footprint")?;
    make_certificates(Path::new(PROGRAM), &folder.join("certs"))?;
    let yaml = world::directory(MANY);
    let json = serde_saphyr::from_str::<Value>(&yaml)?.to_string();
    let one = Start::of("one.yaml", &world::directory(1), &folder)?;
    let (yaml, json) = (
        Start::of("many.yaml", &yaml, &folder)?,
        Start::of("many.json", &json, &folder)?,
    );
    for (form, many) in [("YAML", &yaml), ("JSON", &json)] {
        report(form, &one, many)?;
    }
    Ok(())
}

fn report(form: &str, one: &Start, many: &Start) -> Result<()> {
    let start = |which| match which {
        Which::Ours => many,
        Which::Other => one,
    };
    let memory = compare(TURNS, |which| {
        start(which).measure(|_, process| resident(process.id()))
    })?;
    let ready = compare(TURNS, |which| {
        start(which).measure(|took, _| Ok(took.as_secs_f64() * 1e3))
    })?;
    println!(
        "  {MANY} users in {form}: {:.1} MiB resident when ready (one user: {:.1}), {:.1} ms from start to ready (one \
         user: {:.1})",
        memory.ours, memory.other, ready.ours, ready.other
    );
    Ok(())
}

/// How a process is started.
struct Start {
    folder: PathBuf,
    directory: PathBuf,
}

impl Start {
    fn of(name: &str, text: &str, folder: &Path) -> Result<Self> {
        let directory = folder.join(name);
        fs::write(&directory, text)?;
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
        command.args(["--cluster", "off"]);
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
const MANY: usize = 10_000;
const TURNS: usize = 15;
const READY_WITHIN: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
