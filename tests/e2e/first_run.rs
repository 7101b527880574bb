//! `make run` on a machine that has no control plane yet: the webhook alone, the build, and then all of it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::process::scratch;
use crate::site::{assets, program};

#[test]
fn the_first_run_goes_all_the_way() {
    let Some(assets) = assets() else { return };
    let output = first_run(assets.etcd.parent());
    let (said, errors) = texts(&output);
    assert!(output.status.success(), "{said}\n{errors}");
    let (alone, rest) = said.split_once(WAITING).expect(WAITING);
    let (at_the_api_server, metrics) = rest.split_once(METRICS).expect(METRICS);
    for shown in [alone, at_the_api_server] {
        let samples: Vec<_> = shown.split("\n# ").skip(1).collect();
        assert_eq!(
            samples.len(),
            Path::new("examples/bindings").read_dir().unwrap().count()
        );
        for sample in samples {
            assert_is_as_announced(sample);
        }
    }
    assert!(
        metrics.contains("palette_rbac_admission_reviews_total{"),
        "{metrics}"
    );
    let (_, palette) = metrics.split_once(PALETTE).expect(PALETTE);
    let (before, given) = palette.split_once(": admitted.").unwrap();
    let (given, taken) = given.split_once(": the next binding is refused.").unwrap();
    assert!(before.contains("denied the request"), "{before}");
    assert!(given.contains("picking-power-users created"), "{given}");
    assert!(taken.contains("denied the request"), "{taken}");
    let named = taken.lines().last().unwrap();
    assert!(named.contains("picking-power-users"), "{named}");
    assert!(!errors.contains("backtrace"), "{errors}");
}

#[test]
fn a_build_that_fails_is_told_with_what_to_do() {
    let output = first_run(None);
    let (said, errors) = texts(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.ends_with(WAITING), "{said}");
    let expected = [
        "go: there is no network",
        "error: the control plane could not be built",
        "KUBEBUILDER_ASSETS",
    ];
    for expected in expected {
        assert!(errors.contains(expected), "{errors}");
    }
    assert!(!errors.contains("backtrace"), "{errors}");
}

/// What a sample says of itself is what is shown below it.
fn assert_is_as_announced(sample: &str) {
    let (announced, shown) = sample.split_once('\n').unwrap();
    let is_refused = shown.contains("\nrefused: ")
        || shown.starts_with("refused: ")
        || shown.contains("denied the request");
    let is_admitted = shown.contains("admitted: ") || shown.contains(" created\n");
    match (
        announced.contains("refused"),
        announced.contains("admitted"),
    ) {
        (true, false) => assert!(is_refused && !is_admitted, "{sample}"),
        (false, true) => assert!(is_admitted && !is_refused, "{sample}"),
        _ => assert!(
            !is_refused && !is_admitted && announced.ends_with(": later."),
            "{sample}"
        ),
    }
}

/// What `make run ARGS=--once` does once cargo is done, which would build anew here, as cargo's tests have an environment
/// of their own. Nothing else is there yet; `built` is what the build comes to, or else it fails.
fn first_run(built: Option<&Path>) -> Output {
    let nothing = scratch("first-run").unwrap();
    let mut path = OsString::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/fixtures:"));
    path.push(env::var_os("PATH").unwrap());
    let mut command = Command::new("sh");
    command
        .args(["-euc", ".ci/setup --as-far-as-possible; \"$0\" --once"])
        .arg(demo())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PATH", path)
        .env("XDG_CACHE_HOME", nothing.join("cache"))
        .env("XDG_DATA_HOME", nothing.join("data"))
        .env("RUST_BACKTRACE", "full");
    for theirs in ["KUBEBUILDER_ASSETS", "BUILT"] {
        command.env_remove(theirs);
    }
    let built = built.map(|built| ("BUILT", built));
    command.envs(built).output().unwrap()
}

/// `cargo test` builds it beside the program; with `--test e2e` it does not.
fn demo() -> PathBuf {
    let demo = program().parent().unwrap().join("examples/demo");
    assert!(demo.is_file(), "type `cargo build --example demo` first");
    demo
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

const WAITING: &str = "\nWaiting for the control plane.\n";
const PALETTE: &str = "\nNow Palette itself says who holds what";
const METRICS: &str = "\nWhat moved in http://";
