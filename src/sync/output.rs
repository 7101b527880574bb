//! Where snapshots are kept: files and Secrets. Each is swapped whole, and tells what it holds.

mod file;
mod secret;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::Timestamp;
use kube::Client;

use crate::directory::Snapshot;
use crate::sources::snapshots::{Content, SecretName};

pub use secret::Notes;

/// Where a snapshot is kept, as it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputName {
    /// `file:PATH`.
    File(PathBuf),
    /// `secret:NAMESPACE/NAME`.
    Secret(SecretName),
}

impl FromStr for OutputName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("secret", name)) => Ok(Self::Secret(name.parse()?)),
            _ => Err(format!(
                "`{text}` is neither `file:PATH` nor `secret:NAMESPACE/NAME`"
            )),
        }
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Secret(name) => name.fmt(f),
        }
    }
}

/// A place that can be written.
pub enum Output {
    /// A file.
    File(PathBuf),
    /// Secrets.
    Secret(Box<secret::SecretOutput>),
}

/// What a place holds.
#[derive(Debug)]
pub struct Kept {
    /// The snapshot, without its time.
    pub snapshot: Snapshot,
    /// When it was true.
    pub as_of: Timestamp,
    /// The digest of its text.
    pub digest: String,
}

/// Why a place cannot be read or written; `file:PATH: …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{output}: {reason}")]
pub struct OutputError {
    /// The place.
    pub output: String,
    /// Why.
    pub reason: String,
}

impl Output {
    /// The place of that name; a Secret needs a cluster.
    pub fn new(name: &OutputName, client: Option<&Client>) -> Result<Self, OutputError> {
        match (name, client) {
            (OutputName::File(path), _) => Ok(Self::File(path.clone())),
            (OutputName::Secret(secret), Some(client)) => {
                let secret = secret::SecretOutput::new(client, secret.clone());
                Ok(Self::Secret(Box::new(secret)))
            }
            (OutputName::Secret(_), None) => Err(OutputError {
                output: name.to_string(),
                reason: "there is no cluster to write it to; --kubeconfig names one".to_owned(),
            }),
        }
    }

    /// What it holds; nothing where nothing was ever written.
    pub async fn kept(&self) -> Result<Option<Kept>, OutputError> {
        let kept = match self {
            Self::File(path) => file::kept(path),
            Self::Secret(secret) => secret.kept().await,
        };
        kept.map_err(|reason| self.error(reason))
    }

    /// Holds this from now on. Where only the time is new, only that is written.
    pub async fn write(
        &self,
        snapshot: &Snapshot,
        content: &Content,
        as_of: Timestamp,
    ) -> Result<(), OutputError> {
        let written = match self {
            Self::File(path) => file::write(path, snapshot, as_of),
            Self::Secret(secret) => secret.write(content, as_of).await,
        };
        written.map_err(|reason| self.error(reason))
    }

    /// What somebody wrote beside it for us.
    pub async fn notes(&self) -> Result<Option<Notes>, OutputError> {
        match self {
            Self::File(_) => Ok(None),
            Self::Secret(secret) => {
                let notes = secret.notes().await;
                notes.map(Some).map_err(|reason| self.error(reason))
            }
        }
    }

    fn error(&self, reason: String) -> OutputError {
        let output = match self {
            Self::File(path) => format!("file:{}", path.display()),
            Self::Secret(secret) => secret.name.to_string(),
        };
        OutputError { output, reason }
    }
}
