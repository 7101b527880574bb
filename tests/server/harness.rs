//! A server as a process, its log and its metrics; it ends with the test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::identity::{Ca, Pair};

/// A running server and the files that it reads.
pub(crate) struct Server {
    child: Child,
    pub(crate) webhook: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) log: Log,
    pub(crate) files: Files,
}

/// The files of a server, in a folder of its own.
pub(crate) struct Files {
    pub(crate) folder: TempDir,
    pub(crate) ca: Ca,
}

/// The lines that a process wrote so far.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Files {
    pub(crate) fn new() -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
            ca: Ca::new(),
        };
        files.put_pair(&files.ca.serving());
        files.put("policy.yaml", &policy("enforce"));
        files.put("directory.yaml", &directory("Virtual Machine User"));
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces a file at once.
    pub(crate) fn put(&self, name: &str, text: &str) {
        replace(&self.path(name), text);
    }

    pub(crate) fn put_pair(&self, pair: &Pair) {
        self.put("tls.key", &pair.key);
        self.put("tls.crt", &pair.certificate);
    }
}

/// The arguments that make a server of these files, on ports of its own.
pub(crate) fn serve(files: &Files) -> Command {
    let mut command = program();
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    command.args([
        "--log-format",
        "json",
        "--reload-interval",
        "20ms",
        "--shutdown-delay",
        "0s",
    ]);
    for (flag, name) in [
        ("--tls-cert", "tls.crt"),
        ("--tls-key", "tls.key"),
        ("--policy", "policy.yaml"),
        ("--directory", "directory.yaml"),
    ] {
        command.arg(flag).arg(files.path(name));
    }
    command
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palette-rbac"));
    command.env_clear();
    // Never the cluster of whoever runs the tests.
    command.env("PALETTE_RBAC_CLUSTER", "off");
    command
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// A server with more arguments.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let files = Files::new();
        let mut command = serve(&files);
        command.args(arguments);
        Self::run(command, files)
    }

    pub(crate) fn run(mut command: Command, files: Files) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = Log::of(child.stderr.take().unwrap());
        let address = |endpoint| {
            let line =
                log.until(|line| line["message"] == "listening" && line["endpoint"] == endpoint);
            line["address"].as_str().unwrap().parse().unwrap()
        };
        let (webhook, admin) = (address("webhook"), address("admin"));
        log.until(|line| line["message"] == "serving");
        Self {
            child,
            webhook,
            admin,
            log,
            files,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.webhook, &self.files.ca.pem)
    }

    /// The value of a series, named as Prometheus prints it without the prefix.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        value_of(&self.admin("/metrics").await.1, series)
    }

    /// Waits until a series has this value.
    pub(crate) async fn until_metric(&self, series: &str, expected: f64) {
        let began = Instant::now();
        loop {
            let value = self.metric(series).await;
            if value == expected {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{series} is {value} and not {expected}\n{}",
                self.log.text()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Status and text of an admin page.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.admin).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Sends a signal, by the number of the process that this test started.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &process])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, and what it wrote.
    pub(crate) async fn ended(mut self) -> (ExitStatus, Log) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, self.log.clone());
            }
            assert!(
                began.elapsed() < PATIENCE,
                "still there\n{}",
                self.log.text()
            );
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already, or to be gone now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn of(stderr: impl std::io::Read + Send + 'static) -> Self {
        let log = Self::default();
        let writer = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                writer.0.0.lock().unwrap().push(line);
                writer.0.1.notify_all();
            }
        });
        log
    }

    /// Waits for a line.
    pub(crate) fn until(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        let mut lines = self.0.0.lock().unwrap();
        loop {
            let mut parsed = lines
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok());
            if let Some(line) = parsed.find(|line| is_it(line)) {
                return line;
            }
            let left = PATIENCE.saturating_sub(began.elapsed());
            assert!(left > Duration::ZERO, "no such line:\n{}", lines.join("\n"));
            lines = self.0.1.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// How many lines are so.
    pub(crate) fn count(&self, is_it: impl Fn(&Value) -> bool) -> usize {
        let lines = self.0.0.lock().unwrap();
        let parsed = lines
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok());
        parsed.filter(|line| is_it(line)).count()
    }

    pub(crate) fn text(&self) -> String {
        self.0.0.lock().unwrap().join("\n")
    }
}

/// The value of a series in Prometheus' text; a series that is not there is a mistake of the test.
pub(crate) fn value_of(text: &str, series: &str) -> f64 {
    let prefix = format!("palette_rbac_{series} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
    let value = line.unwrap_or_else(|| panic!("no series {series} in\n{text}"));
    value.parse().unwrap()
}

/// Writes beside and renames, as those do who replace a file at once.
pub(crate) fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("beside");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, path).unwrap();
}

pub(crate) fn policy(mode: &str) -> String {
    format!(
        "apiVersion: palette-rbac.io/v1alpha1\nkind: Policy\nmode: {mode}\n\
         cluster: {{ project: orchard-prod, clusterGroup: null }}\n"
    )
}

/// A directory in which ines has a virtual machine role and Cluster Viewer.
pub(crate) fn directory(role: &str) -> String {
    format!(
        "apiVersion: palette-rbac.io/v1alpha1\nkind: Directory\nusers:\n  - name: ines@orchard.test\n    \
         assignments:\n      - {{ role: Cluster Viewer, project: orchard-prod }}\n      \
         - {{ role: {role}, project: orchard-prod }}\n"
    )
}

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);
