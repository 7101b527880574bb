//! Where policies, directories and certificates come from: files, read when their content changes; and the cluster's
//! roles and bindings, from its API server.
//!
//! Values out; nothing here swaps what requests see, counts or logs.

mod certificate;
mod client_ca;
pub mod cluster;
mod documents;
mod files;
mod issue;
pub(crate) mod manifests;
pub mod palette;
pub mod snapshots;

use std::path::PathBuf;

pub use certificate::{CertificateRequirements, ServingCertificate, is_for};
pub use client_ca::ClientTrust;
pub use documents::{DirectoryRead, PolicyRead, lint_directory, lint_policy};
pub use files::Watched;
pub use issue::{Authority, DevelopmentCertificates, Leaf};

/// Why an input cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The system does not hand it over.
    #[error("cannot read `{}`: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// It was read and has mistakes: each a line for people.
    #[error("{}", .0.join("\n"))]
    Rejected(Vec<String>),
}
