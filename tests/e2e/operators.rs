//! No false refusal at a real API server: Kubernetes' own bindings, and what well-known operators install.
//!
//! The data is that of `tests/roles`, which judges it without a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use palette_rbac::facts::{Kind, ObjectName, StoredObject};
use serde_json::{Value, json};

use crate::binding::role_binding;
use crate::harness::cluster::Cluster;
use crate::harness::kubectl::Transcript;
use crate::harness::process::scratch;
use crate::harness::webhook::{Webhook, wait_until_asked};
use crate::site::{USERS, assets, fixture, program};

#[test]
fn what_kubernetes_and_known_operators_bind_is_admitted_in_a_cluster_group() {
    let Some(assets) = assets() else {
        return;
    };
    let cluster = Cluster::start("operators", &assets, &USERS).unwrap();
    let defaults = bindings_of(&cluster);
    assert_eq!(facts(&defaults), facts(&data("kubernetes")));
    let webhook = serve(&cluster);
    let before = webhook.metrics().unwrap();
    let asked = |labels: &[&str]| {
        let metric = "palette_rbac_admission_reviews_total";
        webhook.metrics().unwrap().sum(metric, labels) - before.sum(metric, labels)
    };

    apply(&cluster, "delete", &defaults).admitted();
    let restored = apply(&cluster, "create", &defaults).admitted();
    assert_eq!(not_created(&restored), "");
    assert_eq!(asked(&[r#"decision="allowed""#]), count(defaults.len()));
    let (namespaces, objects) = of_operators();
    apply(&cluster, "create", &namespaces).admitted();
    let installed = apply(&cluster, "create", &objects).admitted();
    assert_snapshot!(not_created(&installed));

    let bindings = objects.iter().filter(|object| is_binding(object)).count();
    assert!(asked(&[]) >= count(defaults.len() + bindings));
    let refused = [r#"decision="denied""#, r#"decision="invalid""#].map(|label| asked(&[label]));
    assert_eq!(refused, [0.0, 0.0]);
}

/// In a cluster group nearly every `ClusterRoleBinding` of people is refused.
fn serve(cluster: &Cluster) -> Webhook {
    let folder = scratch("operators-webhook").unwrap();
    let kubectl = &cluster.kubectl;
    let (policy, directory) = (fixture("cellar.yaml"), fixture("directory.yaml"));
    let kubeconfig = kubectl.kubeconfig.display().to_string();
    let files = ["--policy", &policy, "--directory", &directory];
    let watch = ["--cluster", "auto", "--kubeconfig", &kubeconfig];
    let webhook = Webhook::start(program(), &folder, &[files, watch].concat()).unwrap();
    webhook.register(kubectl, "palette-rbac", None).unwrap();
    let probe = role_binding("default", "probe", "spectro-vm-admin").user("nobody@orchard.test");
    fs::write(
        kubectl.folder.join("probe.json"),
        probe.to_json().to_string(),
    )
    .unwrap();
    wait_until_asked(kubectl, &kubectl.folder, "probe.json").unwrap();
    webhook
}

/// Every binding of the cluster, as someone would write it: without what the API server adds.
fn bindings_of(cluster: &Cluster) -> Vec<Value> {
    let list = cluster
        .kubectl
        .read("get clusterrolebindings,rolebindings -A -o json")
        .unwrap();
    let mut list: Value = serde_json::from_str(&list).unwrap();
    let items = list["items"].as_array_mut().unwrap();
    for item in &mut *items {
        let metadata = item["metadata"].as_object_mut().unwrap();
        metadata.retain(|name, _| !ADDED.contains(&&**name));
    }
    std::mem::take(items)
}

/// What every operator installs, each object once, and the namespaces for it.
fn of_operators() -> (Vec<Value>, Vec<Value>) {
    let mut files: Vec<_> = fs::read_dir(DATA)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_stem().unwrap() != "kubernetes")
        .collect();
    files.sort();
    let objects = files.iter().flat_map(|path| read(path));
    let objects: Vec<Value> = facts_of(objects)
        .into_values()
        .map(|(_, value)| value)
        .collect();
    let namespaces: BTreeSet<&str> = objects
        .iter()
        .filter_map(|object| object["metadata"]["namespace"].as_str())
        .filter(|namespace| !namespace.starts_with("kube-"))
        .collect();
    let namespace =
        |name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    (namespaces.into_iter().map(namespace).collect(), objects)
}

fn data(name: &str) -> Vec<Value> {
    read(&Path::new(DATA).join(format!("{name}.yaml")))
}

/// Written as kubectl wants it.
fn read(path: &Path) -> Vec<Value> {
    let mut objects: Vec<Value> =
        serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for object in &mut objects {
        object["apiVersion"] = json!("rbac.authorization.k8s.io/v1");
        if is_binding(object) {
            object["roleRef"]["apiGroup"] = json!("rbac.authorization.k8s.io");
        }
    }
    objects
}

fn facts(objects: &[Value]) -> Vec<StoredObject> {
    let facts = facts_of(objects.iter().cloned());
    facts.into_values().map(|(object, _)| object).collect()
}

fn facts_of(
    objects: impl Iterator<Item = Value>,
) -> BTreeMap<(Kind, ObjectName), (StoredObject, Value)> {
    objects
        .map(|value| {
            let object: StoredObject = serde_json::from_value(value.clone()).unwrap();
            ((object.kind(), object.name().clone()), (object, value))
        })
        .collect()
}

fn apply(cluster: &Cluster, verb: &str, objects: &[Value]) -> Transcript {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let folder = &cluster.kubectl.folder;
    fs::write(folder.join("objects.json"), list.to_string()).unwrap();
    let ran = cluster
        .kubectl
        .run(&format!("{verb} -f objects.json"))
        .unwrap();
    assert!(ran.output.lines().count() >= objects.len(), "{ran}");
    ran
}

/// Warnings, and whatever else is no success.
fn not_created(ran: &Transcript) -> String {
    let lines = ran
        .output
        .lines()
        .filter(|line| !line.ends_with(" created"));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_binding(object: &Value) -> bool {
    object["roleRef"].is_object()
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn count(number: usize) -> f64 {
    number as f64
}

const ADDED: [&str; 4] = [
    "creationTimestamp",
    "resourceVersion",
    "uid",
    "managedFields",
];

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operators");
