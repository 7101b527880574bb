//! Decisions in JSON, as `check` and `explain` print them: an interface that scripts rely on.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use enum_map::EnumMap;
use serde::{Serialize, Serializer};

use crate::domain::{
    Applicability, BindingName, Decision, Finding, Holding, RoleRef, Rule, Scope, Subject, Verdict,
    Word,
};
use crate::message;
use crate::sources::manifests::Source;

/// What is printed for machines: what it is first, then what it says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultDocument<T> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    body: T,
}

/// What `check` and `audit` say: all verdicts counted, and the decisions one by one.
#[derive(Debug, Serialize)]
pub(super) struct Decisions<'a, S> {
    pub(super) summary: S,
    pub(super) decisions: Vec<DecisionReport<'a>>,
}

/// How many bindings there are, and how they were judged.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditSummary {
    pub(super) bindings: usize,
    pub(super) roles: usize,
    #[serde(flatten, serialize_with = "verdicts")]
    pub(super) verdicts: EnumMap<Verdict, usize>,
    /// Objects that could not be judged; the standard error says why.
    pub(super) unreadable: usize,
    /// Rules that are on, for which too little is known of the cluster.
    #[serde(serialize_with = "rules")]
    pub(super) not_judged: Vec<Rule>,
}

/// How much was judged, and how.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckSummary<'a> {
    pub(super) files: usize,
    pub(super) bindings: usize,
    pub(super) roles: usize,
    #[serde(flatten, serialize_with = "verdicts")]
    pub(super) verdicts: EnumMap<Verdict, usize>,
    /// Objects of other kinds.
    pub(super) skipped: usize,
    /// How many of each kind.
    pub(super) skipped_kinds: BTreeMap<&'a str, usize>,
    /// Files and documents that could not be judged; the standard error says why.
    pub(super) unreadable: usize,
    /// Rules that are on, for which too little is known of the cluster.
    #[serde(serialize_with = "rules")]
    pub(super) not_judged: Vec<Rule>,
}

/// One binding and what the webhook would answer.
#[derive(Debug, Serialize)]
pub(super) struct DecisionReport<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceReport<'a>>,
    object: ObjectReport<'a>,
    decision: &'static str,
    findings: Vec<FindingReport<'a>>,
}

impl<'a> DecisionReport<'a> {
    /// `object` is kind, namespace and name.
    pub(super) fn new(
        source: Option<&'a Source>,
        (kind, namespace, name): (&'static str, Option<&'a str>, &'a str),
        decision: &'a Decision,
    ) -> Self {
        Self {
            source: source.map(|source| SourceReport {
                file: &source.file,
                document: source.document,
                line: source.line,
            }),
            object: ObjectReport::new(kind, namespace, name),
            decision: decision.verdict.as_str(),
            findings: findings(decision),
        }
    }
}

#[derive(Debug, Serialize)]
struct SourceReport<'a> {
    file: &'a str,
    document: usize,
    line: usize,
}

/// A binding or a role by its name.
#[derive(Debug, Serialize)]
pub(super) struct ObjectReport<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    name: &'a str,
}

impl<'a> ObjectReport<'a> {
    pub(super) const fn new(kind: &'static str, namespace: Option<&'a str>, name: &'a str) -> Self {
        Self {
            kind,
            namespace,
            name,
        }
    }

    fn of_binding(binding: &'a BindingName) -> Self {
        Self {
            kind: binding.kind().as_str(),
            namespace: binding.scope.namespace(),
            name: &binding.name,
        }
    }
}

/// One rule broken by one grant.
#[derive(Debug, Serialize)]
pub(super) struct FindingReport<'a> {
    rule: &'static str,
    /// What took effect.
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<SubjectReport<'a>>,
    field: String,
    /// Of a role that is written: the binding that hands it to the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<ObjectReport<'a>>,
    role: RoleReport<'a>,
    scope: ScopeReport<'a>,
    lacks: Vec<Vec<&'a str>>,
    holds: Vec<HoldingReport<'a>>,
    may: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exemption: Option<&'a str>,
    message: String,
}

/// Some findings of a decision.
pub(super) fn some<'a>(
    findings: impl Iterator<Item = &'a Finding>,
    decision: &'a Decision,
) -> Vec<FindingReport<'a>> {
    findings
        .map(|finding| FindingReport::new(finding, decision))
        .collect()
}

