//! Updates are judged by what they add.

use insta::assert_snapshot;
use serde_json::json;

use crate::binding::{Binding, role_binding};
use crate::site::orchard;

fn good(name: &str) -> Binding {
    role_binding("vms", name, "spectro-vm-user").user("vm-user@orchard.test")
}

#[test]
fn t14_refuses_one_bad_subject_added_to_a_good_binding() {
    orchard(|site| {
        site.admits(&good("grown"));
        assert_snapshot!(site.refuses(&good("grown").user("nobody@orchard.test")));
        let subjects = site.kubectl("get rolebinding -n vms grown -o jsonpath={.subjects[*].name}");
        assert_eq!(subjects.output, "vm-user@orchard.test");
    });
}

#[test]
fn admits_one_good_subject_added_to_a_binding_that_would_be_refused_today() {
    let patch = json!([{"op": "add", "path": "/subjects/-", "value": {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "vm-admin@orchard.test",
    }}]);
    orchard(|site| {
        let file = site.write("add-vm-admin", &patch);
        let command =
            format!("patch rolebinding -n vms former-labelled --type=json --patch-file {file}");
        assert_snapshot!(site.kubectl(&command).admitted());
    });
}

#[test]
fn admits_a_label_on_a_binding_that_would_be_refused_today() {
    orchard(|site| {
        assert_snapshot!(
            site.kubectl("label rolebinding -n vms former-labelled reviewed=yes")
                .admitted()
        );
    });
}

#[test]
fn t15_admits_a_finalizer_taken_off_a_binding_that_would_be_refused_today() {
    let patch = json!([{"op": "remove", "path": "/metadata/finalizers"}]);
    orchard(|site| {
        let file = site.write("let-go", &patch);
        let command =
            format!("patch rolebinding -n vms former-finalized --type=json --patch-file {file}");
        assert_snapshot!(site.kubectl(&command).admitted());
    });
}

#[test]
fn t22_admits_the_deletion_of_a_binding_that_would_be_refused_today() {
    orchard(|site| {
        assert_snapshot!(
            site.kubectl("delete rolebinding -n vms former-deleted")
                .admitted()
        );
    });
}

#[test]
fn admits_a_subject_taken_out_of_a_binding_that_would_be_refused_today() {
    let patch = json!([{"op": "remove", "path": "/subjects/1"}]);
    orchard(|site| {
        let file = site.write("shorten", &patch);
        let command =
            format!("patch rolebinding -n vms former-shortened --type=json --patch-file {file}");
        assert_snapshot!(site.kubectl(&command).admitted());
    });
}

#[test]
fn t28_refuses_a_bad_subject_patched_into_a_binding_that_is_being_deleted() {
    let patch = json!([{"op": "add", "path": "/subjects/-", "value": {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody@orchard.test",
    }}]);
    orchard(|site| {
        let held = site.write("held", &good("held").held());
        site.kubectl(&format!("apply -f {held}")).admitted();
        site.kubectl("delete rolebinding -n vms held --wait=false")
            .admitted();
        let file = site.write("add-nobody", &patch);
        assert_snapshot!(
            site.kubectl(&format!(
                "patch rolebinding -n vms held --type=json --patch-file {file}"
            ))
            .refused()
        );
        let release = site.write(
            "release",
            &json!([{"op": "remove", "path": "/metadata/finalizers"}]),
        );
        site.kubectl(&format!(
            "patch rolebinding -n vms held --type=json --patch-file {release}"
        ))
        .admitted();
    });
}
