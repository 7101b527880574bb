//! What a node needs of the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::control_plane::SCRIPT;

/// The programs of a node and its control plane.
pub(crate) struct Machine {
    /// etcd, kube-apiserver, kubectl, kube-controller-manager, kube-scheduler, kubelet, kube-proxy.
    pub(crate) programs: PathBuf,
    pub(crate) helm: PathBuf,
}

impl Machine {
    /// Or what is missing.
    pub(crate) fn find() -> Result<Self, String> {
        let id = Command::new("id").arg("-u").output();
        if id.ok().is_none_or(|id| id.stdout != b"0\n") {
            return Err("only root may make one".to_owned());
        }
        for program in ["containerd", "ctr", "runc", "nft", "ip", "unshare"] {
            let found = Command::new("sh")
                .args(["-c", &format!("command -v {program}")])
                .output();
            if !found.is_ok_and(|found| found.status.success()) {
                return Err(format!("{program} is missing"));
            }
        }
        if !Path::new(CNI).join("bridge").exists() {
            return Err(format!("no CNI plugins in {CNI}"));
        }
        let namespaces = [
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "true",
        ];
        let unshared = Command::new("unshare").args(namespaces).status();
        if !unshared.is_ok_and(|status| status.success()) {
            return Err(format!("{CANNOT}: no namespaces"));
        }
        // A folder of its own, which no other test looks at.
        let is_v2 = Path::new(CGROUPS).join("cgroup.controllers").exists();
        let cgroups: Vec<_> = if is_v2 {
            vec![PathBuf::from(CGROUPS)]
        } else {
            hierarchies().collect()
        };
        let can_write = |root: &PathBuf| {
            let probe = root.join(format!("palette-rbac-probe-{}", std::process::id()));
            fs::create_dir(&probe)
                .and_then(|()| fs::remove_dir(&probe))
                .is_ok()
        };
        if cgroups.is_empty() || !cgroups.iter().all(can_write) {
            return Err(format!("{CANNOT}: no cgroups"));
        }
        Ok(Self {
            programs: printed(SCRIPT, &["find", "node"]).ok_or("no kubelet has been built")?,
            helm: Self::helm()?,
        })
    }

    /// Helm needs nothing else.
    pub(crate) fn helm() -> Result<PathBuf, String> {
        printed(ASSETS, &["find"]).ok_or_else(|| "Helm is missing".to_owned())
    }

    /// cert-manager and the published CRDs, which `make cert-manager` brings; nothing else needs them.
    pub(crate) fn cert_manager() -> Option<PathBuf> {
        printed(ASSETS, &["cert-manager"])
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

fn printed(script: &str, arguments: &[&str]) -> Option<PathBuf> {
    let output = Command::new(script).args(arguments).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| PathBuf::from(path.trim_end()))
}

/// The cgroups below which the kubelet makes those of its pods: one for each hierarchy of the machine.
pub(crate) fn make_cgroups(node: &str) -> String {
    if Path::new(CGROUPS).join("cgroup.controllers").exists() {
        enable_controllers(Path::new(CGROUPS));
        for folder in [group(), format!("{}/{node}", group())] {
            let folder = Path::new(CGROUPS).join(folder);
            fs::create_dir_all(&folder).unwrap();
            enable_controllers(&folder);
        }
    }
    for hierarchy in hierarchies() {
        for folder in [hierarchy.join(group()), hierarchy.join(group()).join(node)] {
            fs::create_dir_all(&folder).unwrap();
            // A cgroup of version 1 begins without a processor.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if let Ok(allowed) = fs::read(folder.parent().unwrap().join(file))
                    && folder.join(file).exists()
                {
                    fs::write(folder.join(file), allowed).unwrap();
                }
            }
        }
    }
    format!("/{}/{node}", group())
}

/// Named by the process that made the namespaces: a kubelet ends what it does not know below its own.
pub(crate) fn group() -> String {
    let owner = std::env::var_os(OWNER).and_then(|owner| owner.into_string().ok());
    let owner = owner.unwrap_or_else(|| std::process::id().to_string());
    format!("palette-rbac-test-{owner}")
}

fn enable_controllers(folder: &Path) {
    for controller in ["+cpu", "+cpuset", "+memory", "+pids"] {
        // Those that the machine lacks, the kubelet says.
        let _ = fs::write(folder.join("cgroup.subtree_control"), controller);
    }
}

/// Once nothing runs in them any more.
pub(crate) fn remove_cgroups() {
    let mut roots: Vec<_> = hierarchies()
        .map(|hierarchy| hierarchy.join(group()))
        .collect();
    roots.push(Path::new(CGROUPS).join(group()));
    for root in roots {
        // The kernel lets go of them a moment after their last process.
        for _ in 0..100 {
            remove(&root);
            if !root.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

fn remove(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}

fn hierarchies() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(CGROUPS).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path());
    let is_unified = Path::new(CGROUPS).join("cgroup.controllers").exists();
    folders.filter(move |folder| !is_unified && folder.join("cgroup.procs").exists())
}

/// The variable that says which process that was.
pub(crate) const OWNER: &str = "PALETTE_RBAC_TEST_NODE_OWNER";
/// How what no package would bring begins.
pub(crate) const CANNOT: &str = "this machine cannot make one";
pub(crate) const CNI: &str = "/usr/lib/cni";
const CGROUPS: &str = "/sys/fs/cgroup";
const ASSETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/assets");
