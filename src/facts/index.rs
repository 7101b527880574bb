use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::by_namespace::ByNamespace;
use super::role_view::Effective;
use super::{Binding, Event, Kind, Object, ObjectName, Role};
use crate::domain::Principal;

/// Every map is shared with the views that were taken, and copied when it is written while one of them lives.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    pub(super) roles: Arc<ByNamespace<Arc<KnownRole>>>,
    pub(super) bindings: Arc<ByNamespace<Arc<Binding>>>,
    by_role: Arc<ByNamespace<Bindings>>,
    by_user: Arc<HashMap<Arc<str>, Bindings>>,
    by_group: Arc<HashMap<Arc<str>, Bindings>>,
    by_account: Arc<ByNamespace<Bindings>>,
    /// The kinds of which all were read once.
    pub(super) known: BTreeSet<Kind>,
}

type Bindings = Arc<Vec<Arc<Binding>>>;

/// A role and what follows from its own rules, found when it is asked for first.
#[derive(Debug)]
pub(super) struct KnownRole {
    pub(super) role: Role,
    pub(super) own: OnceLock<Effective>,
}

/// What an event changed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Changed {
    pub(super) any: bool,
    /// So that aggregates may be made of others.
    pub(super) cluster_roles: bool,
}

impl Index {
    pub(super) fn apply(&mut self, event: Event) -> Changed {
        match event {
            Event::Upsert(object) => self.upsert(object),
            Event::Delete(kind, name) => self.delete(kind, &name),
            Event::Reset(kind, objects) => self.reset(kind, objects),
        }
    }

    pub(super) fn bindings_of_role(&self, role: &ObjectName) -> &[Arc<Binding>] {
        let bindings = self.by_role.get(role.namespace.as_deref(), &role.name);
        bindings.map_or(&[], |bindings| bindings)
    }

    pub(super) fn bindings_of(&self, principal: Principal<'_>) -> &[Arc<Binding>] {
        let bindings = match principal {
            Principal::User(name) => self.by_user.get(name),
            Principal::Group(name) => self.by_group.get(name),
            Principal::ServiceAccount { namespace, name } => {
                self.by_account.get(Some(namespace), name)
            }
        };
        bindings.map_or(&[], |bindings| bindings)
    }

    fn upsert(&mut self, object: Object) -> Changed {
        let kind = object.kind();
        let any = match object {
            Object::Role(role) => self.upsert_role(role),
            Object::Binding(binding) => self.upsert_binding(binding),
        };
        Changed::of(kind, any)
    }

    fn delete(&mut self, kind: Kind, name: &ObjectName) -> Changed {
        let any = match kind {
            Kind::ClusterRole | Kind::Role => self.delete_role(name),
            Kind::RoleBinding | Kind::ClusterRoleBinding => self.delete_binding(name),
        };
        Changed::of(kind, any)
    }

    fn reset(&mut self, kind: Kind, objects: Vec<Object>) -> Changed {
        let mut changed = Changed::of(kind, self.known.insert(kind));
        let there: BTreeSet<ObjectName> = objects.iter().map(|it| it.name().clone()).collect();
        let gone: Vec<ObjectName> = self
            .names(kind)
            .filter(|name| !there.contains(name))
            .cloned()
            .collect();
        for name in &gone {
            changed = changed.and(self.delete(kind, name));
        }
        for object in objects {
            changed = changed.and(self.upsert(object));
        }
        changed
    }

