//! Rule `equivalent-role`: which VM role a role is worth, whatever it is called.

use std::sync::Arc;

use strum::IntoEnumIterator;

use super::published;
use crate::domain::{Equivalence, Scope};
use crate::facts::RoleView;
use crate::policy::RoleClass;
use crate::rbac::{Capabilities, Capability, Level};
use crate::rulebook::Rulebook;

/// A VM role that a role is as good as, by what it can do: what rule `equivalent-role` asks about.
#[derive(Debug, Clone)]
pub(crate) struct EquivalentRole {
    /// The VM role's entry of the mapping.
    pub(crate) entry: usize,
    pub(super) equivalence: Equivalence,
}

impl EquivalentRole {
    /// The VM roles that a role is equivalent to in that scope: that of its level, and those that the policy added and that
    /// it amounts to, as they were reviewed or else as they are.
    pub(crate) fn of_role(role: RoleView<'_>, scope: &Scope<'_>, rulebook: &Rulebook) -> Vec<Self> {
        if publishes_images(role, scope) {
            return Vec::new();
        }
        let of_level = role
            .level(scope)
            .and_then(|level| Self::of_level(level, role.capabilities(scope), rulebook))
            .map(|mut equivalent| {
                equivalent.equivalence.is_too_large = role.rules(scope).is_too_large();
                equivalent
            });
        let of_added = |(entry, name): (usize, &Arc<str>)| {
            let reviewed = rulebook.reviewed().cluster_role(name);
            let reference = reviewed.or_else(|| role.beside(name))?;
            let is_equivalent = role.amounts_to(reference, scope);
            is_equivalent.then(|| Self::of_added(entry, role, reference, scope))
        };
        let added = added_vm_roles(rulebook).filter_map(of_added);
        of_level.into_iter().chain(added).collect()
    }

    /// What a standard role can do beyond what its name asks for.
    pub(crate) fn beyond_its_name(
        role: RoleView<'_>,
        scope: &Scope<'_>,
        named: usize,
        rulebook: &Rulebook,
    ) -> Vec<Self> {
        let mut equivalents = if published::is_restored(&role.role().name.name) {
            let beyond = published::beyond(role, scope);
            let level = beyond.level();
            let of_level = level.and_then(|level| Self::of_level(level, beyond, rulebook));
            of_level.into_iter().collect()
        } else {
            Self::of_role(role, scope, rulebook)
        };
        equivalents.retain(|equivalent| !rulebook.asks_as_much(named, equivalent.entry));
        equivalents
    }

    /// The VM role of a level, or of the next lower one that the mapping has.
    pub(super) fn of_level(level: Level, can: Capabilities, rulebook: &Rulebook) -> Option<Self> {
        let mut lower = Level::iter().rev().filter(|lower| *lower <= level);
        let (level, entry) =
            lower.find_map(|level| Some((level, rulebook.vm_role(level.role())?)))?;
        let high = can.iter().filter(|capability| capability.level() >= level);
        let equivalence = Equivalence {
            role: level.role().into(),
            can: high.map(Into::into).collect(),
            is_too_large: false,
        };
        Some(Self { entry, equivalence })
    }

    fn of_added(
        entry: usize,
        role: RoleView<'_>,
        reference: RoleView<'_>,
        scope: &Scope<'_>,
    ) -> Self {
        let own = role.capabilities(scope);
        let common = reference.capabilities(scope).iter();
        let common = common.filter(|capability| own.contains(*capability));
        let equivalence = Equivalence {
            role: Arc::clone(&reference.role().name.name),
            can: common.map(Into::into).collect(),
            is_too_large: role.rules(scope).is_too_large(),
        };
        Self { entry, equivalence }
    }
}

/// What a VM role can do that it should not: one of Palette's what it is documented not to, one that the policy adds what
/// it could not when it was reviewed.
pub(super) fn beyond_its_documents(
    role: RoleView<'_>,
    scope: &Scope<'_>,
    rulebook: &Rulebook,
) -> Capabilities {
    let name = &role.role().name.name;
    if let Some(level) = Level::of_role(name) {
        return role.capabilities(scope).beyond(level);
    }
    let reviewed = rulebook.reviewed().cluster_role(name);
    reviewed.map_or_else(Capabilities::default, |reviewed| {
        let could = reviewed.capabilities(scope);
        let can = role.capabilities(scope).iter();
        can.filter(|capability| !could.contains(*capability))
            .collect()
    })
}

/// Whether the role is there for everybody to copy golden images by, and can do nothing else.
///
/// The operator SSP of `KubeVirt` binds it to everybody
/// (`kubevirt/ssp-operator` `internal/operands/data-sources/resource.go`). The name alone earns nothing.
fn publishes_images(role: RoleView<'_>, scope: &Scope<'_>) -> bool {
    let name = &role.role().name;
    let only_clone: Capabilities = [Capability::Clone].into_iter().collect();
    name.namespace.as_deref() == Some("kubevirt-os-images")
        && *name.name == *"os-images.kubevirt.io:view"
        && only_clone.contain(role.capabilities(scope))
}

/// The VM roles of the mapping that are none of Palette's four.
fn added_vm_roles(rulebook: &Rulebook) -> impl Iterator<Item = (usize, &Arc<str>)> {
    let entries = rulebook.policy().mapping.iter().enumerate();
    entries
        .filter(|(_, entry)| entry.class == RoleClass::Vm && Level::of_role(&entry.role).is_none())
        .map(|(index, entry)| (index, &entry.role))
}
