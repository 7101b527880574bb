use crate::pipelines::valid_sarif;
use crate::{Folder, INES, SAMPLES, TEAM, role_binding};

/// What kubectl prints of a cluster.
fn cluster(bindings: &str) -> String {
    format!(
        "{}---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: reader, namespace: vms}}
rules: [{{apiGroups: [''], resources: [pods], verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: masters}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:masters'}}]
---
{bindings}",
        cluster_roles()
    )
}

/// The standard roles and Palette's, as far as the tests need them.
fn cluster_roles() -> String {
    let role = |name: &str, verbs: &str, resources: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {name}}}
rules: [{{apiGroups: [kubevirt.io], resources: [{resources}], verbs: [{verbs}]}}]
"
        )
    };
    [
        role("cluster-admin", "'*'", "'*'"),
        role("admin", "'*'", "virtualmachines"),
        role("spectro-vm-viewer", "get, list, watch", "virtualmachines"),
        role("spectro-vm-admin", "'*'", "'*'"),
    ]
    .join("---\n")
}

fn bindings() -> String {
    [
        role_binding(
            "dev-admins",
            Some("vms"),
            "spectro-vm-admin",
            &format!("{INES}\n- {TEAM}"),
        ),
        role_binding("readers", Some("staging"), "admin", TEAM),
        role_binding("good", Some("vm-1"), "spectro-vm-viewer", INES),
    ]
    .join("---\n")
}

#[test]
fn the_table_has_the_strictest_first() {
    let folder = Folder::new();
    folder.write("cluster.yaml", cluster(&bindings()));
    let ran = folder.judge("audit -f cluster.yaml");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("audit_table", ran.out);
}

#[test]
fn the_table_says_what_a_role_can_do_and_which_vm_role_drifted() {
    let folder = Folder::new();
    let copy = "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: pickers}
rules: [{apiGroups: [kubevirt.io], resources: [virtualmachines], verbs: [delete]}]
";
    let drifted = cluster(&role_binding("pick", Some("vms"), "pickers", INES)).replace(
        "resources: [virtualmachines], verbs: [get, list, watch]",
        "resources: ['*'], verbs: ['*']",
    );
    let policy = "apiVersion: palette-rbac.io/v1alpha1
kind: Policy
cluster: {project: orchard-prod, clusterGroup: null}
exemptions: [{name: visitors, reason: a visit, namespaces: [staging]}]
";
    folder.write("policy.yaml", policy);
    let visit = role_binding("visit", Some("staging"), "pickers", TEAM);
    folder.write("cluster.yaml", format!("{drifted}---\n{copy}---\n{visit}"));
    let ran = folder.judge("audit -f cluster.yaml");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("audit_table_of_abilities", ran.out);
}

#[test]
fn nothing_found_is_said() {
    let folder = Folder::new();
    folder.write(
        "cluster.yaml",
        cluster(&role_binding(
            "good",
            Some("vm-1"),
            "spectro-vm-viewer",
            INES,
        )),
    );
    let ran = folder.judge("audit -f cluster.yaml --fail-on audit");
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (0, "nothing found in 2 bindings\n", "")
    );
}

#[test]
fn warnings_fail_only_where_asked_for() {
    let folder = Folder::new();
    let binding = role_binding("readers", Some("staging"), "admin", TEAM);
    folder.write("cluster.yaml", cluster(&binding));
    assert_eq!(folder.judge("audit -f cluster.yaml").code, 0);
    assert_eq!(folder.judge("audit -f cluster.yaml --fail-on warn").code, 1);
}

#[test]
fn json_has_what_was_found() {
    let folder = Folder::new();
    folder.write("cluster.yaml", cluster(&bindings()));
    let ran = folder.judge("audit -f cluster.yaml --output json");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("audit_json", ran.out);
}

#[test]
fn junit_has_a_suite_a_namespace() {
    let folder = Folder::new();
    folder.write("cluster.yaml", cluster(&bindings()));
    let ran = folder.judge("audit -f cluster.yaml --output junit");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("audit_junit", ran.out);
}

