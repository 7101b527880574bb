//! The cluster at one moment, which does not change while somebody judges by it.

use std::sync::{Arc, OnceLock};

use enum_map::EnumMap;
use strum::IntoEnumIterator;

use super::aggregates::Aggregates;
use super::effective_rules::EffectiveRules;
use super::index::Index;
use super::{Event, Facts, Kind, ObjectName, Role, StoredBinding, StoredObject};
use crate::domain::{Principal, Scope};
use crate::rbac::{Capabilities, Level};

/// The cluster's roles and bindings at one moment.
#[derive(Debug, Default)]
pub struct View {
    pub(super) index: Index,
    aggregates: Arc<Aggregates>,
    pub(super) references: References,
}

/// What the cluster's own VM roles let somebody do, where they are used as references; by level, in the whole cluster and
/// in a namespace. Each is found when it is asked for first, for every role is compared with them.
#[derive(Debug, Default)]
pub(super) struct References(pub(super) EnumMap<Level, [OnceLock<Option<Capabilities>>; 2]>);

impl View {
    pub(super) fn new(index: Index, aggregates: Arc<Aggregates>) -> Self {
        Self {
            index,
            aggregates,
            references: References::default(),
        }
    }

    /// Whether all of that kind were read once.
    pub fn knows(&self, kind: Kind) -> bool {
        self.index.known.contains(&kind)
    }

    /// Whether all of every kind were read once.
    pub fn is_complete(&self) -> bool {
        Kind::iter().all(|kind| self.knows(kind))
    }

    /// Whether what is not here of that kind, in that namespace or in the cluster, is not there either: all were read,
    /// and there was room for them.
    pub fn holds_all(&self, kind: Kind, namespace: Option<&str>) -> bool {
        self.knows(kind) && self.index.holds_all(kind, namespace)
    }

    /// What there was no room for: how many objects of which kind, in which namespace.
    pub fn left_out(&self) -> impl Iterator<Item = (Kind, Option<&Arc<str>>, usize)> {
        let left_out = self.index.left_out().iter();
        left_out.map(|((kind, namespace), count)| (*kind, namespace.as_ref(), *count))
    }

    /// How many objects of a kind are known by their names only, since there was no room for more: such a role counts as
    /// one that allows everything, and whom such a binding names has to be read again.
    pub fn in_name_only(&self, kind: Kind) -> usize {
        self.index.in_name_only(kind)
    }

    /// Bytes that its roles and bindings take.
    pub fn size(&self) -> usize {
        self.index.held()
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.index.count(kind)
    }

    /// Every binding: those of the cluster first, then by namespace and name.
    pub fn bindings(&self) -> impl Iterator<Item = &Arc<StoredBinding>> {
        self.index.bindings.iter()
    }

    /// The binding of that name.
    pub fn binding(&self, name: &ObjectName) -> Option<&Arc<StoredBinding>> {
        self.index.binding(name.key())
    }

    /// The bindings that name a role, whether or not it exists.
    pub fn bindings_of_role(&self, role: &ObjectName) -> impl Iterator<Item = &Arc<StoredBinding>> {
        self.index.bindings_of_role(role.key())
    }

    /// The bindings that grant what a role allows: those that name it, or an aggregate that it is part of.
    pub fn bindings_through(&self, role: &ObjectName) -> impl Iterator<Item = &Arc<StoredBinding>> {
        let is_cluster_role = role.namespace.is_none().then_some(&*role.name);
        let aggregates = is_cluster_role
            .into_iter()
            .flat_map(|name| self.aggregates.selection(&self.index).containing(name));
        let through = aggregates.flat_map(|name| self.index.bindings_of_role((None, name)));
        self.bindings_of_role(role).chain(through)
    }

    /// The bindings that name a principal, however it is written there; not those of its groups.
    pub fn bindings_of(
        &self,
        principal: Principal<'_>,
    ) -> impl Iterator<Item = &Arc<StoredBinding>> {
        self.index.bindings_of(principal)
    }

    /// Of a principal's bindings those that hold in a scope or below it: in a namespace, those of the cluster too.
    pub fn bindings_within(
        &self,
        principal: Principal<'_>,
        scope: &Scope<'_>,
    ) -> impl Iterator<Item = &Arc<StoredBinding>> {
        let (all, wide, narrow) = match scope.namespace() {
            None => (Some(self.index.bindings_of(principal)), None, None),
            Some(namespace) => (
                None,
                Some(self.index.bindings_in(principal, None)),
                Some(self.index.bindings_in(principal, Some(namespace))),
            ),
        };
        let within = wide
            .into_iter()
            .flatten()
            .chain(narrow.into_iter().flatten());
        all.into_iter().flatten().chain(within)
    }

    /// How many namespaces have bindings.
    pub fn namespace_count(&self) -> usize {
        self.index.namespaces.len()
    }

    /// The namespaces that have bindings.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.index.namespaces.iter().map(|(name, _)| &**name)
    }

    /// The view as it would be after an event, to compare with this one.
    #[must_use]
    pub fn after(&self, event: Event) -> Arc<Self> {
        let mut facts = Facts::from_view(&self.index, &self.aggregates);
        facts.apply(event);
        facts.view()
    }

    /// The view as it would be with these written as well: a role allows what it does now and what
    /// they say, a binding grants it to whom it names now and whom they name.
    pub fn together_with(&self, objects: impl IntoIterator<Item = StoredObject>) -> Arc<Self> {
        let mut facts = Facts::from_view(&self.index, &self.aggregates);
        for object in objects {
            facts.apply(Event::Upsert(facts.index.together_with(object)));
        }
        facts.view()
    }

    /// What an aggregated `ClusterRole` is made of, itself among it; nothing for any other role.
    pub(super) fn members(&self, role: &Role) -> impl Iterator<Item = &Arc<str>> {
        let made_of = || {
            let selection = self.aggregates.selection(&self.index);
            Some(selection.made_of(selection.component(&role.name.name)?))
        };
        let members = role.is_aggregate().then(made_of).flatten();
        members.into_iter().flatten()
    }

    /// What an aggregated `ClusterRole` allows with its members; nothing for any other role.
    pub(super) fn together(&self, role: &Role) -> Option<&EffectiveRules> {
        let is_aggregate = role.is_aggregate().then_some(&*role.name.name);
        self.aggregates.effective(is_aggregate?, &self.index)
    }
}
