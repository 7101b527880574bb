//! Which files a path stands for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Problem, is_standard_input};

/// What a path stands for.
#[derive(Debug, Default)]
pub(super) struct FoundPath {
    /// In the order of their names.
    pub(super) files: Vec<PathBuf>,
    /// Links to folders, which are not followed.
    pub(super) left_out: Vec<PathBuf>,
}

/// The files that a path stands for: itself, or every manifest below it.
pub(super) fn files(path: &Path) -> Result<FoundPath, Problem> {
    let mut found = FoundPath::default();
    if is_standard_input(path) || !path.is_dir() {
        // A file that is not there is reported when it is read.
        found.files.push(path.to_owned());
        return Ok(found);
    }
    found.collect(path)?;
    if found.files.is_empty() {
        return Err(Problem::EmptyFolder(path.to_owned()));
    }
    Ok(found)
}

impl FoundPath {
    /// A mounted `ConfigMap` has its files twice: behind the link `..data`, and as links through it. The folder behind
    /// is left out, so that each is read once.
    fn collect(&mut self, folder: &Path) -> Result<(), Problem> {
        let is_mounted = is_link_to_folder(&folder.join(MOUNTED));
        for path in sorted(folder).map_err(|error| unreadable(folder, &error))? {
            if is_mounted && is_behind_mount(&path) {
                continue;
            }
            if is_link_to_folder(&path) {
                self.left_out.push(path);
            } else if path.is_dir() {
                self.collect(&path)?;
            } else if is_manifest(&path) {
                self.files.push(path);
            }
        }
        Ok(())
    }
}

/// `..data`, and `..2026_11_26_06_40_00.123`, which it leads to.
fn is_behind_mount(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(".."))
}

/// kubectl does not follow it: it may lead in a circle.
fn is_link_to_folder(path: &Path) -> bool {
    path.is_symlink() && path.is_dir()
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::Unreadable {
        file: path.display().to_string(),
        reason: error.to_string(),
    }
}

/// Those that kubectl reads in a folder.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// The link that a kubelet moves when a mounted `ConfigMap` or Secret changes (`pkg/volume/util/atomic_writer.go`).
const MOUNTED: &str = "..data";
