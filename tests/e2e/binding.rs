//! The bindings that the tests write.

use serde_json::{Value, json};

/// A `RoleBinding` or a `ClusterRoleBinding` in the making.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) name: String,
    namespace: Option<String>,
    role: (&'static str, String),
    subjects: Vec<Value>,
}

/// A `RoleBinding` of a `ClusterRole`.
pub(crate) fn role_binding(namespace: &str, name: &str, role: &str) -> Binding {
    Binding {
        namespace: Some(namespace.to_owned()),
        ..cluster_role_binding(name, role)
    }
}

/// A `ClusterRoleBinding`.
pub(crate) fn cluster_role_binding(name: &str, role: &str) -> Binding {
    Binding {
        name: name.to_owned(),
        namespace: None,
        role: ("ClusterRole", role.to_owned()),
        subjects: Vec::new(),
    }
}

impl Binding {
    /// Refers to a Role of that name instead.
    pub(crate) fn of_namespaced_role(mut self) -> Self {
        self.role.0 = "Role";
        self
    }

    pub(crate) fn user(self, name: &str) -> Self {
        self.subject(json!({"apiGroup": GROUP, "kind": "User", "name": name}))
    }

    pub(crate) fn group(self, name: &str) -> Self {
        self.subject(json!({"apiGroup": GROUP, "kind": "Group", "name": name}))
    }

    pub(crate) fn service_account(self, namespace: &str, name: &str) -> Self {
        self.subject(json!({"kind": "ServiceAccount", "namespace": namespace, "name": name}))
    }

    pub(crate) fn subject(mut self, subject: Value) -> Self {
        self.subjects.push(subject);
        self
    }

    /// Lets a finalizer hold it while it is deleted.
    pub(crate) fn held(&self) -> Value {
        let mut held = self.to_json();
        held["metadata"]["finalizers"] = json!(["orchard.test/hold"]);
        held
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut metadata = json!({"name": self.name});
        if let Some(namespace) = &self.namespace {
            metadata["namespace"] = json!(namespace);
        }
        let (role_kind, role) = &self.role;
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": if self.namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" },
            "metadata": metadata,
            "roleRef": {"apiGroup": GROUP, "kind": role_kind, "name": role},
            "subjects": self.subjects,
        })
    }
}

const GROUP: &str = "rbac.authorization.k8s.io";
