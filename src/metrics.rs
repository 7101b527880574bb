//! What Prometheus is told: one struct, a registry of our own, every handle resolved before the first request.
//!
//! Labels come from closed sets only. Nothing here decides, logs or reads a file.

mod audit;
mod cluster;
mod family;
mod findings;
mod labels;
mod observers;
mod reviews;
mod sync;

use std::time::Duration;

use enum_map::EnumMap;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    TextEncoder,
};
use strum::IntoEnumIterator;

use crate::domain::{Rule, Word};
use crate::policy::Policy;
use crate::review::Outcome;
use crate::rulebook::Contradiction;

use audit::AuditGauges;
pub use audit::AuditSnapshot;
use cluster::ClusterGauges;
pub use cluster::ClusterSnapshot;
use family::{Family, opts};
pub use findings::FindingCounters;
pub use labels::{
    ChangeKind, ClusterState, Endpoint, Handshake, HubResult, Label, ReferenceState, Rejection,
    ReloadResult, Reloaded, ReportResult, RequestResult, RoleReadResult, SyncResult,
};
use labels::{LetThroughBy, SubjectsOf};
pub use observers::{LeaderObserver, ReloadObserver};
use reviews::Reviews;
pub use sync::SyncMetrics;

/// Every metric of the service, as handles.
pub struct Metrics {
    registry: Registry,
    reviews: Reviews,
    findings: IntCounterVec,
    duration: Histogram,
    unjudged: Family<Rule>,
    exemptions: Family<LetThroughBy>,
    rejected: Family<Rejection>,
    handshakes: Family<Handshake>,
    reloads: EnumMap<Reloaded, Reloads>,
    role_reads: Family<RoleReadResult>,
    reports: Family<ReportResult>,
    leader: IntGauge,
    in_flight: IntGauge,
    accept_errors: IntCounter,
    late_findings: IntCounter,
    log_lines_dropped: IntCounter,
    state: StateGauges,
}

/// What is true now rather than counted: set when Prometheus asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The policy's revision.
    pub policy_revision: String,
    /// Whether the directory is older than the policy allows.
    pub directory_is_stale: bool,
    /// When the directory was last read without a fault, in seconds since 1970.
    pub directory_last_success: f64,
    /// How many users the directory has.
    pub directory_users: usize,
    /// How many teams it has.
    pub directory_teams: usize,
    /// What of the cluster the directory says otherwise than the policy.
    pub contradictions: Vec<Contradiction>,
    /// When the serving certificate runs out, in seconds since 1970.
    pub certificate_not_after: f64,
    /// What is known of the cluster.
    pub cluster: ClusterSnapshot,
    /// What the last scan found.
    pub audit: AuditSnapshot,
    /// Log lines that were left out because the log's reader was too slow, in all.
    pub log_lines_dropped: u64,
}

/// What became of the changes of one input.
struct Reloads {
    results: Family<ReloadResult>,
    last_was_taken: IntGauge,
}

struct StateGauges {
    // Held while a scrape sets and gathers, so that no other scrape sees a revision between two.
    scrape: std::sync::Mutex<()>,
    policy_info: IntGaugeVec,
    directory_stale: IntGauge,
    directory_last_success: Gauge,
    directory_subjects: IntGaugeVec,
    contradictions: IntGaugeVec,
    certificate_not_after: Gauge,
    cluster: ClusterGauges,
    audit: AuditGauges,
}

