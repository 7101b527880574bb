//! Subjects, roles and bindings as they are typed.

use std::str::FromStr;
use std::sync::Arc;

use strum::IntoEnumIterator;

use super::super::Failure;
use crate::domain::{Principal, RoleKind, RoleRef, Subject, SubjectKind, Word};
use crate::facts::ObjectName;

/// A subject as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubjectName {
    kind: SubjectKind,
    name: String,
}

impl FromStr for SubjectName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text
            .split_once([':', '/'])
            .and_then(|(kind, name)| Some((subject_kind(kind)?, name)))
            .unwrap_or((SubjectKind::User, text));
        if name.is_empty() {
            return Err("the name is empty");
        }
        Ok(Self {
            kind,
            name: name.to_owned(),
        })
    }
}

impl SubjectName {
    /// A ServiceAccount without a namespace is one of the namespace that is asked about, as in a binding.
    pub(super) fn subject<'s>(
        &'s self,
        namespace: Option<&'s str>,
    ) -> Result<Subject<'s>, Failure> {
        let (namespace, name) = match (self.kind, Principal::of_username(&self.name)) {
            (SubjectKind::User | SubjectKind::Group, _) => (None, &*self.name),
            (SubjectKind::ServiceAccount, Principal::ServiceAccount { namespace, name }) => {
                (Some(namespace), name)
            }
            (SubjectKind::ServiceAccount, _) => {
                let (own, name) = self.namespace_and_name();
                let namespace = own.or(namespace);
                let namespace = namespace.ok_or_else(|| Failure::usage(NO_NAMESPACE))?;
                (Some(namespace), name)
            }
        };
        Ok(Subject {
            kind: self.kind,
            namespace: namespace.map(Into::into),
            name: name.into(),
        })
    }

    /// `NAMESPACE/NAME`, or `NAMESPACE:NAME` as in kubectl's flags.
    fn namespace_and_name(&self) -> (Option<&str>, &str) {
        self.name
            .split_once(['/', ':'])
            .map_or((None, &self.name), |(namespace, name)| {
                (Some(namespace), name)
            })
    }
}

/// Kinds are taken in any case here, as kubectl takes them.
fn subject_kind(word: &str) -> Option<SubjectKind> {
    SubjectKind::iter().find(|kind| kind.as_str().eq_ignore_ascii_case(word))
}

/// A role as it is typed: a ClusterRole, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoleName {
    pub(super) kind: RoleKind,
    pub(super) name: String,
}

impl RoleName {
    /// A Role is one of the namespace that is asked about.
    pub(super) fn role(&self, namespace: Option<&str>) -> Result<RoleRef<'_>, Failure> {
        if self.kind == RoleKind::Role && namespace.is_none() {
            return Err(Failure::usage(
                "a Role is in a namespace; name it with --namespace",
            ));
        }
        Ok(RoleRef {
            kind: self.kind,
            name: self.name.as_str().into(),
        })
    }
}

impl FromStr for RoleName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text
            .split_once('/')
            .and_then(|(word, name)| {
                let mut kinds = RoleKind::iter();
                let kind = kinds.find(|kind| kind.as_str().eq_ignore_ascii_case(word))?;
                Some((kind, name))
            })
            .unwrap_or((RoleKind::ClusterRole, text));
        if name.is_empty() {
            return Err("the name is empty");
        }
        Ok(Self {
            kind,
            name: name.to_owned(),
        })
    }
}

/// A binding as it is typed: `NAMESPACE/NAME`, or `NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BindingArgument {
    namespace: Option<String>,
    name: String,
}

impl FromStr for BindingArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        if name.is_empty() || namespace.is_some_and(str::is_empty) {
            return Err("write NAMESPACE/NAME for a RoleBinding, NAME for a ClusterRoleBinding");
        }
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

impl BindingArgument {
    /// A bare name is in the namespace that is asked about, if one is.
    pub(super) fn object(&self, namespace: Option<&str>) -> ObjectName {
        let own = self.namespace.as_deref().or(namespace);
        ObjectName {
            namespace: own.map(Arc::from),
            name: self.name.as_str().into(),
        }
    }
}

const NO_NAMESPACE: &str =
    "a ServiceAccount is in a namespace; write ServiceAccount:NAMESPACE/NAME";
