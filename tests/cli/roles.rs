//! What `check` knows of roles: from the manifests, and from a dump of the cluster.

use crate::{Folder, INES, OTTO, role_binding};

/// A copy of a VM role under another name.
const COPY: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: pickers}
rules: [{apiGroups: [kubevirt.io], resources: [virtualmachines], verbs: ['*']}]
";

/// A cluster in which Ines may read pods by that name.
fn dump() -> String {
    format!(
        "{}---\n{}---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: reader, namespace: vms}}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: masters}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: pickers}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:masters'}}]
",
        COPY.replace("[kubevirt.io]", "['']")
            .replace("virtualmachines", "pods"),
        role_binding("ines", Some("vms"), "pickers", INES)
    )
}

#[test]
fn a_copy_among_the_manifests_is_judged_by_what_it_can_do() {
    let folder = Folder::new();
    let binding = role_binding("ines", Some("vms"), "pickers", INES);
    folder.write("all.yaml", format!("{COPY}---\n{binding}"));
    let ran = folder.judge("check -f all.yaml");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("check_copy", ran.out);
    let otto = role_binding("otto", Some("vms"), "pickers", OTTO);
    folder.write("all.yaml", format!("{COPY}---\n{otto}"));
    assert_eq!(folder.judge("check -f all.yaml").code, 0);
}

#[test]
fn a_role_that_the_files_do_not_have_is_unknown_not_missing() {
    let folder = Folder::new();
    folder.write(
        "ines.yaml",
        role_binding("ines", Some("vms"), "pod-reader", INES),
    );
    let ran = folder.judge("check -f ines.yaml --fail-on warn");
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (
            0,
            "allowed   RoleBinding vms/ines (ines.yaml:1)
1 binding in 1 file: 1 allowed
rules equivalent-role, dangling-role, indirect-reach, cumulative were not judged: what the role allows is not known; \
             name the cluster's roles with --facts FILE
"
        )
    );
}

#[test]
fn a_role_that_a_whole_cluster_does_not_have_is_missing() {
    let folder = Folder::new();
    folder.write("cluster.yaml", dump()).write(
        "ines.yaml",
        role_binding("ines", Some("vms"), "pod-reader", INES),
    );
    let ran = folder.judge("check -f ines.yaml --facts cluster.yaml --fail-on warn");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert!(ran.out.contains("[dangling-role]"), "{}", ran.out);
}

#[test]
fn a_written_role_is_judged_by_the_bindings_of_the_cluster() {
    let folder = Folder::new();
    folder
        .write("cluster.yaml", dump())
        .write("copy.yaml", COPY);
    let ran = folder.judge("check -f copy.yaml --facts cluster.yaml");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("check_written_role", ran.out);
    let operator =
        "check -f copy.yaml --facts cluster.yaml --as system:serviceaccount:fruit:picker";
    let ran = folder.judge(operator);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("warned "), "{}", ran.out);
    folder.write(
        "same.yaml",
        COPY.replace("kubevirt.io", "''")
            .replace("virtualmachines", "pods"),
    );
    let ran = folder.judge("check -f same.yaml --facts cluster.yaml");
    assert!(ran.out.starts_with("unchanged"), "{}", ran.out);
}

#[test]
fn a_role_without_a_namespace_is_in_the_one_that_is_named() {
    let folder = Folder::new();
    let role = COPY.replace("ClusterRole", "Role");
    let binding =
        role_binding("ines", None, "pickers", INES).replace("kind: ClusterRole", "kind: Role");
    folder.write("all.yaml", format!("{role}---\n{binding}"));
    let ran = folder.judge("check -f all.yaml -n vms");
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("allowed   Role vms/pickers"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("[equivalent-role]"), "{}", ran.out);
}

#[test]
fn a_role_that_cannot_be_understood_is_bad_input() {
    let folder = Folder::new();
    folder.write("role.yaml", COPY.replace("verbs: ['*']", "verbs: all"));
    let ran = folder.judge("check -f role.yaml");
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.starts_with(
            "error: role.yaml:4:73: document 1: rules[0].verbs: expected a list, found text"
        ),
        "{}",
        ran.err
    );
}

#[test]
fn half_a_dump_is_not_used() {
    let folder = Folder::new();
    folder
        .write("cluster.yaml", format!("{}---\nkind: {{", dump()))
        .write(
            "ines.yaml",
            role_binding("ines", Some("vms"), "admin", INES),
        );
    let ran = folder.judge("check -f ines.yaml --facts cluster.yaml");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.starts_with("error: cluster.yaml:"), "{}", ran.err);
    let ran = folder.judge("check -f ines.yaml --facts nowhere.yaml");
    assert_eq!(ran.code, 3);
}

#[test]
fn the_standard_input_is_read_once() {
    let folder = Folder::new();
    let ran = folder.judge("check -f - --facts -");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("--facts"), "{}", ran.err);
}

#[test]
fn a_review_is_answered_with_the_roles_of_the_dump() {
    let folder = Folder::new();
    let dump = dump()
        .replace("['']", "[kubevirt.io]")
        .replace("pods", "virtualmachines");
    folder.write("cluster.yaml", dump);
    let review = crate::review::review("a-1", "pickers");
    folder.write("review.json", review);
    assert_eq!(folder.judge("review -f review.json").code, 0);
    let known = folder.judge("review -f review.json --facts cluster.yaml");
    assert_eq!(known.code, 1);
    assert!(known.out.contains("[equivalent-role]"), "{}", known.out);
}