/// The findings of a decision.
pub(super) fn findings(decision: &Decision) -> Vec<FindingReport<'_>> {
    let report = |finding| FindingReport::new(finding, decision);
    decision.findings.iter().map(report).collect()
}

impl<'a> FindingReport<'a> {
    fn new(finding: &'a Finding, decision: &'a Decision) -> Self {
        Self {
            rule: finding.rule.as_str(),
            action: finding.effect.as_str(),
            subject: finding.subject.as_ref().map(SubjectReport::new),
            binding: finding.binding.as_deref().map(ObjectReport::of_binding),
            field: finding.field.to_string(),
            role: RoleReport::new(&decision.role),
            scope: ScopeReport::new(&decision.scope),
            lacks: finding.lacks.iter().map(|group| names(group)).collect(),
            holds: holdings(&finding.holds),
            may: names(finding.may.as_slice()),
            exemption: finding.exemption.as_deref(),
            message: message::line(finding, decision),
        }
    }
}

/// User, group or service account.
#[derive(Debug, Serialize)]
pub(super) struct SubjectReport<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    name: &'a str,
}

impl<'a> SubjectReport<'a> {
    pub(super) fn new(subject: &'a Subject<'_>) -> Self {
        Self {
            kind: subject.kind.as_str(),
            namespace: subject.namespace.as_deref(),
            name: &subject.name,
        }
    }
}

/// The role of a grant.
#[derive(Debug, Serialize)]
pub(super) struct RoleReport<'a> {
    kind: &'static str,
    name: &'a str,
}

impl<'a> RoleReport<'a> {
    pub(super) fn new(role: &'a RoleRef<'_>) -> Self {
        Self {
            kind: role.kind.as_str(),
            name: &role.name,
        }
    }
}

/// Where a grant holds: `{"namespace": "vms"}`, or `{"namespace": null}` for the whole cluster.
#[derive(Debug, Serialize)]
pub(super) struct ScopeReport<'a> {
    namespace: Option<&'a str>,
}

impl<'a> ScopeReport<'a> {
    pub(super) fn new(scope: &'a Scope<'_>) -> Self {
        Self {
            namespace: scope.namespace(),
        }
    }
}

/// A Palette role that a subject holds.
#[derive(Debug, Serialize)]
pub(super) struct HoldingReport<'a> {
    role: &'a str,
    scope: &'a str,
    /// Whether it counts for the grant.
    counts: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// What a subject holds.
pub(super) fn holdings(holdings: &[Holding]) -> Vec<HoldingReport<'_>> {
    holdings.iter().map(HoldingReport::new).collect()
}

impl<'a> HoldingReport<'a> {
    fn new(holding: &'a Holding) -> Self {
        Self {
            role: &holding.role,
            scope: &holding.scope,
            counts: holding.applicability == Applicability::Counts,
            reason: reason(holding.applicability),
        }
    }
}

fn names(names: &[Arc<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

const fn reason(applicability: Applicability) -> Option<&'static str> {
    match applicability {
        Applicability::Counts => None,
        Applicability::OtherNamespace => Some("other-namespace"),
        Applicability::ClusterWide => Some("cluster-wide"),
        Applicability::OtherWorkspace => Some("other-workspace"),
        Applicability::OtherProject => Some("other-project"),
        Applicability::NoProject => Some("no-project"),
        Applicability::ProjectUnknown => Some("project-unknown"),
    }
}

/// Writes a result of that kind, indented, with an end of line.
pub(super) fn write_result(
    out: &mut impl Write,
    kind: &'static str,
    body: impl Serialize,
) -> io::Result<()> {
    let api_version = API_VERSION;
    write_json(
        out,
        &ResultDocument {
            api_version,
            kind,
            body,
        },
    )
}

/// Writes the value, indented, with an end of line.
pub(super) fn write_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

fn verdicts<S: Serializer>(
    counts: &EnumMap<Verdict, usize>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let counts = counts.iter();
    serializer.collect_map(counts.map(|(verdict, count)| (verdict.as_str(), count)))
}

fn rules<S: Serializer>(rules: &[Rule], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(rules.iter().map(Word::as_str))
}

/// Of every document of this project.
const API_VERSION: &str = "palette-rbac.io/v1alpha1";

/// What `explain` prints, whatever is explained.
pub(super) const EXPLAIN_RESULT: &str = "ExplainResult";
