//! The webhook's own objects, which it must not lose.

use std::fmt;
use std::sync::Arc;

use super::{BindingKind, Principal, RoleKind, Scope, Word};

/// Where this webhook is installed, and what its own objects are called.
///
/// Its `ClusterRole`, its Role, the bindings of both and its service account have one name, as `manifests/` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// The name of its roles, its bindings and its service account.
    pub name: Arc<str>,
    /// The namespace of the Secrets in which its directory is, where it is in Secrets.
    pub directory_namespace: Option<Arc<str>>,
}

/// One of the webhook's own roles or bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnObject {
    kind: &'static str,
    namespace: Option<Arc<str>>,
    name: Arc<str>,
}

impl Installation {
    /// Whether a grant in that scope reaches its namespace.
    pub fn is_within(&self, scope: &Scope<'_>) -> bool {
        scope
            .namespace()
            .is_none_or(|namespace| *namespace == *self.namespace)
    }

    /// Whether a grant in that scope reaches what it reads: its namespace, or that of its directory.
    pub fn is_read_within(&self, scope: &Scope<'_>) -> bool {
        let directory = self.directory_namespace.as_deref();
        self.is_within(scope) || (directory.is_some() && scope.namespace() == directory)
    }

    /// Whether the name may be one of its objects': others than its roles are called after it.
    pub fn may_own(&self, name: &str) -> bool {
        name.starts_with(&*self.name)
    }

    /// The role of that name in that scope, if it is its own.
    pub fn role(&self, kind: RoleKind, scope: &Scope<'_>, name: &str) -> Option<OwnObject> {
        self.object(kind.as_str(), scope, name)
    }

    /// The binding of that name in that scope, if it is its own.
    pub fn binding(&self, kind: BindingKind, scope: &Scope<'_>, name: &str) -> Option<OwnObject> {
        self.object(kind.as_str(), scope, name)
    }

    /// Its service account.
    pub fn account(&self) -> Principal<'_> {
        Principal::ServiceAccount {
            namespace: &self.namespace,
            name: &self.name,
        }
    }

    fn object(&self, kind: &'static str, scope: &Scope<'_>, name: &str) -> Option<OwnObject> {
        (*name == *self.name && self.is_within(scope)).then(|| OwnObject {
            kind,
            namespace: scope.namespace().map(|_| Arc::clone(&self.namespace)),
            name: Arc::clone(&self.name),
        })
    }
}

/// As `manifests/` installs it.
impl Default for Installation {
    fn default() -> Self {
        Self {
            namespace: DEFAULT_NAME.into(),
            name: DEFAULT_NAME.into(),
            directory_namespace: None,
        }
    }
}

impl fmt::Display for OwnObject {
    /// `ClusterRole palette-rbac`, `Role palette-rbac/palette-rbac`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

const DEFAULT_NAME: &str = "palette-rbac";
