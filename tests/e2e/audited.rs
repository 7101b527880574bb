//! `audit` and `explain` of a live cluster, and of what kubectl prints of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::binding::role_binding;
use crate::harness::cluster::Cluster;
use crate::harness::process::scratch;
use crate::site::{USERS, assets, fixture, program};

#[test]
fn an_audit_finds_what_was_bound_before_the_webhook() {
    let Some(assets) = assets() else {
        return;
    };
    let cluster = Cluster::start("audited", &assets, &USERS).unwrap();
    let folder = scratch("audited-files").unwrap();
    let live = cluster.kubectl.kubeconfig.clone();

    // What Kubernetes itself binds is nobody's mistake.
    let fresh = run("audit --fail-on audit", Some(&live));
    assert_eq!((fresh.code, fresh.err.as_str()), (0, ""), "{}", fresh.out);
    assert!(fresh.out.starts_with("nothing found in "), "{}", fresh.out);

    // More than the API server hands out at once.
    let admin = |name: &str| role_binding("default", name, "spectro-vm-admin");
    let many = (0..PAGE + 5)
        .map(|number| admin(&format!("many-{number:03}")).user("vm-admin@orchard.test"));
    let bad = admin("bad").user("nobody@orchard.test");
    let all: Vec<Value> = many.chain([bad]).map(|binding| binding.to_json()).collect();
    create(
        &cluster,
        &folder,
        &json!({"apiVersion": "v1", "kind": "List", "items": all}),
    );
    create(&cluster, &folder, &vm_admin());

    let found = run("audit", Some(&live));
    assert_eq!((found.code, found.err.as_str()), (1, ""), "{}", found.out);
    insta::assert_snapshot!(table(&found.out));
    let json = run("audit --output json", Some(&live));
    let result: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(result["summary"]["denied"], json!(1));
    assert!(result["summary"]["bindings"].as_u64().unwrap() > u64::from(PAGE));

    let dump = cluster.kubectl.read(DUMP).unwrap();
    let file = folder.join("cluster.json");
    fs::write(&file, dump).unwrap();
    let file = file.display();
    assert_eq!(run(&format!("audit -f {file}"), None), found);

    let explained = run("explain --binding default/bad", Some(&live));
    assert_eq!(explained.code, 1, "{}", explained.err);
    assert_eq!(
        run(
            &format!("explain --binding default/bad --facts {file}"),
            None
        ),
        explained
    );
}

#[test]
fn an_audit_without_permission_says_what_it_may_not() {
    let Some(cluster) = crate::site::shared_cluster() else {
        return;
    };
    let kubectl = &cluster.kubectl;
    kubectl
        .read("create serviceaccount nosy -n default")
        .unwrap();
    let token = kubectl.read("create token nosy -n default").unwrap();
    let kubeconfig = cluster.kubeconfig_of("nosy", token.trim()).unwrap();
    let ran = run("audit", Some(&kubeconfig));
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    assert!(
        ran.err.starts_with("error: cannot list the cluster's ClusterRoles: clusterroles.rbac.authorization.k8s.io is forbidden: "),
        "{}",
        ran.err
    );
}

#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs with the fixtures' policy and directory, at the cluster of a kubeconfig that the environment names.
fn run(arguments: &str, kubeconfig: Option<&Path>) -> Ran {
    let (policy, directory) = (fixture("orchard.yaml"), fixture("directory.yaml"));
    let mut command = Command::new(program());
    command
        .env_clear()
        .envs(kubeconfig.map(|path| ("KUBECONFIG", path)))
        .args(arguments.split(' '))
        .args(["--policy", &policy, "--directory", &directory]);
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Without the line that counts: how many bindings a fresh API server has depends on its version.
fn table(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains(" bindings: "))
        .collect();
    lines.join("\n")
}

fn create(cluster: &Cluster, folder: &Path, document: &Value) {
    fs::write(folder.join("new.json"), document.to_string()).unwrap();
    let created = cluster
        .kubectl
        .run_in(folder, "create -f new.json --validate=false");
    created.unwrap().admitted();
}

fn vm_admin() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "spectro-vm-admin"},
        "rules": [{"apiGroups": ["kubevirt.io"], "resources": ["*"], "verbs": ["*"]}],
    })
}

/// As `src/sources/cluster/list.rs` asks for.
const PAGE: u16 = 500;
const DUMP: &str =
    "get clusterroles,roles,clusterrolebindings,rolebindings --all-namespaces --output json";
