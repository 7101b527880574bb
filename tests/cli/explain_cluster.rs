//! `explain` of what is in a cluster: bindings, roles, two roles.

use crate::{Folder, INES, OTTO, role_binding};

/// Two VM roles, a copy that can do more, an aggregate that it is part of, and who is bound.
fn cluster() -> Folder {
    let folder = Folder::new();
    let role = |name: &str, labels: &str, rules: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {name}, labels: {labels}}}
rules: {rules}
"
        )
    };
    let machines = |verbs: &str| {
        format!("[{{apiGroups: [kubevirt.io], resources: [virtualmachines], verbs: [{verbs}]}}]")
    };
    let everybody = "{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:masters'}";
    let wide = role_binding("masters", None, "pickers", everybody)
        .replace("kind: RoleBinding", "kind: ClusterRoleBinding");
    let all = [
        role("spectro-vm-viewer", "{}", &machines("get, list, watch")),
        role("pickers", "{to: harvest}", &machines("get, list, delete")),
        role(
            "pods",
            "{to: harvest}",
            "[{apiGroups: [''], resources: [pods], verbs: [get]}]",
        ),
        role(
            "harvesters",
            "{}",
            "[{nonResourceURLs: ['/healthz'], verbs: [get]}]",
        ) + "aggregationRule: {clusterRoleSelectors: [{matchLabels: {to: harvest}}]}\n",
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: orchard}
rules: [{apiGroups: [''], resources: [configmaps], resourceNames: [colours], verbs: [get]}]
"
        .to_owned(),
        role_binding(
            "harvest",
            Some("vms"),
            "harvesters",
            &format!("{INES}\n- {OTTO}\n- {everybody}"),
        ),
        role_binding("lost", Some("vms"), "nowhere", INES),
        wide,
    ];
    folder.write("cluster.yaml", all.join("---\n"));
    folder
}

fn explain(arguments: &str) -> crate::Ran {
    cluster().judge(&format!("explain {arguments} --facts cluster.yaml"))
}

#[test]
fn a_binding_is_explained_from_its_grants_to_who_may_have_them() {
    let ran = explain("--binding vms/harvest");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("explain_binding", ran.out);
    assert_eq!(explain("--binding harvest --namespace vms"), ran);
}

#[test]
fn a_binding_in_json() {
    let ran = explain("--binding vms/harvest --output json");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("explain_binding_json", ran.out);
}

#[test]
fn a_cluster_wide_binding_has_no_namespace() {
    let ran = explain("--binding masters");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.starts_with(
            "ClusterRoleBinding masters\n  grants    ClusterRole pickers in the whole cluster\n"
        ),
        "{}",
        ran.out
    );
}

#[test]
fn a_binding_of_no_role_says_so() {
    let ran = explain("--binding vms/lost");
    assert_eq!(ran.code, 0);
    assert!(
        ran.out.contains("nothing: the role does not exist"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("[dangling-role]"), "{}", ran.out);
}

#[test]
fn what_is_not_there_is_named_with_the_nearest() {
    for (arguments, expected) in [
        (
            "--binding vms/harvset",
            "error: no RoleBinding `vms/harvset` in the cluster; did you mean `vms/harvest`?\n",
        ),
        (
            "--binding harvest",
            "error: no ClusterRoleBinding `harvest` in the cluster\n",
        ),
        (
            "--role picker",
            "error: no ClusterRole `picker` in the cluster; did you mean `pickers`?\n",
        ),
        (
            "--role Role/readers -n orchard",
            "error: no Role `orchard/readers` in the cluster; did you mean `orchard/reader`?\n",
        ),
    ] {
        let ran = explain(arguments);
        assert_eq!((ran.code, ran.err.as_str()), (2, expected), "{arguments}");
    }
}

#[test]
fn a_role_is_explained_by_what_it_can_do() {
    let ran = explain("--role harvesters");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    insta::assert_snapshot!("explain_one_role", ran.out);
    // A path is nobody's in a namespace.
    let narrow = explain("--role harvesters -n vms");
    assert!(!narrow.out.contains("/healthz"), "{}", narrow.out);
    let role = explain("--role Role/reader -n orchard");
    assert!(role.out.contains("get configmaps colours"), "{}", role.out);
}

#[test]
fn two_roles_are_compared_both_ways() {
    let ran = explain("--role spectro-vm-viewer --compare pickers");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    insta::assert_snapshot!("explain_comparison", ran.out);
    let ran = explain("--role spectro-vm-viewer --compare pickers --output json");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    insta::assert_snapshot!("explain_comparison_json", ran.out);
}

#[test]
fn each_relation_is_named() {
    for (first, second, expected) in [
        ("pickers", "pickers", "equal"),
        ("harvesters", "pickers", "superset"),
        ("pods", "harvesters", "subset"),
        ("spectro-vm-viewer", "pickers", "overlap"),
        ("pods", "pickers", "disjoint"),
    ] {
        let ran = explain(&format!("--role {first} --compare {second}"));
        let line = ran.out.lines().nth(1).unwrap();
        let expected = format!("  relation  {expected}: ");
        assert!(line.starts_with(&expected), "{line}");
    }
}

#[test]
fn the_highest_role_by_namespace() {
    let folder = cluster();
    let ran = folder.judge("explain --subject ines@orchard.test --facts cluster.yaml");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let (_, highest) = ran
        .out
        .split_once("  may be given at most, by namespace\n")
        .unwrap();
    assert_eq!(
        highest,
        "    spectro-vm-user    staging\n    spectro-vm-viewer  orchard, vms\n"
    );
    // Without a cluster: those that its workspaces name.
    let ran = folder.judge("explain --subject ines@orchard.test");
    assert!(
        ran.out
            .ends_with("by namespace\n    spectro-vm-user  staging\n"),
        "{}",
        ran.out
    );
    let ran = folder.judge("explain --subject nobody@orchard.test");
    assert!(
        ran.out.ends_with("by namespace\n    nothing  staging\n"),
        "{}",
        ran.out
    );
    let account = folder.judge("explain --subject ServiceAccount:vms/picker");
    assert!(!account.out.contains("by namespace"), "{}", account.out);
    let one = folder.judge("explain --subject ines@orchard.test --namespace vms");
    assert!(!one.out.contains("by namespace"), "{}", one.out);
}

#[test]
fn the_highest_role_by_namespace_in_json() {
    let ran = cluster().judge("explain -s ines@orchard.test --facts cluster.yaml -o json");
    let result: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        result["highest"],
        serde_json::json!([
            {"role": "spectro-vm-user", "namespaces": ["staging"]},
            {"role": "spectro-vm-viewer", "namespaces": ["orchard", "vms"]},
        ])
    );
}

#[test]
fn a_subject_is_judged_by_what_the_role_can_do_there() {
    let folder = cluster();
    let asked = "explain --subject ines@orchard.test --namespace vms --role pickers";
    assert_eq!(folder.judge(asked).code, 0);
    let known = folder.judge(&format!("{asked} --facts cluster.yaml"));
    assert_eq!(known.code, 1);
    assert!(known.out.contains("[equivalent-role]"), "{}", known.out);
}

#[test]
fn one_thing_is_explained_at_a_time() {
    for arguments in [
        "--binding a --subject b",
        "--binding a --role b",
        "--compare a",
        "--subject a --role b --compare c",
        "--binding vms/",
        "--binding /a",
        "--role Role/a",
    ] {
        let ran = explain(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments}");
    }
}
