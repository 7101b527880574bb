//! Roles and bindings as they are kept.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use enum_map::Enum;
use serde::{Deserialize, Deserializer};
use strum::{Display, EnumIter, EnumString, IntoStaticStr, VariantNames};

use super::Subjects;
use crate::domain::{Binding, BindingName, Principal, RoleKind, RoleRef, Scope};
use crate::rbac::{AggregationRule, Labels, Rules};

/// The kinds of object that are kept.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumString,
    Display,
    VariantNames,
    IntoStaticStr,
    EnumIter,
    Enum,
)]
pub enum Kind {
    /// Roles of the cluster.
    ClusterRole,
    /// Roles of a namespace.
    Role,
    /// Bindings in a namespace.
    RoleBinding,
    /// Bindings in the whole cluster.
    ClusterRoleBinding,
}

/// The name of a role or a binding, with its namespace, if it has one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// Absent for what belongs to the cluster.
    pub namespace: Option<Arc<str>>,
    /// Never empty.
    pub name: Arc<str>,
}

/// A role, trimmed to what matters here; without a namespace it is a `ClusterRole`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: ObjectName,
    /// Its labels, by which aggregates select it.
    pub labels: Labels,
    /// The rules that are written in it.
    pub rules: Rules,
    /// Of a `ClusterRole`: which others it is made of besides.
    pub aggregation: Option<AggregationRule>,
}

/// A binding, trimmed to what matters here; without a namespace it is a `ClusterRoleBinding`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBinding {
    /// Its name.
    pub name: ObjectName,
    /// What kind of role it refers to.
    pub role_kind: RoleKind,
    /// The name of that role.
    pub role: Arc<str>,
    /// Whom it grants the role, in the order of the object.
    pub subjects: Subjects,
}

/// A role or a binding; read from JSON or YAML as Kubernetes writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredObject {
    /// A `ClusterRole` or a Role.
    Role(Role),
    /// A `ClusterRoleBinding` or a `RoleBinding`.
    Binding(StoredBinding),
}

/// A name without its owner.
pub(super) type Key<'a> = (Option<&'a str>, &'a str);

impl Kind {
    /// Whether its objects are in namespaces.
    pub const fn is_namespaced(self) -> bool {
        matches!(self, Self::Role | Self::RoleBinding)
    }
}

impl From<RoleKind> for Kind {
    fn from(kind: RoleKind) -> Self {
        match kind {
            RoleKind::ClusterRole => Self::ClusterRole,
            RoleKind::Role => Self::Role,
        }
    }
}

/// Whose role a binding in that namespace, or in the whole cluster, refers to; nothing for a Role in a cluster-wide binding.
pub(super) fn role_key<'n>(
    kind: RoleKind,
    name: &'n str,
    namespace: Option<&'n str>,
) -> Option<Key<'n>> {
    match kind {
        RoleKind::ClusterRole => Some((None, name)),
        RoleKind::Role => Some((Some(namespace?), name)),
    }
}

impl ObjectName {
    /// The name of the role that a binding in that scope refers to; nothing for a Role in a cluster-wide binding.
    pub fn of_role(role: &RoleRef<'_>, scope: &Scope<'_>) -> Option<Self> {
        let (namespace, name) = role_key(role.kind, &role.name, scope.namespace())?;
        Some(Self {
            namespace: namespace.map(Arc::from),
            name: name.into(),
        })
    }

    /// A name in a namespace.
    pub fn namespaced(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: Some(namespace.into()),
            name: name.into(),
        }
    }

    /// A name of the cluster.
    pub fn cluster_scoped(name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: None,
            name: name.into(),
        }
    }

    pub(super) fn key(&self) -> Key<'_> {
        (self.namespace.as_deref(), &self.name)
    }

    fn size(&self) -> usize {
        self.namespace.as_deref().map_or(0, str::len) + self.name.len()
    }
}

impl Role {
    /// `ClusterRole` or `Role`.
    pub const fn kind(&self) -> RoleKind {
        match self.name.namespace {
            None => RoleKind::ClusterRole,
            Some(_) => RoleKind::Role,
        }
    }

