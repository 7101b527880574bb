//! The Go programs of `tests/e2e/control-plane`, built and asked.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Kubernetes' own code, as a program.
pub(crate) struct Oracle(PathBuf);

impl Oracle {
    /// Builds the program of that folder; without a Go there is none, which only a machine that is not CI may have.
    pub(crate) fn build(folder: &str) -> Option<Self> {
        let Some(go) = find_go() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI must have Go to compare with Kubernetes"
            );
            println!(
                "skipped: no Go on this machine, so `{folder}` is not compared with Kubernetes (`make setup` installs one)"
            );
            return None;
        };
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        let built = Command::new(go)
            .current_dir(control_plane())
            .args(["build", "-mod=readonly", "-o"])
            .arg(&program)
            .arg(format!("./{folder}"))
            .status();
        assert!(built.unwrap().success(), "{folder} does not build");
        Some(Self(program))
    }

    /// One line of answer a question, in their order.
    pub(crate) fn ask(&self, asked: impl Iterator<Item = Vec<u8>> + Send) -> Vec<String> {
        let mut process = Command::new(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut questions = BufWriter::new(process.stdin.take().unwrap());
        let answers = BufReader::new(process.stdout.take().unwrap());
        let answers = std::thread::scope(|scope| {
            scope.spawn(move || {
                for question in asked {
                    questions.write_all(&question).unwrap();
                }
            });
            answers.lines().collect::<Result<Vec<String>, _>>().unwrap()
        });
        assert!(process.wait().unwrap().success());
        answers
    }
}

/// The Go that builds the tests' control plane, if this machine has one.
fn find_go() -> Option<String> {
    let found = Command::new(control_plane().join("assets"))
        .arg("go")
        .output()
        .unwrap();
    let path = String::from_utf8(found.stdout).unwrap();
    found.status.success().then(|| path.trim().to_owned())
}

fn control_plane() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/control-plane")
}
