//! The subcommands as they are typed: the built program, its output and its exit codes.
//!
//! `INSTA_UPDATE=always cargo test --test cli` writes the snapshots, `make generate` the page about the command line.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so and ends"
)]

mod audit;
mod check;
mod documents;
mod explain;
mod explain_cluster;
mod help;
mod pipelines;
mod review;
mod roles;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder of one test, with the sample policy and directory in it.
struct Folder(TempDir);

/// What a run printed, and its exit code.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Folder {
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        folder.write("policy.yaml", POLICY);
        folder.write("directory.yaml", DIRECTORY);
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Runs in the folder with these arguments, separated by spaces.
    fn run(&self, arguments: &str) -> Ran {
        self.run_with(arguments, "")
    }

    /// The same with policy, directory and a fixed time.
    fn judge(&self, arguments: &str) -> Ran {
        self.run(&format!("{arguments} {SAMPLES}"))
    }

    /// The same with something on the standard input.
    fn run_with(&self, arguments: &str, input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palette-rbac"));
        command.env_clear().args(arguments.split_whitespace());
        self.finish(command, input)
    }

    /// The same with a variable of the environment, and no other.
    fn run_under(&self, variable: (&str, &str), arguments: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palette-rbac"));
        let arguments = arguments.split_whitespace();
        command.env_clear().envs([variable]).args(arguments);
        self.finish(command, "")
    }

    fn finish(&self, mut command: Command, input: &str) -> Ran {
        let mut child = command
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A `RoleBinding` in namespace `vms`, or without a namespace.
fn role_binding(name: &str, namespace: Option<&str>, role: &str, subject: &str) -> String {
    let namespace = namespace.map_or(String::new(), |name| format!("\n  namespace: {name}"));
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {name}{namespace}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}
subjects:
- {subject}
"
    )
}

const SAMPLES: &str = "--policy policy.yaml --directory directory.yaml --now 2026-11-22T09:00:00Z";

const INES: &str = "{apiGroup: rbac.authorization.k8s.io, kind: User, name: ines@orchard.test}";
const OTTO: &str = "{apiGroup: rbac.authorization.k8s.io, kind: User, name: otto@orchard.test}";
const TEAM: &str = "{apiGroup: rbac.authorization.k8s.io, kind: Group, name: orchard-vm-ops}";

const POLICY: &str = "\
apiVersion: palette-rbac.io/v1alpha1
kind: Policy
cluster: { project: orchard-prod, clusterGroup: null, workspaces: [harvest] }
";

const DIRECTORY: &str = "\
apiVersion: palette-rbac.io/v1alpha1
kind: Directory
asOf: 2026-11-22T08:00:00Z
users:
  - name: ines@orchard.test
    teams: [orchard-vm-ops]
    assignments:
      - { role: Cluster Viewer, project: orchard-prod }
      - { role: Virtual Machine User, workspace: harvest, namespaces: [\"/^vm-/\", staging] }
  - name: otto@orchard.test
    assignments: [{ role: Project Admin, project: orchard-prod }]
teams:
  - name: orchard-vm-ops
    assignments: [{ role: Virtual Machine Viewer, project: orchard-prod }]
";
