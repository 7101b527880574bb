//! What the last audit found.

use enum_map::EnumMap;
use prometheus::{Gauge, IntGauge, IntGaugeVec, Registry};

use crate::audit::Report;
use crate::domain::{Rule, Word};
use crate::rulebook::Rulebook;

use super::family::opts;
use super::findings::OTHER_ROLE;
use super::{gauge, time_gauge};

/// What the last scan of the cluster's bindings found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditSnapshot {
    /// When it began, in seconds since 1970; 0 before the first.
    pub last_run: f64,
    /// How long it took, in seconds.
    pub duration: f64,
    /// How many bindings that are known by their names only it did not come to.
    pub unread: usize,
    /// How many findings no exemption covers, for each rule and role of the policy's mapping, the last being others.
    pub findings: Vec<(Rule, Box<str>, usize)>,
}

impl AuditSnapshot {
    /// Counts the findings of a report.
    pub fn count(report: Option<&Report>, rulebook: &Rulebook) -> Vec<(Rule, Box<str>, usize)> {
        let roles = rulebook.policy().mapping.iter().map(|entry| &*entry.role);
        let roles: Vec<&str> = roles.chain([OTHER_ROLE]).collect();
        let mut counts = EnumMap::from_fn(|_: Rule| vec![0; roles.len()]);
        for (finding, role) in report.iter().flat_map(|report| report.findings(rulebook)) {
            let role = role.unwrap_or(roles.len() - 1);
            if let Some(count) = counts[finding.rule].get_mut(role) {
                *count += 1;
            }
        }
        let of_rule = |(rule, counts): (Rule, Vec<usize>)| {
            let named = roles.iter().copied().map(Box::from).zip(counts);
            named.map(move |(role, count)| (rule, role, count))
        };
        counts.into_iter().flat_map(of_rule).collect()
    }
}

pub(super) struct AuditGauges {
    last_run: Gauge,
    duration: Gauge,
    unread: IntGauge,
    findings: IntGaugeVec,
}

impl AuditGauges {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let help = "Grants of the cluster that break a rule and that no exemption covers, at the last scan.";
        let findings = IntGaugeVec::new(opts("audit_findings", help), &["rule", "role"])?;
        registry.register(Box::new(findings.clone()))?;
        Ok(Self {
            last_run: time_gauge(
                registry,
                "audit_last_run_timestamp_seconds",
                "When the last scan of the cluster's bindings began; 0 before the first.",
            )?,
            duration: time_gauge(
                registry,
                "audit_duration_seconds",
                "How long the last scan of the cluster's bindings took.",
            )?,
            unread: gauge(
                registry,
                "audit_unread_bindings",
                "Bindings that are known by their names only, and that the last scan did not come to.",
            )?,
            findings,
        })
    }

    pub(super) fn set(&self, now: &AuditSnapshot) {
        self.last_run.set(now.last_run);
        self.duration.set(now.duration);
        self.unread
            .set(i64::try_from(now.unread).unwrap_or(i64::MAX));
        // A policy that is replaced may name other roles.
        self.findings.reset();
        for (rule, role, count) in &now.findings {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            let labels = &[rule.as_str(), &**role];
            self.findings.with_label_values(labels).set(count);
        }
    }
}
