//! `explain --subject`.

use std::io::{self, Write};

use serde::Serialize;

use super::super::output::{BAD, CAUTION, GOOD};
use super::super::report::{
    self, FindingReport, HoldingReport, RoleReport, ScopeReport, SubjectReport,
};
use crate::decide::Class;
use crate::domain::{Applicability, Decision, Effect, Finding, Verdict, Word};
use crate::explain::{Explanation, Highest};
use crate::message;
use crate::rulebook::Rulebook;

/// Who it is, what it holds, and what it may be given.
pub(super) fn write_text(
    explanation: &Explanation,
    highest: &[Highest],
    is_about_one_role: bool,
    rulebook: &Rulebook,
    out: &mut impl Write,
) -> io::Result<()> {
    write_heading(explanation, out)?;
    if is_about_one_role {
        let mut roles = explanation.roles.iter();
        return roles.try_for_each(|decision| write_reason(decision, rulebook, out));
    }
    write_roles(explanation, out)?;
    write_highest(highest, out)
}

/// The same for scripts.
pub(super) fn write_json(
    explanation: &Explanation,
    highest: &[Highest],
    out: &mut impl Write,
) -> io::Result<()> {
    report::write_result(
        out,
        report::EXPLAIN_RESULT,
        ExplainResult::new(explanation, highest),
    )
}

/// `User ines@orchard.test in namespace vms`, its standing, its teams and what it holds.
fn write_heading(explanation: &Explanation, out: &mut impl Write) -> io::Result<()> {
    let subject = &explanation.subject;
    writeln!(
        out,
        "{} {}",
        message::subject(subject),
        message::in_scope(&explanation.scope)
    )?;
    if let Some(class) = class_in_words(explanation.class) {
        return writeln!(out, "  is    {class}");
    }
    if !explanation.teams.is_empty() {
        let teams: Vec<String> = explanation
            .teams
            .iter()
            .map(|team| message::name(team))
            .collect();
        writeln!(out, "  in    team {}", teams.join(", "))?;
    }
    if explanation.holds.is_empty() {
        let nothing = message::held(subject.kind, &[], &explanation.standing);
        return writeln!(out, "  holds {nothing}");
    }
    writeln!(out, "  holds")?;
    for holding in &explanation.holds {
        let (style, counts) = match holding.applicability {
            Applicability::Counts => (GOOD, "counts"),
            _ => (CAUTION, "does not"),
        };
        writeln!(
            out,
            "    {style}{counts:8}{style:#} {} ({}{})",
            message::name(&holding.role),
            message::name(&holding.scope),
            message::applicability(holding.applicability)
        )?;
    }
    Ok(())
}

/// Why what Palette says of a name does not matter.
pub(super) const fn class_in_words(class: Class) -> Option<&'static str> {
    match class {
        Class::Masters => Some("a group that may do everything anyway; it is not judged"),
        Class::ServiceAccount => Some("a ServiceAccount, which has no roles in Palette"),
        Class::AllServiceAccounts => Some("all ServiceAccounts, of the cluster or of a namespace"),
        Class::Everybody => Some("everybody"),
        Class::ClusterIdentity => Some("a name of the cluster's own, unknown to Palette"),
        Class::Person => None,
    }
}

/// Every role of the mapping with its verdict, and what each refusal is about.
fn write_roles(explanation: &Explanation, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  may be given")?;
    let width = explanation
        .roles
        .iter()
        .map(|decision| decision.role.name.chars().count())
        .max()
        .unwrap_or_default();
    for decision in &explanation.roles {
        let (style, word) = verdict_in_words(decision.verdict);
        let name = message::name(&decision.role.name);
        let reasons: Vec<String> = decision.findings.iter().map(reason).collect();
        let line = format!("{name:width$}  {}", reasons.join("; "));
        writeln!(out, "    {style}{word:8}{style:#} {}", line.trim_end())?;
    }
    Ok(())
}

/// The one role that was asked about, in the words of a refusal.
fn write_reason(decision: &Decision, rulebook: &Rulebook, out: &mut impl Write) -> io::Result<()> {
    let (style, word) = verdict_in_words(decision.verdict);
    let role = format!(
        "{} {}",
        decision.role.kind,
        message::name(&decision.role.name)
    );
    writeln!(out, "  may be given")?;
    writeln!(out, "    {style}{word:8}{style:#} {role}")?;
    if rulebook.governs(&decision.role).is_none() {
        writeln!(
            out,
            "             no role of the mapping, so nothing is asked of who is given it by this name"
        )?;
    }
    for line in in_words(decision) {
        writeln!(out, "             {line}")?;
    }
    Ok(())
}

