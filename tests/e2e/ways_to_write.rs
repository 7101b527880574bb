//! Every way of writing a binding meets the same verdict.

use insta::assert_snapshot;

use crate::binding::{Binding, role_binding};
use crate::site::{Site, orchard};

fn good(name: &str) -> Binding {
    role_binding("vms", name, "spectro-vm-user").user("vm-user@orchard.test")
}

fn bad(name: &str) -> Binding {
    role_binding("vms", name, "spectro-vm-admin").user("vm-user@orchard.test")
}

fn exists(site: &Site, name: &str) -> bool {
    site.kubectl(&format!("get rolebinding -n vms {name}"))
        .succeeded()
}

#[test]
fn t21_a_dry_run_is_judged_and_changes_nothing() {
    orchard(|site| {
        let (good, bad) = (good("dry-good"), bad("dry-bad"));
        let admitted = site.kubectl(&format!(
            "apply --dry-run=server -f {}",
            site.write(&good.name, &good.to_json())
        ));
        let refused = site.kubectl(&format!(
            "apply --dry-run=server -f {}",
            site.write(&bad.name, &bad.to_json())
        ));
        assert_snapshot!(format!("{}\n{}", admitted.admitted(), refused.refused()));
        assert!(!exists(site, "dry-good") && !exists(site, "dry-bad"));
    });
}

#[test]
fn a_server_side_apply_is_judged() {
    orchard(|site| {
        let (good, bad) = (good("applied-good"), bad("applied-bad"));
        let admitted = site.kubectl(&format!(
            "apply --server-side -f {}",
            site.write(&good.name, &good.to_json())
        ));
        let refused = site.kubectl(&format!(
            "apply --server-side -f {}",
            site.write(&bad.name, &bad.to_json())
        ));
        assert_snapshot!(format!("{}\n{}", admitted.admitted(), refused.refused()));
        assert!(exists(site, "applied-good") && !exists(site, "applied-bad"));
    });
}

#[test]
fn a_generated_name_is_judged() {
    orchard(|site| {
        let mut document = bad("generated").to_json();
        document["metadata"] =
            serde_json::json!({"namespace": "vms", "generateName": "generated-"});
        let file = site.write("generated", &document);
        assert_snapshot!(site.kubectl(&format!("create -f {file}")).refused());
    });
}

#[test]
fn kubectl_create_rolebinding_is_judged() {
    orchard(|site| {
        assert_snapshot!(
            site.kubectl("create rolebinding -n vms created --clusterrole=spectro-vm-admin --user=vm-user@orchard.test")
                .refused()
        );
    });
}

#[test]
fn auth_reconcile_admits_a_good_binding() {
    orchard(|site| {
        let binding = good("reconciled-good");
        let file = site.write(&binding.name, &binding.to_json());
        assert_snapshot!(
            site.kubectl(&format!("auth reconcile -f {file}"))
                .admitted()
        );
        assert!(exists(site, "reconciled-good"));
    });
}

/// kubectl 1.36 panics here, with pointers in the trace: its text is no promise.
#[test]
fn auth_reconcile_of_a_bad_binding_writes_nothing() {
    orchard(|site| {
        let binding = bad("reconciled-bad");
        let file = site.write(&binding.name, &binding.to_json());
        assert_ne!(
            site.kubectl(&format!("auth reconcile -f {file}")).exit,
            Some(0)
        );
        assert!(!exists(site, "reconciled-bad"));
        let reviewed = site.webhook.log();
        let denied = |line: &&str| line.contains("reconciled-bad") && line.contains("denied");
        assert!(
            reviewed.lines().any(|line| denied(&line)),
            "no refused review of it:\n{reviewed}"
        );
    });
}

#[test]
fn a_changed_subject_is_judged_by_every_patch() {
    let merge = serde_json::json!({"subjects": bad("patched").user("nobody@orchard.test").to_json()["subjects"]});
    orchard(|site| {
        site.admits(&good("patched"));
        let file = site.write("merge", &merge);
        let patch = |kind: &str| {
            site.kubectl(&format!(
                "patch rolebinding -n vms patched --type={kind} --patch-file {file}"
            ))
        };
        assert_snapshot!(format!(
            "{}\n{}",
            patch("merge").refused(),
            patch("strategic").refused()
        ));
    });
}
