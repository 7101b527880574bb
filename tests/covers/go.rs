//! The Go program of `tests/e2e/control-plane/covers`, built and asked.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::random::Pair;

/// Kubernetes' own comparison, as a program.
pub(crate) struct Oracle(PathBuf);

impl Oracle {
    /// Builds it; without a Go there is none, which only a machine that is not CI may have.
    pub(crate) fn build() -> Option<Self> {
        let Some(go) = find_go() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI must have Go to compare with Kubernetes"
            );
            println!(
                "skipped: no Go on this machine, so `covers` is not compared with Kubernetes (`make setup` installs one)"
            );
            return None;
        };
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("covers");
        let built = Command::new(go)
            .current_dir(control_plane())
            .args(["build", "-mod=readonly", "-o"])
            .arg(&program)
            .arg("./covers")
            .status();
        assert!(built.unwrap().success(), "covers.go does not build");
        Some(Self(program))
    }

    /// One answer a pair, in their order.
    pub(crate) fn ask(&self, pairs: &[Pair]) -> Vec<String> {
        let mut process = Command::new(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut questions = BufWriter::new(process.stdin.take().unwrap());
        let answers = BufReader::new(process.stdout.take().unwrap());
        let answers = std::thread::scope(|scope| {
            scope.spawn(move || {
                for pair in pairs {
                    writeln!(questions, "{}", pair.to_json()).unwrap();
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
