//! Kubernetes' own roles that stand in for a VM role.

use insta::assert_snapshot;

use crate::binding::role_binding;
use crate::site::{orchard, strict};

#[test]
fn warns_of_cluster_admin_for_who_lacks_the_roles() {
    let binding = role_binding("vms", "everything", "cluster-admin").user("vm-user@orchard.test");
    orchard(|site| {
        let admitted = site.admits(&binding);
        assert!(admitted.output.contains("Warning: "), "{admitted}");
        assert_snapshot!(admitted);
    });
}

#[test]
fn admits_cluster_admin_without_a_word_for_who_holds_the_roles() {
    let binding =
        role_binding("vms", "everything-earned", "cluster-admin").user("vm-admin@orchard.test");
    orchard(|site| assert_snapshot!(site.admits(&binding)));
}

#[test]
fn refuses_cluster_admin_where_the_rule_denies() {
    let binding =
        role_binding("strict-vms", "everything", "cluster-admin").user("vm-user@orchard.test");
    strict(|site| assert_snapshot!(site.refuses(&binding)));
}

#[test]
fn does_not_judge_a_role_outside_the_mapping() {
    let binding =
        role_binding("vms", "auditors", "system:auth-delegator").user("nobody@orchard.test");
    orchard(|site| assert_snapshot!(site.admits(&binding)));
}
