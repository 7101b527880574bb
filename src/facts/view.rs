use std::sync::{Arc, OnceLock};

use super::aggregates::{Aggregate, Aggregates};
use super::index::{Index, KnownRole};
use super::{Binding, Event, Kind, ObjectName, RoleView};
use crate::domain::{Principal, RoleKind, RoleRef, Scope};
use crate::rbac::{Capabilities, Level, Rules};

/// The cluster's roles and bindings at one moment.
#[derive(Debug, Default)]
pub struct View {
    index: Index,
    aggregates: Arc<Aggregates>,
    references: References,
}

/// What the cluster's own VM roles let somebody do, where they are used as references; by level, in the whole cluster and
/// in a namespace. Each is found when it is asked for first, for every role is compared with them.
#[derive(Debug, Default)]
struct References([[OnceLock<Option<Capabilities>>; 2]; Level::ALL.len()]);

/// A `ClusterRole` that others are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'v> {
    /// There is none.
    Missing,
    /// It allows nothing with machines (yet), so that everything would cover it.
    Stub,
    /// What it allows.
    Used(&'v Rules),
}

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
        Kind::ALL.into_iter().all(|kind| self.knows(kind))
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        let of_kind = |name: &&ObjectName| name.namespace.is_some() == kind.is_namespaced();
        match kind {
            Kind::ClusterRole | Kind::Role => {
                let names = self.index.roles.values().map(|known| &known.role.name);
                names.filter(of_kind).count()
            }
            Kind::RoleBinding | Kind::ClusterRoleBinding => {
                let names = self.index.bindings.values().map(|binding| &binding.name);
                names.filter(of_kind).count()
            }
        }
    }

    /// The role that a binding with this scope refers to.
    pub fn referred(&self, role: &RoleRef<'_>, scope: &Scope<'_>) -> Option<RoleView<'_>> {
        let namespace = match role.kind {
            RoleKind::ClusterRole => None,
            RoleKind::Role => Some(scope.namespace()?),
        };
        self.known(namespace, &role.name)
    }

    /// The role of that name.
    pub fn role(&self, name: &ObjectName) -> Option<RoleView<'_>> {
        self.known(name.namespace.as_deref(), &name.name)
    }

    /// The `ClusterRole` of that name.
    pub fn cluster_role(&self, name: &str) -> Option<RoleView<'_>> {
        self.known(None, name)
    }

    /// Every role: those of the cluster first, then by namespace and name.
    pub fn roles(&self) -> impl Iterator<Item = RoleView<'_>> {
        let known = self.index.roles.values();
        known.map(|known| RoleView::new(self, known))
    }

    /// What a `ClusterRole` allows in that scope, to compare others with.
    pub fn reference(&self, cluster_role: &str, scope: &Scope<'_>) -> Reference<'_> {
        match self.cluster_role(cluster_role) {
            None => Reference::Missing,
            Some(role) if role.capabilities(scope).concern_machines() => {
                Reference::Used(role.rules(scope))
            }
            Some(_) => Reference::Stub,
        }
    }

    /// Every binding: those of the cluster first, then by namespace and name.
    pub fn bindings(&self) -> impl Iterator<Item = &Arc<Binding>> {
        self.index.bindings.values()
    }

    /// The binding of that name.
    pub fn binding(&self, name: &ObjectName) -> Option<&Arc<Binding>> {
        let namespace = name.namespace.as_deref();
        self.index.bindings.get(namespace, &name.name)
    }

    /// The bindings that name a role, whether or not it exists.
    pub fn bindings_of_role(&self, role: &ObjectName) -> &[Arc<Binding>] {
        self.index.bindings_of_role(role)
    }

    /// The bindings that grant what a role allows: those that name it, or an aggregate that it is part of.
    pub fn bindings_through(&self, role: &ObjectName) -> impl Iterator<Item = &Arc<Binding>> {
        let is_cluster_role = role.namespace.is_none().then_some(&*role.name);
        let aggregates = is_cluster_role
            .into_iter()
            .flat_map(|name| self.aggregates.containing(name));
        let through = aggregates.flat_map(|name| {
            let aggregate = ObjectName::of_cluster(Arc::clone(name));
            self.bindings_of_role(&aggregate)
        });
        self.bindings_of_role(role).iter().chain(through)
    }

    /// The bindings that name a principal, however it is written there; not those of its groups.
    pub fn bindings_of(&self, principal: Principal<'_>) -> &[Arc<Binding>] {
        self.index.bindings_of(principal)
    }

    /// Of a principal's bindings those that hold in a scope or below it: in a namespace, those of the cluster too.
    pub fn bindings_within(
        &self,
        principal: Principal<'_>,
        scope: &Scope<'_>,
    ) -> impl Iterator<Item = &Arc<Binding>> + use<'_> {
        // Sorted by name: those of the cluster first, then by namespace.
        let all = self.index.bindings_of(principal);
        let (wide, narrow) =
            all.split_at(all.partition_point(|binding| binding.name.namespace.is_none()));
        let narrow = match scope {
            Scope::Cluster => narrow,
            Scope::Namespace(namespace) => {
                let start = narrow.partition_point(|it| namespace_of(it) < Some(&**namespace));
                let (_, rest) = narrow.split_at(start);
                let end = rest.partition_point(|it| namespace_of(it) == Some(&**namespace));
                rest.split_at(end).0
            }
        };
        wide.iter().chain(narrow)
    }

    /// The namespaces that have bindings.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.index.bindings.namespaces()
    }

    /// The view as it would be after an event, to compare with this one.
    #[must_use]
    pub fn after(&self, event: Event) -> Self {
        let mut index = self.index.clone();
        let changed = index.apply(event);
        let aggregates = if changed.cluster_roles {
            Arc::new(Aggregates::of(&index))
        } else {
            Arc::clone(&self.aggregates)
        };
        Self::new(index, aggregates)
    }

    /// What the VM role of that level lets somebody do; nothing where it is no reference.
    pub(super) fn reference_capabilities(
        &self,
        level: Level,
        scope: &Scope<'_>,
    ) -> Option<Capabilities> {
        let of_level = self.references.0.get(level.index())?;
        let of_scope = of_level.get(usize::from(scope.namespace().is_some()))?;
        let find = || {
            let role = self.cluster_role(level.role())?;
            Some(role.capabilities(scope)).filter(|it| it.concern_machines())
        };
        *of_scope.get_or_init(find)
    }

    pub(super) fn aggregate(&self, role: &ObjectName) -> Option<&Aggregate> {
        match role.namespace {
            None => self.aggregates.get(&role.name),
            Some(_) => None,
        }
    }

    /// The rules that are written in a `ClusterRole`.
    pub(super) fn written_rules(&self, cluster_role: &str) -> Option<&Rules> {
        let known = self.index.roles.get(None, cluster_role)?;
        Some(&known.role.rules)
    }

    fn known(&self, namespace: Option<&str>, name: &str) -> Option<RoleView<'_>> {
        let known: &Arc<KnownRole> = self.index.roles.get(namespace, name)?;
        Some(RoleView::new(self, known))
    }
}

fn namespace_of(binding: &Binding) -> Option<&str> {
    binding.name.namespace.as_deref()
}
