//! Where `etcd`, `kube-apiserver`, `kubectl` and `kube-controller-manager` are found.

use std::path::PathBuf;
use std::process::Command;

/// The programs of a control plane.
#[derive(Debug, Clone)]
pub(crate) struct Assets {
    pub(crate) etcd: PathBuf,
    pub(crate) kube_apiserver: PathBuf,
    pub(crate) kubectl: PathBuf,
    /// Not in every set, since only one test needs it.
    pub(crate) kube_controller_manager: Option<PathBuf>,
}

impl Assets {
    /// The first complete set of: `KUBEBUILDER_ASSETS`, our own cache, what `setup-envtest` downloaded.
    pub(crate) fn find() -> Option<Self> {
        let output = Command::new(SCRIPT).arg("find").output().ok()?;
        let found = String::from_utf8(output.stdout).ok()?;
        let folder = Some(PathBuf::from(found.trim_end())).filter(|_| output.status.success())?;
        Some(Self {
            etcd: folder.join("etcd"),
            kube_apiserver: folder.join("kube-apiserver"),
            kubectl: folder.join("kubectl"),
            kube_controller_manager: Some(folder.join("kube-controller-manager"))
                .filter(|program| program.is_file()),
        })
    }
}

/// The script that finds and builds them.
pub(crate) const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/e2e/control-plane/assets"
);
