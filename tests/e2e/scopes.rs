//! Where a role is held: projects, workspaces, cluster groups.

use insta::assert_snapshot;

use crate::binding::{cluster_role_binding, role_binding};
use crate::site::{cellar, orchard};

#[test]
fn refuses_a_role_held_in_another_project_and_says_so() {
    let binding =
        role_binding("vms", "other-project", "spectro-vm-user").user("other-project@orchard.test");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn admits_a_namespace_that_the_workspace_selects_by_regex() {
    let binding =
        role_binding("vm-blue", "workspace", "spectro-vm-user").user("workspace@orchard.test");
    orchard(|site| assert_snapshot!(site.admits(&binding)));
}

#[test]
fn admits_a_namespace_that_the_workspace_selects_by_name() {
    let binding =
        role_binding("staging", "workspace", "spectro-vm-user").user("workspace@orchard.test");
    orchard(|site| assert_snapshot!(site.admits(&binding)));
}

#[test]
fn refuses_a_namespace_outside_the_workspace() {
    let binding =
        role_binding("backoffice", "workspace", "spectro-vm-user").user("workspace@orchard.test");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn refuses_a_workspace_that_the_cluster_does_not_belong_to() {
    let binding = role_binding("vm-blue", "other-workspace", "spectro-vm-user")
        .user("other-workspace@orchard.test");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn refuses_a_cluster_wide_grant_of_what_is_held_in_a_workspace() {
    let binding =
        cluster_role_binding("orchard-workspace", "spectro-vm-user").user("workspace@orchard.test");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn admits_a_cluster_wide_grant_of_what_is_held_in_the_project() {
    let binding =
        cluster_role_binding("orchard-vm-user", "spectro-vm-user").user("vm-user@orchard.test");
    orchard(|site| assert_snapshot!(site.admits(&binding)));
}

#[test]
fn t26_refuses_a_cluster_role_binding_in_a_cluster_group_and_shows_the_namespaced_form() {
    let binding =
        cluster_role_binding("cellar-vm-users", "spectro-vm-user").user("vm-user@orchard.test");
    cellar(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn refuses_a_cluster_role_binding_in_a_cluster_group_to_who_lacks_the_roles_too() {
    let binding =
        cluster_role_binding("cellar-vm-admins", "spectro-vm-admin").user("vm-user@orchard.test");
    cellar(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn admits_a_role_binding_in_a_cluster_group() {
    let binding =
        role_binding("cellar-vms", "vm-users", "spectro-vm-user").user("vm-user@orchard.test");
    cellar(|site| assert_snapshot!(site.admits(&binding)));
}
