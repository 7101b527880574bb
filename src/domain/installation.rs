use std::sync::Arc;

use super::Scope;

/// Where this webhook is installed, and what its own objects are called.
///
/// Its `ClusterRole`, its Role and the bindings of both have one name, as `manifests/` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// The name of its roles, its bindings, its service account and its registration.
    pub name: Arc<str>,
}

impl Installation {
    /// Whether a grant in that scope reaches its namespace.
    pub fn is_within(&self, scope: &Scope<'_>) -> bool {
        scope
            .namespace()
            .is_none_or(|namespace| *namespace == *self.namespace)
    }

    /// Whether the name may be one of its objects': others than its roles are called after it.
    pub fn may_own(&self, name: &str) -> bool {
        name.starts_with(&*self.name)
    }
}

/// As `manifests/` installs it.
impl Default for Installation {
    fn default() -> Self {
        Self {
            namespace: DEFAULT_NAME.into(),
            name: DEFAULT_NAME.into(),
        }
    }
}

const DEFAULT_NAME: &str = "palette-rbac";