impl Metrics {
    /// Registers every metric, each series at 0.
    ///
    /// Fails only if two metrics share a name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        build_info(&registry)?;
        Ok(Self {
            reviews: Reviews::register(&registry)?,
            findings: findings::register(&registry)?,
            duration: duration(&registry)?,
            unjudged: Family::register(
                &registry,
                "unjudged_total",
                "Requests that a rule which is on could not judge, since what it asks about is not known.",
            )?,
            exemptions: Family::register(
                &registry,
                "exemptions_total",
                "Requests in which an exemption or a break-glass group let a finding through.",
            )?,
            rejected: Family::register(
                &registry,
                "http_rejected_total",
                "Requests that were answered before any review, by reason.",
            )?,
            handshakes: Family::register(
                &registry,
                "tls_handshakes_total",
                "TLS handshakes, by result.",
            )?,
            reloads: reloads(&registry)?,
            role_reads: Family::register(
                &registry,
                "role_reads_total",
                "Roles that were asked of the API server while a request waited, by what it said.",
            )?,
            reports: Family::register(
                &registry,
                "reports_total",
                "Reports of the audit in the cluster, by what was done with them.",
            )?,
            leader: gauge(
                &registry,
                "leader",
                "1 while this replica leads: it writes the reports of the audit, and keeps the certificates where it is to.",
            )?,
            in_flight: gauge(
                &registry,
                "in_flight_requests",
                "Reviews that are being read, judged or answered.",
            )?,
            accept_errors: counter(
                &registry,
                "accept_errors_total",
                "Connections that the system could not hand over, as when files run out.",
            )?,
            late_findings: counter(
                &registry,
                "audit_late_findings_total",
                "Grants that the policy refuses, found by the audit in bindings made since the scan before.",
            )?,
            log_lines_dropped: counter(
                &registry,
                "log_lines_dropped_total",
                "Log lines left out because whoever reads the log was too slow.",
            )?,
            state: StateGauges::register(&registry)?,
            registry,
        })
    }

    /// The counters of `findings_total` for the roles of this policy.
    pub fn finding_counters(&self, policy: &Policy) -> FindingCounters {
        FindingCounters::resolve(&self.findings, policy)
    }

    /// Counts an answered review, once.
    pub fn observe(&self, outcome: &Outcome, findings: &FindingCounters, took: Duration) {
        self.reviews.answered(outcome);
        self.duration.observe(took.as_secs_f64());
        findings.count(&outcome.findings);
        for rule in &outcome.unjudged {
            self.unjudged.count(*rule);
        }
        if outcome.exempted() {
            self.exemptions.count(LetThroughBy::Exemption);
        }
        if outcome.break_glass {
            self.exemptions.count(LetThroughBy::BreakGlass);
        }
    }

    /// Counts a review whose client left before the answer was out; `None` when not even its body was read.
    pub fn canceled(&self, outcome: Option<&Outcome>) {
        self.reviews.canceled(outcome);
    }

    /// Counts a request that got no review.
    pub fn rejected(&self, reason: Rejection) {
        self.rejected.count(reason);
    }

    /// Counts a TLS handshake.
    pub fn handshake(&self, result: Handshake) {
        self.handshakes.count(result);
    }

    /// Counts a role that was asked of the API server while a request waited.
    pub fn role_read(&self, result: RoleReadResult) {
        self.role_reads.count(result);
    }

    /// Counts grants that went past the webhook, and that the audit found.
    pub fn late_findings(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.late_findings.inc_by(count);
    }

    /// Counts what was done with a report.
    pub fn report(&self, result: ReportResult) {
        self.reports.count(result);
    }

    /// Counts a connection that could not be accepted.
    pub fn accept_failed(&self) {
        self.accept_errors.inc();
    }

    /// The gauge of reviews under way.
    pub fn in_flight(&self) -> &IntGauge {
        &self.in_flight
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self, now: &Snapshot) -> Result<String, prometheus::Error> {
        let _one_at_a_time = self.state.scrape.lock();
        self.state.set(now);
        let known = self.log_lines_dropped.get();
        self.log_lines_dropped
            .inc_by(now.log_lines_dropped.saturating_sub(known));
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

impl LeaderObserver for Metrics {
    fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    fn failed(&self) {
        self.report(ReportResult::Failed);
    }
}

impl ReloadObserver for Metrics {
    fn reloaded(&self, what: Reloaded, result: ReloadResult) {
        let reloads = &self.reloads[what];
        reloads.results.count(result);
        let is_taken = result == ReloadResult::Applied;
        reloads.last_was_taken.set(i64::from(is_taken));
    }
}

impl StateGauges {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let state = Self {
            scrape: std::sync::Mutex::new(()),
            policy_info: gauges(registry, "policy_info", "The policy in force.", "revision")?,
            directory_stale: gauge(
                registry,
                "directory_stale",
                "1 while the directory is older than the policy's staleAfter.",
            )?,
            directory_last_success: time_gauge(
                registry,
                "directory_last_success_timestamp_seconds",
                "When the directory was last read without a fault.",
            )?,
            directory_subjects: gauges(
                registry,
                "directory_subjects",
                "Users and teams that the directory knows.",
                "kind",
            )?,
            contradictions: gauges(
                registry,
                "cluster_facts_contradicted",
                "1 where the directory says otherwise of this cluster than the policy, which counts.",
                "fact",
            )?,
            certificate_not_after: time_gauge(
                registry,
                "tls_certificate_not_after_timestamp_seconds",
                "When the serving certificate runs out.",
            )?,
            cluster: ClusterGauges::register(registry)?,
            audit: AuditGauges::register(registry)?,
        };
        Ok(state)
    }

    fn set(&self, now: &Snapshot) {
        self.policy_info.reset();
        self.policy_info
            .with_label_values(&[&now.policy_revision])
            .set(1);
        self.directory_stale.set(i64::from(now.directory_is_stale));
        self.directory_last_success.set(now.directory_last_success);
        self.certificate_not_after.set(now.certificate_not_after);
        self.cluster.set(&now.cluster);
        self.audit.set(&now.audit);
        for fact in Contradiction::iter() {
            let is_one = now.contradictions.contains(&fact);
            let fact = self.contradictions.with_label_values(&[fact.as_str()]);
            fact.set(i64::from(is_one));
        }
        for (of, count) in [
            (SubjectsOf::User, now.directory_users),
            (SubjectsOf::Team, now.directory_teams),
        ] {
            self.directory_subjects
                .with_label_values(&[of.as_str()])
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

fn duration(registry: &Registry) -> Result<Histogram, prometheus::Error> {
    let name = opts(
        "admission_duration_seconds",
        "From the first byte of a review's headers to the last byte of its answer.",
    );
    let options = HistogramOpts::from(name).buckets(DURATION_BUCKETS.to_vec());
    let histogram = Histogram::with_opts(options)?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

/// Who serves was started with inputs that were taken.
fn reloads(registry: &Registry) -> Result<EnumMap<Reloaded, Reloads>, prometheus::Error> {
    let help = "Changes of an input that were seen, by what became of them.";
    let results = IntCounterVec::new(opts("reloads_total", help), &["what", "result"])?;
    registry.register(Box::new(results.clone()))?;
    let last = gauges(
        registry,
        "last_reload_successful",
        "1 while what an input brought last is in force, 0 while it is kept out.",
        Reloaded::NAME,
    )?;
    Ok(EnumMap::from_fn(|what: Reloaded| {
        let last_was_taken = last.with_label_values(&[what.as_str()]);
        last_was_taken.set(1);
        Reloads {
            results: Family::within(&results, &[what.as_str()]),
            last_was_taken,
        }
    }))
}

fn build_info(registry: &Registry) -> Result<(), prometheus::Error> {
    let labels = &["version", "revision"];
    let info = IntGaugeVec::new(opts("build_info", "The build that runs."), labels)?;
    info.with_label_values(&[VERSION, REVISION]).set(1);
    registry.register(Box::new(info))
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let counter = IntCounter::with_opts(opts(name, help))?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let gauge = IntGauge::with_opts(opts(name, help))?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn time_gauge(registry: &Registry, name: &str, help: &str) -> Result<Gauge, prometheus::Error> {
    let gauge = Gauge::with_opts(opts(name, help))?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    label: &str,
) -> Result<IntGaugeVec, prometheus::Error> {
    let gauges = IntGaugeVec::new(opts(name, help), &[label])?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that was built, where the build said so.
pub const REVISION: &str = match option_env!("PALETTE_RBAC_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// A review takes microseconds, a body that trickles in takes seconds: 50 µs to 10 s.
const DURATION_BUCKETS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];

#[cfg(test)]
mod tests;
