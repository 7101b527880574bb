//! Rule `self-protection`: what would take from this webhook the rights by which it sees.

use std::sync::LazyLock;

use super::Context;
use super::exempt::Exemptions;
use super::verdict::{break_glass, verdict};
use crate::domain::{
    BindingRequest, Cause, Decision, Deletion, Effect, Field, Finding, Judged, JudgedKind,
    OwnObject, RoleKind, RoleRef, Rule, Scope, Subject, Takes, Verdict,
};
use crate::facts::Role;
use crate::policy::Policy;
use crate::rbac::{PolicyRule, RBAC_GROUP, Rules};
use crate::rulebook::Rulebook;

/// Judges a deletion: whatever is not the webhook's own may go.
pub fn decide_deletion(request: &Deletion<'_>, context: Context<'_>) -> Decision {
    let Context { rulebook, now, .. } = context;
    let policy = rulebook.policy();
    let webhook = &policy.installation;
    let own = match request.kind {
        JudgedKind::Role(kind) => webhook.role(kind, &request.scope, &request.name),
        JudgedKind::Binding(kind) => webhook.binding(kind, &request.scope, &request.name),
    };
    let undecided = Decision {
        verdict: Verdict::Unchanged,
        judged: Judged::Deletion,
        role: RoleRef {
            kind: role_kind(&request.scope),
            name: request.name.to_string().into(),
        },
        scope: request.scope.clone().into_owned(),
        findings: Vec::new(),
        notices: Vec::new(),
        unjudged: Vec::new(),
    };
    let found = own.and_then(|object| found(policy, object, Takes::Everything, None));
    let Some(finding) = found else {
        return undecided;
    };
    let mut findings = vec![finding];
    let requester = Some(&request.requester);
    let place = (&undecided.scope, &undecided.role);
    let exemptions = Exemptions::matching(policy, requester, place, now);
    for finding in &mut findings {
        exemptions.cover(finding);
    }
    let notices = break_glass(requester, rulebook, &mut findings);
    Decision {
        verdict: verdict(&findings),
        findings,
        notices: notices.into_iter().collect(),
        ..undecided
    }
}

/// What a role that is written takes away.
pub(super) fn of_role(
    role: &Role,
    previous: Option<&Role>,
    rulebook: &Rulebook,
) -> Option<Finding> {
    let policy = rulebook.policy();
    let scope = match &role.name.namespace {
        Some(namespace) => Scope::Namespace((&**namespace).into()),
        None => Scope::Cluster,
    };
    let object = policy
        .installation
        .role(role.kind(), &scope, &role.name.name)?;
    let previous = previous?;
    // What an aggregated role allows, its selectors say: the controller writes over what stands in it.
    if role.aggregation.is_some() && previous.aggregation.is_none() {
        return found(policy, object, Takes::Rules, None);
    }
    let lost = lost(role.kind(), &previous.rules, &role.rules);
    if lost.is_empty() {
        return None;
    }
    found(policy, object, Takes::Rights(lost), None)
}

/// What a binding that is written takes away.
pub(super) fn of_binding(request: &BindingRequest<'_>, rulebook: &Rulebook) -> Option<Finding> {
    let policy = rulebook.policy();
    let (binding, previous) = (&request.binding, request.previous.as_ref()?);
    let object = policy
        .installation
        .binding(binding.kind(), &binding.scope, &binding.name)?;
    let account = policy.installation.account();
    let is_own = |subject: &&Subject<'_>| subject.principal() == account;
    let had = previous.subjects.iter().find(is_own)?;
    let is_kept = previous.role == binding.role && binding.subjects.iter().any(|it| is_own(&it));
    if is_kept {
        return None;
    }
    let subject = Some(had.clone().into_owned());
    found(policy, object, Takes::Account, subject)
}

fn found(
    policy: &Policy,
    object: OwnObject,
    takes: Takes,
    subject: Option<Subject<'static>>,
) -> Option<Finding> {
    let effect: Effect = policy.effect(Rule::SelfProtection)?;
    let field = match takes {
        Takes::Everything => Field::Object,
        Takes::Rules | Takes::Rights(_) => Field::Rules,
        Takes::Account => Field::Subjects,
    };
    let cause = Cause::Takes(object, takes);
    Some(Finding {
        subject,
        ..Finding::new(Rule::SelfProtection, effect, field, cause)
    })
}

/// The webhook's needs that the old rules allow and the new ones do not.
fn lost(kind: RoleKind, old: &Rules, new: &Rules) -> Vec<String> {
    let missing = new.missing(needs(kind));
    let never_had = old.missing(&missing);
    let lost = never_had.missing(&missing);
    let atoms = lost.atoms(NEEDS_NAMED).atoms;
    atoms.iter().map(ToString::to_string).collect()
}

/// What the webhook needs: in the whole cluster, or in its namespace.
///
/// The same as `manifests/base/rbac.yaml` gives it, which a test compares.
pub fn needs(kind: RoleKind) -> &'static Rules {
    static CLUSTER: LazyLock<Rules> = LazyLock::new(|| Rules::new(&cluster_needs()));
    static NAMESPACE: LazyLock<Rules> = LazyLock::new(|| Rules::new(&namespace_needs()));
    match kind {
        RoleKind::ClusterRole => &CLUSTER,
        RoleKind::Role => &NAMESPACE,
    }
}

/// To see roles and bindings, and to write reports.
fn cluster_needs() -> [PolicyRule; 3] {
    let kinds = [
        "clusterroles",
        "roles",
        "clusterrolebindings",
        "rolebindings",
    ];
    [
        PolicyRule::resources(&["get", "list", "watch"], &[RBAC_GROUP], &kinds),
        PolicyRule::resources(&["list"], &REPORT_GROUPS, &REPORTS),
        PolicyRule {
            resource_names: ["palette-rbac"].into_iter().collect(),
            ..PolicyRule::resources(
                &["get", "create", "patch", "delete"],
                &REPORT_GROUPS,
                &REPORTS,
            )
        },
    ]
}

/// To agree on who writes them.
fn namespace_needs() -> [PolicyRule; 2] {
    let (group, leases) = (["coordination.k8s.io"], ["leases"]);
    [
        PolicyRule {
            resource_names: ["palette-rbac"].into_iter().collect(),
            ..PolicyRule::resources(&["get", "update"], &group, &leases)
        },
        PolicyRule::resources(&["create"], &group, &leases),
    ]
}

const fn role_kind(scope: &Scope<'_>) -> RoleKind {
    match scope {
        Scope::Cluster => RoleKind::ClusterRole,
        Scope::Namespace(_) => RoleKind::Role,
    }
}

/// More than it has needs.
const NEEDS_NAMED: usize = 1000;

const REPORT_GROUPS: [&str; 2] = ["openreports.io", "wgpolicyk8s.io"];
const REPORTS: [&str; 4] = [
    "reports",
    "clusterreports",
    "policyreports",
    "clusterpolicyreports",
];
