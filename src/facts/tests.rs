use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use strum::IntoEnumIterator;

use super::*;
use crate::domain::{Principal, RoleKind, RoleRef, Scope};
use crate::rbac::{Level, Relation};

const CLUSTER: Scope<'_> = Scope::Cluster;

fn vms() -> Scope<'static> {
    Scope::Namespace("vms".into())
}

fn object(json: serde_json::Value) -> StoredObject {
    serde_json::from_value(json).unwrap()
}

fn cluster_role(name: &str, rules: &serde_json::Value) -> StoredObject {
    object(json!({"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}))
}

fn labelled(name: &str, label: &str, rules: &serde_json::Value) -> StoredObject {
    object(json!({
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": {label: "true"}},
        "rules": rules,
    }))
}

/// A `ClusterRole` with a label that is made of those with another.
fn aggregate(name: &str, label: &str, of: &str) -> StoredObject {
    object(json!({
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": {label: "true"}},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {of: "true"}}]},
    }))
}

fn binding(
    namespace: Option<&str>,
    name: &str,
    role: &str,
    subjects: &serde_json::Value,
) -> StoredObject {
    let kind = if namespace.is_some() {
        "RoleBinding"
    } else {
        "ClusterRoleBinding"
    };
    object(json!({
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"kind": "ClusterRole", "name": role},
        "subjects": subjects,
    }))
}

fn rules(verb: &str, group: &str, resource: &str) -> serde_json::Value {
    json!([{"verbs": [verb], "apiGroups": [group], "resources": [resource]}])
}

fn view_machines() -> serde_json::Value {
    rules("get", "kubevirt.io", "virtualmachines")
}

fn ines() -> serde_json::Value {
    json!([{"kind": "User", "name": "ines@orchard.test"}])
}

fn facts(objects: impl IntoIterator<Item = StoredObject>) -> Facts {
    let mut facts = Facts::new();
    for object in objects {
        facts.apply(Event::Upsert(object));
    }
    facts
}

fn level(view: &View, role: &str, scope: &Scope<'_>) -> Option<Level> {
    view.cluster_role(role).unwrap().level(scope)
}

fn names<'b>(bindings: impl IntoIterator<Item = &'b Arc<StoredBinding>>) -> Vec<String> {
    bindings
        .into_iter()
        .map(|binding| binding.name.to_string())
        .collect()
}

fn name(of_cluster: &str) -> ObjectName {
    ObjectName::cluster_scoped(of_cluster)
}

#[test]
fn an_aggregate_is_its_own_rules_and_whatever_it_selects_through_others_too() {
    let mut facts = facts([
        aggregate("top", "none", "to-top"),
        aggregate("middle", "to-top", "to-middle"),
        labelled(
            "leaf",
            "to-middle",
            &rules("delete", "kubevirt.io", "virtualmachines"),
        ),
    ]);
    let view = facts.view();
    assert_eq!(level(&view, "top", &CLUSTER), Some(Level::PowerUser));
    let top = view.cluster_role("top").unwrap();
    assert_eq!(top.members().collect::<Vec<_>>(), ["leaf", "middle"]);
    assert!(
        view.cluster_role("leaf")
            .unwrap()
            .members()
            .next()
            .is_none()
    );
}

#[test]
fn an_aggregate_that_selects_nothing_keeps_what_is_written_in_it() {
    let mut role = json!({
        "kind": "ClusterRole",
        "metadata": {"name": "own"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"nobody": "has"}}]},
        "rules": view_machines(),
    });
    let view = facts([object(role.clone())]).view();
    assert_eq!(level(&view, "own", &CLUSTER), Some(Level::Viewer));
    role["aggregationRule"] =
        json!({"clusterRoleSelectors": [{"matchLabels": {"to-own": "true"}}]});
    let more = labelled(
        "more",
        "to-own",
        &rules("create", "kubevirt.io", "virtualmachines"),
    );
    let view = facts([object(role), more]).view();
    assert_eq!(level(&view, "own", &CLUSTER), Some(Level::PowerUser));
}

#[test]
fn cycles_of_aggregates_end_where_they_began() {
    let mut facts = facts([
        aggregate("one", "to-two", "to-one"),
        aggregate("two", "to-one", "to-two"),
        labelled("leaf", "to-two", &view_machines()),
    ]);
    let view = facts.view();
    let members = |role| {
        view.cluster_role(role)
            .unwrap()
            .members()
            .collect::<Vec<_>>()
    };
    assert_eq!(members("one"), ["leaf", "two"]);
    assert_eq!(members("two"), ["leaf", "one"]);
    assert_eq!(level(&view, "one", &CLUSTER), Some(Level::Viewer));
}

