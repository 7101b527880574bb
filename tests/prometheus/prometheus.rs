//! Debian's prometheus and promtool.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Once;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::e2e::harness::process::{Process, scratch, wait_for};

/// Where both programs are.
#[derive(Debug, Clone)]
pub(crate) struct Tools(PathBuf);

/// A running Prometheus; dropping it ends it.
pub(crate) struct Prometheus {
    tools: Tools,
    address: String,
    process: Process,
}

impl Tools {
    /// Without them a test is skipped, except in CI, where that is a failure.
    pub(crate) fn find() -> Option<Self> {
        let output = Command::new(ASSETS).arg("find").output().ok()?;
        let found = output.status.success();
        assert!(found || std::env::var_os("CI").is_none(), "{MISSING}");
        if !found {
            static SAID: Once = Once::new();
            // Not `eprintln!`, which is kept back for tests that pass.
            let mut stderr = std::io::stderr();
            SAID.call_once(|| writeln!(stderr, "{MISSING}").unwrap());
            return None;
        }
        Some(Self(PathBuf::from(
            String::from_utf8(output.stdout).ok()?.trim_end(),
        )))
    }

    pub(crate) fn promtool(&self, arguments: &[&str]) -> Output {
        self.promtool_reading(arguments, "")
    }

    /// With `input` as its standard input.
    pub(crate) fn promtool_reading(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(self.0.join("promtool"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end without having read all of it: what it says is what counts.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }
}

impl Prometheus {
    /// Scrapes `target` as the job of `monitoring/`, with its alerts.
    pub(crate) fn start(tools: &Tools, target: SocketAddr) -> Result<Self> {
        let folder = scratch("prometheus")?;
        let configuration = folder.join("prometheus.yml");
        fs::write(&configuration, configure(target))?;
        let mut failure = String::new();
        for _ in 0..ATTEMPTS {
            let mut prometheus = Self::start_on(tools, &folder, &configuration)?;
            if prometheus.is_ready()? {
                return Ok(prometheus);
            }
            failure = prometheus.process.output();
        }
        anyhow::bail!("prometheus did not start: {failure}")
    }

    fn start_on(tools: &Tools, folder: &Path, configuration: &Path) -> Result<Self> {
        // It cannot say which port it got, so it is told one that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut command = Command::new(tools.0.join("prometheus"));
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"));
        let process = Process::start(&mut command, &folder.join("prometheus.log"))?;
        Ok(Self {
            tools: tools.clone(),
            address,
            process,
        })
    }

    /// False when it has ended: somebody else had taken the port.
    fn is_ready(&mut self) -> Result<bool> {
        wait_for("Prometheus to answer", PATIENCE, || {
            if self.process.exited().is_some() {
                return Some(false);
            }
            self.query("vector(1)").map(|_| true)
        })
    }

    /// Asks until the answer, in the order of its labels, is as expected.
    #[track_caller]
    pub(crate) fn wait_for(&self, query: &str, expected: impl Fn(&[(Value, f64)]) -> bool) {
        let mut last = None;
        let found = wait_for(query, PATIENCE, || {
            last = self.query(query);
            last.as_deref().is_some_and(&expected).then_some(())
        });
        assert!(found.is_ok(), "`{query}` answers {last:?}");
    }

    /// The labels and the value of each series.
    fn query(&self, query: &str) -> Option<Vec<(Value, f64)>> {
        let server = format!("http://{}", self.address);
        let output = self
            .tools
            .promtool(&["query", "instant", "--format=json", &server, query]);
        if !output.status.success() {
            return None;
        }
        let answer: Vec<Value> = serde_json::from_slice(&output.stdout).ok()?;
        let series = answer.iter().map(|series| {
            let value = series["value"][1].as_str()?.parse().ok()?;
            Some((series["metric"].clone(), value))
        });
        let mut series = series.collect::<Option<Vec<_>>>()?;
        series.sort_by_key(|(labels, _)| labels.to_string());
        Some(series)
    }
}

fn configure(target: SocketAddr) -> String {
    let alerts = concat!(env!("CARGO_MANIFEST_DIR"), "/monitoring/alerts.yaml");
    format!(
        "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }}\n\
         rule_files: ['{alerts}']\n\
         scrape_configs:\n\
         - {{ job_name: palette-rbac, static_configs: [{{ targets: ['{target}'] }}] }}\n"
    )
}

const ASSETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/prometheus/assets");

const MISSING: &str = "\
skipped: the tests with a real Prometheus; `tests/prometheus/assets install` brings Debian's package";

const ATTEMPTS: usize = 4;

/// It answers after a second or two on two idle cores.
const PATIENCE: Duration = Duration::from_mins(1);
