//! `explain --binding`.

use std::io::{self, Write};

use serde::Serialize;

use super::super::report::{
    self, FindingReport, HoldingReport, ObjectReport, RoleReport, ScopeReport, SubjectReport,
};
use super::super::results::verdict_of;
use super::abilities::{
    AbilitiesReport, RequiredReport, write_abilities, write_line, write_required,
};
use super::roles::named;
use super::subject::{class_in_words, verdict_in_words};
use crate::decide::Class;
use crate::domain::{Decision, Finding, Verdict, Word};
use crate::explain::{Allows, BindingExplanation, Bound};
use crate::message;

/// What the binding grants, which VM role that is equivalent to, and who may have it.
pub(super) fn write_text(explanation: &BindingExplanation, out: &mut impl Write) -> io::Result<()> {
    let decision = &explanation.decision;
    writeln!(out, "{} {}", explanation.kind, object(explanation))?;
    let grants = format!(
        "{} {}",
        named(&decision.role),
        message::in_scope(&decision.scope)
    );
    write_line("grants", &grants, out)?;
    match &explanation.allows {
        Allows::Known(abilities) => write_abilities(abilities, out)?,
        Allows::Missing => write_line("allows", MISSING, out)?,
        Allows::Unknown => write_line("allows", UNKNOWN, out)?,
    }
    write_required(&explanation.required, out)?;
    if explanation.subjects.is_empty() {
        return write_line("subjects", "none", out);
    }
    write_line("subjects", "", out)?;
    let mut subjects = explanation.subjects.iter();
    subjects.try_for_each(|bound| write_bound(bound, decision, out))
}

/// A subject as a refusal shows it; one with nothing wrong by what it holds.
fn write_bound(bound: &Bound, decision: &Decision, out: &mut impl Write) -> io::Result<()> {
    let findings: Vec<&Finding> = bound.findings(decision).collect();
    let (style, word) = verdict_in_words(verdict(&findings));
    let rules: Vec<&str> = findings.iter().map(|it| it.rule.as_str()).collect();
    let rules = match rules.as_slice() {
        [] => String::new(),
        rules => format!(" [{}]", rules.join(", ")),
    };
    let subject = message::subject(&bound.subject);
    writeln!(out, "    {style}{word:8}{style:#} {subject}{rules}")?;
    for (label, text) in findings.iter().flat_map(|it| message::lines(it, decision)) {
        writeln!(out, "             {label:5}  {text}")?;
    }
    match (findings.is_empty(), class_in_words(bound.class)) {
        (false, _) => Ok(()),
        (true, Some(class)) => writeln!(out, "             is     {class}"),
        (true, None) => {
            let held = message::held(bound.subject.kind, &bound.holds, &bound.standing);
            writeln!(out, "             holds  {held}")
        }
    }
}

/// Of a subject alone.
fn verdict(findings: &[&Finding]) -> Verdict {
    let worst = findings.iter().map(|finding| finding.effect).max();
    worst.map_or(Verdict::Allowed, verdict_of)
}

/// `vms/dev-admins`, `dev-admins`.
fn object(explanation: &BindingExplanation) -> String {
    let name = message::name(&explanation.name.name);
    match &explanation.name.namespace {
        Some(namespace) => format!("{}/{name}", message::name(namespace)),
        None => name,
    }
}

/// The same for scripts.
pub(super) fn write_json(explanation: &BindingExplanation, out: &mut impl Write) -> io::Result<()> {
    report::write_result(out, report::EXPLAIN_RESULT, BindingResult::new(explanation))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BindingResult<'a> {
    object: ObjectReport<'a>,
    role: RoleReport<'a>,
    scope: ScopeReport<'a>,
    /// Null where the role does not exist, or nothing is known of it.
    abilities: Option<AbilitiesReport<'a>>,
    required: Vec<RequiredReport<'a>>,
    decision: &'static str,
    subjects: Vec<BoundReport<'a>>,
}

#[derive(Debug, Serialize)]
struct BoundReport<'a> {
    subject: SubjectReport<'a>,
    decision: &'static str,
    /// Absent for a subject of whom Palette is not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<Vec<HoldingReport<'a>>>,
    findings: Vec<FindingReport<'a>>,
}

impl<'a> BindingResult<'a> {
    fn new(explanation: &'a BindingExplanation) -> Self {
        let (name, decision) = (&explanation.name, &explanation.decision);
        let subjects = explanation.subjects.iter();
        Self {
            object: ObjectReport::new(
                explanation.kind.as_str(),
                name.namespace.as_deref(),
                &name.name,
            ),
            role: RoleReport::new(&decision.role),
            scope: ScopeReport::new(&decision.scope),
            abilities: match &explanation.allows {
                Allows::Known(abilities) => Some(AbilitiesReport::new(abilities)),
                Allows::Missing | Allows::Unknown => None,
            },
            required: explanation
                .required
                .iter()
                .map(RequiredReport::new)
                .collect(),
            decision: decision.verdict.as_str(),
            subjects: subjects
                .map(|bound| BoundReport::new(bound, decision))
                .collect(),
        }
    }
}

impl<'a> BoundReport<'a> {
    fn new(bound: &'a Bound, decision: &'a Decision) -> Self {
        let findings: Vec<&Finding> = bound.findings(decision).collect();
        Self {
            subject: SubjectReport::new(&bound.subject),
            decision: verdict(&findings).as_str(),
            holds: (bound.class == Class::Person).then(|| report::holdings(&bound.holds)),
            findings: report::some(findings.into_iter(), decision),
        }
    }
}

const MISSING: &str =
    "nothing: the role does not exist, and whoever creates it decides what it grants";
const UNKNOWN: &str = "what is not known: the facts have no roles of this kind";
