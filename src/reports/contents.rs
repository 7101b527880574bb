//! What a report says; pure, so that a test can hold it against the published schemas.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::{Found, Report};
use crate::domain::{
    Cause, Decision, Effect, Finding, Judged, RoleKind, RoleRef, Scope, Verdict, Word,
};
use crate::message;
use crate::policy::Disclose;
use crate::rbac::RBAC_API_VERSION;
use crate::rulebook::Rulebook;

/// What one report says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Contents {
    /// How many findings there are, those that are left out too.
    pub summary: ResultSummary,
    /// The findings, the gravest first.
    pub results: Vec<ResultEntry>,
}

/// How many findings there are of each outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultSummary {
    /// Never any: what breaks no rule is not told.
    pub pass: usize,
    /// Of rules that deny.
    pub fail: usize,
    /// Of rules that warn or audit.
    pub warn: usize,
    /// Never any.
    pub error: usize,
    /// Those that an exemption covers.
    pub skip: usize,
}

/// One finding, with the fields that both kinds of report have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultEntry {
    /// Who says so.
    pub source: String,
    /// As policies are told apart by the readers of reports.
    pub policy: String,
    /// The rule that is broken.
    pub rule: String,
    /// What it is about.
    pub category: String,
    /// What comes of it.
    pub result: PolicyResult,
    /// How grave it is; nothing for what an exemption covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Whether it counts against the namespace.
    pub scored: bool,
    /// Since when it is in the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Time>,
    /// The binding, or the role.
    pub resources: Vec<ResourceReference>,
    /// What is wrong, and the way out, in one line.
    pub message: String,
    /// The parts of it, for machines.
    pub properties: BTreeMap<String, String>,
}

/// The outcome of a rule, as reports know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyResult {
    /// The rule denies.
    #[default]
    Fail,
    /// The rule warns or audits.
    Warn,
    /// An exemption covers it.
    Skip,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The rule denies.
    High,
    /// It warns.
    Medium,
    /// It audits.
    Low,
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Time {
    /// Since 1970.
    pub seconds: i64,
    /// Beyond them.
    pub nanos: i32,
}

/// An object of the cluster; the facts have no uid.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceReference {
    /// Group and version.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// Its namespace, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name; one of thousands of characters is cut, as in messages.
    pub name: String,
}

/// A finding, and what decides whether there is room for it.
struct Ranked {
    effect: Effect,
    /// Which of its binding's findings it is.
    of_its_binding: usize,
    entry: ResultEntry,
}

/// A report for each namespace with findings, and under no namespace the one for the cluster.
pub fn contents(
    report: &Report,
    rulebook: &Rulebook,
    at: Timestamp,
) -> BTreeMap<Option<Arc<str>>, Contents> {
    let mut all: BTreeMap<_, Vec<Ranked>> = BTreeMap::new();
    for found in &report.found {
        let entries = all.entry(found.binding.name.namespace.clone()).or_default();
        entries.extend(of_binding(found, rulebook, at));
    }
    if !report.drifts.is_empty() {
        let drifts = report.drifts.iter().filter_map(|drift| of_role(drift, at));
        all.entry(None).or_default().extend(drifts);
    }
    all.into_iter()
        .map(|(namespace, entries)| (namespace, Contents::of(entries)))
        .collect()
}

impl Contents {
    /// The gravest come first, and of these one of each binding before the second of any: whoever may write bindings
    /// does not choose whose findings have no room.
    fn of(mut entries: Vec<Ranked>) -> Self {
        entries.sort_by_key(|ranked| (Reverse(ranked.effect), ranked.of_its_binding));
        let mut contents = Self::default();
        for ranked in &entries {
            contents.summary.count(ranked.entry.result);
        }
        let mut room = MOST_BYTES;
        let mut fits = |entry: &ResultEntry| {
            let bytes = serde_json::to_string(entry).map_or(MOST_BYTES, |text| text.len());
            let left = room.checked_sub(bytes);
            room = left.unwrap_or(room);
            left.is_some()
        };
        let entries = entries.into_iter().map(|ranked| ranked.entry);
        let fitting = entries.filter(|entry| fits(entry));
        contents.results = fitting.take(MOST_RESULTS).collect();
        contents
    }

    /// How many findings there are that the report has no room for.
    pub fn left_out(&self) -> usize {
        self.summary.total().saturating_sub(self.results.len())
    }

    /// The same without times: what a report says when it says nothing new.
    #[must_use]
    pub fn timeless(mut self) -> Self {
        for entry in &mut self.results {
            entry.timestamp = None;
        }
        self
    }

    /// Findings that were in the report before are as old as they were.
    #[must_use]
    pub fn since(mut self, before: Self) -> Self {
        let known = before.results.into_iter().filter_map(|mut entry| {
            let time = entry.timestamp.take()?;
            Some((serde_json::to_string(&entry).ok()?, time))
        });
        let times: HashMap<String, Time> = known.collect();
        for entry in &mut self.results {
            let now = entry.timestamp.take();
            let before = serde_json::to_string(entry).ok();
            let before = before.and_then(|entry| times.get(&entry).copied());
            entry.timestamp = before.or(now);
        }
        self
    }
}

