//! The chart and the image on a real node: containerd, kubelet, kube-proxy, scheduler and controllers, in namespaces of
//! their own, while bindings are written all the time.
//!
//! [`on_a_real_node`] starts this program again as the first process of new network, mount and PID namespaces; all that it
//! starts there ends with it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so and ends"
)]

mod chart;
mod helm;
mod images;
mod machine;
mod node;
mod pack;
mod prometheus;
mod scenario;
mod traffic;

#[path = "../e2e/harness/assets.rs"]
#[expect(dead_code, reason = "only the script is run")]
mod control_plane;
#[path = "../e2e/harness/http.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod http;
#[path = "../e2e/harness/kubectl.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod kubectl;
#[path = "../e2e/harness/process.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod process;

use std::process::Command;

use helm::Helm;
use images::Images;
use machine::Machine;

#[test]
fn on_a_real_node() {
    if let Err(missing) = Machine::find() {
        return left_out(&missing);
    }
    let folder = tempfile::tempdir().unwrap();
    Images::build(folder.path());
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
        .args(["--mount-proc", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "inside_the_namespaces",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder.path())
        .env(machine::OWNER, std::process::id().to_string())
        .status()
        .unwrap();
    machine::remove_cgroups();
    assert!(status.success(), "the lines above say what went wrong");
}

#[test]
#[ignore = "`on_a_real_node` starts it in namespaces of its own"]
fn inside_the_namespaces() {
    let folder = std::env::var_os(FOLDER).expect("started by `on_a_real_node`");
    scenario::play(folder.as_ref(), &Machine::find().unwrap());
}

/// What a machine cannot do is said. What a package would bring, CI has to have.
fn left_out(missing: &str) {
    let is_missing = !missing.starts_with(machine::CANNOT);
    assert!(
        !is_missing || std::env::var_os("CI").is_none(),
        "no node: {missing}"
    );
    // What `eprintln!` prints is kept back for tests that pass.
    let line =
        format!("skipped: no node: {missing}; `.ci/setup --node` installs what can be installed\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
}

const FOLDER: &str = "PALETTE_RBAC_TEST_NODE";
