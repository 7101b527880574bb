//! Warnings, within the API server's limits.

use std::time::Duration;

use super::lines::lines;
use super::words::{groups, name, role, who};
use crate::domain::{Decision, Effect, Field, Finding, Notice, RoleKind};

/// The warnings that the client prints, one line each.
///
/// The API server drops a warning with a control character whole, and cuts them all once they are too long together
/// (`k8s.io/apiserver/pkg/endpoints/filters/warning.go`).
pub fn warnings(decision: &Decision) -> Vec<String> {
    let notices = decision.notices.iter().filter_map(notice);
    let warned = decision
        .findings
        .iter()
        .filter(|finding| finding.effect == Effect::Warn);
    let mut lines: Vec<String> = notices
        .chain(warned.map(|finding| warning(finding, decision)))
        .collect();
    if lines.len() > WARNINGS {
        let more = lines.len() - (WARNINGS - 1);
        lines.truncate(WARNINGS - 1);
        lines.push(format!("and {more} more warnings"));
    }
    lines.iter().map(|line| cut(line)).collect()
}

/// The rule first, so that it survives the cut.
fn warning(finding: &Finding, decision: &Decision) -> String {
    let (rule, who) = (finding.rule, who(finding, decision));
    // Every character counts, and nearly every role is a ClusterRole.
    let what = match decision.role.kind {
        RoleKind::ClusterRole => name(&decision.role.name),
        RoleKind::Role => role(decision),
    };
    let full = match finding.field {
        Field::Subject(_) => format!("[{rule}] {who} for {what}: "),
        Field::UserInfo => format!("[{rule}] {what} is granted by {who}: "),
        Field::Role | Field::Rules | Field::Subjects | Field::Object => format!("[{rule}] {who}: "),
    };
    let room = CHARACTERS.saturating_sub(full.chars().count());
    full + &wrong(finding, decision, room)
}

/// What is wrong, and of what is lacking as much as there is room for.
fn wrong(finding: &Finding, decision: &Decision, room: usize) -> String {
    let lacks = |count: usize| {
        let more = match finding.lacks.len() - count {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        finding
            .lacks
            .get(..count)
            .map(|some| format!("lacks {}{more}", groups(some)))
    };
    let count = finding.lacks.len();
    let lists = (1..=count)
        .rev()
        .filter_map(lacks)
        .find(|list| list.chars().count() <= room);
    lists.unwrap_or_else(|| match count {
        0 => lines(finding, decision)
            .into_iter()
            .next()
            .map(|(_, text)| text)
            .unwrap_or_default(),
        _ => format!("lacks {count} of Palette's roles"),
    })
}

fn notice(notice: &Notice) -> Option<String> {
    match notice {
        Notice::BreakGlass { group } => Some(format!(
            "break-glass group {} admitted what would have been refused; this is recorded",
            name(group)
        )),
        Notice::StaleDirectory { age } => Some(format!(
            "what is known of Palette's roles is {} old, more than the policy allows",
            in_words(*age)
        )),
        Notice::ProjectUnknown | Notice::Help(_) => None,
    }
}

fn in_words(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    match (minutes / 60 / 24, minutes / 60, minutes) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, _) => format!("{hours} h"),
        (days, ..) => format!("{days} d"),
    }
}

fn cut(line: &str) -> String {
    if line.chars().count() <= CHARACTERS {
        return line.to_owned();
    }
    let kept: String = line.chars().take(CHARACTERS - 3).collect();
    format!("{kept}...")
}

/// The API server cuts all of them short once they have 4,096 characters together.
const WARNINGS: usize = 10;
/// Kubernetes' advice for the length of a warning.
const CHARACTERS: usize = 120;
