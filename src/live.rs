//! What is swapped while requests run: a pointer to policy and directory, one to the cluster's roles and bindings, one to
//! what connections are met with.
//!
//! Each is taken once, by a request or by a connection. Nothing here listens, and what scans the cluster
//! asks the engine.

mod audit;
mod clients;
mod cluster;
mod pending;
mod reload;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::facts::View;
use crate::metrics::{FindingCounters, Metrics};
use crate::policy::Membership;
use crate::rulebook::{Contradiction, Rulebook};

pub use audit::{Audited, Auditor};
pub use clients::names_of_client;
pub use cluster::{ClusterStatus, ClusterWatch};
pub use pending::{Pending, Ticket};
pub use reload::{
    CertificateSource, Deliveries, DirectorySource, FirstDirectory, Follower, Reload,
    RulebookFiles, TlsFiles,
};
pub use tls::{Tls, TlsOptions, TlsVersion};

/// What requests are judged by.
pub struct Live {
    current: ArcSwap<Current>,
    /// Absent while the cluster's roles are not known: they are judged by name.
    view: ArcSwapOption<View>,
    cluster: ArcSwap<ClusterStatus>,
    /// When the API server last said anything, in milliseconds since 1970; 0 before it did.
    cluster_answered: AtomicI64,
    /// When the directory was last read without a fault, in milliseconds since 1970; 0 before it was.
    directory_read: AtomicI64,
    /// Told when what requests are judged by changes.
    changed: Notify,
    /// What requests are about to write.
    pub pending: Pending,
    /// What the last scan of the cluster found.
    audited: watch::Sender<Option<Arc<Audited>>>,
}

/// The rulebook and its counters, which change together.
pub struct Current {
    /// Policy and directory.
    pub rulebook: Rulebook,
    /// The counters of the policy's roles.
    pub findings: FindingCounters,
}

impl Live {
    /// Begins with a rulebook whose directory was read at `now`.
    pub fn new(rulebook: Rulebook, metrics: &Metrics, now: Timestamp) -> Self {
        let live = Self::without_directory(rulebook, metrics, now);
        live.directory_was_read(now);
        live
    }

    /// Begins with a policy, and without a directory.
    pub fn without_directory(rulebook: Rulebook, metrics: &Metrics, now: Timestamp) -> Self {
        Self {
            current: ArcSwap::from_pointee(Current::new(rulebook, metrics)),
            view: ArcSwapOption::empty(),
            cluster: ArcSwap::from_pointee(ClusterStatus::off(now)),
            cluster_answered: AtomicI64::new(0),
            directory_read: AtomicI64::new(0),
            changed: Notify::new(),
            pending: Pending::default(),
            audited: watch::Sender::new(None),
        }
    }

    /// What a request that arrives now is judged by, to its end.
    pub fn current(&self) -> Arc<Current> {
        self.current.load_full()
    }

    /// The cluster's roles and bindings, if they are known.
    pub fn view(&self) -> Option<Arc<View>> {
        self.view.load_full()
    }

    /// From now on requests are judged by this view.
    pub fn publish(&self, view: Arc<View>) {
        self.view.store(Some(view));
        self.changed.notify_one();
    }

    /// What the last scan of the cluster found, if there was one.
    pub fn audited(&self) -> Option<Arc<Audited>> {
        self.audited.borrow().clone()
    }

    /// Tells of each scan.
    pub fn audits(&self) -> watch::Receiver<Option<Arc<Audited>>> {
        self.audited.subscribe()
    }

    /// How the webhook stands with the cluster.
    pub fn cluster(&self) -> Arc<ClusterStatus> {
        self.cluster.load_full()
    }

    /// When the cluster's API server last said anything to the watch, if it did.
    pub fn cluster_last_contact(&self) -> Option<Timestamp> {
        let milliseconds = self.cluster_answered.load(Ordering::Relaxed);
        Timestamp::from_millisecond(milliseconds)
            .ok()
            .filter(|_| milliseconds != 0)
    }

    /// Whether there is a directory at all: before the first, everybody would hold nothing.
    pub fn has_directory(&self) -> bool {
        self.directory_read.load(Ordering::Relaxed) != 0
    }

    /// When the directory was last read without a fault.
    pub fn directory_read(&self) -> Timestamp {
        let milliseconds = self.directory_read.load(Ordering::Relaxed);
        Timestamp::from_millisecond(milliseconds).unwrap_or_default()
    }

    /// Waits for the next change of policy, directory or view since this was last asked. For a single waiter: the auditor.
    async fn changed(&self) {
        self.changed.notified().await;
    }

    fn was_audited(&self, audited: Audited) {
        self.audited.send_replace(Some(Arc::new(audited)));
    }

    fn cluster_is(&self, status: ClusterStatus) {
        self.cluster.store(Arc::new(status));
    }

    fn cluster_answered(&self, now: Timestamp) {
        let milliseconds = now.as_millisecond();
        self.cluster_answered.store(milliseconds, Ordering::Relaxed);
    }

    fn swap(&self, rulebook: Rulebook, metrics: &Metrics) {
        self.current
            .store(Arc::new(Current::new(rulebook, metrics)));
        self.changed.notify_one();
    }

    fn directory_was_read(&self, now: Timestamp) {
        let milliseconds = now.as_millisecond();
        self.directory_read.store(milliseconds, Ordering::Relaxed);
    }
}

impl Current {
    fn new(rulebook: Rulebook, metrics: &Metrics) -> Self {
        Self {
            findings: metrics.finding_counters(rulebook.policy()),
            rulebook,
        }
    }
}

/// What is not known of the cluster, and what that leaves out; and where the directory says otherwise than the policy.
pub fn notes(rulebook: &Rulebook) -> impl Iterator<Item = &'static str> {
    let cluster = rulebook.cluster();
    let project = (cluster.project == Membership::Unknown).then_some(PROJECT_UNKNOWN);
    let group = (cluster.cluster_group == Membership::Unknown).then_some(GROUP_UNKNOWN);
    let contradictions = rulebook.contradictions().map(|about| match about {
        Contradiction::Project => PROJECT_CONTRADICTED,
        Contradiction::ClusterGroup => GROUP_CONTRADICTED,
        Contradiction::Workspaces => WORKSPACES_CONTRADICTED,
    });
    [project, group].into_iter().flatten().chain(contradictions)
}

const PROJECT_UNKNOWN: &str = "the policy does not say the cluster's project (cluster.project): no project or workspace assignment counts";
const PROJECT_CONTRADICTED: &str = "the directory says another project of this cluster than the policy (cluster.project), which counts";
const GROUP_CONTRADICTED: &str = "the directory says another cluster group of this cluster than the policy (cluster.clusterGroup), which counts";
const WORKSPACES_CONTRADICTED: &str = "the directory says other workspaces of this cluster than the policy (cluster.workspaces), which count";
const GROUP_UNKNOWN: &str = "the policy does not say the cluster's group (cluster.clusterGroup): cluster-group-scope is not judged";
