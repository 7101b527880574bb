//! Reviews a second over TLS on connections that are kept alive, beside the do-nothing webhooks.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustls::ClientConfig;
use tokio::runtime::Builder;

use crate::harness::assets::SCRIPT;
use crate::harness::process::scratch;
use crate::harness::webhook::{Webhook, make_certificates};
use crate::load::{Connections, request, trusting};
use crate::machine::{Placement, can_pin, pin_ourselves, processor_time, processors, resident};
use crate::nothing::{Least, Nothing};
use crate::turns::{Compared, Turn, Which, order, paired};
use crate::world;

/// The webhooks, and what is asked of them.
pub(crate) struct Webhooks {
    pub(crate) ours: Webhook,
    pub(crate) nothing: Nothing,
    reading: Nothing,
    folder: PathBuf,
    placement: Placement,
    client: Arc<ClientConfig>,
    request: Arc<[u8]>,
}

pub(crate) fn measure() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let everywhere = format!("0-{}", processors() - 1);
    if can_pin() {
        println!("  server on one processor, load generator on the other:");
        let pinned = Webhooks::start("pinned", Placement::Pinned)?;
        pin_ourselves("1")?;
        let compared = runtime.block_on(pinned.compare());
        pin_ourselves(&everywhere)?;
        compared?;
    }
    println!("  server and load generator wherever the system puts them:");
    let free = Webhooks::start("free", Placement::Free)?;
    runtime.block_on(free.compare())?;
    free.ask_with_go()
}

impl Webhooks {
    /// Starts all with the same certificate, and checks that ours admits what is asked.
    pub(crate) fn start(name: &str, placement: Placement) -> Result<Self> {
        let folder = scratch(name)?;
        let program = Path::new(PROGRAM);
        let certificates = folder.join("certs");
        make_certificates(program, &certificates)?;
        let ours = start_ours(&folder, &certificates, placement)?;
        let client = trusting(&ours.ca()?)?;
        let request = request(&world::review([&world::user(1), &world::user(USERS - 1)]));
        let answer_bytes = Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(answer_bytes(&ours, &client, &request))?;
        let ourselves = std::env::current_exe()?;
        let start = |least| {
            let command = placement.command(&ourselves);
            Nothing::start(least, command, &certificates, answer_bytes)
        };
        Ok(Self {
            nothing: start(Least::Copies)?,
            reading: start(Least::Reads)?,
            ours,
            folder,
            placement,
            client,
            request,
        })
    }

    async fn compare(&self) -> Result<()> {
        for (other, name) in self.others() {
            println!("   beside {name}:");
            for connections in CONNECTIONS {
                self.compare_on(connections, other).await?;
            }
        }
        println!(
            "    resident after that: {:.1} MiB",
            resident(self.ours.id())?
        );
        Ok(())
    }

