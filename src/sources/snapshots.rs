//! Directories that `sync` made: how they lie in Secrets, and how a replica follows them there or at the hub.
//!
//! A snapshot counts whole or not at all: its text has a digest, which is compared before anything is made of it.

mod cache;
mod content;
mod hub;
mod secret;

pub use cache::SnapshotCache;
pub(crate) use cache::replace;
pub use content::{Content, Deflated, Delivered};
pub use hub::{AS_OF_HEADER, HubOptions, follow_hub};
pub use secret::{Pointer, SecretName, follow_secret, pointer_of, read_secret};

use std::path::PathBuf;

use super::SourceError;

/// A snapshot that is not to be had, with why.
pub(super) fn unreadable(what: &str, reason: &(impl ToString + ?Sized)) -> SourceError {
    SourceError::Unreadable {
        path: PathBuf::from(what),
        reason: reason.to_string(),
    }
}
