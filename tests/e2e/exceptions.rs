//! Who writes the binding: requesters, impersonation, break-glass.

use insta::assert_snapshot;

use crate::binding::{Binding, role_binding};
use crate::harness::kubectl::Transcript;
use crate::site::{Site, orchard, strict};

/// `kubectl apply` with the words of `who` before it.
fn apply_by(site: &Site, who: &str, binding: &Binding) -> Transcript {
    let file = site.write(&binding.name, &binding.to_json());
    site.kubectl(&format!("{who} apply -f {file}"))
}

fn good(namespace: &str, name: &str) -> Binding {
    role_binding(namespace, name, "spectro-vm-user").user("vm-user@orchard.test")
}

#[test]
fn warns_a_requester_who_may_not_manage_the_cluster() {
    let binding = good("vms", "by-outsider");
    orchard(|site| {
        let admitted = apply_by(site, "--user outsider@orchard.test", &binding).admitted();
        assert!(admitted.output.contains("Warning: "), "{admitted}");
        assert_snapshot!(admitted);
    });
}

#[test]
fn refuses_a_requester_who_may_not_manage_the_cluster_where_the_rule_denies() {
    let binding = good("strict-vms", "by-outsider");
    strict(|site| {
        assert_snapshot!(apply_by(site, "--user outsider@orchard.test", &binding).refused());
    });
}

#[test]
fn admits_a_requester_who_may_edit_the_cluster() {
    let binding = good("strict-vms", "by-editor");
    strict(|site| {
        assert_snapshot!(apply_by(site, "--user cluster-editor@orchard.test", &binding).admitted());
    });
}

#[test]
fn admits_a_requester_by_the_groups_of_its_token() {
    let binding = good("strict-vms", "by-newcomer");
    strict(|site| {
        assert_snapshot!(apply_by(site, "--user newcomer@orchard.test", &binding).admitted());
    });
}

#[test]
fn judges_the_impersonated_user_as_the_requester() {
    let binding = good("strict-vms", "as-outsider");
    let who = "--as outsider@orchard.test --as-group platform";
    strict(|site| assert_snapshot!(apply_by(site, who, &binding).refused()));
}

#[test]
fn refuses_a_bad_subject_whoever_is_impersonated() {
    let binding =
        role_binding("strict-vms", "as-masters", "spectro-vm-admin").user("vm-user@orchard.test");
    let who = "--as cluster-editor@orchard.test --as-group system:masters";
    strict(|site| assert_snapshot!(apply_by(site, who, &binding).refused()));
}

#[test]
fn admits_break_glass_with_a_warning() {
    let binding =
        role_binding("strict-vms", "rescue", "spectro-vm-admin").user("vm-user@orchard.test");
    strict(|site| {
        let admitted = apply_by(site, "--user rescue@orchard.test", &binding).admitted();
        assert!(admitted.output.contains("Warning: "), "{admitted}");
        assert_snapshot!(admitted);
    });
}