    const fn others(&self) -> [(&Nothing, &'static str); 2] {
        [
            (&self.nothing, "one that does nothing"),
            (&self.reading, "one that only reads the review"),
        ]
    }

    async fn compare_on(&self, count: usize, other: &Nothing) -> Result<()> {
        let mut ours = Connections::open(&self.client, self.ours.address, count).await?;
        let mut others = Connections::open(&self.client, other.address, count).await?;
        for connections in [&mut ours, &mut others] {
            connections.awake = self.placement == Placement::Pinned;
            connections.rate(&self.request, WARM_UP).await?;
        }
        let before = self.processor_times(other)?;
        let (mut turns, mut answered) = (Vec::new(), Turn::default());
        for which in order(TURNS) {
            let connections = match which {
                Which::Ours => &mut ours,
                Which::Other => &mut others,
            };
            let rate = connections.rate(&self.request, A_TURN).await?;
            turns.push((which, rate));
            *answered.of(which) += rate * A_TURN.as_secs_f64();
        }
        let after = self.processor_times(other)?;
        let cost = Turn {
            ours: (after.ours - before.ours) / answered.ours,
            other: (after.other - before.other) / answered.other,
        };
        report(count, &Compared::of(&paired(&turns)), cost);
        Ok(())
    }

    /// Asks all with the HTTP client that the API server has, which takes its own share of the processors.
    fn ask_with_go(&self) -> Result<()> {
        let Some(client) = go_client(&self.folder)? else {
            println!(
                "  asked with Go's HTTP client: skipped, no Go here; `make setup` installs one"
            );
            return Ok(());
        };
        println!("  the same, asked with Go's HTTP client, which is the API server's:");
        let review = self.folder.join("review.json");
        fs::write(
            &review,
            world::review([&world::user(1), &world::user(USERS - 1)]),
        )?;
        for (other, name) in self.others() {
            println!("   beside {name}:");
            for count in CONNECTIONS {
                let output = Command::new(&client)
                    .arg(count.to_string())
                    .arg(&review)
                    .args([GO_TURNS.to_string(), A_TURN.as_secs_f64().to_string()])
                    .args([self.ours.address, other.address].map(url))
                    .stderr(Stdio::inherit())
                    .output()?;
                ensure!(output.status.success(), "Go's client failed");
                let compared = Compared::of(&turns_of(&String::from_utf8(output.stdout)?)?);
                println!(
                    "    {count:>2} connections: {:>6.0} reviews/s beside {:>6.0}, {}",
                    compared.ours,
                    compared.other,
                    compared.ratio()
                );
            }
        }
        Ok(())
    }

    /// In seconds.
    fn processor_times(&self, other: &Nothing) -> Result<Turn> {
        Ok(Turn {
            ours: processor_time(self.ours.id())?.as_secs_f64(),
            other: processor_time(other.process.id())?.as_secs_f64(),
        })
    }
}

/// Builds `benches/client.go`; without a Go there is none.
fn go_client(folder: &Path) -> Result<Option<PathBuf>> {
    let found = Command::new(SCRIPT).arg("go").output()?;
    if !found.status.success() {
        return Ok(None);
    }
    let program = folder.join("client");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/client.go");
    let built = Command::new(String::from_utf8(found.stdout)?.trim())
        .args(["build", "-o"])
        .arg(&program)
        .arg(source)
        .status()?;
    ensure!(built.success(), "{source} does not build");
    Ok(Some(program))
}

fn url(address: SocketAddr) -> String {
    format!("https://{address}/validate?timeout=5s")
}

/// Lines of two rates each.
fn turns_of(lines: &str) -> Result<Vec<Turn>> {
    let turn = |line: &str| {
        let (ours, other) = line.split_once(' ').context("not two rates")?;
        Ok(Turn {
            ours: ours.parse()?,
            other: other.parse()?,
        })
    };
    lines.lines().map(turn).collect()
}

fn start_ours(folder: &Path, certificates: &Path, placement: Placement) -> Result<Webhook> {
    let directory = folder.join("directory.yaml");
    fs::write(&directory, world::directory(USERS))?;
    // The harness takes a program, so what comes before it on a command line is in a script.
    let program = placement.script(Path::new(PROGRAM), folder)?;
    let file = |name: &str| certificates.join(name);
    let directory = directory.display().to_string();
    let arguments = [&["--directory", &*directory], &world::CLUSTER[..]].concat();
    Webhook::start_with(
        &program,
        folder,
        &file("tls.crt"),
        &file("tls.key"),
        &file("ca.crt"),
        &arguments,
    )
}

/// How long our answer is, which must be an admission without a warning.
async fn answer_bytes(ours: &Webhook, client: &Arc<ClientConfig>, request: &[u8]) -> Result<usize> {
    let mut connections = Connections::open(client, ours.address, 1).await?;
    let answer = connections.ask(request).await?;
    let is_admission = answer.contains(r#""allowed":true"#) && !answer.contains("warnings");
    ensure!(is_admission, "not admitted: {answer}");
    Ok(answer.len())
}

fn report(connections: usize, rates: &Compared, cost: Turn) {
    println!(
        "    {connections:>2} connections: {:>6.0} reviews/s beside {:>6.0}, {}; \
         processor time of a review {:.1} us beside {:.1} us",
        rates.ours,
        rates.other,
        rates.ratio(),
        cost.ours * 1e6,
        cost.other * 1e6,
    );
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_palette-rbac");
const USERS: usize = 10_000;
const CONNECTIONS: [usize; 3] = [1, 4, 64];
const TURNS: usize = 20;
/// Three programs that share two processors differ more from turn to turn.
const GO_TURNS: usize = 40;
const A_TURN: Duration = Duration::from_millis(300);
const WARM_UP: Duration = Duration::from_millis(500);