#[test]
fn an_empty_selector_selects_every_other_cluster_role() {
    let everything = object(json!({
        "kind": "ClusterRole",
        "metadata": {"name": "everything"},
        "aggregationRule": {"clusterRoleSelectors": [{}]},
    }));
    let mut facts = facts([everything, cluster_role("view", &view_machines())]);
    assert_eq!(
        level(&facts.view(), "everything", &CLUSTER),
        Some(Level::Viewer)
    );
}

#[test]
fn a_role_that_grows_an_aggregate_touches_the_bindings_of_both() {
    let mut facts = facts([
        aggregate("top", "none", "to-top"),
        labelled("leaf", "to-top", &rules("get", "", "pods")),
        binding(Some("vms"), "to-leaf", "leaf", &ines()),
        binding(None, "to-top", "top", &ines()),
        binding(None, "elsewhere", "other", &ines()),
    ]);
    let view = facts.view();
    assert_eq!(
        names(view.bindings_through(&name("leaf"))),
        ["vms/to-leaf", "to-top"]
    );
    assert_eq!(names(view.bindings_through(&name("top"))), ["to-top"]);
    let grown = labelled("leaf", "to-top", &view_machines());
    let after = view.after(Event::Upsert(grown));
    assert_eq!(level(&view, "top", &CLUSTER), None);
    assert_eq!(level(&after, "top", &CLUSTER), Some(Level::Viewer));
    let joined = labelled("new", "to-top", &view_machines());
    let after = view.after(Event::Upsert(joined));
    assert_eq!(names(after.bindings_through(&name("new"))), ["to-top"]);
    assert_eq!(level(&after, "top", &CLUSTER), Some(Level::Viewer));
}

#[test]
fn what_the_clusters_own_vm_role_allows_raises_who_covers_it() {
    let stub = cluster_role("spectro-vm-admin", &rules("get", "", "pods"));
    let copy = cluster_role("copy", &view_machines());
    let pods = cluster_role("pods", &rules("get", "", "pods"));
    let mut facts = facts([stub, copy, pods]);
    let view = facts.view();
    assert_eq!(
        view.reference("spectro-vm-admin", &CLUSTER),
        ReferenceRole::Stub
    );
    assert_eq!(
        view.reference("spectro-vm-user", &CLUSTER),
        ReferenceRole::Missing
    );
    assert_eq!(level(&view, "copy", &CLUSTER), Some(Level::Viewer));
    assert_eq!(level(&view, "pods", &CLUSTER), None);
    facts.apply(Event::Upsert(cluster_role(
        "spectro-vm-admin",
        &view_machines(),
    )));
    let view = facts.view();
    assert_eq!(level(&view, "copy", &CLUSTER), Some(Level::Admin));
    assert_eq!(level(&view, "pods", &CLUSTER), None);
    let copy = view.cluster_role("copy").unwrap();
    assert_eq!(
        copy.relation("spectro-vm-admin", &vms()),
        Some(Relation::Equal)
    );
    assert_eq!(copy.relation("spectro-vm-user", &vms()), None);
}

#[test]
fn a_reference_is_compared_on_what_counts_in_the_scope() {
    let reference = json!([
        {"verbs": ["get"], "apiGroups": ["kubevirt.io"], "resources": ["virtualmachines"]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]},
    ]);
    let mut facts = facts([
        cluster_role("spectro-vm-power-user", &reference),
        cluster_role("copy", &view_machines()),
    ]);
    let view = facts.view();
    assert_eq!(level(&view, "copy", &CLUSTER), Some(Level::Viewer));
    assert_eq!(level(&view, "copy", &vms()), Some(Level::PowerUser));
}

#[test]
fn a_role_is_looked_up_where_the_binding_is() {
    let role = object(json!({
        "kind": "Role",
        "metadata": {"name": "copy", "namespace": "vms"},
        "rules": view_machines(),
    }));
    let view = facts([role]).view();
    let reference = RoleRef {
        kind: RoleKind::Role,
        name: "copy".into(),
    };
    let found = view.resolve(&reference, &vms()).unwrap();
    assert_eq!(found.level(&vms()), Some(Level::Viewer));
    assert!(view.resolve(&reference, &CLUSTER).is_none());
    assert!(
        view.resolve(&reference, &Scope::Namespace("other".into()))
            .is_none()
    );
    assert!(view.cluster_role("copy").is_none());
}

