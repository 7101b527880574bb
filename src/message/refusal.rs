//! The refusal that kubectl prints.

use std::fmt::Write as _;

use super::lines::lines;
use super::words::{in_scope, name, role, who};
use crate::domain::{Cause, Decision, Effect, Finding, Judged, Notice, Rule, Scope, Takes, Word};

/// The message of a refused binding: the role, then every subject that is refused, then whom to ask.
pub fn refusal(decision: &Decision) -> String {
    let refused: Vec<&Finding> = decision
        .findings
        .iter()
        .filter(|finding| finding.effect == Effect::Deny)
        .collect();
    let mut text = format!("{}:", heading(&refused, decision));
    let blocks: Vec<_> = refused.chunk_by(|a, b| is_about_the_same(a, b)).collect();
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
    let unjudged = unjudged(&decision.unjudged);
    for line in unjudged.chain(decision.notices.iter().filter_map(notice)) {
        let _ = write!(text, "\n{line}");
    }
    text
}

/// `ClusterRole edit may not be bound in namespace vms`; of the webhook's own objects, what may not be done to them.
fn heading(refused: &[&Finding], decision: &Decision) -> String {
    let own = refused.iter().find_map(|finding| match &finding.cause {
        Cause::Takes(object, takes) => Some((object, takes)),
        _ => None,
    });
    match own {
        Some((object, Takes::Everything)) => format!("{object} may not be deleted"),
        Some((object, _)) => format!("{object} may not be written so"),
        None => format!("{} may not be {}", role(decision), done(decision)),
    }
}

/// `bound in namespace vms`, `written`.
fn done(decision: &Decision) -> String {
    match (decision.judged, &decision.scope) {
        (Judged::Binding, scope) => format!("bound {}", in_scope(scope)),
        (Judged::Role, scope @ Scope::Namespace(_)) => format!("written so {}", in_scope(scope)),
        (Judged::Role, Scope::Cluster) => String::from("written so"),
        (Judged::Deletion, _) => String::from("deleted"),
    }
}

fn is_about_the_same(a: &Finding, b: &Finding) -> bool {
    a.field == b.field && a.binding == b.binding && a.subject == b.subject
}

/// The message for an object that cannot be understood; `problems` are paths and what is wrong with them, escaped.
pub fn invalid<'p>(
    kind: Option<&str>,
    object: &str,
    scope: Option<&str>,
    problems: impl Iterator<Item = (&'p str, &'p str)>,
) -> String {
    let what = kind.unwrap_or("the request");
    let object = if object.is_empty() {
        String::new()
    } else {
        format!(" {}", name(object))
    };
    let place = scope
        .map(|namespace| format!(" {}", in_scope(&Scope::Namespace(namespace.into()))))
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
        who(first, decision),
        rules.join(", ")
    );
    let said = block.iter().flat_map(|finding| lines(finding, decision));
    for (label, line) in said.chain(was_let_through(block)) {
        let _ = write!(text, "\n    {label:LABEL_WIDTH$}  {line}");
    }
}

/// Whoever was let through yesterday is told why not today.
fn was_let_through(block: &[&Finding]) -> Option<(&'static str, String)> {
    let mut expired = block.iter().filter_map(|finding| finding.expired.as_ref());
    let (name, expired) = expired.next()?;
    let name = policy_line(name);
    let line = format!("let through by exemption {name} until {expired}");
    Some(("was", line))
}

fn unjudged(rules: &[Rule]) -> impl Iterator<Item = String> {
    let of_roles = rules.iter().filter(|rule| rule.needs_cluster_facts());
    let of_roles: Vec<&str> = of_roles.map(Word::as_str).collect();
    let facts = (!of_roles.is_empty()).then(|| {
        format!(
            "not judged, since the cluster's roles are not known: {}",
            of_roles.join(", ")
        )
    });
    let group = rules.contains(&Rule::ClusterGroupScope).then(|| {
        format!(
            "{} was not judged: the policy does not say which cluster group this cluster is in (cluster.clusterGroup)",
            Rule::ClusterGroupScope
        )
    });
    group.into_iter().chain(facts)
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

/// Enough to act upon: a binding may name thousands, and the refusal is stored in the audit log of the API server.
const SUBJECTS_SHOWN: usize = 10;
/// As many as somebody mends at once.
const PROBLEMS_SHOWN: usize = 10;
/// `lacks`, `needs` and `holds`.
const LABEL_WIDTH: usize = 5;
