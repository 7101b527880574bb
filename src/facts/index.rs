//! Roles and bindings by name, by role, by principal and by namespace, within the room that there is.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use enum_map::EnumMap;

use super::effective_rules::EffectiveRules;
use super::limits::{Accounts, ViewLimits};
use super::object::Key;
use super::sorted::Sorted;
use super::{Kind, ObjectName, Role, StoredBinding, StoredObject};
use crate::domain::Principal;
use crate::rbac::Rules;

/// Every list is shared with the views that were taken: a change costs what it changes, however much there is.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// By name.
    pub(super) roles: Sorted<Arc<KnownRole>>,
    /// By name.
    pub(super) bindings: Sorted<Arc<StoredBinding>>,
    /// By the role that they name, then by name.
    by_role: Sorted<Arc<StoredBinding>>,
    /// By whom they name, then by name.
    by_principal: Sorted<SubjectGrant>,
    /// The namespaces with bindings, and how many those are.
    pub(super) namespaces: Sorted<(Arc<str>, usize)>,
    counts: EnumMap<Kind, usize>,
    /// How many of them there was room for no more than the name.
    in_name_only: EnumMap<Kind, usize>,
    /// The kinds of which all were read once.
    pub(super) known: BTreeSet<Kind>,
    accounts: Accounts,
    /// Of which kinds something is not held for want of room, in which namespaces, and how much.
    left_out: Arc<LeftOut>,
}

/// How many objects there was no room for, by kind and namespace.
pub(super) type LeftOut = BTreeMap<(Kind, Option<Arc<str>>), usize>;

/// A role and what follows from its own rules, found when it is asked for first.
#[derive(Debug)]
pub(super) struct KnownRole {
    pub(super) role: Role,
    pub(super) own: OnceLock<EffectiveRules>,
}

/// A subject of a binding.
#[derive(Debug, Clone)]
struct SubjectGrant {
    binding: Arc<StoredBinding>,
    subject: u32,
    /// Of the principal. Compared first: a name has to be put together from its binding, and each search for one
    /// compares a dozen.
    hash: u32,
}

impl SubjectGrant {
    fn principal(&self) -> Principal<'_> {
        let place = usize::try_from(self.subject).unwrap_or(usize::MAX);
        // A grant is made only of a subject that is there.
        self.binding.principal(place).unwrap_or(Principal::User(""))
    }

    fn cmp_principal(&self, hash: u32, principal: Principal<'_>) -> Ordering {
        self.hash
            .cmp(&hash)
            .then_with(|| self.principal().cmp(&principal))
    }

    /// By principal, then by the name of the binding.
    fn cmp(&self, other: &Self) -> Ordering {
        self.hash
            .cmp(&other.hash)
            .then_with(|| self.principal().cmp(&other.principal()))
            .then_with(|| self.binding.name.key().cmp(&other.binding.name.key()))
    }
}

/// The same in every process: whoever finds two names of one hash gains no more than a comparison of these.
fn hash_of(principal: Principal<'_>) -> u32 {
    let mut hasher = DefaultHasher::new();
    principal.hash(&mut hasher);
    u32::try_from(hasher.finish() >> 32).unwrap_or_default()
}

impl Index {
    pub(super) fn new(limits: ViewLimits) -> Self {
        Self {
            accounts: Accounts::new(limits),
            ..Self::default()
        }
    }

    /// A copy that holds whatever comes.
    pub(super) fn unlimited(&self) -> Self {
        Self {
            accounts: self.accounts.unlimited(),
            ..self.clone()
        }
    }

    /// Bytes held in all.
    pub(super) const fn held(&self) -> usize {
        self.accounts.held()
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.counts[kind]
    }

    pub(super) fn in_name_only(&self, kind: Kind) -> usize {
        self.in_name_only[kind]
    }

    pub(super) fn role(&self, name: Key<'_>) -> Option<&Arc<KnownRole>> {
        self.roles.find(|known| known.role.name.key().cmp(&name))
    }

    pub(super) fn binding(&self, name: Key<'_>) -> Option<&Arc<StoredBinding>> {
        self.bindings.find(|known| known.name.key().cmp(&name))
    }

    /// All roles of the cluster.
    pub(super) fn cluster_roles(&self) -> impl Iterator<Item = &Arc<KnownRole>> {
        self.roles
            .range(|known| known.role.name.namespace.as_deref().cmp(&None))
    }

    pub(super) fn bindings_of_role(
        &self,
        role: Key<'_>,
    ) -> impl Iterator<Item = &Arc<StoredBinding>> {
        self.by_role
            .range(move |binding| binding.role_key().cmp(&Some(role)))
    }

    pub(super) fn bindings_of(
        &self,
        principal: Principal<'_>,
    ) -> impl Iterator<Item = &Arc<StoredBinding>> {
        let hash = hash_of(principal);
        let grants = self
            .by_principal
            .range(move |grant| grant.cmp_principal(hash, principal));
        grants.map(|grant| &grant.binding)
    }

