//! The decision: `(request, context) → Decision`, one function a rule.
//!
//! Total: whatever is unknown is a finding, never an error. It reads no clock and no cluster.

mod context;
mod cumulative;
mod equivalent_role;
mod exempt;
mod grants;
pub(crate) mod identity;
mod known;
mod own;
mod published;
mod role_knowledge;
mod role_write;
mod rules;

use std::sync::Arc;

use crate::domain::{
    BindingRequest, Cause, Decision, Effect, Finding, Judged, Notice, Requester, Rule, Scope,
    Standing, Verdict,
};
use crate::facts::{ObjectName, RoleRead};
use crate::policy::{Membership, OnStale, RoleReads};
use crate::rulebook::Rulebook;
pub use context::Context;
pub(crate) use equivalent_role::EquivalentRole;
use grants::Grant;
pub use identity::Class;
pub use known::{KnownBinding, known_bindings};
pub use own::{decide_deletion, needs};
pub(crate) use role_write::drifts;
pub use role_write::{RoleRequest, decide_role};
use rules::Judge;
pub(crate) use rules::is_judged_by_name;

/// Judges the grants that a binding adds.
///
/// A binding that adds none is admitted unjudged: labels, finalizers and subjects taken away are nobody's concern
/// here, whatever else the binding holds. The webhook's own binding is one that it must keep.
pub fn decide(request: &BindingRequest<'_>, context: Context<'_>) -> Decision {
    let Context { rulebook, now, .. } = context;
    let added = grants::added(request);
    let unjudged = unjudged_decision(request);
    let own = own::of_binding(request, rulebook);
    if added.is_empty() && own.is_none() {
        return unjudged;
    }
    let judge = Judge::new(request, context);
    let mut findings: Vec<Finding> = own.into_iter().collect();
    if !added.is_empty() {
        findings.extend(judge.findings(&added));
    }
    let requester = request.requester.as_ref();
    let place = (&request.binding.scope, &request.binding.role);
    let exemptions = exempt::Exemptions::matching(rulebook.policy(), requester, place, now);
    for finding in &mut findings {
        exemptions.cover(finding);
    }
    let mut notices = notices(context, &findings, judge.judges_people(&added));
    notices.extend(break_glass(requester, rulebook, &mut findings));
    Decision {
        verdict: verdict(&findings),
        findings,
        notices,
        unjudged: judge.unjudged(&added),
        ..unjudged
    }
}

/// The role that has to be read from the API server before the request can be judged: one that the view does not have,
/// or, with `roleReads: live`, any that is not judged by its name. None once it was read, and none if no rule asks.
pub fn role_to_read(request: &BindingRequest<'_>, context: Context<'_>) -> Option<ObjectName> {
    let Context {
        rulebook, cluster, ..
    } = context;
    let (role, scope) = (&request.binding.role, &request.binding.scope);
    let view = cluster.view?;
    if cluster.role_read != RoleRead::Possible || is_judged_by_name(role, rulebook) {
        return None;
    }
    let seen = view.resolve(role, scope);
    let is_seen = seen.is_some_and(|seen| !seen.rules(&Scope::Cluster).is_too_large());
    if is_seen && !cluster.is_lost && rulebook.policy().role_reads == RoleReads::Watched {
        return None;
    }
    let asks = asks_what_roles_allow(rulebook)
        && grants::added(request).iter().any(|grant| {
            let class = identity::class_of(grant.principal, rulebook);
            matches!(class, Class::Person | Class::Everybody)
        });
    if !asks {
        return None;
    }
    ObjectName::of_role(role, scope)
}

/// Whether a rule is on that judges bindings by what their roles allow.
fn asks_what_roles_allow(rulebook: &Rulebook) -> bool {
    let actions = &rulebook.policy().actions;
    RULES_OF_EFFECTIVE_ROLES
        .into_iter()
        .any(|rule| !actions.is_off(rule))
}

/// What is answered when no grant is added.
fn unjudged_decision(request: &BindingRequest<'_>) -> Decision {
    Decision {
        verdict: match request.previous {
            Some(_) => Verdict::Unchanged,
            None => Verdict::Allowed,
        },
        judged: Judged::Binding,
        role: request.binding.role.clone().into_owned(),
        scope: request.binding.scope.clone().into_owned(),
        findings: Vec::new(),
        notices: Vec::new(),
        unjudged: Vec::new(),
    }
}

/// The first that holds of: denied, exempted, warned, audited, allowed.
fn verdict(findings: &[Finding]) -> Verdict {
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
fn break_glass(
    requester: Option<&Requester<'_>>,
    rulebook: &Rulebook,
    findings: &mut [Finding],
) -> Option<Notice> {
    let groups = &rulebook.policy().break_glass_groups;
    let is_break_glass =
        |group: &&std::borrow::Cow<'_, str>| groups.iter().any(|named| **named == ***group);
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
fn notices(context: Context<'_>, findings: &[Finding], judges_people: bool) -> Vec<Notice> {
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
    let project = (policy.cluster.project == Membership::Unknown
        && findings.iter().any(by_directory))
    .then_some(Notice::ProjectUnknown);
    let help = policy.help.clone().map(Notice::Help);
    [stale, project, help].into_iter().flatten().collect()
}

impl Judge<'_> {
    /// Rules that are on and would have judged a grant, had the cluster's facts been known.
    fn unjudged(&self, added: &[Grant<'_>]) -> Vec<Rule> {
        let policy = self.context.rulebook.policy();
        let concerned = self.request.binding.scope == Scope::Cluster
            && policy.cluster.cluster_group == Membership::Unknown
            && !policy.actions.is_off(Rule::ClusterGroupScope)
            && added.iter().any(|grant| self.class(grant) == Class::Person);
        let group = concerned.then_some(Rule::ClusterGroupScope);
        group
            .into_iter()
            .chain(self.unjudged_roles(added))
            .collect()
    }

    /// Those for which the role would have to be known.
    fn unjudged_roles(&self, added: &[Grant<'_>]) -> impl Iterator<Item = Rule> + use<'_> {
        let actions = &self.context.rulebook.policy().actions;
        let concerned = self.does_not_know_the_role()
            && added
                .iter()
                .any(|grant| matches!(self.class(grant), Class::Person | Class::Everybody));
        RULES_OF_EFFECTIVE_ROLES
            .into_iter()
            .filter(move |rule| concerned && !actions.is_off(*rule))
    }
}

/// The rules that judge a binding by what its role allows.
const RULES_OF_EFFECTIVE_ROLES: [Rule; 4] = [
    Rule::EquivalentRole,
    Rule::DanglingRole,
    Rule::IndirectReach,
    Rule::Cumulative,
];
