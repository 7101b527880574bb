use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Problem, is_standard_input};

/// The files that a path stands for: itself, or every manifest below it, in the order of their names.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    if is_standard_input(path) || !path.is_dir() {
        // A file that is not there is reported when it is read.
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    collect(path, &mut files)?;
    if files.is_empty() {
        return Err(Problem::EmptyFolder(path.to_owned()));
    }
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    for path in sorted(folder).map_err(|error| unreadable(folder, &error))? {
        if is_folder(&path) {
            collect(&path, files)?;
        } else if is_manifest(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// A link to a folder is not followed, as with kubectl: it may lead in a circle.
fn is_folder(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|metadata| metadata.is_dir())
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) && !path.is_dir()
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::Unreadable {
        file: path.display().to_string(),
        reason: error.to_string(),
    }
}

/// Those that kubectl reads in a folder.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];
