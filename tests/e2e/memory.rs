//! With the memory that the manifests give a replica: roles and bindings written to cost, at a real API server.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::cluster::Cluster;
use crate::harness::http::get;
use crate::harness::process::wait_for;
use crate::harness::review::creation;
use crate::harness::webhook::Webhook;
use crate::site::{USERS, assets, fixture};
use crate::watch::{install_rights, kubeconfig, machines, role, serve_with};

#[test]
fn no_replica_ends_by_what_is_written_into_the_cluster() {
    let Some(assets) = assets() else { return };
    let cluster = Cluster::start("memory", &assets, &USERS).unwrap();
    install_rights(&cluster);
    cluster.kubectl.read("create namespace vms").unwrap();
    create(&cluster, "roles", (0..106).map(role_of_names));
    create(
        &cluster,
        "launch",
        [role("vms", "launch", &machines("create"))],
    );
    create(&cluster, "aggregates", (0..600).map(aggregate_of_all));
    for part in 0..13 {
        let bindings = (2 * part..2 * part + 2).map(binding_of_many);
        create(&cluster, &format!("bindings-{part}"), bindings);
    }
    let account = kubeconfig(&cluster, "memory", true);
    let policy = fixture("orchard.yaml");
    let webhook = serve_with(&cluster, "memory", &account, &policy);
    let client = webhook.client().unwrap();
    let review = |document: &Value| {
        let answer = client.post(&creation(document, "memory")).unwrap();
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        answer["response"]["allowed"].as_bool().unwrap()
    };
    // One rule of 256 groups, resources and verbs, while one ClusterRole after the other changes.
    for number in 0..20 {
        assert!(review(&multiplied(number)));
        let changed = aggregate_of_all(1000 + number);
        create(&cluster, &format!("more-{number}"), [changed]);
        assert!(!review(&copy(number)), "what can launch, for nobody");
        let ready = get(webhook.admin, "/readyz").unwrap();
        assert_eq!(ready.status, 200, "{}", ready.body);
    }
    // What is made now is known, judged and found: nothing lags behind for long.
    wait_for("the audit has caught up", Duration::from_mins(2), || {
        let metrics = webhook.metrics().ok()?;
        let gauge = |name: &str| metrics.sum(&format!("palette_rbac_{name}"), &[]);
        let of_roles = [r#"kind="ClusterRole""#];
        let known = metrics.sum("palette_rbac_cluster_objects", &of_roles);
        let is_known = known >= 620.0 && gauge("cluster_objects_left_out") == 0.0;
        (is_known && gauge("audit_unread_bindings") == 0.0).then_some(())
    })
    .unwrap();
    let (peak, limit) = (peak_mib(&webhook), limit_mib());
    println!("{peak} MiB of {limit} MiB");
    assert!(peak < limit, "{peak} MiB of {limit} MiB");
}

/// The most that was resident, by the kernel's account.
fn peak_mib(webhook: &Webhook) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", webhook.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}

/// What the manifests allow.
fn limit_mib() -> u64 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/base/deployment.yaml");
    let deployment: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let limit = container["resources"]["limits"]["memory"].as_str().unwrap();
    limit.strip_suffix("Mi").unwrap().parse().unwrap()
}

/// By `create`, since `apply` writes the object into an annotation, which is limited.
fn create(cluster: &Cluster, name: &str, objects: impl IntoIterator<Item = Value>) {
    let path = cluster.kubectl.folder.join(format!("{name}.json"));
    let mut text = String::new();
    for object in objects {
        let _ = writeln!(text, "{object}");
    }
    fs::write(&path, text).unwrap();
    let command = format!("create -f {} --validate=false", path.display());
    cluster.kubectl.read(&command).unwrap();
    fs::remove_file(path).unwrap();
}

/// 27 KiB that were 64,600 entries once.
fn role_of_names(number: usize) -> Value {
    let words = |prefix: &str, count| -> Vec<String> {
        (0..count).map(|it| format!("{prefix}{it}")).collect()
    };
    let rules = json!([{
        "verbs": ["get"],
        "apiGroups": [""],
        "resources": words("r", 19),
        "resourceNames": words("n", 3_400),
    }]);
    role("vms", &format!("many-names-{number}"), &rules)
}

fn aggregate_of_all(number: usize) -> Value {
    json!({
        "apiVersion": VERSION,
        "kind": "ClusterRole",
        "metadata": {"name": format!("all-{number}")},
        "aggregationRule": {"clusterRoleSelectors": [{}]},
    })
}

/// 1.4 MiB.
fn binding_of_many(number: usize) -> Value {
    let subject = |it: usize| {
        let name = format!("{it}@orchard.test");
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
    };
    json!({
        "apiVersion": VERSION,
        "kind": "RoleBinding",
        "metadata": {"name": format!("many-subjects-{number}"), "namespace": "vms"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "many-names-0"},
        "subjects": (0..17_000).map(subject).collect::<Vec<_>>(),
    })
}

fn multiplied(number: usize) -> Value {
    let words = |prefix: &str| -> Vec<String> {
        (0..256)
            .map(|it| format!("{prefix}{number}.{it}"))
            .collect()
    };
    let rules = json!([{"verbs": words("v"), "apiGroups": words("g"), "resources": words("r")}]);
    role("vms", "multiplied", &rules)
}

/// A binding of what can launch machines to somebody with nothing.
fn copy(number: usize) -> Value {
    json!({
        "apiVersion": VERSION,
        "kind": "RoleBinding",
        "metadata": {"name": format!("copy-{number}"), "namespace": "vms"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "launch"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody@orchard.test"}],
    })
}

const VERSION: &str = "rbac.authorization.k8s.io/v1";
