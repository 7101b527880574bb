//! A real Helm.

use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(crate) struct Helm {
    pub(crate) program: PathBuf,
    pub(crate) kubeconfig: PathBuf,
}

impl Helm {
    /// Runs it with the words of `command`; what it printed, and whether it succeeded.
    pub(crate) fn run(&self, command: &str) -> (bool, String) {
        let output = Command::new(&self.program)
            .args(command.split(' '))
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    #[track_caller]
    pub(crate) fn done(&self, command: &str) -> String {
        let (is_done, text) = self.run(command);
        assert!(is_done, "helm {command}:\n{text}");
        text
    }
}

/// The folder of our chart.
pub(crate) const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/chart");
