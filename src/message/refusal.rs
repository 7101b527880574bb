use std::fmt::Write as _;

use super::words::{lines, name, place, role, subject};
use crate::domain::{BindingKind, Decision, Effect, Finding, Notice, Rule, Scope};

/// The message of a refused binding: the role, then every subject that is refused, then whom to ask.
pub fn refusal(decision: &Decision) -> String {
    let refused: Vec<&Finding> = decision
        .findings
        .iter()
        .filter(|finding| finding.effect == Effect::Deny)
        .collect();
    let mut text = format!(
        "{} may not be bound {}:",
        role(decision),
        place(&decision.scope)
    );
    let blocks: Vec<_> = refused.chunk_by(|a, b| a.field == b.field).collect();
    for block in blocks.iter().take(SUBJECTS_SHOWN) {
        write_block(&mut text, block, decision);
    }
    if let Some(more) = blocks
        .len()
        .checked_sub(SUBJECTS_SHOWN)
        .filter(|more| *more > 0)
    {
        let _ = write!(text, "\n  and {more} more");
    }
    for line in decision
        .unjudged
        .iter()
        .copied()
        .map(unjudged)
        .chain(decision.notices.iter().filter_map(notice))
    {
        let _ = write!(text, "\n{line}");
    }
    text
}

/// The message for an object that cannot be understood; `problems` are paths and what is wrong with them, escaped.
pub fn invalid<'p>(
    kind: Option<BindingKind>,
    object: &str,
    scope: Option<&str>,
    problems: impl Iterator<Item = (&'p str, &'p str)>,
) -> String {
    let what = kind.map_or("the request", BindingKind::as_str);
    let object = if object.is_empty() {
        String::new()
    } else {
        format!(" {}", name(object))
    };
    let place = scope
        .map(|namespace| format!(" {}", place(&Scope::Namespace(namespace.into()))))
        .unwrap_or_default();
    let mut text = format!("{what}{object}{place} cannot be judged and is refused:");
    for (index, (field, problem)) in problems.enumerate() {
        if index == PROBLEMS_SHOWN {
            text.push_str("\n  and more");
            break;
        }
        let _ = write!(text, "\n  {field}: {problem}");
    }
    text
}

/// The findings about one subject: a heading with the rules, then what is wrong and the way out of each.
fn write_block(text: &mut String, block: &[&Finding], decision: &Decision) {
    let Some(first) = block.first() else { return };
    let rules: Vec<&str> = block.iter().map(|finding| finding.rule.as_str()).collect();
    let _ = write!(
        text,
        "\n  {} {} [{}]",
        first.field,
        subject(&first.subject),
        rules.join(", ")
    );
    for (label, line) in block.iter().flat_map(|finding| lines(finding, decision)) {
        let _ = write!(text, "\n    {label:LABEL_WIDTH$}  {line}");
    }
}

fn unjudged(rule: Rule) -> String {
    match rule {
        Rule::ClusterGroupScope => format!(
            "{rule} was not judged: the policy does not say which cluster group this cluster is in (cluster.clusterGroup)"
        ),
        rule => format!("{rule} was not judged: the cluster's roles are not known"),
    }
}

fn notice(notice: &Notice) -> Option<String> {
    match notice {
        Notice::ProjectUnknown => Some(String::from(
            "the policy does not name this cluster's project (cluster.project), so no project or workspace assignment counts",
        )),
        Notice::Help(help) => Some(policy_line(help)),
        Notice::BreakGlass { .. } | Notice::StaleDirectory { .. } => None,
    }
}

/// A line of the policy, never cut.
fn policy_line(line: &str) -> String {
    line.chars()
        .filter(|character| !character.is_control())
        .collect()
}

const SUBJECTS_SHOWN: usize = 10;
const PROBLEMS_SHOWN: usize = 10;
const LABEL_WIDTH: usize = 5;
