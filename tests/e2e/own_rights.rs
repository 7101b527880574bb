//! The webhook's own roles, bindings and registration at a real API server: who is asked about, and how it is removed.

use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use k8s_openapi::ByteString;
use serde_json::{Value, json};

use crate::binding::{cluster_role_binding, role_binding};
use crate::harness::cluster::{CONTROLLER_MANAGER, Cluster, User};
use crate::harness::kubectl::{Kubectl, Transcript};
use crate::harness::process::scratch;
use crate::harness::webhook::{Webhook, make_certificates, wait_until_asked};
use crate::site::{USERS, assets, controller_manager, fixture, program};

#[test]
fn t30_keeps_the_webhooks_own_rights() {
    let Some((cluster, _webhook)) = installed("own-rights") else {
        return;
    };
    let run = |command: &str| cluster.kubectl.run(command).unwrap();

    assert_snapshot!(refused(run("delete clusterrole palette-rbac")));
    assert_snapshot!(refused(run(
        "patch clusterrole palette-rbac --type=json -p=[{\"op\":\"remove\",\"path\":\"/rules/0\"}]"
    )));
    assert_snapshot!(refused(run(
        "patch clusterrolebinding palette-rbac --type=json -p=[{\"op\":\"remove\",\"path\":\"/subjects\"}]"
    )));
    // Many at once: the requests have no names.
    let of_ours = "labelSelector=app.kubernetes.io%2Fname%3Dpalette-rbac";
    for (kind, path) in [
        ("clusterrole", "clusterroles"),
        ("clusterrolebinding", "clusterrolebindings"),
        ("role", "namespaces/palette-rbac/roles"),
        ("rolebinding", "namespaces/palette-rbac/rolebindings"),
    ] {
        let label = "app.kubernetes.io/name=palette-rbac";
        run(&format!(
            "label {kind} palette-rbac {label} -n palette-rbac"
        ))
        .admitted();
        let all = format!("/apis/rbac.authorization.k8s.io/v1/{path}?{of_ours}");
        refused(run(&format!("delete --raw {all}")));
        run(&format!("get {kind} palette-rbac -n palette-rbac")).admitted();
    }
    // What does not take anything away.
    run("annotate clusterrole palette-rbac reviewed=yes").admitted();
    for kind in ["role", "rolebinding"] {
        let reference = if kind == "role" {
            "--verb=get --resource=pods"
        } else {
            "--clusterrole=view --serviceaccount=default:default"
        };
        run(&format!(
            "create {kind} palette-rbac -n default {reference}"
        ))
        .admitted();
        run(&format!("delete {kind} palette-rbac -n default")).admitted();
    }
}

#[test]
fn deletions_wait_for_no_webhook_that_is_away() {
    let Some((cluster, webhook)) = installed("own-rights-away") else {
        return;
    };
    let run = |command: &str| cluster.kubectl.run(command).unwrap();
    run("create clusterrole palette-rbac-2 --verb=get --resource=pods").admitted();
    assert!(webhook.stop().unwrap().success());

    let others = run("delete clusterrole palette-rbac-2").admitted();
    assert!(!others.output.contains("Warning"), "{others}");
    run("delete clusterrole palette-rbac").admitted();
}

/// docs/install.md: the registration goes first. Whoever forgets it is told so, and does not wait for ever.
#[test]
fn it_is_removed_registration_first_and_nothing_hangs() {
    let Some((cluster, _webhook)) = installed("own-rights-removed") else {
        return;
    };
    let Some(manager) = assets().and_then(|assets| controller_manager(&assets).map(Path::to_owned))
    else {
        return;
    };
    let _manager = cluster
        .start_controller_manager(&manager, &["namespace-controller"])
        .unwrap();
    let run = |command: &str| cluster.kubectl.run(command).unwrap();
    let overlay = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/overlays/enforce");
    let all_at_once = run(&format!("delete --timeout=60s -k {overlay}"));
    assert!(!all_at_once.succeeded(), "{all_at_once}");
    let kept = all_at_once.output.matches("may not be deleted").count();
    assert!((2..=4).contains(&kept), "{all_at_once}");

    // By then the registration is gone.
    run(&format!(
        "delete --timeout=60s --ignore-not-found -k {overlay}"
    ))
    .admitted();
    let left = run(
        "get clusterroles,clusterrolebindings,namespaces,validatingwebhookconfigurations -o name",
    );
    assert!(!left.output.contains("palette-rbac"), "{left}");
}

/// `palette-rbac registration`, as the chart's hooks run it, where something is wrong.
#[test]
fn a_registration_that_does_not_work_is_told_and_is_taken_away() {
    let Some(assets) = assets() else {
        return;
    };
    let cluster = Cluster::start("registration", &assets, &USERS).unwrap();
    let registration = |command: &str| {
        let output = Command::new(program())
            .args(["registration", command, "--kubeconfig"])
            .arg(&cluster.kubectl.kubeconfig)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let apply = |file: &str| {
        let base = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/base");
        let apply = format!("apply -f {base}/{file}.yaml");
        cluster.kubectl.read(&apply).unwrap();
    };
    let (code, said) = registration("check");
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("there is no ValidatingWebhookConfiguration `palette-rbac`"),
        "{said}"
    );

    apply("webhook");
    let (code, said) = registration("check");
    assert_eq!(code, Some(1), "{said}");
    let untrusted = "its `caBundle` has no certificate";
    assert_eq!(said.matches(untrusted).count(), 3, "{said}");

    let folder = scratch("registration-ca").unwrap();
    make_certificates(program(), &folder).unwrap();
    let ca = fs::read(folder.join("ca.crt")).unwrap();
    for number in 0..3 {
        let patch = json!([{
            "op": "add", "path": format!("/webhooks/{number}/clientConfig/caBundle"), "value": ByteString(ca.clone()),
        }]);
        let patch =
            format!("patch validatingwebhookconfiguration palette-rbac --type=json -p={patch}");
        cluster.kubectl.run(&patch).unwrap().admitted();
    }
    let (code, said) = registration("check");
    assert_eq!(code, Some(1), "{said}");
    let without = "there is no Service `palette-rbac/palette-rbac`";
    assert_eq!(said.matches(without).count(), 3, "{said}");

    let (code, said) = registration("remove");
    assert!(code == Some(0) && said.contains("is deleted"), "{said}");
    let (code, said) = registration("remove");
    assert!(code == Some(0) && said.contains("there is no"), "{said}");
}

