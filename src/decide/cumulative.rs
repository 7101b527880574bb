//! Rule `cumulative`: what a subject's bindings allow together.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strum::IntoEnumIterator;

use super::equivalent_role::EquivalentRole;
use super::grants::Grant;
use super::rules::Judge;
use crate::domain::{BindingName, Cause, Finding, Principal, Rule, Scope};
use crate::facts::{RoleView, StoredBinding, View};
use crate::rbac::{Capabilities, Level, Rules};

/// A binding of the subject, or of a group that it is in, beside the one that is judged.
#[derive(Clone, Copy)]
struct Other<'v> {
    binding: &'v StoredBinding,
    role: RoleView<'v>,
}

/// A role, and where it is held. One that is held in the whole cluster keeps all of its rules, also where it is put
/// together with what is held in a namespace.
struct Held<'v> {
    role: RoleView<'v>,
    scope: Scope<'v>,
}

impl<'v> Held<'v> {
    fn rules(&self) -> &'v Rules {
        self.role.rules(&self.scope)
    }
}

impl<'r> Judge<'r> {
    /// Rule `cumulative`: what the subject's bindings allow together, where that is more than each of them alone.
    pub(super) fn cumulative(&self, grant: &Grant<'_>) -> Option<Finding> {
        self.effect(Rule::Cumulative)?;
        let view = self.context.cluster.view?;
        let binding = &self.request.binding;
        let own = view.resolve(&binding.role, &binding.scope)?;
        let others = self.others(grant.principal, view);
        // Nearly always there are none.
        let found = match &binding.scope {
            _ if others.is_empty() => None,
            scope @ Scope::Namespace(_) => self.together(grant, own, scope, &others),
            Scope::Cluster => places(&others)
                .into_iter()
                .find_map(|(place, others)| self.together(grant, own, &place, &others)),
        };
        found.or_else(|| self.everywhere(grant, own, view))
    }

    fn together(
        &self,
        grant: &Grant<'_>,
        own: RoleView<'r>,
        place: &Scope<'_>,
        others: &[Other<'r>],
    ) -> Option<Finding> {
        let of_others = others.iter().map(|other| Held {
            role: other.role,
            scope: other.binding.scope(),
        });
        let own = Held {
            role: own,
            scope: self.request.binding.scope.clone(),
        };
        let held: Vec<Held<'_>> = of_others.chain([own]).collect();
        let all = capabilities(&held);
        let level = level_together(&held, all, place, self.context.cluster.view?)?;
        let equivalent = EquivalentRole::of_level(level, all, self.context.rulebook)?;
        self.unmet(
            Rule::Cumulative,
            equivalent.entry,
            place,
            grant,
            |standing| Cause::Cumulative(equivalent.equivalence, standing, adding(others)),
        )
    }

    /// Who may do something in every namespace that has bindings may do it in the whole cluster, nearly.
    fn everywhere(&self, grant: &Grant<'_>, own: RoleView<'r>, view: &View) -> Option<Finding> {
        let scope = &self.request.binding.scope;
        let here = scope.namespace()?;
        let bindings = || view.bindings_of(grant.principal);
        let most = bindings().count() + 1;
        if most < FEWEST_NAMESPACES || most < view.namespace_count() {
            return None;
        }
        let reaching = bindings().filter(|binding| reaches_level(binding, view));
        let mut bound: BTreeSet<&str> = reaching
            .filter_map(|binding| binding.name.namespace.as_deref())
            .collect();
        bound.insert(here);
        let is_everywhere = view.namespaces().all(|namespace| bound.contains(namespace));
        if !is_everywhere || bound.len() < FEWEST_NAMESPACES {
            return None;
        }
        let level = own.level(scope)?;
        let equivalent =
            EquivalentRole::of_level(level, own.capabilities(scope), self.context.rulebook)?;
        self.unmet(
            Rule::Cumulative,
            equivalent.entry,
            &Scope::Cluster,
            grant,
            |standing| Cause::Everywhere(equivalent.equivalence, standing, bound.len()),
        )
    }

    /// The other bindings of the subject, and of the teams that it is in, that hold where this one does or below.
    fn others(&self, principal: Principal<'_>, view: &'r View) -> Vec<Other<'r>> {
        let judged = &self.request.binding;
        let mut bindings: Vec<&'r Arc<StoredBinding>> =
            view.bindings_within(principal, &judged.scope).collect();
        for group in self.groups_of(principal) {
            bindings.extend(view.bindings_within(Principal::Group(&group), &judged.scope));
        }
        let is_judged = |binding: &StoredBinding| {
            *binding.name.name == *judged.name && binding.scope() == judged.scope
        };
        let other = |binding: &'r Arc<StoredBinding>| {
            let role = view.role(&binding.role_name()?)?;
            (!is_judged(binding)).then_some(Other { binding, role })
        };
        bindings.into_iter().filter_map(other).collect()
    }

    /// The groups that Palette's teams make a user a member of.
    fn groups_of(&self, principal: Principal<'_>) -> Vec<Cow<'r, str>> {
        let Principal::User(name) = principal else {
            return Vec::new();
        };
        let (rulebook, directory) = (self.context.rulebook, self.context.rulebook.directory());
        let teams = rulebook.user(name).into_iter().flat_map(|user| &user.teams);
        teams
            .flat_map(|team| rulebook.groups_of_team(&directory.team_by_id(*team).name))
            .collect()
    }
}