#[test]
fn a_service_account_is_found_however_it_is_written() {
    let account = json!([{"kind": "ServiceAccount", "name": "picker"}]);
    let user = json!([
        {"kind": "User", "name": "system:serviceaccount:vms:picker"},
        {"kind": "ServiceAccount", "name": "picker", "namespace": "vms"},
    ]);
    let mut facts = facts([
        binding(Some("vms"), "one", "view", &account),
        binding(None, "two", "view", &user),
    ]);
    let picker = Principal::ServiceAccount {
        namespace: "vms",
        name: "picker",
    };
    assert_eq!(names(facts.view().bindings_of(picker)), ["two", "vms/one"]);
    facts.apply(Event::Delete(Kind::ClusterRoleBinding, name("two")));
    assert_eq!(names(facts.view().bindings_of(picker)), ["vms/one"]);
}

#[test]
fn a_view_stays_as_it_was_and_no_change_makes_no_new_one() {
    let mut facts = facts([binding(None, "one", "view", &ines())]);
    let before = facts.view();
    assert!(!facts.apply(Event::Upsert(binding(None, "one", "view", &ines()))));
    assert!(Arc::ptr_eq(&before, &facts.view()));
    assert!(facts.apply(Event::Delete(Kind::ClusterRoleBinding, name("one"))));
    assert!(!facts.apply(Event::Delete(Kind::ClusterRoleBinding, name("one"))));
    assert_eq!(before.count(Kind::ClusterRoleBinding), 1);
    assert_eq!(facts.view().count(Kind::ClusterRoleBinding), 0);
}

#[test]
fn a_kind_is_known_once_all_of_it_was_read() {
    let mut facts = facts([binding(Some("vms"), "gone", "view", &ines())]);
    assert!(!facts.view().knows(Kind::RoleBinding));
    for kind in Kind::iter() {
        assert!(!facts.view().is_complete());
        assert!(facts.apply(Event::Reset(kind, vec![])));
    }
    assert!(facts.view().is_complete());
    assert_eq!(facts.view().bindings().count(), 0);
}

#[test]
fn objects_that_name_nothing_are_not_read() {
    for json in [
        json!({"kind": "Pod", "metadata": {"name": "one"}}),
        json!({"kind": "ClusterRole", "metadata": {"name": ""}}),
        json!({"kind": "Role", "metadata": {"name": "one"}}),
        json!({"kind": "ClusterRoleBinding", "metadata": {"name": "one"}}),
        json!({"kind": "ClusterRoleBinding", "metadata": {"name": "one"}, "roleRef": {"kind": "ClusterRole", "name": ""}}),
        json!({"kind": "ClusterRoleBinding", "metadata": {"name": "one"}, "roleRef": {"kind": "Pod", "name": "one"}}),
    ] {
        assert!(
            serde_json::from_value::<StoredObject>(json.clone()).is_err(),
            "{json}"
        );
    }
}

/// Few names, so that events meet.
fn any_object() -> impl Strategy<Value = StoredObject> {
    let names = || select(vec!["a", "b", "c"]);
    let roles =
        (names(), names(), names(), any::<bool>()).prop_map(|(name, label, of, made_of)| {
            if made_of {
                aggregate(name, label, of)
            } else {
                labelled(name, label, &view_machines())
            }
        });
    let bindings = (
        select(vec![None, Some("a"), Some("b")]),
        names(),
        names(),
        names(),
    )
        .prop_map(|(namespace, name, role, user)| {
            binding(
                namespace,
                name,
                role,
                &json!([{"kind": "User", "name": user}, {"kind": "Group", "name": role}]),
            )
        });
    prop_oneof![roles, bindings]
}

/// All that can be asked of a view, as text.
fn told(view: &View) -> Vec<String> {
    let mut told = names(view.bindings());
    for role in view.roles() {
        let members: Vec<&str> = role.members().collect();
        told.push(format!(
            "{} {members:?} {:?}",
            role.role().name,
            role.level(&CLUSTER)
        ));
    }
    for name in ["a", "b", "c"] {
        told.extend(names(view.bindings_of(Principal::User(name))));
        told.extend(names(view.bindings_of(Principal::Group(name))));
        told.extend(names(
            view.bindings_through(&ObjectName::cluster_scoped(name)),
        ));
    }
    told
}

