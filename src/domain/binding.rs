//! Bindings, and who asks for them.

use std::borrow::Cow;

use strum::{Display, EnumIter, IntoStaticStr};

use super::Subject;

/// The two kinds of binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, IntoStaticStr)]
pub enum BindingKind {
    /// Grants in one namespace.
    RoleBinding,
    /// Grants in the whole cluster.
    ClusterRoleBinding,
}

/// The two kinds of role that a binding can refer to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumIter, IntoStaticStr,
)]
pub enum RoleKind {
    /// A role of the cluster.
    ClusterRole,
    /// A role of the binding's namespace.
    Role,
}

/// The role that a binding grants; its name is never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleRef<'a> {
    /// `ClusterRole` or `Role`.
    pub kind: RoleKind,
    /// The role's name.
    pub name: Cow<'a, str>,
}

impl RoleRef<'_> {
    /// The same reference, independent of the request's bytes.
    pub fn into_owned(self) -> RoleRef<'static> {
        RoleRef {
            kind: self.kind,
            name: Cow::Owned(self.name.into_owned()),
        }
    }
}

/// Where a grant holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope<'a> {
    /// In one namespace.
    Namespace(Cow<'a, str>),
    /// In the whole cluster.
    Cluster,
}

impl Scope<'_> {
    /// The namespace, if it is one.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Namespace(namespace) => Some(namespace),
            Self::Cluster => None,
        }
    }

    /// The same scope, independent of the request's bytes.
    pub fn into_owned(self) -> Scope<'static> {
        match self {
            Self::Namespace(namespace) => Scope::Namespace(Cow::Owned(namespace.into_owned())),
            Self::Cluster => Scope::Cluster,
        }
    }
}

/// A binding that could be understood: one scope, one role, any number of subjects, no empty name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// A namespace for a `RoleBinding`, the cluster for a `ClusterRoleBinding`.
    pub scope: Scope<'a>,
    /// The role that it grants.
    pub role: RoleRef<'a>,
    /// Who is granted it, in the order of the object.
    pub subjects: Vec<Subject<'a>>,
}

impl Binding<'_> {
    /// The kind that has this scope.
    pub fn kind(&self) -> BindingKind {
        match self.scope {
            Scope::Namespace(_) => BindingKind::RoleBinding,
            Scope::Cluster => BindingKind::ClusterRoleBinding,
        }
    }
}

/// Who sent the request, as the API server authenticated it (impersonation applied).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requester<'a> {
    /// The raw user name.
    pub username: Cow<'a, str>,
    /// The raw groups.
    pub groups: Vec<Cow<'a, str>>,
}

/// One binding to judge that is written, not deleted: what is asked for, by whom, and what was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingRequest<'a> {
    /// Who asks; absent where nobody does, as when a file is checked.
    pub requester: Option<Requester<'a>>,
    /// The binding as it would be.
    pub binding: Binding<'a>,
    /// Of an UPDATE: the binding as it is, if it could be read.
    pub previous: Option<Binding<'a>>,
}

impl<'a> BindingRequest<'a> {
    /// A binding that would come into being; nobody asks where it is only looked at.
    pub const fn create(binding: Binding<'a>, requester: Option<Requester<'a>>) -> Self {
        Self {
            requester,
            binding,
            previous: None,
        }
    }
}
