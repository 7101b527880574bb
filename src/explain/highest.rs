//! The most that a subject may hold, by namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::decide::{Class, Context, identity};
use crate::directory::AssignmentScope;
use crate::domain::{Scope, Subject};
use crate::facts::View;
use crate::palette::NamespacePattern;
use crate::rulebook::Rulebook;

/// Namespaces in which a subject may hold the same at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highest {
    /// The VM role; none where it may hold none.
    pub role: Option<Arc<str>>,
    /// Sorted.
    pub namespaces: Vec<Arc<str>>,
}

/// The highest VM role that a subject may hold in each namespace that is known, the highest first; nothing for a
/// subject of whom Palette is not asked.
pub fn highest(subject: &Subject<'_>, context: Context<'_>) -> Vec<Highest> {
    let rulebook = context.rulebook;
    let principal = subject.principal();
    if identity::class_of(principal, rulebook) != Class::Person {
        return Vec::new();
    }
    let holder = identity::holder(principal, rulebook).unwrap_or_default();
    let mut by_role: BTreeMap<usize, Highest> = BTreeMap::new();
    for namespace in namespaces(context) {
        let role = rulebook.highest(&holder, &Scope::Namespace((&*namespace).into()));
        let group = by_role
            .entry(place(role, rulebook))
            .or_insert_with(|| Highest {
                role: role.cloned(),
                namespaces: Vec::new(),
            });
        group.namespaces.push(namespace);
    }
    by_role.into_values().collect()
}

/// Those of the cluster's roles and bindings, and those that the cluster's workspaces name.
fn namespaces(context: Context<'_>) -> BTreeSet<Arc<str>> {
    let view = context.cluster.view;
    let bound = view.into_iter().flat_map(View::namespaces).map(Arc::from);
    let with_roles = view
        .into_iter()
        .flat_map(View::roles)
        .filter_map(|role| role.role().name.namespace.clone());
    bound
        .chain(with_roles)
        .chain(named(context.rulebook))
        .collect()
}

fn named(rulebook: &Rulebook) -> impl Iterator<Item = Arc<str>> {
    let workspaces = &rulebook.cluster().workspaces;
    let patterns = rulebook
        .directory()
        .scopes()
        .iter()
        .flat_map(|scope| match scope {
            AssignmentScope::Workspace { name, namespaces } if workspaces.contains(name) => {
                &namespaces[..]
            }
            AssignmentScope::Workspace { .. }
            | AssignmentScope::Tenant
            | AssignmentScope::Project(_) => &[],
        });
    patterns.filter_map(NamespacePattern::name).map(Arc::from)
}

/// The place in the mapping, which has the highest first; no role comes last.
fn place(role: Option<&Arc<str>>, rulebook: &Rulebook) -> usize {
    role.and_then(|role| rulebook.vm_role(role))
        .unwrap_or(usize::MAX)
}