    /// Reads a role of that kind from JSON, as the API server sends it.
    pub fn from_json(kind: RoleKind, json: &str) -> Result<Self, serde_json::Error> {
        let document: ObjectDocument = serde_json::from_str(json)?;
        document.role(kind.into()).map_err(serde::de::Error::custom)
    }

    /// What stands for it where there is no room for it: a role that allows everything, by its name.
    ///
    /// A `ClusterRole` keeps its labels, by which aggregates select it, unless there are very many.
    pub(super) fn in_name_only(self) -> Self {
        let labels: usize = self
            .labels
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        let is_kept = self.name.namespace.is_none() && labels <= LABELS_IN_NAME_ONLY;
        Self {
            rules: Rules::too_large(),
            aggregation: None,
            labels: if is_kept { self.labels } else { Labels::new() },
            name: self.name,
        }
    }

    /// Whether it is made of others.
    pub(super) const fn is_aggregate(&self) -> bool {
        self.aggregation.is_some()
    }

    /// Bytes held for it, with what is derived from it.
    pub(super) fn size(&self) -> usize {
        let labels = self.labels.iter().map(|(key, value)| {
            // Both are held apart, with their counts, in a map.
            key.len() + value.len() + LABEL
        });
        let aggregation = self.aggregation.as_ref();
        // All that are too large share what stands for them.
        let rules = if self.rules.is_too_large() {
            0
        } else {
            self.rules.size()
        };
        OBJECT
            + self.name.size()
            + labels.sum::<usize>()
            + rules
            + aggregation.map_or(0, AggregationRule::size)
    }

    /// The same as a kind of object.
    pub fn object_kind(&self) -> Kind {
        self.kind().into()
    }
}

impl StoredBinding {
    /// `RoleBinding` or `ClusterRoleBinding`.
    pub const fn kind(&self) -> Kind {
        match self.name.namespace {
            None => Kind::ClusterRoleBinding,
            Some(_) => Kind::RoleBinding,
        }
    }

    /// The role that it refers to, whether or not there is one; nothing for a Role in a cluster-wide binding.
    pub fn role_name(&self) -> Option<ObjectName> {
        let namespace = match self.role_kind {
            RoleKind::ClusterRole => None,
            RoleKind::Role => Some(Arc::clone(self.name.namespace.as_ref()?)),
        };
        Some(ObjectName {
            namespace,
            name: Arc::clone(&self.role),
        })
    }

    /// What stands for it where there is no room for it: who it names is not held.
    pub(crate) fn in_name_only(self) -> Self {
        Self {
            subjects: Subjects::not_held(),
            ..self
        }
    }

    pub(super) fn role_key(&self) -> Option<Key<'_>> {
        role_key(self.role_kind, &self.role, self.name.namespace.as_deref())
    }

    /// Who its subject at that place is.
    pub(super) fn principal(&self, place: usize) -> Option<Principal<'_>> {
        let namespace = self.name.namespace.as_deref();
        self.subjects.principal(place, namespace)
    }

    /// Bytes held for it, with the indices that it is in.
    pub(super) fn size(&self) -> usize {
        OBJECT
            + self.name.size()
            + self.role.len()
            + self.subjects.size()
            + self.subjects.len() * GRANT
    }

    /// Where its grants hold.
    pub fn scope(&self) -> Scope<'_> {
        match &self.name.namespace {
            Some(namespace) => Scope::Namespace(Cow::Borrowed(namespace)),
            None => Scope::Cluster,
        }
    }

    /// The binding as it is judged.
    pub fn to_judge(&self) -> Binding<'_> {
        Binding {
            name: Cow::Borrowed(&self.name.name),
            scope: self.scope(),
            role: RoleRef {
                kind: self.role_kind,
                name: Cow::Borrowed(&self.role),
            },
            subjects: self.subjects.iter(self.name.namespace.as_deref()).collect(),
        }
    }
}

impl From<&StoredBinding> for BindingName {
    fn from(binding: &StoredBinding) -> Self {
        Self {
            scope: binding.scope().into_owned(),
            name: (&*binding.name.name).into(),
        }
    }
}