/// A refusal as kubectl shows it; otherwise every finding on a line, with what it does.
fn in_words(decision: &Decision) -> Vec<String> {
    if !decision.verdict.admits() {
        let refusal = message::refusal(decision);
        return refusal.lines().map(str::to_owned).collect();
    }
    let line = |finding: &Finding| {
        let words = message::line(finding, decision);
        format!("[{}, {}] {words}", finding.rule, finding.effect)
    };
    decision.findings.iter().map(line).collect()
}

pub(super) const fn verdict_in_words(verdict: Verdict) -> (anstyle::Style, &'static str) {
    match verdict {
        Verdict::Denied => (BAD, "no"),
        Verdict::Warned => (CAUTION, "warning"),
        Verdict::Exempted => (CAUTION, "exempted"),
        Verdict::Audited => (CAUTION, "audited"),
        Verdict::Unchanged | Verdict::Allowed => (GOOD, "yes"),
    }
}

/// The highest VM role in each namespace, those that have the same together.
fn write_highest(highest: &[Highest], out: &mut impl Write) -> io::Result<()> {
    if highest.is_empty() {
        return Ok(());
    }
    writeln!(out, "  may be given at most, by namespace")?;
    let name = |one: &Highest| {
        one.role
            .as_deref()
            .map_or_else(|| NONE.to_owned(), message::name)
    };
    let names: Vec<String> = highest.iter().map(name).collect();
    let width = names.iter().map(|name| name.chars().count()).max();
    let width = width.unwrap_or_default();
    for (one, name) in highest.iter().zip(names) {
        let style = if one.role.is_some() { GOOD } else { BAD };
        let namespaces: Vec<String> = one.namespaces.iter().map(|it| message::name(it)).collect();
        let namespaces = namespaces.join(", ");
        writeln!(out, "    {style}{name:width$}{style:#}  {namespaces}")?;
    }
    Ok(())
}

/// What is lacking, or the rule that says no whatever is held.
fn reason(finding: &Finding) -> String {
    let exempted = match (finding.effect, &finding.exemption) {
        (Effect::Exempt, Some(exemption)) => format!(" (exemption {})", message::name(exemption)),
        _ => String::new(),
    };
    if finding.lacks.is_empty() {
        format!("[{}]{exempted}", finding.rule)
    } else {
        format!("lacks {}{exempted}", message::groups(&finding.lacks))
    }
}

/// What `explain --output json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainResult<'a> {
    subject: SubjectReport<'a>,
    scope: ScopeReport<'a>,
    teams: Vec<&'a str>,
    holds: Vec<HoldingReport<'a>>,
    roles: Vec<RoleAnswer<'a>>,
    /// Of a subject that was asked about in general.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    highest: Vec<HighestReport<'a>>,
}

#[derive(Debug, Serialize)]
struct HighestReport<'a> {
    role: Option<&'a str>,
    namespaces: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct RoleAnswer<'a> {
    role: RoleReport<'a>,
    decision: &'static str,
    findings: Vec<FindingReport<'a>>,
}

impl<'a> ExplainResult<'a> {
    fn new(explanation: &'a Explanation, highest: &'a [Highest]) -> Self {
        let highest = highest.iter().map(|one| HighestReport {
            role: one.role.as_deref(),
            namespaces: one.namespaces.iter().map(|it| &**it).collect(),
        });
        Self {
            subject: SubjectReport::new(&explanation.subject),
            scope: ScopeReport::new(&explanation.scope),
            teams: explanation.teams.iter().map(|team| &**team).collect(),
            holds: report::holdings(&explanation.holds),
            roles: explanation.roles.iter().map(RoleAnswer::new).collect(),
            highest: highest.collect(),
        }
    }
}

impl<'a> RoleAnswer<'a> {
    fn new(decision: &'a Decision) -> Self {
        Self {
            role: RoleReport::new(&decision.role),
            decision: decision.verdict.as_str(),
            findings: report::findings(decision),
        }
    }
}

/// Where nothing may be given.
const NONE: &str = "nothing";
