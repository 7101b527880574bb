//! The webhook is away, or was not there first: the cluster goes on.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::binding::{Binding, role_binding};
use crate::harness::cluster::Cluster;
use crate::harness::process::scratch;
use crate::harness::webhook::{Webhook, wait_until_asked};
use crate::site::{USERS, assets, fixture, program};

#[test]
fn the_api_server_starts_and_restores_its_bindings_while_the_webhook_is_away() {
    let Some(mut cluster) = start("outage") else {
        return;
    };
    let webhook = serve("outage");
    let before = role_binding("default", "before", "view").user("vm-user@orchard.test");
    let kubectl = cluster.kubectl.clone();
    let run = |command: &str| kubectl.run(command).unwrap();
    run(&format!("apply -f {}", write(&kubectl.folder, &before))).admitted();
    webhook.register(&kubectl, "palette-rbac", None).unwrap();
    wait_until_asked(&kubectl, &kubectl.folder, &probe(&kubectl.folder)).unwrap();
    run("delete clusterrolebinding system:basic-user").admitted();
    let port = webhook.address.port().to_string();
    assert!(webhook.stop().unwrap().success());

    cluster.restart_api_server().unwrap();

    run("get clusterrolebinding system:basic-user").admitted();
    run("label rolebinding before reviewed=yes").admitted();
    let good = role_binding("default", "good", "spectro-vm-user").user("vm-user@orchard.test");
    let unasked = run(&format!("apply -f {}", write(&kubectl.folder, &good)));
    assert_snapshot!(unasked.to_string().replace(&port, "PORT"));
    run("delete --raw /apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings")
        .admitted();
    assert_eq!(run("get rolebindings -o name").output, "");
}

#[test]
fn the_default_bindings_and_those_of_kubeadm_are_admitted_again_in_a_cluster_group() {
    let Some(cluster) = start("defaults") else {
        return;
    };
    let webhook = serve("defaults");
    let kubectl = &cluster.kubectl;
    let run = |command: &str| kubectl.run(command).unwrap();
    let defaults = fresh(
        &kubectl
            .read("get clusterrolebindings,rolebindings -A -o json")
            .unwrap(),
    );
    fs::write(kubectl.folder.join("defaults.json"), defaults.to_string()).unwrap();
    webhook.register(kubectl, "palette-rbac", None).unwrap();
    wait_until_asked(kubectl, &kubectl.folder, &probe(&kubectl.folder)).unwrap();
    let before = webhook.metrics().unwrap();

    run("delete -f defaults.json").admitted();
    let created = run("create -f defaults.json").admitted();
    fs::copy(fixture("kubeadm.yaml"), kubectl.folder.join("kubeadm.yaml")).unwrap();
    let kubeadm = run("create -f kubeadm.yaml").admitted();

    let count = defaults["items"].as_array().unwrap().len();
    assert!(count > 50, "only {count} default bindings");
    assert!(!created.output.contains("Warning"), "{created}");
    assert_eq!(created.output.lines().count(), count);
    assert_snapshot!(kubeadm);
    let added = |labels: &[&str]| {
        let sum = |metrics: &crate::harness::webhook::Metrics| {
            metrics.sum("palette_rbac_admission_reviews_total", labels)
        };
        sum(&webhook.metrics().unwrap()) - sum(&before)
    };
    let all = count + kubeadm.output.lines().count();
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let all = all as f64;
    assert_eq!((added(&[]), added(&[r#"decision="allowed""#])), (all, all));
}

fn start(name: &str) -> Option<Cluster> {
    Some(Cluster::start(name, &assets()?, &USERS).unwrap())
}

/// In a cluster group, where nearly every `ClusterRoleBinding` is refused.
fn serve(name: &str) -> Webhook {
    let folder = scratch(&format!("{name}-webhook")).unwrap();
    let (policy, directory) = (fixture("cellar.yaml"), fixture("directory.yaml"));
    Webhook::start(
        program(),
        &folder,
        &["--policy", &policy, "--directory", &directory],
    )
    .unwrap()
}

fn write(folder: &Path, binding: &Binding) -> String {
    let file = format!("{}.yaml", binding.name);
    fs::write(folder.join(&file), binding.to_json().to_string()).unwrap();
    file
}

fn probe(folder: &Path) -> String {
    write(
        folder,
        &role_binding("default", "probe", "spectro-vm-admin").user("nobody@orchard.test"),
    )
}

/// The list as someone would write it: without what the API server adds.
fn fresh(list: &str) -> Value {
    let mut list: Value = serde_json::from_str(list).unwrap();
    for item in list["items"].as_array_mut().unwrap() {
        for added in [
            "creationTimestamp",
            "resourceVersion",
            "uid",
            "managedFields",
        ] {
            item["metadata"].as_object_mut().unwrap().remove(added);
        }
    }
    list["metadata"] = json!({});
    list
}