#[test]
fn sarif_has_a_path_for_each_object() {
    let folder = Folder::new();
    folder.write("cluster.yaml", cluster(&bindings()));
    let ran = folder.judge("audit -f cluster.yaml --output sarif");
    assert_eq!(ran.code, 1);
    let sarif = valid_sarif(&ran.out);
    let location = &sarif["runs"][0]["results"][0]["locations"][0];
    let path = &location["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(path, "cluster/staging/RoleBinding/readers.yaml");
    assert_eq!(location["logicalLocations"][0]["name"], "readers");
}

#[test]
fn reads_what_kubectl_prints() {
    let folder = Folder::new();
    // `kubectl get --raw` leaves the kind of the items to the list.
    let list = r#"{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBindingList", "items": [
        {"metadata": {"name": "a", "namespace": "vms"},
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "spectro-vm-admin"},
         "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ines@orchard.test"}]}
    ]}"#;
    let ran = folder.run_with(&format!("audit -f - {SAMPLES}"), list);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("ines@orchard.test"), "{}", ran.out);
    // Nobody asked for the other kinds, so they are not known to be absent.
    assert!(
        ran.err.starts_with("warning: <stdin>: no ClusterRoles, Roles, ClusterRoleBindings, so nothing is known of them"),
        "{}",
        ran.err
    );
}

#[test]
fn a_dump_of_something_else_is_bad_input() {
    let folder = Folder::new();
    folder.write(
        "pods.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
    );
    let ran = folder.judge("audit -f pods.yaml");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.starts_with(
            "error: pods.yaml: no roles and no bindings; write them with: kubectl get"
        ),
        "{}",
        ran.err
    );
    folder.write("list.yaml", "- a\n");
    let ran = folder.judge("audit -f list.yaml");
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (
            2,
            "0 bindings; 1 object not judged\n",
            "error: list.yaml:1:1: document 1: expected an object, found a list\n"
        )
    );
    assert_eq!(folder.judge("audit -f nowhere.yaml").code, 3);
}

#[test]
fn what_cannot_be_understood_is_told_and_the_rest_is_judged() {
    let folder = Folder::new();
    let odd = role_binding("odd", Some("vms"), "admin", "{kind: Robot, name: r2}");
    folder.write(
        "cluster.yaml",
        cluster(&format!("{odd}---\n{}", bindings())),
    );
    let ran = folder.judge("audit -f cluster.yaml");
    assert_eq!(ran.code, 2);
    assert!(
        ran.err
            .contains("subjects[0].kind: `Robot` is not User, Group or ServiceAccount"),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("; 1 object not judged"), "{}", ran.out);
}

#[test]
fn without_a_cluster_it_says_what_to_name() {
    let folder = Folder::new();
    let ran = folder.judge("audit");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("--kubeconfig FILE"), "{}", ran.err);
    let ran = folder.judge("audit --kubeconfig nowhere.yaml");
    assert_eq!(ran.code, 3);
    assert!(
        ran.err.starts_with("error: cannot read `nowhere.yaml`"),
        "{}",
        ran.err
    );
    let ran = folder.judge("audit --context prod");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("`prod`"), "{}", ran.err);
}

#[test]
fn a_cluster_that_does_not_answer_could_not_be_read() {
    let folder = Folder::new();
    // Nothing listens on a port that was bound and let go.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    folder.write(
        "kubeconfig.yaml",
        format!(
            "apiVersion: v1
kind: Config
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
clusters: [{{name: a, cluster: {{server: 'http://{address}'}}}}]
users: [{{name: a, user: {{}}}}]
"
        ),
    );
    let ran = folder.judge("audit --kubeconfig kubeconfig.yaml");
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    assert!(
        ran.err
            .starts_with("error: cannot list the cluster's ClusterRoles: "),
        "{}",
        ran.err
    );
    let ran = folder.judge("audit --kubeconfig kubeconfig.yaml --context b");
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            2,
            "error: the kubeconfig `kubeconfig.yaml` has no context `b`; it has: a\n"
        )
    );
}

#[test]
fn one_page_of_many_is_no_cluster() {
    let folder = Folder::new();
    let page = |metadata: &str| {
        format!(
            "{{\"apiVersion\": \"rbac.authorization.k8s.io/v1\", \"kind\": \"RoleBindingList\", \
             \"metadata\": {metadata}, \"items\": []}}"
        )
    };
    folder.write(
        "page.json",
        page(r#"{"continue": "x", "remainingItemCount": 997}"#),
    );
    let said = "page.json:1: document 1: one page of many, 997 more objects are missing; \
                read them all, without --limit and --chunk-size\n";
    let ran = folder.judge("audit -f page.json");
    assert_eq!((ran.code, ran.err), (2, format!("error: {said}")));
    folder.write(
        "otto.yaml",
        role_binding("a", Some("vms"), "view", crate::OTTO),
    );
    let ran = folder.judge("check -f otto.yaml --facts page.json");
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err),
        (2, "", format!("error: {said}"))
    );
    folder.write("page.json", page(r#"{"continue": "x"}"#));
    let ran = folder.judge("audit -f page.json");
    assert!(
        ran.err
            .contains("one page of many, more objects are missing"),
        "{}",
        ran.err
    );
}