    /// A principal's bindings in a namespace, or in the cluster.
    pub(super) fn bindings_in(
        &self,
        principal: Principal<'_>,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &Arc<StoredBinding>> {
        let hash = hash_of(principal);
        let order = move |grant: &SubjectGrant| {
            let own = grant.binding.name.namespace.as_deref();
            grant
                .cmp_principal(hash, principal)
                .then_with(|| own.cmp(&namespace))
        };
        self.by_principal.range(order).map(|grant| &grant.binding)
    }

    /// How much is not held, by kind and namespace.
    pub(super) fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// Whether all of a kind in a namespace, or of the cluster, are held.
    pub(super) fn holds_all(&self, kind: Kind, namespace: Option<&str>) -> bool {
        // There are nearly never any.
        let mut left_out = self.left_out.keys();
        !left_out.any(|(of, within)| *of == kind && within.as_deref() == namespace)
    }

    /// No more of a kind is left out than this; says whether it was something else before.
    pub(super) fn leaves_out(
        &mut self,
        kind: Kind,
        what: BTreeMap<Option<Arc<str>>, usize>,
    ) -> bool {
        let mut left_out = (*self.left_out).clone();
        left_out.retain(|(of, _), _| *of != kind);
        let of_kind = what.into_iter();
        left_out.extend(of_kind.map(|(within, count)| ((kind, within), count)));
        let differs = left_out != *self.left_out;
        if differs {
            self.left_out = Arc::new(left_out);
        }
        differs
    }

