use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{Current, Live};
use crate::audit::{Found, Report, scan};
use crate::domain::{Effect, Finding, Rule};
use crate::facts::ObjectName;

/// What a scan of the cluster found, and by what it was judged.
pub struct Audited {
    /// What breaks a rule.
    pub report: Report,
    /// The policy and directory of the scan.
    pub current: Arc<Current>,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
}

/// Scans the cluster's bindings: once in a while, and as soon as policy, directory, roles or bindings change.
pub struct Auditor {
    live: Arc<Live>,
    interval: Duration,
}

impl Auditor {
    /// Scans at least this often: exemptions expire and directories grow stale without any event.
    pub fn new(live: Arc<Live>, interval: Duration) -> Self {
        Self { live, interval }
    }

    /// Scans until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.scan_for_ever()).await;
    }

    async fn scan_for_ever(&self) {
        loop {
            let took = self.scan().await;
            // What changes meanwhile is found by the next scan. A large cluster in motion costs a tenth of a processor.
            sleep(BETWEEN_SCANS.max(took * 9)).await;
            let _ = timeout(self.interval, self.live.changed()).await;
        }
    }

    /// Scans once, if the cluster is known; never on a thread that serves.
    async fn scan(&self) -> Duration {
        let live = Arc::clone(&self.live);
        let scan = tokio::task::spawn_blocking(move || audit(&live));
        match scan.await {
            Ok(Some(audited)) => {
                let took = audited.took;
                tell(self.live.audited().as_deref(), &audited);
                self.live.was_audited(audited);
                took
            }
            Ok(None) => Duration::ZERO,
            Err(error) => {
                error!(%error, "a scan of the cluster's bindings failed");
                Duration::ZERO
            }
        }
    }
}

fn audit(live: &Live) -> Option<Audited> {
    let (view, current, at) = (live.view()?, live.current(), Timestamp::now());
    let began = Instant::now();
    Some(Audited {
        report: scan(&view, &current.ruling, at),
        took: began.elapsed(),
        current,
        at,
    })
}

/// Logs what was not found before.
fn tell(before: Option<&Audited>, now: &Audited) {
    let known: HashSet<Known<'_>> = before.iter().flat_map(|before| told(before)).collect();
    let new: Vec<&Found> = now
        .report
        .found
        .iter()
        .filter(|found| is_told(found) && !known.contains(&Known::of(found)))
        .collect();
    for found in new.iter().take(TOLD_AT_ONCE) {
        let ObjectName { namespace, name } = &found.binding.name;
        let rules: Vec<&str> = rules(found).into_iter().map(Rule::as_str).collect();
        warn!(
            kind = found.binding.kind().as_str(),
            namespace = namespace.as_deref(),
            name = &**name,
            rules = rules.join(","),
            decision = found.decision.verdict.as_str(),
            "the audit found a binding that breaks a rule"
        );
    }
    let is_other = before.is_none_or(|before| summary(before) != summary(now));
    if is_other {
        let (bindings, breaking, findings) = summary(now);
        let left_out = new.len().saturating_sub(TOLD_AT_ONCE);
        let took_ms = u64::try_from(now.took.as_millis()).unwrap_or(u64::MAX);
        info!(bindings, breaking, findings, left_out, took_ms, "audited");
    }
}

fn told(audited: &Audited) -> impl Iterator<Item = Known<'_>> {
    let found = audited.report.found.iter();
    found.filter(|found| is_told(found)).map(Known::of)
}

/// What is merely recorded has its metric and its report.
fn is_told(found: &Found) -> bool {
    let is_told = |finding: &Finding| matches!(finding.effect, Effect::Deny | Effect::Warn);
    found.decision.findings.iter().any(is_told)
}

/// A binding and the rules that it breaks.
#[derive(PartialEq, Eq, Hash)]
struct Known<'a>(&'a ObjectName, Vec<Rule>);

impl<'a> Known<'a> {
    fn of(found: &'a Found) -> Self {
        Self(&found.binding.name, rules(found))
    }
}

fn rules(found: &Found) -> Vec<Rule> {
    let broken = |rule: &Rule| {
        let mut findings = found.decision.findings.iter();
        findings.any(|finding| finding.rule == *rule && finding.effect != Effect::Exempt)
    };
    Rule::ALL.into_iter().filter(broken).collect()
}

/// Bindings, those that break a rule, and findings.
fn summary(audited: &Audited) -> (usize, usize, usize) {
    let report = &audited.report;
    let findings = report.findings(&audited.current.ruling).count();
    (report.bindings, report.found.len(), findings)
}

/// What comes together is scanned together; a binding that raced past the watch is found well within a second.
const BETWEEN_SCANS: Duration = Duration::from_millis(200);

/// So many lines of the log at a time; the rest is in the report.
const TOLD_AT_ONCE: usize = 10;
