use std::sync::Arc;

use jiff::Timestamp;
use palette_rbac::admission::{Manifest, read_manifest};
use palette_rbac::decide::{Context, decide};
use palette_rbac::directory::Directory;
use palette_rbac::domain::{BindingRequest, Decision, Requester};
use palette_rbac::facts::{Cluster, Event, Facts, Kind, StoredObject, View};
use palette_rbac::policy::{ClusterOverride, Policy};
use palette_rbac::rulebook::Rulebook;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use strum::IntoEnumIterator;

/// A policy and a directory, as small as they can be and still differ in everything that matters.
#[derive(Debug, Clone)]
pub(crate) struct World {
    policy: Value,
    assignments: Vec<Assignment>,
    /// Of the `ClusterRole` `custom`, which the cluster has beside the VM roles, of which one was never filled.
    rules: Vec<Rule>,
}

/// A verb on a resource of a group.
pub(crate) type Rule = (&'static str, &'static str, &'static str);

/// Who holds what, and where.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    holder: &'static str,
    role: &'static str,
    scope: Value,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) subjects: Vec<(String, String)>,
    role: &'static str,
    namespace: Option<&'static str>,
    requester: &'static str,
}

impl World {
    pub(crate) fn with(&self, more: &Assignment) -> Self {
        let mut world = self.clone();
        world.assignments.push(more.clone());
        world
    }

    /// The same, where the role can do more.
    pub(crate) fn where_the_role_can(&self, more: &[Rule]) -> Self {
        let mut world = self.clone();
        world.rules.extend_from_slice(more);
        world
    }

    /// The cluster's roles; there are no bindings.
    pub(crate) fn view(&self) -> Arc<View> {
        let mut facts = Facts::new();
        for kind in Kind::iter() {
            facts.apply(Event::Reset(kind, Vec::new()));
        }
        let user = [
            VIEW,
            (
                "subresources.kubevirt.io",
                "virtualmachines/start",
                "update",
            ),
        ];
        let admin = [
            VIEW,
            ("kubevirt.io", "virtualmachines", "delete"),
            ("", "configmaps", "get"),
        ];
        for (name, rules) in [
            ("custom", &*self.rules),
            ("spectro-vm-user", &user),
            ("spectro-vm-power-user", &[]),
            ("spectro-vm-admin", &admin),
        ] {
            facts.apply(Event::Upsert(role(name, rules)));
        }
        facts.view()
    }

    pub(crate) fn rulebook(&self) -> Rulebook {
        let policy = self.policy.to_string();
        let policy = Policy::compile(policy.as_bytes(), &ClusterOverride::default())
            .unwrap()
            .policy;
        let directory = self.directory().to_string();
        let directory = Directory::compile(directory.as_bytes(), usize::MAX)
            .unwrap()
            .directory;
        Rulebook::pair(Arc::new(policy), Arc::new(directory)).0
    }

    fn directory(&self) -> Value {
        let held = |holder: &str| -> Vec<Value> {
            let own = self
                .assignments
                .iter()
                .filter(|assignment| assignment.holder == holder);
            own.map(Assignment::document).collect()
        };
        json!({
            "apiVersion": "palette-rbac.io/v1alpha1",
            "kind": "Directory",
            "roles": [{ "name": "VM Looker", "scope": "project", "permissions": ["project.get", "virtualMachine.get", "virtualMachine.list"] }],
            "users": USERS.map(|user| json!({ "name": user, "teams": ["ops"], "assignments": held(user) })),
            "teams": [{ "name": "ops", "assignments": held("ops") }],
        })
    }
}

impl Assignment {
    fn document(&self) -> Value {
        let mut document = self.scope.clone();
        document["role"] = self.role.into();
        document
    }
}

impl Ask {
    pub(crate) fn decide(&self, world: &World) -> Decision {
        let json = self.object().to_string();
        let (rulebook, view) = (world.rulebook(), world.view());
        let context = Context::new(&rulebook, Cluster::seen(&view), now());
        decide(&self.request(&json), context)
    }

    /// The same for the role that can do what the world says.
    pub(crate) fn has_service_account(&self) -> bool {
        let is_one = |(kind, name): &(String, String)| {
            kind == "ServiceAccount" || name.starts_with("system:serviceaccount:")
        };
        self.subjects.iter().any(is_one)
    }

    pub(crate) fn of_custom_role(&self) -> Self {
        Self {
            role: "custom",
            ..self.clone()
        }
    }