proptest! {
    #[test]
    fn events_one_by_one_lead_to_the_same_view_as_all_at_once(
        events in prop::collection::vec((any_object(), any::<bool>(), any::<bool>()), 0..40),
    ) {
        let mut facts = Facts::new();
        let mut left: Vec<StoredObject> = Vec::new();
        for (object, delete, look) in events {
            left.retain(|other| (other.kind(), other.name()) != (object.kind(), object.name()));
            if delete {
                facts.apply(Event::Delete(object.kind(), object.name().clone()));
            } else {
                left.push(object.clone());
                facts.apply(Event::Upsert(object));
            }
            if look {
                facts.view();
            }
        }
        let mut fresh = Facts::new();
        for kind in Kind::iter() {
            let of_kind = left.iter().filter(|object| object.kind() == kind);
            fresh.apply(Event::Reset(kind, of_kind.cloned().collect()));
        }
        prop_assert_eq!(told(&facts.view()), told(&fresh.view()));
    }
}

fn limited(namespace: usize) -> Facts {
    let mut facts = Facts::within(ViewLimits {
        cluster: namespace,
        namespaces: 2 * namespace,
        namespace,
    });
    for kind in Kind::iter() {
        facts.apply(Event::Reset(kind, Vec::new()));
    }
    facts
}

fn long_binding(name: &str, namespace: &str, subjects: usize) -> StoredObject {
    let subject = |it: usize| json!({"kind": "User", "name": format!("u{it}@orchard.test")});
    let subjects: Vec<_> = (0..subjects).map(subject).collect();
    let binding = json!({
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": subjects,
    });
    serde_json::from_value(binding).unwrap()
}

#[test]
fn what_there_is_no_room_for_is_known_by_its_name() {
    let mut facts = limited(10_000);
    facts.apply(Event::Upsert(long_binding("long", "vms", 1_000)));
    facts.apply(Event::Upsert(long_binding("short", "vms", 1)));
    let view = facts.view();
    let name = ObjectName::namespaced("vms", "long");
    assert!(view.binding(&name).unwrap().subjects.are_not_held());
    assert_eq!(view.in_name_only(Kind::RoleBinding), 1);
    assert_eq!(view.count(Kind::RoleBinding), 2);
    assert_eq!(
        view.bindings_of(Principal::User("u0@orchard.test")).count(),
        1
    );
    // Another namespace has room of its own, and what shrinks is held again.
    facts.apply(Event::Upsert(long_binding("short", "other", 1)));
    facts.apply(Event::Upsert(long_binding("long", "vms", 2)));
    let view = facts.view();
    assert_eq!(view.in_name_only(Kind::RoleBinding), 0);
    assert_eq!(
        view.bindings_of(Principal::User("u0@orchard.test")).count(),
        3
    );
}

#[test]
fn a_role_that_there_is_no_room_for_allows_everything() {
    let mut facts = limited(10_000);
    let names: Vec<String> = (0..5_000).map(|it| format!("n{it}")).collect();
    let role = json!({
        "kind": "Role",
        "metadata": {"name": "long", "namespace": "vms"},
        "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": names}],
    });
    facts.apply(Event::Upsert(serde_json::from_value(role).unwrap()));
    let view = facts.view();
    let long = view.role(&ObjectName::namespaced("vms", "long")).unwrap();
    assert!(long.rules(&vms()).is_too_large());
    assert_eq!(long.level(&vms()), Some(Level::Admin));
    assert_eq!(view.in_name_only(Kind::Role), 1);
}

#[test]
fn past_all_room_it_is_counted_and_nothing_is_taken_for_absent() {
    let mut facts = limited(2_000);
    facts.apply(Event::Listing(Kind::RoleBinding));
    for number in 0..20 {
        let name = format!("b{number}");
        facts.apply(Event::Upsert(long_binding(&name, "vms", 1)));
    }
    facts.apply(Event::Listed(Kind::RoleBinding));
    let view = facts.view();
    let left_out: usize = view.left_out().map(|(.., count)| count).sum();
    assert_eq!(view.count(Kind::RoleBinding) + left_out, 20);
    assert!(left_out > 0 && view.size() <= 2_500);
    assert!(!view.holds_all(Kind::RoleBinding, Some("vms")));
    assert!(view.holds_all(Kind::RoleBinding, Some("other")));
    assert!(view.holds_all(Kind::Role, Some("vms")));
}

#[test]
fn a_list_in_pages_ends_what_it_does_not_name() {
    let mut facts = limited(1 << 20);
    facts.apply(Event::Upsert(long_binding("old", "vms", 1)));
    facts.apply(Event::Listing(Kind::RoleBinding));
    facts.apply(Event::Upsert(long_binding("new", "vms", 1)));
    assert_eq!(facts.view().count(Kind::RoleBinding), 2);
    facts.apply(Event::Listed(Kind::RoleBinding));
    assert!(
        facts
            .view()
            .binding(&ObjectName::namespaced("vms", "old"))
            .is_none()
    );
    assert_eq!(facts.view().count(Kind::RoleBinding), 1);
}
