//! What a decision is made by.

use jiff::Timestamp;

use crate::facts::Cluster;
use crate::rulebook::Rulebook;

/// All that a decision is made by, the request aside; the engine asks no clock and no cluster.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// The policy and the directory, resolved against each other.
    pub rulebook: &'c Rulebook,
    /// What is known of the cluster.
    pub cluster: Cluster<'c>,
    /// The time: exemptions run out, and a directory grows stale.
    pub now: Timestamp,
}

impl<'c> Context<'c> {
    /// A context of these three.
    pub const fn new(rulebook: &'c Rulebook, cluster: Cluster<'c>, now: Timestamp) -> Self {
        Self {
            rulebook,
            cluster,
            now,
        }
    }
}
