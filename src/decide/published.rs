//! The roles that Kubernetes itself restores, as it and what is published for virtual machines makes them.
//!
//! A `ClusterRole` of such a name may be grown by whoever may write `ClusterRole`s: what goes beyond what is published here is
//! judged by what it allows.

use std::sync::{Arc, LazyLock};

use crate::domain::Scope;
use crate::facts::{Event, Facts, RoleView, StoredObject, View};
use crate::rbac::Capabilities;

/// Whether the API server writes its rules anew when it starts
/// (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`).
pub(super) fn is_restored(cluster_role: &str) -> bool {
    RESTORED.contains(&cluster_role)
}

/// What a restored role can do beyond what is published, where it is granted in that scope.
pub(super) fn beyond(role: RoleView<'_>, scope: &Scope<'_>) -> Capabilities {
    let published = PUBLISHED.cluster_role(&role.role().name.name);
    match published {
        Some(published) => published
            .rules(scope)
            .missing(role.rules(scope))
            .capabilities(),
        None => role.capabilities(scope),
    }
}

/// A cluster with what is published, of every version.
static PUBLISHED: LazyLock<Arc<View>> = LazyLock::new(|| {
    let mut facts = Facts::new();
    for document in DOCUMENTS {
        let objects: Vec<StoredObject> = serde_saphyr::from_str(document).unwrap_or_default();
        for object in objects {
            facts.apply(Event::Upsert(object));
        }
    }
    facts.view()
});

const DOCUMENTS: [&str; 3] = [
    include_str!("published/kubernetes.yaml"),
    include_str!("published/kubevirt.yaml"),
    include_str!("published/earlier.yaml"),
];

const RESTORED: [&str; 4] = ["cluster-admin", "admin", "edit", "view"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_can_be_read() {
        for document in DOCUMENTS {
            serde_saphyr::from_str::<Vec<StoredObject>>(document).unwrap();
        }
    }

    #[test]
    fn a_restored_role_as_it_is_published_goes_beyond_nothing() {
        for name in RESTORED {
            let role = PUBLISHED.cluster_role(name).unwrap();
            for scope in [Scope::Cluster, Scope::Namespace("vms".into())] {
                assert!(beyond(role, &scope).is_empty(), "{name}");
            }
        }
    }
}
