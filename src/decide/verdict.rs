//! What findings come to.

use std::borrow::Cow;
use std::sync::Arc;

use super::Context;
use crate::domain::{Cause, Effect, Finding, Notice, Requester, Standing, Verdict};
use crate::policy::{Membership, OnStale};
use crate::rulebook::Rulebook;

/// The first that holds of: denied, exempted, warned, audited, allowed.
pub(super) fn verdict(findings: &[Finding]) -> Verdict {
    let has = |effect| findings.iter().any(|finding| finding.effect == effect);
    if has(Effect::Deny) {
        Verdict::Denied
    } else if has(Effect::Exempt) {
        Verdict::Exempted
    } else if has(Effect::Warn) {
        Verdict::Warned
    } else if has(Effect::Audit) {
        Verdict::Audited
    } else {
        Verdict::Allowed
    }
}

/// Turns refusals into exemptions for a requester of a break-glass group; nothing happens where nothing is refused.
pub(super) fn break_glass(
    requester: Option<&Requester<'_>>,
    rulebook: &Rulebook,
    findings: &mut [Finding],
) -> Option<Notice> {
    let groups = &rulebook.policy().break_glass_groups;
    let is_break_glass = |group: &&Cow<'_, str>| groups.iter().any(|named| **named == ***group);
    let group = requester?.groups.iter().find(is_break_glass)?;
    let mut refused = findings
        .iter_mut()
        .filter(|finding| finding.effect == Effect::Deny)
        .peekable();
    refused.peek()?;
    for finding in refused {
        finding.effect = Effect::Exempt;
    }
    Some(Notice::BreakGlass {
        group: Arc::from(&**group),
    })
}

/// What the requester should know beside the findings.
pub(super) fn notices(
    context: Context<'_>,
    findings: &[Finding],
    judges_people: bool,
) -> Vec<Notice> {
    let Context { rulebook, now, .. } = context;
    let policy = rulebook.policy();
    let warns = judges_people && policy.on_stale == OnStale::Warn;
    let stale = (warns && rulebook.directory_is_stale(now)).then(|| Notice::StaleDirectory {
        age: rulebook.directory_age(now),
    });
    // A name of the cluster's own lacks its roles wherever the cluster belongs.
    let by_directory = |finding: &Finding| {
        !finding.lacks.is_empty() && finding.cause != Cause::Requirement(Standing::ClusterIdentity)
    };
    let project = (rulebook.cluster().project == Membership::Unknown
        && findings.iter().any(by_directory))
    .then_some(Notice::ProjectUnknown);
    let help = policy.help.clone().map(Notice::Help);
    [stale, project, help].into_iter().flatten().collect()
}
