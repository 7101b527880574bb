//! Who is told of what is counted, where the same part serves processes with different metrics.

use super::labels::{ReloadResult, Reloaded};

/// Who is told how it goes with the Lease.
pub trait LeaderObserver: Send + Sync {
    /// Whether this replica leads.
    fn leads(&self, leads: bool);
    /// The Lease cannot be had from the API server.
    fn failed(&self);
}

/// Who is told what becomes of changes of inputs.
pub trait ReloadObserver: Send + Sync {
    /// A change of that input was seen.
    fn reloaded(&self, what: Reloaded, result: ReloadResult);
}
