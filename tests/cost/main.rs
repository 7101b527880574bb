//! What a role takes in memory is bounded by its size, whatever is in it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod shapes;

use std::sync::Arc;

use jiff::Timestamp;
use palette_rbac::decide::Context;
use palette_rbac::domain::Scope;
use palette_rbac::facts::{Cluster, Event, Facts, Kind, StoredObject, View};
use palette_rbac::policy::{ClusterOverride, Policy};
use palette_rbac::review::{Reply, review};
use palette_rbac::rulebook::Rulebook;
use serde_json::json;
use shapes::shapes;

/// Of each kind of memory, how many times the object as JSON.
const HELD: usize = 4;
const TAKEN: usize = 16;
/// What small objects take beside their size.
const BESIDE: usize = 64 << 10;

#[test]
fn a_role_is_held_in_a_small_multiple_of_its_size() {
    for shape in shapes() {
        let json = role(&shape.rules);
        let mut kept: Option<StoredObject> = None;
        let of_object = allocation_counter::measure(|| kept = serde_json::from_str(&json).ok());
        let mut view = None;
        let of_view = allocation_counter::measure(|| {
            let seen = view_with(kept.take().unwrap());
            // What is found out about it is held as well.
            for scope in [Scope::Cluster, Scope::Namespace("vms".into())] {
                let role = seen.cluster_role("made-up").unwrap();
                let _ = (role.level(&scope), role.escalation_paths(&scope).count());
            }
            view = Some(seen);
        });
        let held = of_object.bytes_current + of_view.bytes_current;
        let most = HELD * json.len() + BESIDE;
        assert!(
            usize::try_from(held).unwrap() <= most,
            "{}: {held} of {}",
            shape.name,
            json.len()
        );
        let taken = of_object.bytes_max + of_view.bytes_max;
        let most = TAKEN * json.len() + BESIDE;
        assert!(
            usize::try_from(taken).unwrap() <= most,
            "{}: {taken} of {}",
            shape.name,
            json.len()
        );
    }
}

#[test]
fn a_review_takes_a_small_multiple_of_its_size() {
    let rulebook = rulebook();
    let view = view_with(serde_json::from_str(&role("[]")).unwrap());
    for shape in shapes() {
        let body = review_of(&role(&shape.rules));
        let mut reply = None;
        let taken = allocation_counter::measure(|| {
            let cluster = Cluster::seen(&view);
            reply = Some(review(
                &body,
                Context::new(&rulebook, cluster, Timestamp::UNIX_EPOCH),
            ));
        });
        assert!(
            matches!(reply, Some(Reply::Review { .. })),
            "{}",
            shape.name
        );
        let most = TAKEN * body.len() + BESIDE;
        let taken = usize::try_from(taken.bytes_max).unwrap();
        assert!(taken <= most, "{}: {taken} of {}", shape.name, body.len());
    }
}

fn rulebook() -> Rulebook {
    let policy = Policy::embedded(&ClusterOverride::default());
    Rulebook::pair(Arc::new(policy), Arc::default()).0
}

/// With the VM roles, and a binding in a namespace and one in the cluster to the made-up role.
fn view_with(role: StoredObject) -> Arc<View> {
    let mut facts = Facts::new();
    let roles: Vec<StoredObject> = serde_saphyr::from_multiple(ROLES).unwrap();
    facts.apply(Event::Reset(Kind::ClusterRole, roles));
    facts.apply(Event::Reset(Kind::Role, Vec::new()));
    for (kind, object) in [
        (Kind::RoleBinding, "RoleBinding"),
        (Kind::ClusterRoleBinding, "ClusterRoleBinding"),
    ] {
        let binding = json!({
            "kind": object,
            "metadata": {"name": "made-up", "namespace": "vms"},
            "roleRef": {"kind": "ClusterRole", "name": "made-up"},
            "subjects": [{"kind": "User", "name": "ines@orchard.test"}],
        });
        facts.apply(Event::Reset(
            kind,
            vec![serde_json::from_value(binding).unwrap()],
        ));
    }
    facts.apply(Event::Upsert(role));
    facts.view()
}

const ROLES: &str = include_str!("../../examples/roles.yaml");

fn role(rules: &str) -> String {
    format!(r#"{{"kind":"ClusterRole","metadata":{{"name":"made-up"}},"rules":{rules}}}"#)
}

/// The review of its update by somebody, from one without rules.
fn review_of(object: &str) -> Vec<u8> {
    let review = json!({
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "u",
            "kind": {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "ClusterRole"},
            "resource": {"group": "rbac.authorization.k8s.io", "version": "v1", "resource": "clusterroles"},
            "name": "made-up",
            "operation": "UPDATE",
            "userInfo": {"username": "ines@orchard.test", "groups": ["system:authenticated"]},
            "object": "OBJECT",
            "oldObject": "OLD",
        },
    });
    let review = review.to_string();
    let review = review.replace("\"OBJECT\"", object);
    review.replace("\"OLD\"", &role("[]")).into_bytes()
}
