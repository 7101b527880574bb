//! A snapshot in a file: the Directory document, as JSON.

use std::io::ErrorKind;
use std::path::Path;

use jiff::Timestamp;

use super::Kept;
use crate::directory::Snapshot;
use crate::sources::snapshots::{Content, replace};

/// What the file holds; a file of somebody else's is none of ours, and is not written over.
pub(super) fn kept(path: &Path) -> Result<Option<Kept>, String> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let not_ours = |reason: String| {
        format!(
            "it is there, and not a snapshot that `palette-rbac sync` wrote ({reason}): move it away first"
        )
    };
    let mut snapshot = Snapshot::from_json(&text).map_err(|error| not_ours(error.to_string()))?;
    let as_of = snapshot.as_of.take();
    let as_of = as_of.ok_or_else(|| not_ours("it has no asOf".to_owned()))?;
    let text = snapshot.to_json().map_err(|error| error.to_string())?;
    let content = Content::pack(&text).map_err(|error| error.to_string())?;
    Ok(Some(Kept {
        snapshot,
        as_of,
        digest: content.digest,
    }))
}

pub(super) fn write(path: &Path, snapshot: &Snapshot, as_of: Timestamp) -> Result<(), String> {
    let mut dated = snapshot.clone();
    dated.as_of = Some(as_of);
    let text = dated.to_json().map_err(|error| error.to_string())?;
    replace(path, &text).map_err(|error| error.to_string())
}
