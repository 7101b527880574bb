//! The images that the node runs: ours, as it is shipped, and the one that holds a pod's namespaces.

use std::path::Path;
use std::process::Command;

pub(crate) struct Images;

impl Images {
    /// Two archives in the folder, named after what they are called there.
    pub(crate) fn build(folder: &Path) {
        let binary = folder.join("palette-rbac");
        // Without what debuggers want, like the released one.
        run(Command::new("strip")
            .arg("-o")
            .arg(&binary)
            .arg(env!("CARGO_BIN_EXE_palette-rbac")));
        archive(folder, &binary, WEBHOOK, env!("CARGO_PKG_VERSION"));
        let pause = folder.join("pause");
        run(Command::new("rustc")
            .arg("-O")
            .arg("-o")
            .arg(&pause)
            .arg(PAUSE));
        archive(folder, &pause, SANDBOX, "1");
    }

    /// Hands both to a containerd.
    pub(crate) fn import(folder: &Path, socket: &Path) {
        for name in [WEBHOOK, SANDBOX] {
            run(Command::new("ctr")
                .arg("--address")
                .arg(socket)
                .args([
                    "--namespace",
                    "k8s.io",
                    "images",
                    "import",
                    "--base-name",
                    name,
                ])
                .arg(folder.join(format!("{}.tar", name.replace('/', "-")))));
        }
    }
}

fn archive(folder: &Path, binary: &Path, name: &str, version: &str) {
    let layout = folder.join("layout");
    run(Command::new(BUILD)
        .args(["--revision", "tested", "--version", version, "--binary"])
        .arg(binary)
        .arg("--out")
        .arg(&layout));
    let file = folder.join(format!("{}.tar", name.replace('/', "-")));
    run(Command::new("tar")
        .arg("-C")
        .arg(&layout)
        .arg("-cf")
        .arg(file)
        .arg("."));
    std::fs::remove_dir_all(layout).unwrap();
}

pub(crate) fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}

/// As the kubelet spells `palette-rbac`.
const WEBHOOK: &str = "docker.io/library/palette-rbac";
const SANDBOX: &str = "localhost/pause";
/// What the sandbox's image is called with its tag.
pub(crate) const SANDBOX_IMAGE: &str = "localhost/pause:1";
const BUILD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/image/build");
const PAUSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/pause.rs");
