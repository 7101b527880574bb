//! A real kubectl, and what it printed.

use std::fmt;
use std::io::{Read, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// kubectl with a kubeconfig, run in a folder of its own.
#[derive(Debug, Clone)]
pub(crate) struct Kubectl {
    pub(crate) program: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) folder: PathBuf,
}

/// One command as a terminal would show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transcript {
    command: String,
    pub(crate) output: String,
    pub(crate) exit: Option<i32>,
}

impl Kubectl {
    /// Runs `kubectl` with the words of `command`, and keeps its standard output and error in the order printed.
    pub(crate) fn run(&self, command: &str) -> Result<Transcript> {
        self.run_in(&self.folder, command)
    }

    /// The same in another folder, so that the files in the command are names without a path.
    pub(crate) fn run_in(&self, folder: &Path, command: &str) -> Result<Transcript> {
        let (mut reader, writer) = pipe()?;
        let mut child = self
            .command(folder)
            .args(command.split(' '))
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.program.display()))?;
        let mut output = String::new();
        reader.read_to_string(&mut output)?;
        let exit = child.wait()?.code();
        Ok(Transcript {
            command: format!("kubectl {command}"),
            output,
            exit,
        })
    }

    /// Runs a command that must succeed, and answers its standard output alone.
    pub(crate) fn read(&self, command: &str) -> Result<String> {
        let output = self
            .command(&self.folder)
            .args(command.split(' '))
            .output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(
            output.status.success(),
            "`kubectl {command}` failed: {errors}"
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(folder)
            .env("KUBECONFIG", &self.kubeconfig)
            // Discovery is cached per kubeconfig, not in the user's home.
            .env("KUBECACHEDIR", self.kubeconfig.with_extension("cache"))
            .args(["--request-timeout", "30s"])
            .stdin(Stdio::null());
        command
    }
}

impl Transcript {
    pub(crate) fn succeeded(&self) -> bool {
        self.exit == Some(0)
    }

    /// Fails the test unless kubectl reported success.
    #[track_caller]
    pub(crate) fn admitted(self) -> Self {
        assert!(self.succeeded(), "expected to be admitted:\n{self}");
        self
    }

    /// Fails the test unless it was our webhook that said no.
    #[track_caller]
    pub(crate) fn refused(self) -> Self {
        let is_ours = [DENIED, ROLE_DENIED]
            .iter()
            .any(|it| self.output.contains(it));
        assert!(
            !self.succeeded() && is_ours,
            "expected to be refused by the webhook:\n{self}"
        );
        self
    }
}

/// How the API server begins the message of a webhook that said no.
pub(crate) const DENIED: &str =
    r#"admission webhook "bindings.palette-rbac.io" denied the request"#;
/// The same of a role that is written.
pub(crate) const ROLE_DENIED: &str =
    r#"admission webhook "roles.palette-rbac.io" denied the request"#;

impl fmt::Display for Transcript {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "$ {}", self.command)?;
        out.write_str(&self.output)?;
        match self.exit {
            Some(0) => Ok(()),
            Some(code) => writeln!(out, "[exit {code}]"),
            None => writeln!(out, "[killed]"),
        }
    }
}
