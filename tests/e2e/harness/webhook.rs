//! The webhook as its own process, and its registration.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::http::{Client, get};
use super::kubectl::{DENIED, Kubectl};
use super::process::{Process, wait_for};

/// A running `palette-rbac serve`; dropping it ends it.
pub(crate) struct Webhook {
    process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    ca: PathBuf,
}

impl Webhook {
    /// Makes certificates in `folder` and serves on free ports with `arguments`, until it is ready.
    pub(crate) fn start(program: &Path, folder: &Path, arguments: &[&str]) -> Result<Self> {
        let certificates = folder.join("certs");
        make_certificates(program, &certificates)?;
        let (cert, key) = (certificates.join("tls.crt"), certificates.join("tls.key"));
        Self::start_with(
            program,
            folder,
            &cert,
            &key,
            &certificates.join("ca.crt"),
            arguments,
        )
    }

    /// The same with certificates that are there already.
    pub(crate) fn start_with(
        program: &Path,
        folder: &Path,
        cert: &Path,
        key: &Path,
        ca: &Path,
        arguments: &[&str],
    ) -> Result<Self> {
        let mut command = serve(program);
        command
            .arg("--tls-cert")
            .arg(cert)
            .arg("--tls-key")
            .arg(key)
            .args(arguments);
        Self::launch(command, folder, ca)
    }

    /// Serves what the Secret of `--tls-secret` has.
    pub(crate) fn start_without_files(
        program: &Path,
        folder: &Path,
        arguments: &[&str],
    ) -> Result<Self> {
        let mut command = serve(program);
        command.args(arguments);
        Self::launch(command, folder, Path::new(""))
    }

    fn launch(mut command: Command, folder: &Path, ca: &Path) -> Result<Self> {
        let mut process = Process::start(&mut command, &folder.join("palette-rbac.log"))?;
        let addresses = wait_for("the webhook to be ready", STARTS_WITHIN, || {
            match process.exited() {
                Some(status) => Some(Err(status)),
                None => ready(&process.output()).map(Ok),
            }
        });
        match addresses {
            Ok(Ok((address, admin))) => Ok(Self {
                process,
                address,
                admin,
                ca: ca.to_owned(),
            }),
            Ok(Err(status)) => Err(anyhow::anyhow!(
                "palette-rbac ended ({status}): {}",
                process.output()
            )),
            Err(late) => Err(late.context(process.output())),
        }
    }

    /// What the API server must trust.
    pub(crate) fn ca(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.ca)?)
    }

    pub(crate) fn client(&self) -> Result<Client> {
        Client::new(self.address, &self.ca()?)
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn log(&self) -> String {
        self.process.output()
    }

    pub(crate) fn metrics(&self) -> Result<Metrics> {
        Ok(Metrics::parse(&get(self.admin, "/metrics")?.body))
    }

    /// SIGTERM, and how it took it.
    pub(crate) fn stop(self) -> Result<ExitStatus> {
        self.process.terminate()
    }

    /// How the API server reaches this process, in place of the Service that `webhook` names.
    pub(crate) fn client_config(&self, webhook: &Value) -> Result<Value> {
        let path = webhook["clientConfig"]["service"]["path"]
            .as_str()
            .context("no `path`")?;
        Ok(json!({
            "url": format!("https://{}{path}", self.address),
            "caBundle": base64(self.ca()?.as_bytes()),
        }))
    }

    /// Registers `manifests/base/webhook.yaml` with our address in place of the Service's.
    ///
    /// Several webhooks share an API server: `matches` narrows this one to what is its own.
    pub(crate) fn register(
        &self,
        kubectl: &Kubectl,
        name: &str,
        matches: Option<&str>,
    ) -> Result<()> {
        let manifest = fs::read_to_string(MANIFEST)?;
        let mut configuration: Value = serde_saphyr::from_str(&manifest)?;
        configuration["metadata"]["name"] = json!(name);
        for webhook in configuration["webhooks"]
            .as_array_mut()
            .context("no `webhooks`")?
        {
            webhook["clientConfig"] = self.client_config(webhook)?;
            if let Some(expression) = matches {
                let conditions = webhook["matchConditions"]
                    .as_array_mut()
                    .context("no `matchConditions`")?;
                conditions
                    .push(json!({"name": "own-part-of-the-cluster", "expression": expression}));
            }
        }
        let file = format!("{name}.json");
        fs::write(kubectl.folder.join(&file), configuration.to_string())?;
        kubectl.read(&format!("apply -f {file}"))?;
        Ok(())
    }
}

