//! A role in a view.

use strum::IntoEnumIterator;

use super::effective_rules::EffectiveRules;
use super::index::KnownRole;
use super::object::{Key, role_key};
use super::{ObjectName, Role, View};
use crate::domain::{RoleKind, RoleRef, Scope};
use crate::rbac::escalation::EscalationPath;
use crate::rbac::{Capabilities, Level, Relation, Rules};

/// A role in a view, with all that it allows.
#[derive(Debug, Clone, Copy)]
pub struct RoleView<'v> {
    view: &'v View,
    known: &'v KnownRole,
}

/// A `ClusterRole` that others are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceRole<'v> {
    /// There is none.
    Missing,
    /// It allows nothing with machines (yet), so that everything would cover it.
    Stub,
    /// What it allows.
    Used(&'v Rules),
}

/// The roles of a view.
impl View {
    /// The role that a binding with this scope refers to.
    pub fn resolve(&self, role: &RoleRef<'_>, scope: &Scope<'_>) -> Option<RoleView<'_>> {
        self.known(role_key(role.kind, &role.name, scope.namespace())?)
    }

    /// Whether the cluster has no such role, as far as this view goes.
    pub fn lacks(&self, role: &RoleRef<'_>, scope: &Scope<'_>) -> bool {
        let namespace = scope.namespace().filter(|_| role.kind == RoleKind::Role);
        self.resolve(role, scope).is_none() && self.holds_all(role.kind.into(), namespace)
    }

    /// The role of that name.
    pub fn role(&self, name: &ObjectName) -> Option<RoleView<'_>> {
        self.known(name.key())
    }

    /// The `ClusterRole` of that name.
    pub fn cluster_role(&self, name: &str) -> Option<RoleView<'_>> {
        self.known((None, name))
    }

    /// Every role: those of the cluster first, then by namespace and name.
    pub fn roles(&self) -> impl Iterator<Item = RoleView<'_>> {
        let known = self.index.roles.iter();
        known.map(|known| RoleView::new(self, known))
    }

    /// What a `ClusterRole` allows in that scope, to compare others with.
    pub fn reference(&self, cluster_role: &str, scope: &Scope<'_>) -> ReferenceRole<'_> {
        match self.cluster_role(cluster_role) {
            None => ReferenceRole::Missing,
            Some(role) if role.capabilities(scope).concern_machines() => {
                ReferenceRole::Used(role.rules(scope))
            }
            Some(_) => ReferenceRole::Stub,
        }
    }

    /// What the VM role of that level lets somebody do; nothing where it is no reference.
    pub(super) fn reference_capabilities(
        &self,
        level: Level,
        scope: &Scope<'_>,
    ) -> Option<Capabilities> {
        let of_level = &self.references.0[level];
        let of_scope = of_level.get(usize::from(scope.namespace().is_some()))?;
        let find = || {
            let role = self.cluster_role(level.role())?;
            Some(role.capabilities(scope)).filter(|it| it.concern_machines())
        };
        *of_scope.get_or_init(find)
    }

    fn known(&self, name: Key<'_>) -> Option<RoleView<'_>> {
        let known = self.index.role(name)?;
        Some(RoleView::new(self, known))
    }
}

impl<'v> RoleView<'v> {
    pub(super) fn new(view: &'v View, known: &'v KnownRole) -> Self {
        Self { view, known }
    }

    /// The role as it is written.
    pub fn role(self) -> &'v Role {
        &self.known.role
    }

    /// The other `ClusterRole`s that it is made of, in the order of their names.
    pub fn members(self) -> impl Iterator<Item = &'v str> {
        let own = &*self.known.role.name.name;
        let members = self.view.members(&self.known.role);
        members.map(|name| &**name).filter(move |name| *name != own)
    }

    /// What it allows where it is granted in that scope: its own rules and its members'.
    pub fn rules(self, scope: &Scope<'_>) -> &'v Rules {
        &self.effective().within(scope).rules
    }

    /// What that lets somebody do with virtual machines and the cluster.
    pub fn capabilities(self, scope: &Scope<'_>) -> Capabilities {
        self.effective().within(scope).capabilities()
    }

    /// The VM role that it amounts to in that scope: by the table of capabilities, or more, where it covers what the
    /// cluster's own VM role of a higher level allows there.
    pub fn level(self, scope: &Scope<'_>) -> Option<Level> {
        let by_table = self.capabilities(scope).level()?;
        let higher = Level::iter().rev();
        let may_cover = |level: &Level| {
            let reference = self.view.reference_capabilities(*level, scope);
            reference.is_some_and(|it| self.capabilities(scope).contain(it))
        };
        higher
            .take_while(|level| *level > by_table)
            .filter(may_cover)
            .find(|level| self.covers(level.role(), scope))
            .or(Some(by_table))
    }

    /// Whether it allows all that a `ClusterRole` allows in that scope, which has to be something with machines.
    pub fn covers(self, cluster_role: &str, scope: &Scope<'_>) -> bool {
        // Whoever covers a role has its capabilities: these tell at once, the rules only in the end.
        let may_cover = |other: &RoleView<'_>| {
            let capabilities = other.capabilities(scope);
            capabilities.concern_machines() && self.capabilities(scope).contain(capabilities)
        };
        self.view
            .cluster_role(cluster_role)
            .filter(may_cover)
            .is_some_and(|other| self.rules(scope).covers(other.rules(scope)))
    }

    /// A `ClusterRole` of the same cluster.
    pub fn beside(self, cluster_role: &str) -> Option<Self> {
        self.view.cluster_role(cluster_role)
    }

    /// Whether it amounts to another role in that scope, which has to be something with machines or a detour: it can do
    /// something of that, and allows two thirds of what the other's rules allow, or one third and all that the other can
    /// do.
    ///
    /// So neither a verb that is left out nor a rule that is written into the other hides a copy.
    pub fn amounts_to(self, other: RoleView<'_>, scope: &Scope<'_>) -> bool {
        let (own, others) = (self.capabilities(scope), other.capabilities(scope));
        let has = |detour: &'static EscalationPath| {
            self.escalation_paths(scope)
                .any(|it| std::ptr::eq(it, detour))
        };
        let is_like =
            others.iter().any(|it| own.contains(it)) || other.escalation_paths(scope).any(has);
        if !is_like {
            return false;
        }
        let does_all = own.contain(others) && other.escalation_paths(scope).all(has);
        let share = self.rules(scope).share_of(other.rules(scope));
        share * 3 >= if does_all { 1000 } else { 2000 }
    }

    /// Whether it is one of the VM roles under another name, or a little more than one.
    pub fn is_copy_of_vm_role(self, scope: &Scope<'_>) -> bool {
        let is_copied = |level: Level| {
            let Some(original) = self.view.cluster_role(level.role()) else {
                return false;
            };
            let (own, original) = (self.rules(scope), original.rules(scope));
            self.covers(level.role(), scope) && original.missing(own).size() <= original.size()
        };
        Level::iter().any(is_copied)
    }

    /// How it relates to a `ClusterRole` in that scope, if there is one.
    pub fn relation(self, cluster_role: &str, scope: &Scope<'_>) -> Option<Relation> {
        let other = self.view.cluster_role(cluster_role)?;
        Some(self.rules(scope).relation(other.rules(scope)))
    }

    /// The detours that it opens in that scope.
    pub fn escalation_paths(
        self,
        scope: &Scope<'_>,
    ) -> impl Iterator<Item = &'static EscalationPath> {
        let open = self
            .effective()
            .within(scope)
            .escalation_paths()
            .iter()
            .copied();
        open.filter(|detour| detour.is_within(scope))
    }

    fn effective(self) -> &'v EffectiveRules {
        let role = &self.known.role;
        let own = || EffectiveRules::new(role.rules.clone());
        self.view
            .together(role)
            .unwrap_or_else(|| self.known.own.get_or_init(own))
    }
}