    pub(crate) fn request<'a>(&self, json: &'a str) -> BindingRequest<'a> {
        let Ok(Manifest::Binding(binding)) = read_manifest(json, "default") else {
            panic!("{json} is a binding");
        };
        BindingRequest::create(
            binding,
            Some(Requester {
                username: self.requester.into(),
                groups: Vec::new(),
            }),
        )
    }

    pub(crate) fn object(&self) -> Value {
        let subjects: Vec<Value> = self
            .subjects
            .iter()
            .map(|(kind, name)| json!({ "kind": kind, "name": name, "namespace": "vms" }))
            .collect();
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": self.kind(),
            "metadata": { "name": "sample", "namespace": self.namespace },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": self.role },
            "subjects": subjects,
        })
    }

    pub(crate) fn review(&self) -> Vec<u8> {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "8f1d3c1a-6f5e-4b0e-9d55-1a2b3c4d5e6f",
                "kind": { "group": "rbac.authorization.k8s.io", "version": "v1", "kind": self.kind() },
                "name": "sample",
                "namespace": self.namespace,
                "operation": "CREATE",
                "userInfo": { "username": self.requester, "groups": ["system:authenticated"] },
                "object": self.object(),
            },
        });
        review.to_string().into_bytes()
    }

    fn kind(&self) -> &'static str {
        if self.namespace.is_some() {
            "RoleBinding"
        } else {
            "ClusterRoleBinding"
        }
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    let assignments = prop::collection::vec(assignment(), 0..6);
    (policy(), assignments, rules()).prop_map(|(policy, assignments, rules)| World {
        policy,
        assignments,
        rules,
    })
}

pub(crate) fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let group = select(vec!["", "kubevirt.io", "subresources.kubevirt.io", "*"]);
    let resource = select(vec![
        "pods",
        "nodes",
        "configmaps",
        "virtualmachines",
        "virtualmachines/start",
        "kubevirts",
        "*",
    ]);
    let verb = select(vec!["get", "update", "delete", "impersonate", "*"]);
    prop::collection::vec((group, resource, verb), 0..4)
}

fn role(name: &str, rules: &[Rule]) -> StoredObject {
    let rule = |(group, resource, verb): &Rule| json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]});
    let rules: Vec<Value> = rules.iter().map(rule).collect();
    let object = json!({"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules});
    serde_json::from_value(object).unwrap()
}

pub(crate) fn assignment() -> impl Strategy<Value = Assignment> {
    let holder = select(vec!["ines@orchard.test", "mira@orchard.test", "ops"]);
    let scope = select(vec![
        json!({ "tenant": true }),
        json!({ "project": "orchard-prod" }),
        json!({ "project": "orchard-dev" }),
        json!({ "workspace": "harvest", "namespaces": ["/^vm/"] }),
    ]);
    (holder, select(PALETTE_ROLES.to_vec()), scope).prop_map(|(holder, role, scope)| Assignment {
        holder,
        role,
        scope,
    })
}

pub(crate) fn subject() -> impl Strategy<Value = (String, String)> {
    let named = (
        select(vec!["User", "Group", "ServiceAccount"]),
        select(NAMES.to_vec()),
    );
    let odd = (select(vec!["User", "Group"]), "[^\\x00]{1,12}")
        .prop_map(|(kind, name)| (kind.to_owned(), name));
    prop_oneof![
        4 => named.prop_map(|(kind, name)| (kind.to_owned(), name.to_owned())),
        1 => odd,
    ]
}

pub(crate) fn ask() -> impl Strategy<Value = Ask> {
    let namespace = prop::option::of(select(vec!["vms", "staging"]));
    let requester = select(vec![
        "ines@orchard.test",
        "system:admin",
        "nobody@orchard.test",
    ]);
    (
        prop::collection::vec(subject(), 0..5),
        select(ROLES.to_vec()),
        namespace,
        requester,
    )
        .prop_map(|(subjects, role, namespace, requester)| Ask {
            subjects,
            role,
            namespace,
            requester,
        })
}

fn policy() -> impl Strategy<Value = Value> {
    let group = select(vec![Value::Null, json!("cellar")]);
    let requester = select(vec!["warn", "off"]);
    let disclose = select(vec!["full", "own", "none"]);
    let exempt = any::<bool>();
    (group, requester, disclose, exempt).prop_map(|(group, requester, disclose, exempt)| {
        let exemptions = if exempt {
            json!([{ "name": "images", "reason": "imports", "subjects": [{ "kind": "ServiceAccount", "namespace": "vms", "name": "default" }] }])
        } else {
            json!([])
        };
        json!({
            "apiVersion": "palette-rbac.io/v1alpha1",
            "kind": "Policy",
            "cluster": { "project": "orchard-prod", "clusterGroup": group, "workspaces": ["harvest"] },
            "rules": { "requester": requester },
            "disclose": disclose,
            "exemptions": exemptions,
        })
    })
}

const USERS: [&str; 2] = ["ines@orchard.test", "mira@orchard.test"];

const NAMES: [&str; 8] = [
    "ines@orchard.test",
    "mira@orchard.test",
    "Mira@orchard.test",
    "ops",
    "default",
    "system:authenticated",
    "system:masters",
    "system:serviceaccount:vms:default",
];

const VIEW: Rule = ("kubevirt.io", "virtualmachines", "get");

const ROLES: [&str; 7] = [
    "custom",
    "custom",
    "spectro-vm-admin",
    "spectro-vm-user",
    "spectro-vm-viewer",
    "edit",
    "pod-reader",
];

const PALETTE_ROLES: [&str; 8] = [
    "Cluster Admin",
    "Cluster Viewer",
    "Cluster Profile Editor",
    "Virtual Machine Admin",
    "Virtual Machine User",
    "Project Admin",
    "Tenant Admin",
    "VM Looker",
];
