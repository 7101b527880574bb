//! The roles that Kubernetes, `KubeVirt` and CDI publish have the levels that `docs/capabilities.md` states.
//!
//! The document is written from the tables: `UPDATE_DOCS=1 cargo test --test roles` writes it again.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so and ends"
)]

mod document;
mod operators;
mod permissions;

use std::sync::Arc;

use palette_rbac::domain::Scope;
use palette_rbac::facts::{Event, Facts, Kind, ObjectName, StoredObject, View};
use palette_rbac::rbac::Level;

const KUBERNETES: &str = include_str!("../../src/decide/published/kubernetes.yaml");
const KUBEVIRT: &str = include_str!("../../src/decide/published/kubevirt.yaml");
const CLUSTER: Scope<'_> = Scope::Cluster;

fn objects(yaml: &str) -> Vec<StoredObject> {
    serde_saphyr::from_str(yaml).unwrap()
}

fn cluster_of(files: &[&str]) -> Arc<View> {
    let mut facts = Facts::new();
    for object in files.iter().flat_map(|yaml| objects(yaml)) {
        facts.apply(Event::Upsert(object));
    }
    facts.view()
}

fn namespace() -> Scope<'static> {
    Scope::Namespace("vms".into())
}

fn levels(view: &View, role: &str) -> [Option<Level>; 2] {
    let role = view.cluster_role(role).unwrap();
    [role.level(&CLUSTER), role.level(&namespace())]
}

#[test]
fn published_roles_have_the_documented_level() {
    use Level::{Admin, PowerUser, User, Viewer};
    let view = cluster_of(&[KUBERNETES, KUBEVIRT]);
    for (role, in_cluster, in_namespace) in [
        ("cluster-admin", Some(Admin), Some(Admin)),
        ("admin", Some(Admin), Some(Admin)),
        ("edit", Some(Admin), Some(Admin)),
        ("view", Some(Viewer), Some(Viewer)),
        ("kubevirt.io:admin", Some(Admin), Some(Admin)),
        ("kubevirt.io:edit", Some(Admin), Some(Admin)),
        ("kubevirt.io:view", Some(Viewer), Some(Viewer)),
        ("kubevirt.io:migrate", Some(PowerUser), Some(PowerUser)),
        ("kubevirt.io:default", None, None),
        ("instancetype.kubevirt.io:view", None, None),
        ("cdi.kubevirt.io:config-reader", None, None),
        ("cdi.kubevirt.io:view", None, None),
        ("cdi.kubevirt.io:edit", Some(Admin), Some(Admin)),
        (
            "cdi.kubevirt.io:clone-sourcer",
            Some(PowerUser),
            Some(PowerUser),
        ),
        ("token.kubevirt.io:generate", Some(User), Some(User)),
        (
            "virt-template-virtualmachinetemplate-viewer-role",
            None,
            None,
        ),
        (
            "virt-template-virtualmachinetemplaterequest-source-role",
            Some(PowerUser),
            Some(PowerUser),
        ),
        ("migrations-viewer-role", Some(Viewer), Some(Viewer)),
        ("migrations-editor-role", Some(PowerUser), Some(PowerUser)),
        ("forkliftcontroller-editor-role", Some(Admin), Some(Admin)),
        ("forkliftcontroller-viewer-role", None, None),
        ("system:discovery", None, None),
        ("system:basic-user", None, None),
        ("system:node", None, None),
        ("system:kubelet-api-admin", None, None),
    ] {
        assert_eq!(levels(&view, role), [in_cluster, in_namespace], "{role}");
    }
}

#[test]
fn kubernetes_alone_has_no_role_for_machines_but_wildcards() {
    let view = cluster_of(&[KUBERNETES]);
    let with_level: Vec<String> = view
        .roles()
        .filter(|role| role.level(&CLUSTER).is_some())
        .map(|role| role.role().name.to_string())
        .collect();
    assert_eq!(
        with_level,
        [
            "cluster-admin",
            "system:controller:generic-garbage-collector",
            "system:controller:horizontal-pod-autoscaler",
            "system:controller:namespace-controller",
            "system:controller:resourcequota-controller",
            "system:kube-controller-manager",
        ]
    );
}

#[test]
fn default_aggregates_are_made_of_what_they_select() {
    let view = cluster_of(&[KUBERNETES, KUBEVIRT]);
    let admin = view.cluster_role("admin").unwrap();
    let members: Vec<&str> = admin.members().collect();
    assert!(members.contains(&"system:aggregate-to-view"), "{members:?}");
    assert!(members.contains(&"kubevirt.io:view"), "{members:?}");
    let (view_role, edit) = (
        ObjectName::cluster_scoped("view"),
        view.cluster_role("edit").unwrap(),
    );
    assert!(view.bindings_through(&view_role).next().is_none());
    assert!(admin.rules(&CLUSTER).covers(edit.rules(&CLUSTER)));
    assert!(!edit.rules(&CLUSTER).covers(admin.rules(&CLUSTER)));
}

#[test]
fn fixtures_are_complete() {
    let view = cluster_of(&[KUBERNETES, KUBEVIRT]);
    assert!(view.count(Kind::ClusterRole) > 70);
    let is_allowed = |role: &palette_rbac::facts::RoleView<'_>| {
        !role.rules(&CLUSTER).is_empty() || role.role().aggregation.is_some()
    };
    assert!(view.roles().all(|role| is_allowed(&role)));
}

#[test]
fn the_document_states_the_tables() {
    document::compare_or_write(&document::text());
}
