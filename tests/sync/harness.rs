//! One `sync --once`, and what came of it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use palette_rbac::directory::{Directory, Snapshot};
use serde_json::Value;
use tempfile::TempDir;

use crate::stand_in::{StandIn, Tenant};

/// A stand-in, a folder, and the arguments that belong to them.
pub(crate) struct Site {
    pub(crate) palette: StandIn,
    pub(crate) folder: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Site {
    pub(crate) fn new(tenant: Tenant) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), format!("{}\n", tenant.key)).unwrap();
        Self {
            palette: StandIn::start(tenant),
            folder,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `sync` with the address, the key and these arguments; as fast as the stand-in answers.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palette-rbac"));
        command.env_clear().arg("sync");
        command.args(["--palette-url", &self.palette.url(), "--palette-key-file"]);
        command.arg(self.path("key"));
        command.args(["--requests-per-second", "100000"]);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().unwrap();
        Ended {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// One sync of the sample's cluster to a file.
    pub(crate) fn once(&self) -> Ended {
        self.once_with(&[])
    }

    pub(crate) fn once_with(&self, arguments: &[&str]) -> Ended {
        let cluster = self.palette.change(|tenant| tenant.cluster());
        let to = format!("file:{}", self.path("directory.json").display());
        let mut all = vec!["--cluster-uid", &cluster, "--to", &to, "--once"];
        all.extend(arguments);
        self.run(&all)
    }

    /// One that must go well.
    pub(crate) fn synced(&self) -> Snapshot {
        let ended = self.once();
        assert_eq!(ended.code, 0, "{}", ended.err);
        self.snapshot()
    }

    pub(crate) fn text(&self) -> Vec<u8> {
        std::fs::read(self.path("directory.json")).unwrap()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let text = self.text();
        let compiled = Directory::compile(&text, text.len());
        compiled.expect("what sync writes is a directory");
        Snapshot::from_json(&text).unwrap()
    }

    /// How often paths of that form were asked since it was last asked for.
    pub(crate) fn requests(&self) -> usize {
        self.palette.asked().len()
    }
}

/// What somebody holds by itself and by its teams, as people are told.
pub(crate) fn held(snapshot: &Snapshot, user: &str) -> Vec<String> {
    let Some(user) = snapshot.users.iter().find(|it| it.name == user) else {
        return vec!["is not there".to_owned()];
    };
    let teams = snapshot
        .teams
        .iter()
        .filter(|team| user.teams.contains(&team.name));
    let of_teams = teams.flat_map(|team| &team.assignments);
    let mut held: Vec<String> = user
        .assignments
        .iter()
        .chain(of_teams)
        .map(ToString::to_string)
        .collect();
    held.sort();
    held.dedup();
    held
}

/// The snapshot without its time, for comparisons.
pub(crate) fn undated(text: &[u8]) -> Value {
    let mut value: Value = serde_json::from_slice(text).unwrap();
    value.as_object_mut().unwrap().remove("asOf");
    value
}

/// Says what a test leaves out.
#[expect(
    clippy::explicit_write,
    reason = "what `eprintln!` prints is kept back for tests that pass"
)]
pub(crate) fn skipped(what: &str) {
    writeln!(std::io::stderr(), "skipped: {what}").unwrap();
}
