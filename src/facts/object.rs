use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::domain::{
    Binding as BindingToJudge, BindingName, Principal, RoleKind, RoleRef, Scope, Subject,
    SubjectKind,
};
use crate::rbac::{AggregationRule, Labels, Rules};

/// The kinds of object that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
pub struct Binding {
    /// Its name.
    pub name: ObjectName,
    /// What kind of role it refers to.
    pub role_kind: RoleKind,
    /// The name of that role.
    pub role: Arc<str>,
    /// Whom it grants the role, in the order of the object.
    pub subjects: Arc<[Grantee]>,
}

/// A subject of a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grantee {
    /// User, Group or `ServiceAccount`.
    pub kind: SubjectKind,
    /// Of a `ServiceAccount`: its namespace, the binding's where it names none. Otherwise absent.
    pub namespace: Option<Arc<str>>,
    /// The raw name.
    pub name: Arc<str>,
}

/// A role or a binding; read from JSON or YAML as Kubernetes writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// A `ClusterRole` or a Role.
    Role(Role),
    /// A `ClusterRoleBinding` or a `RoleBinding`.
    Binding(Binding),
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::ClusterRole,
        Self::Role,
        Self::RoleBinding,
        Self::ClusterRoleBinding,
    ];

    /// The word in the object.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterRole => "ClusterRole",
            Self::Role => "Role",
            Self::RoleBinding => "RoleBinding",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
        }
    }

    /// Whether its objects are in namespaces.
    pub const fn is_namespaced(self) -> bool {
        matches!(self, Self::Role | Self::RoleBinding)
    }
}

impl ObjectName {
    /// A name in a namespace.
    pub fn within(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: Some(namespace.into()),
            name: name.into(),
        }
    }

    /// A name of the cluster.
    pub fn of_cluster(name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: None,
            name: name.into(),
        }
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
        let document: Document = serde_json::from_str(json)?;
        let kind = match kind {
            RoleKind::ClusterRole => Kind::ClusterRole,
            RoleKind::Role => Kind::Role,
        };
        document.role(kind).map_err(serde::de::Error::custom)
    }

    /// The same as a kind of object.
    pub const fn object_kind(&self) -> Kind {
        match self.kind() {
            RoleKind::ClusterRole => Kind::ClusterRole,
            RoleKind::Role => Kind::Role,
        }
    }
}

impl Binding {
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

    /// Where its grants hold.
    pub fn scope(&self) -> Scope<'_> {
        match &self.name.namespace {
            Some(namespace) => Scope::Namespace(Cow::Borrowed(namespace)),
            None => Scope::Cluster,
        }
    }

    /// The binding as it is judged.
    pub fn to_judge(&self) -> BindingToJudge<'_> {
        BindingToJudge {
            name: Cow::Borrowed(&self.name.name),
            scope: self.scope(),
            role: RoleRef {
                kind: self.role_kind,
                name: Cow::Borrowed(&self.role),
            },
            subjects: self.subjects.iter().map(Grantee::subject).collect(),
        }
    }
}

impl From<&Binding> for BindingName {
    fn from(binding: &Binding) -> Self {
        Self {
            scope: binding.scope().into_owned(),
            name: (&*binding.name.name).into(),
        }
    }
}

impl Grantee {
    /// The subject as a binding writes it.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            kind: self.kind,
            namespace: self.namespace.as_deref().map(Cow::Borrowed),
            name: Cow::Borrowed(&self.name),
        }
    }

    /// Who is meant.
    pub fn principal(&self) -> Principal<'_> {
        Principal::of_subject(self.kind, self.namespace.as_deref(), &self.name)
    }
}

impl Object {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match (self, self.name().namespace.is_some()) {
            (Self::Role(_), false) => Kind::ClusterRole,
            (Self::Role(_), true) => Kind::Role,
            (Self::Binding(_), true) => Kind::RoleBinding,
            (Self::Binding(_), false) => Kind::ClusterRoleBinding,
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

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Document::deserialize(deserializer)?;
        document.read().map_err(serde::de::Error::custom)
    }
}

/// Why a document is no role or binding.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("`{0}` is no role and no binding")]
    Kind(String),
    #[error("{0} is empty")]
    Empty(&'static str),
    #[error("`{0}` is no kind of {1}")]
    Reference(String, &'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    rules: Rules,
    #[serde(default)]
    aggregation_rule: Option<AggregationRule>,
    #[serde(default)]
    role_ref: Option<Reference>,
    #[serde(default)]
    subjects: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default, deserialize_with = "crate::rbac::read_labels")]
    labels: Labels,
}

#[derive(Deserialize)]
struct Reference {
    kind: String,
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

impl Document {
    fn read(self) -> Result<Object, Unreadable> {
        match Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == self.kind)
        {
            Some(kind @ (Kind::ClusterRole | Kind::Role)) => self.role(kind).map(Object::Role),
            Some(kind) => self.binding(kind).map(Object::Binding),
            None => Err(Unreadable::Kind(self.kind)),
        }
    }

    fn name(&self, kind: Kind) -> Result<ObjectName, Unreadable> {
        let name = not_empty(&self.metadata.name, "metadata.name")?;
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        Ok(if kind.is_namespaced() {
            ObjectName::within(not_empty(namespace, "metadata.namespace")?, name)
        } else {
            ObjectName::of_cluster(name)
        })
    }

    fn role(self, kind: Kind) -> Result<Role, Unreadable> {
        Ok(Role {
            name: self.name(kind)?,
            rules: self.rules,
            aggregation: self.aggregation_rule.filter(|_| kind == Kind::ClusterRole),
            labels: self.metadata.labels,
        })
    }

    fn binding(self, kind: Kind) -> Result<Binding, Unreadable> {
        let name = self.name(kind)?;
        let role = self.role_ref.ok_or(Unreadable::Empty("roleRef"))?;
        let subjects = self.subjects.unwrap_or_default();
        Ok(Binding {
            role_kind: match &*role.kind {
                "ClusterRole" => RoleKind::ClusterRole,
                "Role" => RoleKind::Role,
                _ => return Err(Unreadable::Reference(role.kind, "role")),
            },
            role: not_empty(&role.name, "roleRef.name")?,
            subjects: subjects
                .into_iter()
                .map(|subject| subject.grantee(&name))
                .collect::<Result<_, _>>()?,
            name,
        })
    }
}

impl Reference {
    fn grantee(self, binding: &ObjectName) -> Result<Grantee, Unreadable> {
        let Some(kind) = SubjectKind::named(&self.kind) else {
            return Err(Unreadable::Reference(self.kind, "subject"));
        };
        let own = self.namespace.filter(|namespace| !namespace.is_empty());
        let namespace = own.map(Arc::from).or_else(|| binding.namespace.clone());
        Ok(Grantee {
            kind,
            namespace: namespace.filter(|_| kind == SubjectKind::ServiceAccount),
            name: not_empty(&self.name, "a subject's name")?,
        })
    }
}

fn not_empty(text: &str, what: &'static str) -> Result<Arc<str>, Unreadable> {
    if text.is_empty() {
        Err(Unreadable::Empty(what))
    } else {
        Ok(text.into())
    }
}
