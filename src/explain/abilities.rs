//! What a role can do, what that asks for, and how two roles relate.

use std::sync::Arc;

use crate::decide::{Context, EquivalentRole, is_judged_by_name};
use crate::domain::{RoleRef, Scope};
use crate::facts::{RoleView, View};
use crate::policy::RoleClass;
use crate::rbac::escalation::EscalationPath;
use crate::rbac::{Capabilities, Level, Relation, Rules};

/// What a role allows where it is granted in a scope, and which VM role that is equivalent to.
#[derive(Debug, Clone)]
pub struct Abilities {
    /// The role.
    pub role: RoleRef<'static>,
    /// Where it is granted.
    pub scope: Scope<'static>,
    /// The other `ClusterRole`s that it is made of, in the order of their names.
    pub members: Vec<Arc<str>>,
    /// All that it allows there, its members included.
    pub rules: Rules,
    /// What that lets somebody do with virtual machines and the cluster.
    pub capabilities: Capabilities,
    /// The VM role that it amounts to there.
    pub level: Option<Level>,
    /// The detours that it opens there.
    pub detours: Vec<&'static EscalationPath>,
}

/// What somebody must hold in Palette to be given a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    /// The entry of the mapping that asks for it.
    pub entry: Arc<str>,
    /// Why that entry.
    pub by: RequiredBy,
    /// All groups must be met, one role of a group meets it.
    pub groups: Vec<Vec<Arc<str>>>,
}

/// Why an entry of the mapping is asked for a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequiredBy {
    /// It has that name.
    Name,
    /// It can do as much.
    Abilities,
}

/// How two roles compare.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// One.
    pub first: Abilities,
    /// The other.
    pub second: Abilities,
    /// How the first relates to the second.
    pub relation: Relation,
    /// What only the first allows.
    pub only_first: Rules,
    /// What only the second allows.
    pub only_second: Rules,
}

impl Abilities {
    /// Of the role that a binding in that scope refers to, if the view has it.
    pub fn of(role: &RoleRef<'_>, scope: &Scope<'_>, view: &View) -> Option<Self> {
        let known = view.resolve(role, scope)?;
        Some(Self {
            role: role.clone().into_owned(),
            scope: scope.clone().into_owned(),
            members: known.members().map(Arc::from).collect(),
            rules: known.rules(scope).clone(),
            capabilities: known.capabilities(scope),
            level: known.level(scope),
            detours: known.escalation_paths(scope).collect(),
        })
    }
}

impl Comparison {
    /// Compares what they allow in the scope that they were looked at in.
    pub fn of(first: Abilities, second: Abilities) -> Self {
        Self {
            relation: first.rules.relation(&second.rules),
            only_first: second.rules.missing(&first.rules),
            only_second: first.rules.missing(&second.rules),
            first,
            second,
        }
    }
}

/// What is asked of whoever is given the role: for its name and, unless it is a VM role of the mapping, for what it can do
/// beyond that.
pub fn required(role: &RoleRef<'_>, scope: &Scope<'_>, context: Context<'_>) -> Vec<Required> {
    let rulebook = context.rulebook;
    let named = rulebook.governs(role);
    let by_name = named.into_iter().map(|entry| (entry, RequiredBy::Name));
    let is_judged_by_name = is_judged_by_name(role, rulebook);
    let class = named.and_then(|entry| rulebook.class(entry));
    let is_standard = class == Some(RoleClass::Standard);
    let known = context
        .cluster
        .view
        .and_then(|view| view.resolve(role, scope))
        .filter(|_| !is_judged_by_name || is_standard);
    let equivalents = known.map(|known: RoleView<'_>| match named {
        Some(named) if is_judged_by_name => {
            EquivalentRole::beyond_its_name(known, scope, named, rulebook)
        }
        _ => EquivalentRole::of_role(known, scope, rulebook),
    });
    let by_abilities = equivalents.into_iter().flatten();
    by_name
        .chain(by_abilities.map(|equivalent| (equivalent.entry, RequiredBy::Abilities)))
        .filter_map(|(entry, by)| {
            let entry = rulebook.policy().mapping.get(entry)?;
            Some(Required {
                entry: Arc::clone(&entry.role),
                by,
                groups: entry.requires.clone(),
            })
        })
        .collect()
}
