//! What a subject holds and what it may be given, from policy, directory and, where it is known, the cluster; what a
//! binding that is there grants, and how roles compare.
//!
//! The same engine answers as for a binding; no file is looked at.

mod abilities;
mod binding;
mod highest;

use std::sync::Arc;

use crate::decide::{Class, Context, decide, identity};
use crate::domain::{
    Binding, BindingRequest, Decision, Holding, Principal, RoleKind, RoleRef, Scope, Standing,
    Subject,
};
use crate::rulebook::Rulebook;

pub use abilities::{Abilities, Comparison, Required, RequiredBy, required};
pub use binding::{Allows, BindingExplanation, Bound, explain_binding};
pub use highest::{Highest, highest};

/// The answer about one subject in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Who is asked about.
    pub subject: Subject<'static>,
    /// Where.
    pub scope: Scope<'static>,
    /// Which rules judge the subject.
    pub class: Class,
    /// What Palette knows of it.
    pub standing: Standing,
    /// The teams that a user is in.
    pub teams: Vec<Arc<str>>,
    /// What it holds; what counts in the scope comes first.
    pub holds: Vec<Holding>,
    /// What a binding would be answered, for the role that was asked about, or for each of the mapping.
    pub roles: Vec<Decision>,
}

/// Explains a subject in a scope: one role, or every role of the mapping.
pub fn explain(
    subject: &Subject<'_>,
    scope: &Scope<'_>,
    role: Option<&RoleRef<'_>>,
    context: Context<'_>,
) -> Explanation {
    let rulebook = context.rulebook;
    let principal = subject.principal();
    let holder = identity::holder(principal, rulebook).unwrap_or_default();
    let answer = |role: RoleRef<'_>| decide(&request(subject, scope, role), context);
    Explanation {
        subject: subject.clone().into_owned(),
        scope: scope.clone().into_owned(),
        class: identity::class_of(principal, rulebook),
        standing: identity::standing(principal, rulebook),
        teams: teams(principal, rulebook),
        holds: rulebook.holdings(&holder, scope),
        roles: match role {
            Some(role) => vec![answer(role.clone())],
            None => mapped(rulebook).map(answer).collect(),
        },
    }
}

/// Every role of the mapping, in its order.
fn mapped(rulebook: &Rulebook) -> impl Iterator<Item = RoleRef<'_>> {
    rulebook.policy().mapping.iter().map(|entry| RoleRef {
        kind: RoleKind::ClusterRole,
        name: (&*entry.role).into(),
    })
}

/// A new binding of that role to that subject alone.
fn request<'a>(subject: &Subject<'a>, scope: &Scope<'a>, role: RoleRef<'a>) -> BindingRequest<'a> {
    BindingRequest::create(
        Binding {
            name: "explained".into(),
            scope: scope.clone(),
            role,
            subjects: vec![subject.clone()],
        },
        None,
    )
}

fn teams(principal: Principal<'_>, rulebook: &Rulebook) -> Vec<Arc<str>> {
    let Principal::User(name) = principal else {
        return Vec::new();
    };
    let directory = rulebook.directory();
    let teams = rulebook.user(name).into_iter().flat_map(|user| &user.teams);
    teams
        .map(|id| directory.team_by_id(*id).name.clone())
        .collect()
}
