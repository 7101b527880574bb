//! The four VM roles: who meets the requirement, and who lacks one part of it.

use insta::assert_snapshot;

use crate::binding::{Binding, role_binding};
use crate::site::orchard;

/// `role` for `user@orchard.test` in namespace `vms`, in a binding named after the user.
fn grant(role: &str, user: &str) -> Binding {
    role_binding(
        "vms",
        &format!("{role}-for-{user}"),
        &format!("spectro-vm-{role}"),
    )
    .user(&format!("{user}@orchard.test"))
}

#[test]
fn admits_vm_admin_for_cluster_admin_profile_admin_and_vm_admin() {
    orchard(|site| assert_snapshot!(site.admits(&grant("admin", "vm-admin"))));
}

#[test]
fn admits_vm_admin_for_the_editors_in_place_of_the_admins() {
    orchard(|site| assert_snapshot!(site.admits(&grant("admin", "vm-admin-as-editor"))));
}

#[test]
fn admits_vm_power_user_for_cluster_viewer_and_vm_power_user() {
    orchard(|site| assert_snapshot!(site.admits(&grant("power-user", "vm-power-user"))));
}

#[test]
fn admits_vm_user_for_cluster_viewer_and_vm_user() {
    orchard(|site| assert_snapshot!(site.admits(&grant("user", "vm-user"))));
}

#[test]
fn admits_vm_viewer_for_cluster_viewer_and_vm_viewer() {
    orchard(|site| assert_snapshot!(site.admits(&grant("viewer", "vm-viewer"))));
}

#[test]
fn admits_a_lower_role_for_who_meets_a_higher_one() {
    orchard(|site| assert_snapshot!(site.admits(&grant("viewer", "vm-power-user"))));
}

#[test]
fn refuses_vm_admin_without_cluster_admin_or_editor() {
    orchard(|site| assert_snapshot!(site.refuses(&grant("admin", "no-cluster-admin"))));
}

#[test]
fn refuses_vm_admin_without_cluster_profile_admin_or_editor() {
    orchard(|site| assert_snapshot!(site.refuses(&grant("admin", "no-profile-admin"))));
}

#[test]
fn t25_refuses_vm_admin_without_vm_admin() {
    orchard(|site| assert_snapshot!(site.refuses(&grant("admin", "no-vm-admin"))));
}

#[test]
fn refuses_vm_power_user_without_cluster_viewer() {
    orchard(|site| assert_snapshot!(site.refuses(&grant("power-user", "only-vm-power-user"))));
}

#[test]
fn refuses_vm_power_user_without_vm_power_user() {
    orchard(|site| assert_snapshot!(site.refuses(&grant("power-user", "vm-user"))));
}

#[test]
fn refuses_vm_user_without_cluster_viewer() {
    orchard(|site| assert_snapshot!(site.refuses(&grant("user", "only-vm-user"))));
}

#[test]
fn refuses_vm_user_without_vm_user() {
    orchard(|site| assert_snapshot!(site.refuses(&grant("user", "vm-viewer"))));
}

#[test]
fn refuses_vm_viewer_without_cluster_viewer() {
    orchard(|site| assert_snapshot!(site.refuses(&grant("viewer", "only-vm-viewer"))));
}

#[test]
fn refuses_vm_viewer_without_vm_viewer() {
    orchard(|site| assert_snapshot!(site.refuses(&grant("viewer", "only-cluster-viewer"))));
}

#[test]
fn admits_vm_admin_for_project_admin() {
    orchard(|site| assert_snapshot!(site.admits(&grant("admin", "project-admin"))));
}

#[test]
fn admits_vm_admin_for_tenant_admin() {
    orchard(|site| assert_snapshot!(site.admits(&grant("admin", "tenant-admin"))));
}

#[test]
fn admits_vm_user_for_a_custom_role_with_the_same_permissions() {
    orchard(|site| assert_snapshot!(site.admits(&grant("user", "custom-role"))));
}

#[test]
fn refuses_vm_power_user_for_a_custom_role_that_cannot_clone_or_migrate() {
    orchard(|site| assert_snapshot!(site.refuses(&grant("power-user", "custom-role"))));
}

#[test]
fn refuses_a_role_of_the_same_name_as_a_vm_role() {
    let binding = grant("admin", "vm-user").of_namespaced_role();
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn names_every_failing_subject_at_once() {
    let binding = role_binding("vms", "orchard-crew", "spectro-vm-admin")
        .user("vm-admin@orchard.test")
        .user("vm-user@orchard.test")
        .group("orchard-vm-ops")
        .user("nobody@orchard.test");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn names_ten_failing_subjects_and_counts_the_rest() {
    let binding = (1..=13).fold(
        role_binding("vms", "everyone", "spectro-vm-user"),
        |binding, number| binding.user(&format!("picker-{number}@orchard.test")),
    );
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}
