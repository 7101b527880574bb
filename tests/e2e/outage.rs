//! The webhook is away, or was not there first: the cluster goes on.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

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