/// A name is had by whoever has a certificate or an identity provider for it.
#[test]
fn t31_a_user_who_is_called_like_the_api_server_is_asked_about() {
    let Some((cluster, webhook)) = installed("namesakes") else {
        return;
    };
    let run = |command: &str| cluster.kubectl.run(command).unwrap();
    let write = |name: &str, document: &Value| {
        fs::write(cluster.kubectl.folder.join(name), document.to_string()).unwrap();
        name.to_owned()
    };
    for (role, user) in [("namesake", "system:apiserver"), ("namesake-2", MANAGER)] {
        // Who may write roles and bindings, whatever is in them.
        let rules = json!([{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"],
            "verbs": ["get", "create", "patch", "update", "bind", "escalate"]}]);
        let file = write("role.json", &cluster_role(role, &json!({"rules": rules})));
        run(&format!("create -f {file} {AS_ITSELF}")).admitted();
        let grant = cluster_role_binding(role, role).user(user).to_json();
        let file = write("grant.json", &grant);
        run(&format!("create -f {file} {AS_ITSELF}")).admitted();
    }
    let admin = role_binding("default", "bad", "spectro-vm-admin").user("nobody@orchard.test");
    let file = write("bad.json", &admin.to_json());
    assert_snapshot!(run(&format!("create -f {file} --as=system:apiserver")).refused());
    run(&format!("create -f {file} --dry-run=server {AS_ITSELF}")).admitted();

    // A part of an aggregate that somebody has is written as the controller would never write it.
    let selector =
        json!({"clusterRoleSelectors": [{"matchLabels": {"orchard.test/part": "true"}}]});
    let whole = cluster_role("whole", &json!({"aggregationRule": selector}));
    let file = write("whole.json", &whole);
    run(&format!("create -f {file}")).admitted();
    let asked = || {
        webhook
            .metrics()
            .unwrap()
            .sum("palette_rbac_admission_reviews_total", &[])
    };
    for (command, is_asked) in [
        ("label clusterrole whole orchard.test/part=true", true),
        (
            "patch clusterrole whole --type=merge -p={\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]}]}",
            false,
        ),
        (
            "patch clusterrole whole --type=merge -p={\"aggregationRule\":{\"clusterRoleSelectors\":[{\"matchLabels\":{\"orchard.test/part\":\"no\"}}]}}",
            true,
        ),
        (
            "patch clusterrole namesake --type=merge -p={\"rules\":[]}",
            true,
        ),
    ] {
        let before = asked();
        run(&format!("{command} --as={MANAGER}")).admitted();
        assert_eq!(asked() > before, is_asked, "{command}");
    }
}

/// A control plane with the webhook's own objects, and the webhook registered as the base has it.
fn installed(name: &str) -> Option<(Cluster, Webhook)> {
    let users: Vec<User> = USERS.into_iter().chain([CONTROLLER_MANAGER]).collect();
    let cluster = Cluster::start(name, &assets()?, &users).unwrap();
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/base");
    for file in ["namespace", "rbac"] {
        let apply = format!(
            "apply -f {}",
            base.join(file).with_extension("yaml").display()
        );
        cluster.kubectl.read(&apply).unwrap();
    }
    let webhook = serve(name);
    webhook
        .register(&cluster.kubectl, "palette-rbac", None)
        .unwrap();
    let kubectl = &cluster.kubectl;
    wait_until_asked(kubectl, &kubectl.folder, &probe(kubectl)).unwrap();
    Some((cluster, webhook))
}

fn serve(name: &str) -> Webhook {
    let folder = scratch(&format!("{name}-webhook")).unwrap();
    let directory = fixture("directory.yaml");
    Webhook::start(program(), &folder, &["--directory", &directory]).unwrap()
}

/// The webhook is known to be asked about bindings; the API server learns of all entries at once.
fn probe(kubectl: &Kubectl) -> String {
    let binding = role_binding("default", "probe", "spectro-vm-admin").user("nobody@orchard.test");
    let file = String::from("probe.json");
    fs::write(kubectl.folder.join(&file), binding.to_json().to_string()).unwrap();
    file
}

#[track_caller]
fn refused(transcript: Transcript) -> Transcript {
    let is_ours = transcript.output.contains("[self-protection]");
    assert!(!transcript.succeeded() && is_ours, "{transcript}");
    transcript
}

fn cluster_role(name: &str, fields: &Value) -> Value {
    let mut role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [],
    });
    let fields = fields.as_object().unwrap().clone();
    role.as_object_mut().unwrap().extend(fields);
    role
}

/// As the API server writes its own defaults.
const AS_ITSELF: &str = "--as=system:apiserver --as-group=system:masters";
const MANAGER: &str = "system:kube-controller-manager";
