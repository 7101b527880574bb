//! Who is bound: teams, everybody, `ServiceAccounts`, names that nobody has.

use insta::assert_snapshot;
use serde_json::json;

use crate::binding::role_binding;
use crate::site::{orchard, strict};

#[test]
fn admits_a_team_for_what_the_team_holds() {
    let binding = role_binding("vms", "team", "spectro-vm-power-user").group("orchard-vm-ops");
    orchard(|site| assert_snapshot!(site.admits(&binding)));
}

#[test]
fn refuses_a_team_what_it_does_not_hold() {
    let binding = role_binding("vms", "team-admins", "spectro-vm-admin").group("orchard-vm-ops");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn admits_a_user_for_what_its_team_holds() {
    let binding = role_binding("vms", "team-member", "spectro-vm-power-user")
        .user("team-member@orchard.test");
    orchard(|site| assert_snapshot!(site.admits(&binding)));
}

#[test]
fn refuses_an_inactive_user() {
    let binding = role_binding("vms", "inactive", "spectro-vm-user").user("inactive@orchard.test");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn t13_refuses_a_name_that_differs_in_case_and_names_the_near_miss() {
    let binding = role_binding("vms", "near-miss", "spectro-vm-user").user("VM-User@orchard.test");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn takes_the_prefix_off_a_group_before_looking_it_up() {
    let binding =
        role_binding("strict-vms", "team", "spectro-vm-power-user").group("oidc:orchard-vm-ops");
    strict(|site| assert_snapshot!(site.admits(&binding)));
}

#[test]
fn refuses_a_group_without_the_prefix_and_says_so() {
    let binding =
        role_binding("strict-vms", "team-bare", "spectro-vm-power-user").group("orchard-vm-ops");
    strict(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn t10_refuses_a_vm_role_for_everybody() {
    let binding =
        role_binding("vms", "everybody", "spectro-vm-viewer").group("system:authenticated");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn refuses_a_standard_role_for_everybody() {
    let binding = role_binding("vms", "everybody-views", "view").group("system:authenticated");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn refuses_a_vm_role_for_all_service_accounts() {
    let binding =
        role_binding("vms", "all-accounts", "spectro-vm-viewer").group("system:serviceaccounts");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn t11_refuses_a_service_account_without_an_exemption() {
    let binding =
        role_binding("vms", "account", "spectro-vm-user").service_account("vms", "importer");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn refuses_a_service_account_written_without_its_namespace() {
    let binding = role_binding("vms", "account-bare", "spectro-vm-user")
        .subject(json!({"kind": "ServiceAccount", "name": "importer"}));
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn t12_refuses_a_service_account_written_as_a_user() {
    let binding = role_binding("vms", "account-as-user", "spectro-vm-user")
        .user("system:serviceaccount:vms:importer");
    orchard(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn admits_a_service_account_with_an_exemption() {
    let binding = role_binding("strict-vms", "images", "spectro-vm-user")
        .service_account("strict-images", "importer");
    strict(|site| assert_snapshot!(site.admits(&binding)));
}

#[test]
fn admits_an_exempted_service_account_written_without_its_namespace() {
    let binding = role_binding("strict-images", "images-bare", "spectro-vm-user")
        .subject(json!({"kind": "ServiceAccount", "name": "importer"}));
    strict(|site| assert_snapshot!(site.admits(&binding)));
}

#[test]
fn refuses_an_exempted_service_account_another_role() {
    let binding = role_binding("strict-vms", "images-admin", "spectro-vm-admin")
        .service_account("strict-images", "importer");
    strict(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn refuses_once_the_exemption_has_expired() {
    let binding = role_binding("strict-vms", "migration", "spectro-vm-user")
        .service_account("strict-images", "migrator");
    strict(|site| assert_snapshot!(site.refuses(&binding)));
}
