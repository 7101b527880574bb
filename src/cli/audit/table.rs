//! What `audit` found, as tables for people.

use std::io::{self, Write};

use anstyle::Style;
use strum::IntoEnumIterator;

use super::super::output::{BAD, CAUTION};
use super::super::results::{Answer, Results};
use crate::domain::{Effect, Finding, Judged, RoleKind, RoleRef, Rule, Scope};
use crate::message;

/// Every finding in a row, those of a rule and of what it does in a block, the strictest first.
pub(super) fn write(results: Results<'_>, out: &mut impl Write) -> io::Result<()> {
    for effect in Effect::iter().rev() {
        for rule in Rule::iter() {
            let rows = rows(results.answers, effect, rule);
            if !rows.is_empty() {
                write_block(effect, rule, &rows, out)?;
            }
        }
    }
    Ok(())
}

type TableRow = [String; COLUMNS.len()];

fn rows(answers: &[Answer], effect: Effect, rule: Rule) -> Vec<TableRow> {
    let is_meant =
        |(_, finding): &(&Answer, &Finding)| finding.effect == effect && finding.rule == rule;
    answers
        .iter()
        .flat_map(|answer| {
            let findings = answer.decision.findings.iter();
            findings.map(move |finding| (answer, finding))
        })
        .filter(is_meant)
        .map(|(answer, finding)| row(answer, finding))
        .collect()
}

fn row(answer: &Answer, finding: &Finding) -> TableRow {
    let decision = &answer.decision;
    let nothing = || String::from("-");
    [
        place(&decision.scope),
        match decision.judged {
            Judged::Binding => message::name(&answer.name),
            Judged::Role | Judged::Deletion => nothing(),
        },
        role(&decision.role),
        finding
            .subject
            .as_ref()
            .map_or_else(nothing, message::subject),
        why(answer, finding),
    ]
}

fn write_block(
    effect: Effect,
    rule: Rule,
    rows: &[TableRow],
    out: &mut impl Write,
) -> io::Result<()> {
    let style = style(effect);
    let breaks_when = rule.breaks_when();
    writeln!(out, "{style}{effect}{style:#} {rule}: {breaks_when}")?;
    let widths = widths(rows);
    write_row(&COLUMNS, &widths, out)?;
    for row in rows {
        write_row(&row.each_ref().map(String::as_str), &widths, out)?;
    }
    writeln!(out)
}

/// The last column is as wide as it is.
fn write_row(
    row: &[&str; COLUMNS.len()],
    widths: &[usize; COLUMNS.len()],
    out: &mut impl Write,
) -> io::Result<()> {
    let cells = row.iter().zip(widths);
    let line: Vec<String> = cells
        .map(|(cell, width)| format!("{cell:width$}"))
        .collect();
    writeln!(out, "  {}", line.join("  ").trim_end())
}

fn widths(rows: &[TableRow]) -> [usize; COLUMNS.len()] {
    let mut widths = COLUMNS.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

const fn style(effect: Effect) -> Style {
    match effect {
        Effect::Deny => BAD,
        Effect::Warn | Effect::Audit | Effect::Exempt => CAUTION,
    }
}

fn place(scope: &Scope<'_>) -> String {
    match scope {
        Scope::Namespace(namespace) => message::name(namespace),
        Scope::Cluster => String::from("(cluster)"),
    }
}

/// Nearly every role is a ClusterRole, so only a Role says what it is.
fn role(role: &RoleRef<'_>) -> String {
    let name = message::name(&role.name);
    match role.kind {
        RoleKind::ClusterRole => name,
        RoleKind::Role => format!("Role/{name}"),
    }
}

fn why(answer: &Answer, finding: &Finding) -> String {
    let why = message::reason(finding, &answer.decision);
    match (&finding.exemption, finding.effect) {
        (Some(exemption), _) => format!("exempted by {}: {why}", message::name(exemption)),
        (None, _) => why,
    }
}

const COLUMNS: [&str; 5] = ["NAMESPACE", "BINDING", "ROLE", "SUBJECT", "WHY"];
