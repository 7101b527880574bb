//! Why a sync has no result.

use std::time::Duration;

use crate::sources::palette::{ApiError, ListError};

/// Why Palette was not read to the end, or not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// A request that failed for good.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A list that was never whole.
    #[error(transparent)]
    List(#[from] ListError),
    /// It took too long.
    #[error("Palette was not read within {} s (--sync-timeout)", .0.as_secs())]
    Timeout(Duration),
    /// The key sees less than there is.
    #[error(
        "the key does not see all of the tenant: {0}; give its user the tenant role Tenant Viewer"
    )]
    Weak(String),
    /// No such cluster.
    #[error(
        "Palette has no cluster with uid `{0}` (--cluster-uid), or the key does not see it; the uid is in the address of \
         the cluster's page in Palette"
    )]
    NoCluster(String),
    /// What it makes is no directory.
    #[error("what Palette says makes no directory: {0}")]
    NoDirectory(String),
}