impl ResultSummary {
    fn count(&mut self, outcome: PolicyResult) {
        match outcome {
            PolicyResult::Fail => self.fail += 1,
            PolicyResult::Warn => self.warn += 1,
            PolicyResult::Skip => self.skip += 1,
        }
    }

    fn total(&self) -> usize {
        self.pass + self.fail + self.warn + self.error + self.skip
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self {
            seconds: time.as_second(),
            nanos: time.subsec_nanosecond(),
        }
    }
}

fn of_binding<'f>(
    found: &'f Found,
    rulebook: &'f Rulebook,
    at: Timestamp,
) -> impl Iterator<Item = Ranked> + 'f {
    let (binding, decision) = (&found.binding, &found.decision);
    let resource = move || ResourceReference {
        api_version: RBAC_API_VERSION.to_owned(),
        kind: binding.kind().as_str().to_owned(),
        namespace: binding.name.namespace.as_deref().map(message::name),
        name: message::name(&binding.name.name),
    };
    let findings = decision.findings.iter().enumerate();
    findings.map(move |(of_its_binding, finding)| {
        let shown = shown(finding, rulebook);
        Ranked {
            effect: finding.effect,
            of_its_binding,
            entry: entry(&shown, decision, resource(), at),
        }
    })
}

/// A VM role that can do what it is documented not to: nobody's binding.
fn of_role(drift: &Finding, at: Timestamp) -> Option<Ranked> {
    let Cause::Drift(role, _) = &drift.cause else {
        return None;
    };
    let decision = Decision {
        verdict: Verdict::Audited,
        judged: Judged::Role,
        role: RoleRef {
            kind: RoleKind::ClusterRole,
            name: role.to_string().into(),
        },
        scope: Scope::Cluster,
        findings: Vec::new(),
        notices: Vec::new(),
        unjudged: Vec::new(),
    };
    let resource = ResourceReference {
        api_version: RBAC_API_VERSION.to_owned(),
        kind: RoleKind::ClusterRole.as_str().to_owned(),
        namespace: None,
        name: role.to_string(),
    };
    Some(Ranked {
        effect: drift.effect,
        of_its_binding: 0,
        entry: entry(drift, &decision, resource, at),
    })
}

fn entry(
    finding: &Finding,
    decision: &Decision,
    resource: ResourceReference,
    at: Timestamp,
) -> ResultEntry {
    ResultEntry {
        source: SOURCE.to_owned(),
        policy: SOURCE.to_owned(),
        rule: finding.rule.as_str().to_owned(),
        category: CATEGORY.to_owned(),
        result: match finding.effect {
            Effect::Deny => PolicyResult::Fail,
            Effect::Warn | Effect::Audit => PolicyResult::Warn,
            Effect::Exempt => PolicyResult::Skip,
        },
        severity: match finding.effect {
            Effect::Deny => Some(Severity::High),
            Effect::Warn => Some(Severity::Medium),
            Effect::Audit => Some(Severity::Low),
            Effect::Exempt => None,
        },
        scored: finding.effect == Effect::Deny,
        timestamp: Some(at.into()),
        resources: vec![resource],
        message: message::line(finding, decision),
        properties: properties(finding, decision),
    }
}

fn properties(finding: &Finding, decision: &Decision) -> BTreeMap<String, String> {
    let role = &decision.role;
    let equivalent = finding.cause.equivalence();
    let parts = [
        ("action", Some(finding.effect.as_str().to_owned())),
        ("field", Some(finding.field.to_string())),
        (
            "role",
            Some(format!("{} {}", role.kind, message::name(&role.name))),
        ),
        ("subject", finding.subject.as_ref().map(message::subject)),
        ("reaches", equivalent.map(|it| message::name(&it.role))),
        (
            "lacks",
            Some(message::groups(&finding.lacks)).filter(|lacks| !lacks.is_empty()),
        ),
        ("exemption", finding.exemption.as_deref().map(message::name)),
    ];
    let known = parts.into_iter().filter_map(|(key, value)| {
        let value = value?;
        Some((key.to_owned(), value))
    });
    known.collect()
}

/// The finding as far as everybody may know it: nobody can say who will read a report, so that what a subject holds in
/// Palette is in it only if the policy shows that to all.
fn shown(finding: &Finding, rulebook: &Rulebook) -> Finding {
    let shown = finding.clone();
    match rulebook.policy().disclose {
        Disclose::Full => shown,
        Disclose::Own | Disclose::None => shown.undisclosed(),
    }
}

const SOURCE: &str = "palette-rbac";
const CATEGORY: &str = "RBAC";

/// More are for nobody to read.
const MOST_RESULTS: usize = 500;

/// The API server takes objects of up to 1.5 MiB.
const MOST_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests;
