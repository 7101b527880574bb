//! Where `etcd`, `kube-apiserver` and `kubectl` are found.

use std::cmp::Reverse;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The three programs of a control plane.
#[derive(Debug, Clone)]
pub(crate) struct Assets {
    pub(crate) etcd: PathBuf,
    pub(crate) kube_apiserver: PathBuf,
    pub(crate) kubectl: PathBuf,
}

impl Assets {
    /// The first complete set of: `KUBEBUILDER_ASSETS`, our own cache, what `setup-envtest` downloaded.
    pub(crate) fn find() -> Option<Self> {
        if let Some(named) = env::var_os("KUBEBUILDER_ASSETS") {
            // Whoever names a folder wants that one: another in its place would hide the mistake.
            return Self::in_folder(Path::new(&named));
        }
        built()
            .into_iter()
            .chain(downloaded())
            .find_map(|folder| Self::in_folder(&folder))
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        let program = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
        Some(Self {
            etcd: program("etcd")?,
            kube_apiserver: program("kube-apiserver")?,
            kubectl: program("kubectl")?,
        })
    }
}

/// The script that builds them into the cache.
pub(crate) const BUILD: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/control-plane/build");

/// The folder of our own build, whether or not it is there.
fn built() -> Option<PathBuf> {
    let output = Command::new(BUILD).arg("path").output().ok()?;
    Some(PathBuf::from(
        String::from_utf8(output.stdout).ok()?.trim_end(),
    ))
}

/// The folders of `setup-envtest`, the newest version first.
fn downloaded() -> Vec<PathBuf> {
    let data = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".local/share")));
    let mut folders: Vec<_> = data
        .and_then(|data| data.join("kubebuilder-envtest/k8s").read_dir().ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort_by_key(|folder| Reverse(version(folder)));
    folders
}

/// `1.36.2-linux-amd64` as numbers, so that 1.36 is newer than 1.9.
fn version(folder: &Path) -> Vec<u32> {
    let name = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let number = name.split('-').next().unwrap_or_default();
    number
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect()
}
