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
mod verdict;

use crate::domain::{BindingRequest, Decision, Finding, Judged, Rule, Scope, Verdict};
use crate::facts::{ObjectName, RoleRead};
use crate::policy::{Membership, RoleReads};
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
use verdict::{break_glass, notices, verdict};

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

impl Judge<'_> {
    /// Rules that are on and would have judged a grant, had the cluster's facts been known.
    fn unjudged(&self, added: &[Grant<'_>]) -> Vec<Rule> {
        let policy = self.context.rulebook.policy();
        let concerned = self.request.binding.scope == Scope::Cluster
            && self.context.rulebook.cluster().cluster_group == Membership::Unknown
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
