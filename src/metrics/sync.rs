//! What `sync` tells Prometheus.

use std::time::Duration;

use enum_map::EnumMap;
use jiff::Timestamp;
use prometheus::process_collector::ProcessCollector;
use prometheus::{Gauge, IntCounterVec, IntGauge, Registry, TextEncoder};

use super::family::{Family, opts};
use super::labels::{
    ChangeKind, Endpoint, HubResult, ReloadResult, Reloaded, RequestResult, SyncResult,
};
use super::observers::{LeaderObserver, ReloadObserver};
use super::{build_info, gauge, time_gauge};
use crate::domain::Word;

/// Every metric of `sync`, as handles, in a registry of their own.
pub struct SyncMetrics {
    registry: Registry,
    requests: EnumMap<Endpoint, Family<RequestResult>>,
    syncs: Family<SyncResult>,
    changes: Family<ChangeKind>,
    hub: Family<HubResult>,
    last_success: Gauge,
    duration: Gauge,
    held: IntGauge,
    left_out: IntGauge,
    key_not_after: Gauge,
    leader: IntGauge,
}

impl SyncMetrics {
    /// Registers every metric, each series at 0.
    ///
    /// Fails only if two metrics share a name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        build_info(&registry)?;
        let help =
            "Requests to Palette, each try for itself, by what was asked and what became of it.";
        let requests = IntCounterVec::new(
            opts("palette_requests_total", help),
            &["endpoint", "result"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        Ok(Self {
            requests: EnumMap::from_fn(|endpoint: Endpoint| {
                Family::within(&requests, &[endpoint.as_str()])
            }),
            syncs: Family::register(&registry, "syncs_total", "Syncs, by what became of them.")?,
            changes: Family::register(
                &registry,
                "sync_changes_total",
                "Users and teams that hold more, hold less or are called otherwise than in the snapshot before.",
            )?,
            hub: Family::register(
                &registry,
                "hub_requests_total",
                "Requests of clusters for their snapshots, by what they were answered.",
            )?,
            last_success: time_gauge(
                &registry,
                "sync_last_success_timestamp_seconds",
                "When the last whole, verified reading that is in force began; 0 before the first.",
            )?,
            duration: time_gauge(
                &registry,
                "sync_duration_seconds",
                "How long the last whole reading took.",
            )?,
            held: gauge(
                &registry,
                "sync_held",
                "1 while a snapshot that would take too much away waits for a person.",
            )?,
            left_out: gauge(
                &registry,
                "sync_left_out",
                "Objects of Palette that no directory can hold, as two users of one name.",
            )?,
            key_not_after: time_gauge(
                &registry,
                "palette_key_not_after_timestamp_seconds",
                "When the first of the API keys of the key's user runs out; 0 where Palette does not say.",
            )?,
            leader: gauge(
                &registry,
                "sync_leader",
                "1 while this replica is the one that reads Palette.",
            )?,
            registry,
        })
    }

    /// Counts one try of a request.
    pub fn request(&self, endpoint: Endpoint, result: RequestResult) {
        self.requests[endpoint].count(result);
    }

    /// Counts a sync. What is held back stays so until a sync has a result.
    pub fn synced(&self, result: SyncResult) {
        self.syncs.count(result);
        match result {
            SyncResult::Held => self.held.set(1),
            SyncResult::Written | SyncResult::Unchanged => self.held.set(0),
            SyncResult::Failed | SyncResult::NotWritten => {}
        }
    }

    /// Notes a whole reading that is in force: when it began.
    pub fn is_in_force(&self, began: Timestamp) {
        self.last_success.set(began.as_duration().as_secs_f64());
    }

    /// Notes how long a whole reading took.
    pub fn read(&self, took: Duration) {
        self.duration.set(took.as_secs_f64());
    }

    /// Counts users and teams whose roles or names changed.
    pub fn changed(&self, kind: ChangeKind, count: usize) {
        for _ in 0..count {
            self.changes.count(kind);
        }
    }

    /// Notes how many objects no directory can hold.
    pub fn left_out(&self, count: usize) {
        self.left_out.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Notes when the key runs out.
    pub fn key_runs_out(&self, at: Timestamp) {
        self.key_not_after.set(at.as_duration().as_secs_f64());
    }

    /// Counts an answer to a cluster that asked for its snapshot.
    pub fn hub_answered(&self, result: HubResult) {
        self.hub.count(result);
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

impl LeaderObserver for SyncMetrics {
    fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    fn failed(&self) {}
}

/// Of the hub's certificate; the log tells.
impl ReloadObserver for SyncMetrics {
    fn reloaded(&self, _: Reloaded, _: ReloadResult) {}
}