    fn names(&self, kind: Kind) -> Box<dyn Iterator<Item = &ObjectName> + '_> {
        let of_kind = move |name: &&ObjectName| name.namespace.is_some() == kind.is_namespaced();
        match kind {
            Kind::ClusterRole | Kind::Role => {
                Box::new(self.roles.values().map(|it| &it.role.name).filter(of_kind))
            }
            Kind::RoleBinding | Kind::ClusterRoleBinding => {
                Box::new(self.bindings.values().map(|it| &it.name).filter(of_kind))
            }
        }
    }

    /// A role written again as it was keeps what was found of it.
    fn upsert_role(&mut self, role: Role) -> bool {
        let (namespace, name) = (role.name.namespace.clone(), Arc::clone(&role.name.name));
        if let Some(known) = self.roles.get(namespace.as_deref(), &name)
            && known.role == role
        {
            return false;
        }
        let known = Arc::new(KnownRole {
            role,
            own: OnceLock::new(),
        });
        Arc::make_mut(&mut self.roles).insert(namespace.as_ref(), &name, known);
        true
    }

    fn delete_role(&mut self, name: &ObjectName) -> bool {
        self.roles
            .get(name.namespace.as_deref(), &name.name)
            .is_some()
            && Arc::make_mut(&mut self.roles)
                .remove(name.namespace.as_deref(), &name.name)
                .is_some()
    }

    fn upsert_binding(&mut self, binding: Binding) -> bool {
        let name = &binding.name;
        if let Some(known) = self.bindings.get(name.namespace.as_deref(), &name.name)
            && **known == binding
        {
            return false;
        }
        self.delete_binding(&binding.name);
        let binding = Arc::new(binding);
        let name = &binding.name;
        Arc::make_mut(&mut self.bindings).insert(
            name.namespace.as_ref(),
            &name.name,
            Arc::clone(&binding),
        );
        self.each_list(&binding, |list| {
            let place = list.partition_point(|other| other.name < binding.name);
            list.insert(place, Arc::clone(&binding));
        });
        true
    }

    fn delete_binding(&mut self, name: &ObjectName) -> bool {
        let namespace = name.namespace.as_deref();
        if self.bindings.get(namespace, &name.name).is_none() {
            return false;
        }
        let Some(gone) = Arc::make_mut(&mut self.bindings).remove(namespace, &name.name) else {
            return false;
        };
        self.each_list(&gone, |list| {
            if let Ok(place) = list.binary_search_by(|other| other.name.cmp(&gone.name)) {
                list.remove(place);
            }
        });
        true
    }

    /// Changes the lists that a binding is found in, sorted by name, and forgets those that end empty.
    fn each_list(&mut self, binding: &Binding, change: impl Fn(&mut Vec<Arc<Binding>>)) {
        if let Some(role) = binding.role_name() {
            let by_role = Arc::make_mut(&mut self.by_role);
            change_in(by_role, role.namespace.as_ref(), &role.name, &change);
        }
        let mut seen = BTreeSet::new();
        for subject in binding.subjects.iter() {
            let principal = subject.principal();
            if !seen.insert(principal) {
                continue;
            }
            match principal {
                Principal::User(name) => change_at(&mut self.by_user, name, &change),
                Principal::Group(name) => change_at(&mut self.by_group, name, &change),
                Principal::ServiceAccount { namespace, name } => change_in(
                    Arc::make_mut(&mut self.by_account),
                    Some(&namespace.into()),
                    &name.into(),
                    &change,
                ),
            }
        }
    }
}

fn change_in(
    lists: &mut ByNamespace<Bindings>,
    namespace: Option<&Arc<str>>,
    name: &Arc<str>,
    change: impl Fn(&mut Vec<Arc<Binding>>),
) {
    let list = lists.entry(namespace, name);
    change(Arc::make_mut(list));
    if list.is_empty() {
        lists.remove(namespace.map(|namespace| &**namespace), name);
    }
}

fn change_at(
    lists: &mut Arc<HashMap<Arc<str>, Bindings>>,
    name: &str,
    change: impl Fn(&mut Vec<Arc<Binding>>),
) {
    let lists = Arc::make_mut(lists);
    let list = lists.entry(name.into()).or_default();
    change(Arc::make_mut(list));
    if list.is_empty() {
        lists.remove(name);
    }
}

impl Changed {
    fn of(kind: Kind, any: bool) -> Self {
        Self {
            any,
            cluster_roles: any && kind == Kind::ClusterRole,
        }
    }

    fn and(self, more: Self) -> Self {
        Self {
            any: self.any || more.any,
            cluster_roles: self.cluster_roles || more.cluster_roles,
        }
    }
}