impl StoredObject {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match (self, self.name().namespace.is_some()) {
            (Self::Role(_), false) => Kind::ClusterRole,
            (Self::Role(_), true) => Kind::Role,
            (Self::Binding(_), true) => Kind::RoleBinding,
            (Self::Binding(_), false) => Kind::ClusterRoleBinding,
        }
    }

    /// Bytes held for it.
    pub fn size(&self) -> usize {
        match self {
            Self::Role(role) => role.size(),
            Self::Binding(binding) => binding.size(),
        }
    }

    /// Its name.
    pub const fn name(&self) -> &ObjectName {
        match self {
            Self::Role(role) => &role.name,
            Self::Binding(binding) => &binding.name,
        }
    }
}

impl fmt::Display for ObjectName {
    /// `name`, or `namespace/name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for StoredObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = ObjectDocument::deserialize(deserializer)?;
        document.read().map_err(serde::de::Error::custom)
    }
}

/// Why a document is no role or binding.
#[derive(Debug, thiserror::Error)]
enum UnreadableObject {
    #[error("`{0}` is no role and no binding")]
    Kind(String),
    #[error("{0} is empty")]
    Empty(&'static str),
    #[error("`{0}` is no kind of role")]
    Reference(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectDocument {
    #[serde(default)]
    kind: String,
    metadata: ObjectMeta,
    #[serde(default)]
    rules: Rules,
    #[serde(default)]
    aggregation_rule: Option<AggregationRule>,
    #[serde(default)]
    role_ref: Option<ObjectReference>,
    #[serde(default)]
    subjects: Subjects,
}

#[derive(Deserialize)]
struct ObjectMeta {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default, deserialize_with = "crate::rbac::read_labels")]
    labels: Labels,
}

#[derive(Deserialize)]
struct ObjectReference {
    kind: String,
    name: String,
}

impl ObjectDocument {
    fn read(self) -> Result<StoredObject, UnreadableObject> {
        match self.kind.parse() {
            Ok(kind @ (Kind::ClusterRole | Kind::Role)) => self.role(kind).map(StoredObject::Role),
            Ok(kind) => self.binding(kind).map(StoredObject::Binding),
            Err(_) => Err(UnreadableObject::Kind(self.kind)),
        }
    }

    fn name(&self, kind: Kind) -> Result<ObjectName, UnreadableObject> {
        let name = not_empty(&self.metadata.name, "metadata.name")?;
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        Ok(if kind.is_namespaced() {
            ObjectName::namespaced(not_empty(namespace, "metadata.namespace")?, name)
        } else {
            ObjectName::cluster_scoped(name)
        })
    }

    fn role(self, kind: Kind) -> Result<Role, UnreadableObject> {
        Ok(Role {
            name: self.name(kind)?,
            rules: self.rules,
            aggregation: self.aggregation_rule.filter(|_| kind == Kind::ClusterRole),
            labels: self.metadata.labels,
        })
    }

    fn binding(self, kind: Kind) -> Result<StoredBinding, UnreadableObject> {
        let name = self.name(kind)?;
        let role = self.role_ref.ok_or(UnreadableObject::Empty("roleRef"))?;
        Ok(StoredBinding {
            role_kind: match &*role.kind {
                "ClusterRole" => RoleKind::ClusterRole,
                "Role" => RoleKind::Role,
                _ => return Err(UnreadableObject::Reference(role.kind)),
            },
            role: not_empty(&role.name, "roleRef.name")?,
            subjects: self.subjects,
            name,
        })
    }
}

fn not_empty(text: &str, what: &'static str) -> Result<Arc<str>, UnreadableObject> {
    if text.is_empty() {
        Err(UnreadableObject::Empty(what))
    } else {
        Ok(text.into())
    }
}

/// More letters of labels than any published role has.
const LABELS_IN_NAME_ONLY: usize = 4096;

/// An object's own fields, and its places in the lists.
const OBJECT: usize = 256;

/// A label's places in the map, and its counts.
const LABEL: usize = 96;

/// A subject's place in the index, of which the list is up to half empty.
const GRANT: usize = 32;