/// The bindings that let somebody do something with machines or the cluster.
fn adding(others: &[Other<'_>]) -> Vec<Arc<BindingName>> {
    let adds = |other: &&Other<'_>| {
        let capabilities = other.role.capabilities(&other.binding.scope());
        capabilities != Capabilities::default()
    };
    let adding = others.iter().filter(adds);
    adding
        .map(|other| Arc::new(BindingName::from(other.binding)))
        .collect()
}

/// The others by the places where they hold together with a cluster-wide binding: what holds in the whole cluster holds
/// in each namespace too.
fn places<'v>(others: &[Other<'v>]) -> Vec<(Scope<'v>, Vec<Other<'v>>)> {
    let mut wide = Vec::new();
    let mut by_namespace: BTreeMap<&'v str, Vec<Other<'v>>> = BTreeMap::new();
    for other in others {
        match &other.binding.name.namespace {
            Some(namespace) => by_namespace.entry(namespace).or_default().push(*other),
            None => wide.push(*other),
        }
    }
    let narrow = by_namespace.into_iter().map(|(namespace, mut others)| {
        others.extend_from_slice(&wide);
        (Scope::Namespace(namespace.into()), others)
    });
    let narrow: Vec<_> = narrow.collect();
    let wide = (!wide.is_empty()).then_some((Scope::Cluster, wide));
    wide.into_iter().chain(narrow).collect()
}

fn capabilities(held: &[Held<'_>]) -> Capabilities {
    let each = held.iter().map(|held| held.role.capabilities(&held.scope));
    each.fold(Capabilities::default(), Capabilities::union)
}

/// The level of all of them, where it is above that of each.
fn level_together(
    held: &[Held<'_>],
    all: Capabilities,
    place: &Scope<'_>,
    view: &View,
) -> Option<Level> {
    let by_table = all.level()?;
    let higher = Level::iter().rev().take_while(|level| *level > by_table);
    let level = higher
        .into_iter()
        .find(|level| cover_together(held, all, *level, place, view))
        .unwrap_or(by_table);
    let alone = held
        .iter()
        .filter_map(|held| held.role.level(&held.scope))
        .max();
    (Some(level) > alone).then_some(level)
}

fn cover_together(
    held: &[Held<'_>],
    all: Capabilities,
    level: Level,
    place: &Scope<'_>,
    view: &View,
) -> bool {
    let may_cover = |reference: &RoleView<'_>| {
        let capabilities = reference.capabilities(place);
        capabilities.concern_machines() && all.contain(capabilities)
    };
    let reference = view.cluster_role(level.role()).filter(may_cover);
    reference.is_some_and(|reference| {
        Rules::union(held.iter().map(Held::rules)).covers(reference.rules(place))
    })
}

fn reaches_level(binding: &StoredBinding, view: &View) -> bool {
    let role = binding.role_name().and_then(|name| view.role(&name));
    role.is_some_and(|role| role.level(&binding.scope()).is_some())
}

/// Bound in every namespace of fewer is no sign of anything.
const FEWEST_NAMESPACES: usize = 5;
