//! The audit: every binding judged again after each change.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use strum::IntoEnumIterator;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{Current, Live};
use crate::audit::{Found, Report, judge, scan};
use crate::decide::Context;
use crate::domain::{Effect, Finding, Rule, Word};
use crate::facts::{Cluster, ObjectName, StoredBinding, View};
use crate::message;
use crate::metrics::Metrics;
use crate::sources::cluster::{Client, read_binding};

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
    /// How many bindings that are known by their names only it did not come to.
    pub unread: usize,
}

/// Scans the cluster's bindings: once in a while, and as soon as policy, directory, roles or bindings change.
pub struct Auditor {
    live: Arc<Live>,
    client: Client,
    metrics: Arc<Metrics>,
    interval: Duration,
    /// The cluster of the last scan.
    seen: Option<Arc<View>>,
    /// Up to where bindings that are not held were read last.
    read_up_to: Option<ObjectName>,
    /// What was found of them when they were read.
    found_of_unheld: BTreeMap<ObjectName, Option<Found>>,
}

impl Auditor {
    /// Scans at least this often: exemptions expire and directories grow stale without any event.
    pub fn new(live: Arc<Live>, client: Client, metrics: Arc<Metrics>, interval: Duration) -> Self {
        Self {
            live,
            client,
            metrics,
            interval,
            seen: None,
            read_up_to: None,
            found_of_unheld: BTreeMap::new(),
        }
    }

    /// Scans until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.scan_for_ever()).await;
    }

    async fn scan_for_ever(&mut self) {
        loop {
            let took = self.scan().await;
            // What changes meanwhile is found by the next scan. A large cluster in motion costs a tenth of a processor.
            sleep(BETWEEN_SCANS.max(took * 9)).await;
            let _ = timeout(self.interval, self.live.changed()).await;
        }
    }

    /// Scans once, if the cluster is known; never on a thread that serves.
    async fn scan(&mut self) -> Duration {
        let live = Arc::clone(&self.live);
        let scan = tokio::task::spawn_blocking(move || audit(&live));
        match scan.await {
            Ok(Some((mut audited, view))) => {
                let took = audited.took;
                self.count_late(&audited, view);
                self.add_unheld(&mut audited).await;
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

impl Auditor {
    /// Counts what the policy refuses in bindings that were not there at the scan before, or were others: a request went
    /// past the webhook, or was let through beside another that made it a bad one.
    fn count_late(&mut self, audited: &Audited, view: Arc<View>) {
        let Some(before) = self.seen.replace(view) else {
            return;
        };
        let is_new = |found: &&Found| {
            let there = before.binding(&found.binding.name);
            there.is_none_or(|there| **there != *found.binding)
        };
        let new = audited.report.found.iter().filter(is_new);
        let findings = new.flat_map(|found| &found.decision.findings);
        let refused = findings.filter(|finding| finding.effect == Effect::Deny);
        self.metrics.late_findings(refused.count());
    }

    /// Reads bindings that there is no room to hold, some each time, and adds what is found of them and was found of
    /// the others when their turn was.
    async fn add_unheld(&mut self, audited: &mut Audited) {
        let Some(view) = self.live.view() else {
            return;
        };
        let unheld = view.bindings().filter(|it| it.subjects.are_not_held());
        let unheld: BTreeSet<ObjectName> = unheld.map(|it| it.name.clone()).collect();
        self.found_of_unheld.retain(|name, _| unheld.contains(name));
        let after = self.read_up_to.take();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let later = unheld.range((after.clone(), Bound::Unbounded));
        let earlier = unheld.iter().take_while(|name| match &after {
            Bound::Excluded(after) => *name <= after,
            Bound::Included(_) | Bound::Unbounded => false,
        });
        for name in later.chain(earlier).take(READ_AT_ONCE) {
            match read_binding(&self.client, name).await {
                Ok(binding) => {
                    let found = binding.and_then(|it| found(it, &view, audited));
                    self.found_of_unheld.insert(name.clone(), found);
                }
                Err(reason) => debug!(%name, reason, "a binding could not be read"),
            }
            self.read_up_to = Some(name.clone());
        }
        audited.unread = unheld.len() - self.found_of_unheld.len();
        audited.report.bindings += self.found_of_unheld.len();
        let found = self.found_of_unheld.values().flatten().cloned();
        audited.report.found.extend(found);
    }
}

fn found(binding: StoredBinding, view: &View, audited: &Audited) -> Option<Found> {
    let rulebook = &audited.current.rulebook;
    let decision = tokio::task::block_in_place(|| {
        judge(
            &binding,
            Context::new(rulebook, Cluster::seen(view), audited.at),
        )
    });
    // Whom it names is what there is no room for.
    let binding = Arc::new(binding.in_name_only());
    (!decision.findings.is_empty()).then_some(Found { binding, decision })
}

fn audit(live: &Live) -> Option<(Audited, Arc<View>)> {
    let (view, current, at) = (live.view()?, live.current(), Timestamp::now());
    let began = Instant::now();
    let audited = Audited {
        report: scan(Context::new(&current.rulebook, Cluster::seen(&view), at)),
        took: began.elapsed(),
        unread: 0,
        current,
        at,
    };
    Some((audited, view))
}

/// Logs what was not found before.
fn tell(before: Option<&Audited>, now: &Audited) {
    let known: HashSet<KnownFinding<'_>> = before.iter().flat_map(|before| told(before)).collect();
    let new: Vec<&Found> = now
        .report
        .found
        .iter()
        .filter(|found| is_told(found) && !known.contains(&KnownFinding::of(found)))
        .collect();
    for found in new.iter().take(TOLD_AT_ONCE) {
        let ObjectName { namespace, name } = &found.binding.name;
        let rules: Vec<&str> = rules(found).into_iter().map(Into::into).collect();
        warn!(
            kind = found.binding.kind().as_str(),
            namespace = namespace.as_deref().map(message::name),
            name = message::name(name),
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

fn told(audited: &Audited) -> impl Iterator<Item = KnownFinding<'_>> {
    let found = audited.report.found.iter();
    found.filter(|found| is_told(found)).map(KnownFinding::of)
}

/// What is merely recorded has its metric and its report.
fn is_told(found: &Found) -> bool {
    let is_told = |finding: &Finding| matches!(finding.effect, Effect::Deny | Effect::Warn);
    found.decision.findings.iter().any(is_told)
}

/// A binding and the rules that it breaks.
#[derive(PartialEq, Eq, Hash)]
struct KnownFinding<'a>(&'a ObjectName, Vec<Rule>);

impl<'a> KnownFinding<'a> {
    fn of(found: &'a Found) -> Self {
        Self(&found.binding.name, rules(found))
    }
}

fn rules(found: &Found) -> Vec<Rule> {
    let broken = |rule: &Rule| {
        let mut findings = found.decision.findings.iter();
        findings.any(|finding| finding.rule == *rule && finding.effect != Effect::Exempt)
    };
    Rule::iter().filter(broken).collect()
}

/// Bindings, those that break a rule, and findings.
fn summary(audited: &Audited) -> (usize, usize, usize) {
    let report = &audited.report;
    let findings = report.findings(&audited.current.rulebook).count();
    (report.bindings, report.found.len(), findings)
}

/// What comes together is scanned together; a binding that raced past the watch is found well within a second.
const BETWEEN_SCANS: Duration = Duration::from_millis(200);

/// Bindings that are read anew with a scan: each may take 1.5 MiB, and the API server has others to serve.
const READ_AT_ONCE: usize = 20;

/// So many lines of the log at a time; the rest is in the report.
const TOLD_AT_ONCE: usize = 10;
