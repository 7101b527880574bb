//! Rules `role-change` and `role-drift`: what a role grants through its bindings once it is written.

use std::sync::Arc;

use strum::IntoEnumIterator;

use super::Context;
use super::exempt::Exemptions;
use super::grants::{self, Grant};
use super::own;
use super::rules::Judge;
use super::verdict::{break_glass, notices, verdict};
use crate::domain::{
    BindingName, BindingRequest, Cause, Decision, Effect, Field, Finding, Judged, Requester,
    RoleRef, Rule, Scope, Verdict,
};
use crate::facts::{Cluster, Event, ObjectName, Role, RoleView, StoredBinding, StoredObject, View};
use crate::policy::Disclose;
use crate::rbac::{Capabilities, Level};
use crate::rulebook::Rulebook;

/// A Role or `ClusterRole` that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRequest<'a> {
    /// Who asks; absent where nobody does, as when a file is checked.
    pub requester: Option<Requester<'a>>,
    /// The role as it would be.
    pub role: Role,
    /// The role as it is, if there is one and it could be read.
    pub previous: Option<Role>,
}

/// Judges a role by what its bindings, and those of the aggregates that it is part of, would then grant.
///
/// A role written again with the same rules and labels is admitted unjudged.
pub fn decide_role(request: &RoleRequest<'_>, context: Context<'_>) -> Decision {
    let undecided = undecided(request, context);
    if undecided.verdict == Verdict::Unchanged {
        return undecided;
    }
    let nothing = View::default();
    let seen = context.cluster.view.unwrap_or(&nothing);
    let corrected = corrected(seen, request);
    let before = corrected.as_deref().unwrap_or(seen);
    let written = Event::Upsert(StoredObject::Role(request.role.clone()));
    let change = RoleWrite {
        request,
        context,
        before,
        after: &before.after(written),
    };
    let mut findings: Vec<Finding> = change.takes(&undecided).into_iter().collect();
    findings.extend(change.drifts());
    findings.extend(change.role_changes());
    let by_people = findings.iter().any(|finding| finding.subject.is_some());
    let mut notices = notices(context, &findings, by_people);
    let requester = request.requester.as_ref();
    notices.extend(break_glass(requester, context.rulebook, &mut findings));
    Decision {
        verdict: verdict(&findings),
        findings,
        notices,
        ..undecided
    }
}

/// The VM roles that can do what they are documented not to: each with what that is.
pub(crate) fn drifts(view: &View, rulebook: &Rulebook) -> Vec<Finding> {
    let nothing = View::default();
    Level::iter()
        .filter_map(|level| drift(level, &nothing, view, rulebook))
        .collect()
}

fn undecided(request: &RoleRequest<'_>, context: Context<'_>) -> Decision {
    let name = &request.role.name;
    let is_unchanged = request.previous.as_ref() == Some(&request.role);
    let is_on = !context.rulebook.policy().actions.is_off(Rule::RoleChange);
    let unjudged = context.cluster.view.is_none() && is_on && !is_unchanged;
    Decision {
        verdict: if is_unchanged {
            Verdict::Unchanged
        } else {
            Verdict::Allowed
        },
        judged: Judged::Role,
        role: RoleRef {
            kind: request.role.kind(),
            name: name.name.to_string().into(),
        },
        scope: match &name.namespace {
            Some(namespace) => Scope::Namespace(namespace.to_string().into()),
            None => Scope::Cluster,
        },
        findings: Vec::new(),
        notices: Vec::new(),
        unjudged: unjudged.then_some(Rule::RoleChange).into_iter().collect(),
    }
}

/// The view with the role as the request knows it: a watch is a little behind.
fn corrected(view: &View, request: &RoleRequest<'_>) -> Option<Arc<View>> {
    let name = &request.role.name;
    let seen = view.role(name).map(RoleView::role);
    if seen == request.previous.as_ref() {
        return None;
    }
    Some(view.after(match &request.previous {
        Some(previous) => Event::Upsert(StoredObject::Role(previous.clone())),
        None => Event::Delete(request.role.object_kind(), name.clone()),
    }))
}

/// The cluster before and after the role is written.
struct RoleWrite<'r> {
    request: &'r RoleRequest<'r>,
    context: Context<'r>,
    before: &'r View,
    after: &'r View,
}

