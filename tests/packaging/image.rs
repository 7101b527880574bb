//! The image that `image/build` makes from nothing: the same twice, with what it needs, and it runs with no rights at all.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// An image layout, of the program as it was built for the tests.
struct Image {
    folder: TempDir,
    digest: String,
}

impl Image {
    /// None where the machine has not what it takes.
    fn build() -> Option<Self> {
        let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !["python3", "strip", "ldd"].into_iter().all(has) {
            skipped("no python3 or no binutils; `.ci/setup --image` installs them");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("palette-rbac");
        // Without what debuggers want it is packed in a second, and like the released one.
        let stripped = Command::new("strip")
            .arg("-o")
            .arg(&binary)
            .arg(env!("CARGO_BIN_EXE_palette-rbac"))
            .status();
        assert!(stripped.unwrap().success());
        let built = Command::new(Path::new(crate::ROOT).join("image/build"))
            .args(["--version", "0.0.0", "--revision", "tested", "--binary"])
            .arg(binary)
            .arg("--out")
            .arg(folder.path().join("image"))
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let said = String::from_utf8(built.stdout).unwrap();
        let digest = said.split(' ').nth(1).unwrap().to_owned();
        Some(Self { folder, digest })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("image").join(path)
    }

    /// A blob, which must be what its name says.
    fn blob(&self, reference: &Value) -> Vec<u8> {
        let digest = reference["digest"]
            .as_str()
            .unwrap()
            .strip_prefix("sha256:")
            .unwrap();
        let content = fs::read(self.path("blobs/sha256").join(digest)).unwrap();
        let mut found = String::new();
        for byte in Sha256::digest(&content) {
            write!(found, "{byte:02x}").unwrap();
        }
        assert_eq!(found, digest);
        assert_eq!(content.len() as u64, reference["size"].as_u64().unwrap());
        content
    }

    fn manifest(&self) -> Value {
        let index: Value =
            serde_json::from_slice(&fs::read(self.path("index.json")).unwrap()).unwrap();
        assert_eq!(index["manifests"][0]["digest"], self.digest);
        serde_json::from_slice(&self.blob(&index["manifests"][0])).unwrap()
    }

    /// The root file system.
    fn unpack(&self) -> PathBuf {
        let root = self.folder.path().join("rootfs");
        fs::create_dir(&root).unwrap();
        let layer = self.folder.path().join("layer.tar.gz");
        fs::write(&layer, self.blob(&self.manifest()["layers"][0])).unwrap();
        let unpacked = Command::new("tar")
            .arg("xzf")
            .arg(layer)
            .arg("-C")
            .arg(&root)
            .status();
        assert!(unpacked.unwrap().success());
        root
    }
}

#[test]
fn the_same_binary_makes_the_same_image() {
    let (Some(one), Some(other)) = (Image::build(), Image::build()) else {
        return;
    };
    assert_eq!(one.digest, other.digest);
}

#[test]
fn it_says_what_it_is_and_has_what_it_needs_and_no_more() {
    let Some(image) = Image::build() else {
        return;
    };
    let config: Value = serde_json::from_slice(&image.blob(&image.manifest()["config"])).unwrap();
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(
        config["config"]["Entrypoint"],
        json!(["/usr/bin/palette-rbac"])
    );
    let labels = &config["config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.licenses"], "Apache-2.0");
    assert_eq!(labels["org.opencontainers.image.revision"], "tested");
    let root = image.unpack();
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(&root).unwrap() {
        folders.insert(entry.unwrap().file_name().into_string().unwrap());
    }
    // No shell, no package manager, nothing to write to.
    let expected = BTreeSet::from(["etc", "lib", "lib64", "usr"].map(str::to_owned));
    assert!(folders.is_subset(&expected), "{folders:?}");
    let programs = fs::read_dir(root.join("usr/bin")).unwrap().count();
    assert_eq!(programs, 1);
    assert!(
        root.join("usr/share/licenses/palette-rbac/LICENSE")
            .is_file()
    );
    assert!(root.join("etc/ssl/certs/ca-certificates.crt").is_file());
}

/// As a pod that is restricted: nobody, read-only, without capabilities, without a way to more rights.
#[test]
fn it_runs_under_a_real_runtime_without_any_rights() {
    if Command::new("runc").arg("--version").output().is_err() {
        return skipped("no runc; `.ci/setup --image` installs it");
    }
    let Some(image) = Image::build() else {
        return;
    };
    image.unpack();
    let bundle = image.folder.path();
    fs::write(bundle.join("config.json"), specification().to_string()).unwrap();
    let name = format!("palette-rbac-test-{}", std::process::id());
    let mut running = Command::new("runc")
        .args(["run", "--bundle"])
        .arg(bundle)
        .arg(&name)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut said = Vec::new();
    let is_serving = lines.by_ref().any(|line| {
        said.push(line.clone());
        line.contains(r#""message":"serving""#)
    });
    let said = said.join("\n");
    if !is_serving {
        running.wait().unwrap();
        let is_the_machine = ["cgroup", "operation not permitted", "permission denied"];
        if is_the_machine.iter().any(|reason| said.contains(reason)) {
            return skipped(&format!(
                "containers cannot be made on this machine: {said}"
            ));
        }
    }
    assert!(is_serving, "{said}");
    let end = Command::new("runc").args(["kill", &name, "TERM"]).status();
    assert!(end.unwrap().success());
    lines.for_each(drop);
    assert!(running.wait().unwrap().success());
}

fn specification() -> Value {
    let none: [&str; 0] = [];
    let namespaces = ["pid", "mount", "ipc", "uts"].map(|kind| json!({ "type": kind }));
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": 65532, "gid": 65532 },
            "args": ["/usr/bin/palette-rbac", "serve", "--dev", "--log-format", "json",
                "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
            "env": ["PATH=/usr/bin"],
            "cwd": "/",
            "noNewPrivileges": true,
            "capabilities": { "bounding": none, "effective": none, "permitted": none, "ambient": none },
        },
        "root": { "path": "rootfs", "readonly": true },
        "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc" }],
        "linux": { "namespaces": namespaces },
    })
}

/// What `eprintln!` prints is kept back for tests that pass.
fn skipped(what: &str) {
    io::Write::write_all(&mut io::stderr(), format!("skipped: {what}\n").as_bytes()).unwrap();
}
