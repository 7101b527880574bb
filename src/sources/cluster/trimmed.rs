//! Objects of the API server without what is never looked at.

use std::borrow::Cow;
use std::fmt::Debug;
use std::marker::PhantomData;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::domain::Word;
use crate::facts::{Kind, ObjectName, StoredObject};

/// A kind of object that is watched.
pub(super) trait Followed:
    Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static
{
    /// As the facts know it.
    const KIND: Kind;
}

impl Followed for ClusterRole {
    const KIND: Kind = Kind::ClusterRole;
}

impl Followed for Role {
    const KIND: Kind = Kind::Role;
}

impl Followed for RoleBinding {
    const KIND: Kind = Kind::RoleBinding;
}

impl Followed for ClusterRoleBinding {
    const KIND: Kind = Kind::ClusterRoleBinding;
}

/// An object of the API server, of which only what matters is kept: managed fields and annotations are gone before the
/// next one is read.
#[derive(Debug, Clone)]
pub(super) struct Trimmed<K> {
    metadata: ObjectMeta,
    /// What it is, or why that cannot be understood.
    pub(super) object: Result<StoredObject, String>,
    kind: PhantomData<K>,
}

impl<K: Followed> Trimmed<K> {
    /// Its name; absent if not even that is there.
    pub(super) fn name(&self) -> Option<ObjectName> {
        let name = self.metadata.name.as_deref().filter(|it| !it.is_empty())?;
        if !K::KIND.is_namespaced() {
            return Some(ObjectName::cluster_scoped(name));
        }
        let namespace = self.metadata.namespace.as_deref()?;
        Some(ObjectName::namespaced(namespace, name))
    }

    /// The object, or what stands for it.
    pub(super) fn or_placeholder(self) -> Option<StoredObject> {
        let name = self.name()?;
        self.object
            .ok()
            .or_else(|| fail_closed_placeholder(K::KIND, &name))
    }

    /// Where in the cluster's history it was written.
    pub(super) fn version(&self) -> Option<&str> {
        self.metadata.resource_version.as_deref()
    }
}

impl<'de, K: Followed> Deserialize<'de> for Trimmed<K> {
    /// Fails only for what is no JSON: an object that cannot be understood must not end the watch.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut document = Value::deserialize(deserializer)?;
        let text = |key: &str| Some(document.get("metadata")?.get(key)?.as_str()?.to_owned());
        let metadata = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        // The items of a list do not say their kind.
        if let Some(fields) = document.as_object_mut() {
            fields.insert("kind".to_owned(), json!(K::KIND.as_str()));
        }
        Ok(Self {
            metadata,
            object: serde_json::from_value(document).map_err(|error| error.to_string()),
            kind: PhantomData,
        })
    }
}

impl<K: Followed> Resource for Trimmed<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// What stands for an object that cannot be understood: nothing for a binding, which cannot be judged; for a role one
/// that allows everything, since one that seems to be absent could be bound unjudged.
pub(super) fn fail_closed_placeholder(kind: Kind, name: &ObjectName) -> Option<StoredObject> {
    match kind {
        Kind::RoleBinding | Kind::ClusterRoleBinding => None,
        Kind::ClusterRole | Kind::Role => {
            let document = json!({
                "kind": kind.as_str(),
                "metadata": {"name": &*name.name, "namespace": name.namespace.as_deref()},
                "rules": [
                    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
                    {"verbs": ["*"], "nonResourceURLs": ["*"]},
                ],
            });
            serde_json::from_value(document).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rbac::{PolicyRule, Rules};

    fn read<K: Followed>(document: Value) -> Trimmed<K> {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn an_item_of_a_list_is_read_without_its_kind() {
        let role: Trimmed<Role> = read(json!({
            "metadata": {"name": "a", "namespace": "vms", "resourceVersion": "7", "managedFields": [{}]},
            "rules": null,
        }));
        assert_eq!(role.version(), Some("7"));
        assert_eq!(role.name(), Some(ObjectName::namespaced("vms", "a")));
        assert_eq!(role.object.unwrap().kind(), Kind::Role);
    }

    #[test]
    fn what_cannot_be_understood_still_has_its_name() {
        let binding: Trimmed<ClusterRoleBinding> = read(json!({
            "metadata": {"name": "a"},
            "roleRef": {"kind": "Pod", "name": "b"},
        }));
        assert_eq!(binding.name(), Some(ObjectName::cluster_scoped("a")));
        assert!(binding.object.unwrap_err().contains("`Pod`"));
        assert_eq!(read::<Role>(json!(["odd"])).name(), None);
    }

    #[test]
    fn a_role_that_cannot_be_understood_is_taken_to_allow_everything() {
        let name = ObjectName::namespaced("vms", "a");
        let Some(StoredObject::Role(role)) = fail_closed_placeholder(Kind::Role, &name) else {
            panic!("no role");
        };
        assert_eq!(role.name, name);
        let all = [
            PolicyRule::resources(&["*"], &["*"], &["*"]),
            PolicyRule::urls(&["*"], &["*"]),
        ];
        assert!(role.rules.covers(&Rules::new(&all)));
        assert_eq!(fail_closed_placeholder(Kind::RoleBinding, &name), None);
    }
}
