//! Exemptions: which findings the operator lets through.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{
    Effect, Field, Finding, NamePattern, Principal, Requester, RoleKind, RoleRef, Scope,
    SubjectKind,
};
use crate::policy::{Exemption, Policy, SubjectPattern};

/// The exemptions for one request, before its findings are looked at.
pub(super) struct Exemptions<'r> {
    in_force: Vec<&'r Exemption>,
    expired: Vec<&'r Exemption>,
}

impl<'r> Exemptions<'r> {
    /// Those that match the requester, the namespace and the role, in the order of the policy.
    pub(super) fn matching(
        policy: &'r Policy,
        requester: Option<&Requester<'_>>,
        (scope, role): (&Scope<'_>, &RoleRef<'_>),
        now: Timestamp,
    ) -> Self {
        let (in_force, expired) = policy
            .exemptions
            .iter()
            .filter(|exemption| matches_requester(&exemption.requesters, requester))
            .filter(|exemption| matches_scope(&exemption.namespaces, scope))
            .filter(|exemption| matches_role(&exemption.roles, role))
            .partition(|exemption| exemption.expires.is_none_or(|expires| now < expires));
        Self { in_force, expired }
    }

    /// Lets the finding through if one of them covers it, the first that matches; or notes one that no longer does.
    pub(super) fn cover(&self, finding: &mut Finding) {
        if let Some(exemption) = first_of(&self.in_force, finding) {
            finding.effect = Effect::Exempt;
            finding.exemption = Some(Arc::clone(&exemption.name));
        } else if let Some(exemption) = first_of(&self.expired, finding) {
            let expires = exemption.expires;
            finding.expired = expires.map(|expires| (Arc::clone(&exemption.name), expires));
        }
    }
}

fn first_of<'r>(exemptions: &[&'r Exemption], finding: &Finding) -> Option<&'r Exemption> {
    let covering = |exemption: &&&Exemption| covers(exemption, finding);
    exemptions.iter().find(covering).copied()
}

fn covers(exemption: &Exemption, finding: &Finding) -> bool {
    let rule = exemption.rules.is_empty() || exemption.rules.contains(&finding.rule);
    // A finding about the requester is about no subject, so an exemption of subjects leaves it.
    let subject = exemption.subjects.is_empty()
        || (finding.field != Field::UserInfo
            && finding
                .subject
                .as_ref()
                .is_some_and(|subject| matches_any(&exemption.subjects, subject.principal())));
    rule && subject
}

fn matches_requester(patterns: &[SubjectPattern], requester: Option<&Requester<'_>>) -> bool {
    patterns.is_empty()
        || requester.is_some_and(|requester| {
            matches_any(patterns, Principal::of_username(&requester.username))
                || requester
                    .groups
                    .iter()
                    .any(|group| matches_any(patterns, Principal::Group(group)))
        })
}

/// A namespace never matches a cluster-wide grant.
fn matches_scope(patterns: &[NamePattern], scope: &Scope<'_>) -> bool {
    patterns.is_empty()
        || scope
            .namespace()
            .is_some_and(|namespace| patterns.iter().any(|pattern| pattern.matches(namespace)))
}

/// Only cluster roles are named: whoever may write a Role in a namespace chooses its name.
fn matches_role(patterns: &[NamePattern], role: &RoleRef<'_>) -> bool {
    patterns.is_empty()
        || (role.kind == RoleKind::ClusterRole
            && patterns.iter().any(|pattern| pattern.matches(&role.name)))
}

fn matches_any(patterns: &[SubjectPattern], principal: Principal<'_>) -> bool {
    patterns.iter().any(|pattern| matches(pattern, principal))
}

fn matches(pattern: &SubjectPattern, principal: Principal<'_>) -> bool {
    match (pattern.kind, principal) {
        (SubjectKind::User, Principal::User(name))
        | (SubjectKind::Group, Principal::Group(name)) => pattern.name.matches(name),
        (SubjectKind::ServiceAccount, Principal::ServiceAccount { namespace, name }) => {
            pattern
                .namespace
                .as_ref()
                .is_none_or(|pattern| pattern.matches(namespace))
                && pattern.name.matches(name)
        }
        // A prefix such as `system:serviceaccount:vms:*` names service accounts as the users that they are.
        (SubjectKind::User, Principal::ServiceAccount { namespace, name }) => pattern
            .name
            .matches(&format!("system:serviceaccount:{namespace}:{name}")),
        _ => false,
    }
}