/// The registration that users install.
pub(crate) const MANIFEST: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/base/webhook.yaml");

/// Makes a CA and a serving certificate with the program's own command.
pub(crate) fn make_certificates(program: &Path, folder: &Path) -> Result<()> {
    let output = Command::new(program)
        .arg("certs")
        .arg("--out")
        .arg(folder)
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "`palette-rbac certs` failed: {errors}"
    );
    Ok(())
}

/// The API server learns of a registration a moment later: waits until the file `refused` is refused in a dry run.
pub(crate) fn wait_until_asked(kubectl: &Kubectl, folder: &Path, refused: &str) -> Result<()> {
    let command = format!("create --dry-run=server -f {refused}");
    wait_for("the API server to ask the webhook", STARTS_WITHIN, || {
        kubectl
            .run_in(folder, &command)
            .ok()?
            .output
            .contains(DENIED)
            .then_some(())
    })
}

fn serve(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ])
        .args(["--log-format", "json", "--shutdown-delay", "0s"])
        // Never the cluster of whoever runs the tests; later arguments may name one.
        .args(["--cluster", "off"]);
    command
}

/// The addresses of both endpoints, once the log names them and the webhook would be sent requests, or has found out why
/// it will not be.
fn ready(log: &str) -> Option<(SocketAddr, SocketAddr)> {
    let addresses = listening(log)?;
    let answer = get(addresses.1, "/readyz").ok()?;
    (answer.status == 200 || answer.body.contains("may not be read")).then_some(addresses)
}

fn listening(log: &str) -> Option<(SocketAddr, SocketAddr)> {
    let lines: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let address = |endpoint: &str| {
        let line = lines
            .iter()
            .find(|line| line["message"] == "listening" && line["endpoint"] == endpoint)?;
        line["address"].as_str()?.parse().ok()
    };
    Some((address("webhook")?, address("admin")?))
}

/// Samples by series, as in `palette_rbac_findings_total{action="deny",…}`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    pub(crate) fn parse(text: &str) -> Self {
        let samples = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (series, value) = line.rsplit_once(' ')?;
                Some((series.to_owned(), value.parse().ok()?))
            });
        Self(samples.collect())
    }

    /// The sum over the series of `metric` that have all of `labels`, each as `name="value"`.
    pub(crate) fn sum(&self, metric: &str, labels: &[&str]) -> f64 {
        let of_metric = |series: &str| series.split('{').next() == Some(metric);
        self.0
            .iter()
            .filter(|(series, _)| {
                of_metric(series) && labels.iter().all(|label| series.contains(label))
            })
            .map(|(_, value)| value)
            .sum()
    }

    /// What was added since `before`, series by series, without histograms and the process's own.
    pub(crate) fn since(&self, before: &Self) -> Vec<(&str, f64)> {
        let counted =
            |series: &str| series.starts_with("palette_rbac_") && series.contains("_total");
        self.0
            .iter()
            .filter(|(series, _)| counted(series))
            .map(|(series, value)| {
                (
                    series.as_str(),
                    value - before.0.get(series).copied().unwrap_or_default(),
                )
            })
            .filter(|(_, added)| *added > 0.0)
            .collect()
    }
}

/// As a Secret's and a `caBundle`'s bytes are written.
fn base64(bytes: &[u8]) -> String {
    let digit = |index: u32| char::from(BASE64[(index & 63) as usize]);
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .chain([&0; 2])
            .take(3)
            .fold(0, |group, byte| group << 8 | u32::from(*byte));
        let digits = [
            digit(group >> 18),
            digit(group >> 12),
            digit(group >> 6),
            digit(group),
        ];
        text.extend(&digits[..=chunk.len()]);
        text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    text
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) const STARTS_WITHIN: Duration = Duration::from_secs(30);