impl RoleWrite<'_> {
    /// Rule `self-protection`.
    fn takes(&self, undecided: &Decision) -> Option<Finding> {
        let (request, policy) = (self.request, self.context.rulebook.policy());
        let mut finding = own::of_role(
            &request.role,
            request.previous.as_ref(),
            self.context.rulebook,
        )?;
        let place = (&undecided.scope, &undecided.role);
        let requester = request.requester.as_ref();
        Exemptions::matching(policy, requester, place, self.context.now).cover(&mut finding);
        Some(finding)
    }

    /// Rule `role-drift`, of the role itself or of a VM role that it is part of.
    fn drifts(&self) -> Vec<Finding> {
        let nothing = View::default();
        let is_written =
            |level: Level| self.request.role.name == ObjectName::cluster_scoped(level.role());
        let found = |level: Level| {
            let before = if is_written(level) {
                &nothing
            } else {
                self.before
            };
            drift(level, before, self.after, self.context.rulebook)
        };
        Level::iter().filter_map(found).collect()
    }

    /// Rule `role-change`: what the bindings of the role break then, and did not before.
    fn role_changes(&self) -> Vec<Finding> {
        if self
            .context
            .rulebook
            .policy()
            .actions
            .is_off(Rule::RoleChange)
        {
            return Vec::new();
        }
        let found = self
            .after
            .bindings_through(&self.request.role.name)
            .flat_map(|binding| self.of_binding(binding));
        if self.context.rulebook.policy().disclose == Disclose::Full
            || self.request.requester.is_none()
        {
            return found.collect();
        }
        counted(&found.collect::<Vec<_>>())
    }

    fn of_binding(&self, binding: &StoredBinding) -> Vec<Finding> {
        let request = BindingRequest::create(binding.to_judge(), self.request.requester.clone());
        let seen = |view| Context {
            cluster: Cluster::seen(view),
            ..self.context
        };
        let judge = |view| Judge::by_rules(&request, seen(view));
        let (before, after) = (judge(self.before), judge(self.after));
        let requester = request.requester.as_ref();
        let place = (&request.binding.scope, &request.binding.role);
        let exemptions = Exemptions::matching(
            self.context.rulebook.policy(),
            requester,
            place,
            self.context.now,
        );
        let name = Arc::new(BindingName::from(binding));
        let added = grants::added(&request);
        let breaks =
            |judge: &Judge<'_>, grant: &Grant<'_>| judge.exceeds_its_name(Rule::RoleChange, grant);
        let broke_before =
            |grant: &Grant<'_>| before.breaks_by_name(grant) || breaks(&before, grant).is_some();
        let found = added
            .iter()
            .filter(|grant| !broke_before(grant))
            .filter_map(|grant| breaks(&after, grant));
        found
            .map(|found| {
                let mut finding = Finding {
                    field: Field::Rules,
                    binding: Some(Arc::clone(&name)),
                    ..found
                };
                exemptions.cover(&mut finding);
                finding
            })
            .collect()
    }
}

/// One finding for all of one effect: whoever may write a role may not be one who may read bindings, and would learn by
/// trial who holds what.
fn counted(findings: &[Finding]) -> Vec<Finding> {
    let of_effect = |effect: Effect| {
        let mut alike = findings.iter().filter(move |it| it.effect == effect);
        let first = alike.next()?;
        let cause = Cause::BreaksBindings(1 + alike.count());
        Some(Finding {
            exemption: first.exemption.clone(),
            ..Finding::new(first.rule, effect, first.field, cause)
        })
    };
    Effect::iter().rev().filter_map(of_effect).collect()
}

/// What the VM role of that level could not do before, can do after, and is documented not to.
fn drift(level: Level, before: &View, after: &View, rulebook: &Rulebook) -> Option<Finding> {
    let effect = rulebook.policy().effect(Rule::RoleDrift)?;
    rulebook.vm_role(level.role())?;
    let beyond = |view: &View| {
        let role = view.cluster_role(level.role());
        let all = role.map(|role| role.capabilities(&Scope::Cluster));
        all.unwrap_or_default().beyond(level)
    };
    let (before, after) = (beyond(before), beyond(after));
    let new: Capabilities = after.iter().filter(|it| !before.contains(*it)).collect();
    let can: Vec<&'static str> = new.iter().map(Into::into).collect();
    let is_new = !can.is_empty();
    let cause = Cause::Drift(level.role().into(), can);
    is_new.then(|| Finding::new(Rule::RoleDrift, effect, Field::Rules, cause))
}
