//! The last good snapshot in a file, so that a replica that starts goes on where it cannot be had.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content::{Content, Delivered};

/// A file that holds the last good snapshot.
#[derive(Debug, Clone)]
pub struct SnapshotCache(PathBuf);

#[derive(Serialize, Deserialize)]
struct Head {
    sha256: String,
    as_of: Timestamp,
}

impl SnapshotCache {
    /// In this file.
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Keeps it, instead of what was there.
    pub fn keep(&self, delivered: &Delivered) -> io::Result<()> {
        let content = Content::pack(&delivered.text)?;
        let head = Head {
            sha256: content.digest,
            as_of: delivered.as_of,
        };
        let mut bytes = serde_json::to_vec(&head)?;
        bytes.push(b'\n');
        bytes.extend(content.packed);
        replace(&self.0, &bytes)
    }

    /// What was kept, if it is whole.
    pub fn read(&self, limit: usize) -> Result<Delivered, String> {
        let shown = self.0.display();
        let bytes = fs::read(&self.0).map_err(|error| format!("`{shown}`: {error}"))?;
        let not_ours = || format!("`{shown}`: not a snapshot that was kept");
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or_else(not_ours)?;
        let (head, packed) = bytes.split_at(end);
        let head: Head = serde_json::from_slice(head).map_err(|_| not_ours())?;
        let content = Content {
            packed: packed.get(1..).unwrap_or_default().to_vec(),
            digest: head.sha256,
        };
        let text = content
            .unpack(limit)
            .map_err(|reason| format!("`{shown}`: {reason}"))?;
        Ok(Delivered {
            text,
            as_of: head.as_of,
        })
    }
}

/// By a new file and a rename, so that nobody ever reads half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let new = folder.join(format!(
        ".{}.{}",
        name.to_string_lossy(),
        std::process::id()
    ));
    let written = fs::File::create(&new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    });
    if written.is_err() {
        // Half of it helps nobody; that the first error is told is enough.
        let _ = fs::remove_file(&new);
    }
    written
}
