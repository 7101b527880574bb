//! A judged object, for people.

use std::io::{self, Write};

use super::super::output::{BAD, CAUTION, GOOD, printable};
use super::super::report::DecisionReport;
use super::Answer;
use crate::domain::{Decision, Effect, Finding, Verdict, Word};
use crate::message;

impl Answer {
    /// The verdict, the object and its place, then what kubectl would show and what only the operator would see.
    pub(in crate::cli) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let verdict = self.decision.verdict;
        let style = match verdict {
            Verdict::Denied => BAD,
            Verdict::Exempted | Verdict::Warned | Verdict::Audited => CAUTION,
            Verdict::Unchanged | Verdict::Allowed => GOOD,
        };
        let place = self.source.as_ref().map_or_else(String::new, |source| {
            format!(" ({}:{})", printable(&source.file), source.line)
        });
        writeln!(
            out,
            "{style}{:VERDICT_WIDTH$}{style:#} {}{place}",
            verdict.as_str(),
            self.display()
        )?;
        for line in self.message().lines() {
            writeln!(out, "  {line}")?;
        }
        Ok(())
    }

    /// `RoleBinding vms/dev-admins`, `ClusterRoleBinding dev-admins`.
    pub(in crate::cli) fn display(&self) -> String {
        let name = message::name(&self.name);
        match &self.namespace {
            Some(namespace) => format!("{} {}/{name}", self.kind, message::name(namespace)),
            None => format!("{} {name}", self.kind),
        }
    }

    /// What kubectl would show, then what only the operator would see.
    pub(in crate::cli) fn message(&self) -> String {
        let decision = &self.decision;
        let refusal = (!decision.verdict.admits()).then(|| message::refusal(decision));
        let warnings = message::warnings(decision)
            .into_iter()
            .map(|warning| format!("Warning: {warning}"));
        let silent = decision
            .findings
            .iter()
            .filter_map(|finding| silent(finding, decision));
        let lines: Vec<String> = refusal.into_iter().chain(warnings).chain(silent).collect();
        lines.join("\n")
    }

    pub(in crate::cli) fn report(&self) -> DecisionReport<'_> {
        DecisionReport::new(
            self.source.as_ref(),
            (self.kind, self.namespace.as_deref(), &self.name),
            &self.decision,
        )
    }
}

/// A finding that nobody but the operator is told of.
fn silent(finding: &Finding, decision: &Decision) -> Option<String> {
    let line = message::line(finding, decision);
    let rule = finding.rule;
    match (finding.effect, &finding.exemption) {
        (Effect::Deny | Effect::Warn, _) => None,
        (Effect::Audit, _) => Some(format!("audit: [{rule}] {line}")),
        (Effect::Exempt, Some(exemption)) => Some(format!(
            "exempted by {}: [{rule}] {line}",
            message::name(exemption)
        )),
        (Effect::Exempt, None) => Some(format!("exempted: [{rule}] {line}")),
    }
}

/// `1 file`, `2 files`.
pub(in crate::cli) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// As long as the longest verdict.
const VERDICT_WIDTH: usize = 9;