    /// The names of what is held of a kind.
    pub(super) fn names(&self, kind: Kind) -> Box<dyn Iterator<Item = &ObjectName> + '_> {
        let of_kind = move |name: &&ObjectName| name.namespace.is_some() == kind.is_namespaced();
        match kind {
            Kind::ClusterRole | Kind::Role => {
                Box::new(self.roles.iter().map(|it| &it.role.name).filter(of_kind))
            }
            Kind::RoleBinding | Kind::ClusterRoleBinding => {
                Box::new(self.bindings.iter().map(|it| &it.name).filter(of_kind))
            }
        }
    }

    /// Puts an object in its place; says what was there, which may be the same.
    pub(super) fn upsert(&mut self, object: StoredObject) -> Upserted {
        match object {
            StoredObject::Role(role) => self.upsert_role(role),
            StoredObject::Binding(binding) => self.upsert_binding(binding),
        }
    }

    /// A role with what the one that is here allows besides, and its labels and selectors; a binding with the subjects
    /// of the one that is here.
    pub(super) fn together_with(&self, object: StoredObject) -> StoredObject {
        let mut role = match object {
            StoredObject::Role(role) => role,
            StoredObject::Binding(mut binding) => {
                if let Some(known) = self.binding(binding.name.key()) {
                    binding.subjects = binding.subjects.together_with(&known.subjects);
                }
                return StoredObject::Binding(binding);
            }
        };
        if let Some(known) = self.role(role.name.key()) {
            let known = &known.role;
            role.rules = Rules::union([&known.rules, &role.rules]);
            for (key, value) in &known.labels {
                role.labels
                    .entry(Arc::clone(key))
                    .or_insert_with(|| Arc::clone(value));
            }
            let selectors = known
                .aggregation
                .iter()
                .flat_map(|it| &it.cluster_role_selectors);
            if known.aggregation.is_some() {
                let all = role.aggregation.get_or_insert_default();
                all.cluster_role_selectors.extend(selectors.cloned());
            }
        }
        StoredObject::Role(role)
    }

    /// Takes an object out.
    pub(super) fn delete(&mut self, kind: Kind, name: &ObjectName) -> Option<Gone> {
        match kind {
            Kind::ClusterRole | Kind::Role => self.delete_role(name).map(Gone::Role),
            Kind::RoleBinding | Kind::ClusterRoleBinding => {
                self.delete_binding(name).then_some(Gone::Binding)
            }
        }
    }

    /// A role written again as it was keeps what was found of it.
    fn upsert_role(&mut self, role: Role) -> Upserted {
        if let Some(known) = self.role(role.name.key())
            && known.role == role
        {
            return Upserted::Same;
        }
        let before = self.delete_role(&role.name);
        let name = role.name.clone();
        let namespace = name.namespace.as_deref();
        let role = if self.accounts.fits(namespace, role.size()) {
            role
        } else {
            role.in_name_only()
        };
        if !self.accounts.fits_in_name(namespace, role.size()) {
            self.leave_out(role.object_kind(), &name);
            return Upserted::LeftOut(before.map(Gone::Role));
        }
        self.accounts.add(name.namespace.as_ref(), role.size());
        self.counted(role.object_kind(), role.rules.is_too_large(), |count| {
            count + 1
        });
        let known = Arc::new(KnownRole {
            role,
            own: OnceLock::new(),
        });
        self.roles
            .insert(known, |other| other.role.name.key().cmp(&name.key()));
        Upserted::Held(before.map(Gone::Role))
    }

    fn delete_role(&mut self, name: &ObjectName) -> Option<Arc<KnownRole>> {
        let gone = self
            .roles
            .remove(|known| known.role.name.key().cmp(&name.key()))?;
        self.accounts
            .take(name.namespace.as_ref(), gone.role.size());
        let is_in_name_only = gone.role.rules.is_too_large();
        self.counted(gone.role.object_kind(), is_in_name_only, |count| count - 1);
        Some(gone)
    }

    fn upsert_binding(&mut self, binding: StoredBinding) -> Upserted {
        if let Some(known) = self.binding(binding.name.key())
            && **known == binding
        {
            return Upserted::Same;
        }
        let before = self.delete_binding(&binding.name).then_some(Gone::Binding);
        let name = binding.name.clone();
        let namespace = name.namespace.as_deref();
        let binding = if self.accounts.fits(namespace, binding.size()) {
            binding
        } else {
            binding.in_name_only()
        };
        if !self.accounts.fits_in_name(namespace, binding.size()) {
            self.leave_out(binding.kind(), &name);
            return Upserted::LeftOut(before);
        }
        self.accounts.add(name.namespace.as_ref(), binding.size());
        let is_in_name_only = binding.subjects.are_not_held();
        self.counted(binding.kind(), is_in_name_only, |count| count + 1);
        self.count_in_namespace(&name, |count| count + 1);
        let binding = Arc::new(binding);
        let by_name = |other: &Arc<StoredBinding>| other.name.key().cmp(&name.key());
        self.bindings.insert(Arc::clone(&binding), by_name);
        if binding.role_key().is_some() {
            let order = by_role_of(&binding);
            self.by_role.insert(Arc::clone(&binding), order);
        }
        for grant in grants(&binding) {
            let order = |other: &SubjectGrant| other.cmp(&grant);
            self.by_principal.insert(grant.clone(), order);
        }
        Upserted::Held(before)
    }

    fn delete_binding(&mut self, name: &ObjectName) -> bool {
        let by_name = |other: &Arc<StoredBinding>| other.name.key().cmp(&name.key());
        let Some(gone) = self.bindings.remove(by_name) else {
            return false;
        };
        self.by_role.remove(by_role_of(&gone));
        for grant in grants(&gone) {
            self.by_principal.remove(|other| other.cmp(&grant));
        }
        self.accounts.take(name.namespace.as_ref(), gone.size());
        let is_in_name_only = gone.subjects.are_not_held();
        self.counted(gone.kind(), is_in_name_only, |count| count - 1);
        self.count_in_namespace(name, |count| count - 1);
        true
    }

    fn leave_out(&mut self, kind: Kind, name: &ObjectName) {
        let left_out = Arc::make_mut(&mut self.left_out);
        *left_out.entry((kind, name.namespace.clone())).or_default() += 1;
    }

    fn counted(&mut self, kind: Kind, in_name_only: bool, change: impl Fn(usize) -> usize) {
        self.counts[kind] = change(self.counts[kind]);
        if in_name_only {
            self.in_name_only[kind] = change(self.in_name_only[kind]);
        }
    }

    fn count_in_namespace(&mut self, name: &ObjectName, change: impl Fn(usize) -> usize) {
        let Some(namespace) = &name.namespace else {
            return;
        };
        let order = |other: &(Arc<str>, usize)| other.0.cmp(namespace);
        let before = self.namespaces.find(order).map_or(0, |(_, count)| *count);
        match change(before) {
            0 => self.namespaces.remove(order),
            count => self
                .namespaces
                .insert((Arc::clone(namespace), count), order),
        };
    }
}

/// What became of an object that was to be kept, and what was there before.
#[derive(Debug)]
pub(super) enum Upserted {
    /// It is there as it was.
    Same,
    /// It is there now.
    Held(Option<Gone>),
    /// There is no room for it.
    LeftOut(Option<Gone>),
}

/// What is no longer there.
#[derive(Debug)]
pub(super) enum Gone {
    Role(Arc<KnownRole>),
    Binding,
}

fn by_role_of(binding: &StoredBinding) -> impl Fn(&Arc<StoredBinding>) -> Ordering {
    let key = (binding.role_key(), binding.name.key());
    move |other| (other.role_key(), other.name.key()).cmp(&key)
}

/// Where the subjects of a binding are found; one that is named twice is found twice, at one place.
fn grants(binding: &Arc<StoredBinding>) -> impl Iterator<Item = SubjectGrant> {
    let hash = |place| binding.principal(place).map_or(0, hash_of);
    (0..binding.subjects.len()).map(move |place| SubjectGrant {
        binding: Arc::clone(binding),
        subject: u32::try_from(place).unwrap_or(u32::MAX),
        hash: hash(place),
    })
}
