//! A real Prometheus beside the node, with the alerts of `monitoring/`, which do not wait here before they fire.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

use crate::http::get;
use crate::node::LONG;
use crate::process::{Process, wait_for};

pub(crate) struct Prometheus {
    address: SocketAddr,
    _process: Process,
}

impl Prometheus {
    /// Scrapes these pods; none where the program is not there, which `tests/prometheus` says.
    pub(crate) fn start(folder: &Path, pods: &[&str]) -> Option<Self> {
        let found = Command::new(ASSETS).arg("find").output().ok()?;
        let found = found.status.success().then_some(found.stdout)?;
        let program = PathBuf::from(String::from_utf8(found).ok()?.trim_end()).join("prometheus");
        let targets: Vec<_> = pods.iter().map(|pod| format!("'{pod}:8080'")).collect();
        let alerts = fs::read_to_string(ALERTS).unwrap();
        let at_once = Regex::new(r"(?m)^( *for: ).*$")
            .unwrap()
            .replace_all(&alerts, "${1}1s");
        fs::write(folder.join("alerts.yaml"), at_once.as_bytes()).unwrap();
        let configuration = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
             rule_files: [alerts.yaml]\n\
             scrape_configs:\n  \
               - job_name: palette-rbac\n    \
                 static_configs: [{{ targets: [{}] }}]\n",
            targets.join(", ")
        );
        let file = folder.join("prometheus.yml");
        fs::write(&file, configuration).unwrap();
        // In a network of its own every port is free.
        let address = SocketAddr::from(([127, 0, 0, 1], 9090));
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("prometheus").display()
            ))
            .arg(format!("--web.listen-address={address}"));
        let process = Process::start(&mut command, &folder.join("prometheus.log")).unwrap();
        Some(Self {
            address,
            _process: process,
        })
    }

    /// Waits until the alert fires, or does not any more.
    pub(crate) fn wait_for(&self, alert: &str, fires: bool) {
        let what = format!("{alert} to {}", if fires { "fire" } else { "end" });
        wait_for(&what, LONG, || {
            let said = get(self.address, "/api/v1/alerts").ok()?.body;
            let alerts: serde_json::Value = serde_json::from_str(&said).ok()?;
            let mut alerts = alerts["data"]["alerts"].as_array()?.iter();
            let is_firing =
                alerts.any(|it| it["labels"]["alertname"] == alert && it["state"] == "firing");
            (is_firing == fires).then_some(())
        })
        .unwrap();
    }
}

const ASSETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/prometheus/assets");
const ALERTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/monitoring/alerts.yaml");
