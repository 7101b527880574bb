//! The cluster's roles and bindings, watched at a real API server with the rights of `manifests/base/rbac.yaml`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use palette_rbac::facts::{Event, Kind, ObjectName, StoredObject};
use palette_rbac::sources::cluster::{ClusterFrom, LiveRole, RoleReader, connect};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::binding::role_binding;
use crate::harness::cluster::Cluster;
use crate::harness::http::get;
use crate::harness::process::{scratch, wait_for};
use crate::harness::webhook::Webhook;
use crate::site::{USERS, assets, fixture, program};

#[test]
fn what_the_cluster_has_is_known_and_what_changes_is_heard_of() {
    let Some(cluster) = shared() else {
        return;
    };
    let webhook = serve(cluster, "known", &kubeconfig(cluster, "known", true));
    assert_eq!(gauge(&webhook, "cluster_synced", &[]), 1.0);
    assert!(ready(&webhook).1.contains("cluster: synced, "));
    // Tests beside this one write roles.
    let of_kind = r#"kind="RoleBinding""#;
    let bindings = gauge(&webhook, "cluster_objects", &[of_kind]);
    assert_eq!(reference(&webhook, "spectro-vm-user"), "missing");

    let binding = role_binding("vms", "reader", "reader").of_namespaced_role();
    apply(
        cluster,
        "reader",
        &binding.user("ines@orchard.test").to_json(),
    );
    apply(
        cluster,
        "stub",
        &cluster_role("spectro-vm-user", &json!([])),
    );
    until("the new binding is known", || {
        gauge(&webhook, "cluster_objects", &[of_kind]) == bindings + 1.0
    });
    until("the stub is known", || {
        reference(&webhook, "spectro-vm-user") == "stub"
    });

    apply(
        cluster,
        "filled",
        &cluster_role("spectro-vm-user", &machines("get")),
    );
    until("the filled role is known", || {
        reference(&webhook, "spectro-vm-user") == "used"
    });
    let delete = "delete rolebinding reader -n vms";
    cluster.kubectl.read(delete).unwrap();
    until("the binding is forgotten", || {
        gauge(&webhook, "cluster_objects", &[of_kind]) == bindings
    });
    assert!(gauge(&webhook, "cluster_last_contact_timestamp_seconds", &[]) > 0.0);
}

#[test]
fn without_permission_it_is_not_ready_and_judges_nothing_until_permission_is_given() {
    let Some(cluster) = shared() else {
        return;
    };
    let webhook = serve(cluster, "later", &kubeconfig(cluster, "later", false));
    let (status, text) = ready(&webhook);
    assert_eq!(status, 503);
    assert!(
        text.contains("not ready: the cluster's roles may not be read"),
        "{text}"
    );
    assert!(text.contains("cluster: no permission since "), "{text}");
    assert!(text.contains("cannot list resource"), "{text}");
    assert_eq!(state(&webhook), "no_permission");
    assert_eq!(gauge(&webhook, "cluster_objects", &[]), 0.0);
    let told = |log: &str| log.matches("may not be read: not ready").count();
    assert_eq!(told(&webhook.log()), 1, "{}", webhook.log());

    permit(cluster, "later");
    until("the cluster is known", || state(&webhook) == "synced");
    assert!(gauge(&webhook, "cluster_objects", &[r#"kind="ClusterRole""#]) > 50.0);
}

#[test]
fn what_was_known_stays_while_the_api_server_is_away_and_when_permission_is_taken() {
    let Some(assets) = assets() else {
        return;
    };
    let mut cluster = Cluster::start("watched", &assets, &USERS).unwrap();
    install_rights(&cluster);
    let webhook = serve(&cluster, "lost", &kubeconfig(&cluster, "lost", true));
    let known = gauge(&webhook, "cluster_objects", &[]);

    cluster.stop_api_server();
    until("the loss is noticed", || state(&webhook) == "lost");
    let (status, text) = ready(&webhook);
    assert_eq!(status, 200);
    assert!(text.contains("cluster: lost since "), "{text}");
    assert_eq!(gauge(&webhook, "cluster_synced", &[]), 0.0);
    assert_eq!(gauge(&webhook, "cluster_objects", &[]), known);

    cluster.start_api_server().unwrap();
    apply(&cluster, "after", &cluster_role("after", &machines("get")));
    until("it is heard of again", || {
        state(&webhook) == "synced" && gauge(&webhook, "cluster_objects", &[]) == known + 1.0
    });

    cluster
        .kubectl
        .read("delete clusterrolebinding lost")
        .unwrap();
    cluster.restart_api_server().unwrap();
    until("the refusal is noticed", || {
        ready(&webhook).1.contains("cannot watch resource")
    });
    assert_eq!(state(&webhook), "lost");
    assert!(gauge(&webhook, "cluster_objects", &[]) >= known);
    assert!(webhook.stop().unwrap().success());
}

#[test]
fn a_role_is_read_live_as_it_is_now() {
    let Some(cluster) = shared() else {
        return;
    };
    let reader = reader(&kubeconfig(cluster, "live", true));
    for (file, object) in [
        ("odd", cluster_role("odd role?x#y", &machines("get"))),
        ("live", role("vms", "live", &machines("get"))),
        ("top", aggregate("top", "to-top")),
        ("part", labelled("part", "to-top", &machines("delete"))),
    ] {
        apply(cluster, file, &object);
    }
    let odd = ObjectName::cluster_scoped("odd role?x#y");
    assert_eq!(found(&reader, &odd), odd);
    let live = ObjectName::namespaced("vms", "live");
    assert_eq!(found(&reader, &live), live);
    let LiveRole::Found(Event::Reset(Kind::ClusterRole, roles)) =
        read(&reader, &ObjectName::cluster_scoped("top"), PATIENCE)
    else {
        panic!("no list");
    };
    for name in ["top", "part", "cluster-admin"] {
        assert!(
            roles.iter().any(|role| &*role.name().name == name),
            "{name}"
        );
    }
    for name in [
        ObjectName::cluster_scoped("live"),
        ObjectName::namespaced("vms", "odd"),
        ObjectName::namespaced("nowhere", "live"),
    ] {
        let LiveRole::Absent(Event::Delete(_, absent)) = read(&reader, &name, PATIENCE) else {
            panic!("{name} is there");
        };
        assert_eq!(absent, name);
    }
}

#[test]
fn a_role_that_cannot_be_read_is_not_called_absent() {
    let Some(cluster) = shared() else {
        return;
    };
    let reader = reader(&kubeconfig(cluster, "unpermitted", false));
    let view = ObjectName::cluster_scoped("view");
    let failed = |name: &ObjectName, patience| match read(&reader, name, patience) {
        LiveRole::Failed(reason) => reason,
        other => panic!("{other:?}"),
    };
    assert!(failed(&view, PATIENCE).contains("cannot get resource"));
    assert!(failed(&view, Duration::ZERO).contains("no time"));
    let outside = ObjectName::cluster_scoped("../../../../api/v1/namespaces");
    assert!(failed(&outside, PATIENCE).contains("can have this name"));
}

/// The control plane of the tests that do not stop it.
pub(crate) fn shared() -> Option<&'static Cluster> {
    static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(|| {
        let cluster = Cluster::start("watch", &assets()?, &USERS).unwrap();
        install_rights(&cluster);
        cluster.kubectl.read("create namespace vms").unwrap();
        Some(cluster)
    });
    CLUSTER.as_ref()
}

/// The rights that users install.
pub(crate) fn install_rights(cluster: &Cluster) {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/base/rbac.yaml");
    let apply = format!("apply -f {}", base.display());
    cluster
        .kubectl
        .read("create namespace palette-rbac")
        .unwrap();
    cluster.kubectl.read(&apply).unwrap();
}

/// For a `ServiceAccount` of that name.
pub(crate) fn kubeconfig(cluster: &Cluster, name: &str, permitted: bool) -> PathBuf {
    let kubectl = |command: String| cluster.kubectl.read(&command).unwrap();
    kubectl(format!("create serviceaccount {name}"));
    if permitted {
        permit(cluster, name);
    }
    let token = kubectl(format!("create token {name}"));
    cluster.kubeconfig_of(name, token.trim()).unwrap()
}

fn permit(cluster: &Cluster, name: &str) {
    let command = format!(
        "create clusterrolebinding {name} --clusterrole=palette-rbac --serviceaccount=default:{name}"
    );
    cluster.kubectl.read(&command).unwrap();
}

fn serve(cluster: &Cluster, name: &str, kubeconfig: &Path) -> Webhook {
    serve_with(cluster, name, kubeconfig, &fixture("orchard.yaml"))
}

/// A webhook that watches this cluster, with a policy of its own.
pub(crate) fn serve_with(
    cluster: &Cluster,
    name: &str,
    kubeconfig: &Path,
    policy: &str,
) -> Webhook {
    serve_with_more(cluster, name, kubeconfig, policy, &[])
}

/// The same, with more flags.
pub(crate) fn serve_with_more(
    cluster: &Cluster,
    name: &str,
    kubeconfig: &Path,
    policy: &str,
    more: &[&str],
) -> Webhook {
    let folder = scratch(&format!(
        "{}-{name}",
        cluster.kubectl.folder.file_name().unwrap().display()
    ))
    .unwrap();
    let kubeconfig = kubeconfig.display().to_string();
    let directory = fixture("directory.yaml");
    let arguments = [
        "--policy",
        policy,
        "--directory",
        &directory,
        "--cluster",
        "auto",
        "--kubeconfig",
        &kubeconfig,
    ];
    let arguments = [&arguments, more].concat();
    Webhook::start(program(), &folder, &arguments).unwrap()
}

pub(crate) fn apply(cluster: &Cluster, file: &str, object: &Value) {
    let path = cluster.kubectl.folder.join(format!("{file}.json"));
    fs::write(&path, object.to_string()).unwrap();
    let apply = format!("apply -f {}", path.display());
    cluster.kubectl.read(&apply).unwrap();
}

pub(crate) fn machines(verb: &str) -> Value {
    json!([{"verbs": [verb], "apiGroups": ["kubevirt.io"], "resources": ["virtualmachines"]}])
}

pub(crate) fn role(namespace: &str, name: &str, rules: &Value) -> Value {
    let metadata = json!({"name": name, "namespace": namespace});
    json!({"apiVersion": VERSION, "kind": "Role", "metadata": metadata, "rules": rules})
}

fn cluster_role(name: &str, rules: &Value) -> Value {
    json!({"apiVersion": VERSION, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
}

pub(crate) fn labelled(name: &str, label: &str, rules: &Value) -> Value {
    let mut role = cluster_role(name, rules);
    role["metadata"]["labels"] = json!({label: "true"});
    role
}

pub(crate) fn aggregate(name: &str, label: &str) -> Value {
    let mut role = cluster_role(name, &json!([]));
    let selector = json!({"matchLabels": {label: "true"}});
    role["aggregationRule"] = json!({"clusterRoleSelectors": [selector]});
    role
}

fn ready(webhook: &Webhook) -> (u16, String) {
    let answer = get(webhook.admin, "/readyz").unwrap();
    (answer.status, answer.body)
}

fn gauge(webhook: &Webhook, name: &str, labels: &[&str]) -> f64 {
    let metrics = webhook.metrics().unwrap();
    metrics.sum(&format!("palette_rbac_{name}"), labels)
}

/// The state that the metric says, which is one.
fn state(webhook: &Webhook) -> &'static str {
    let states = ["off", "no_permission", "syncing", "synced", "lost"];
    only(webhook, "cluster_state", &states, &[])
}

fn reference(webhook: &Webhook, role: &str) -> &'static str {
    let role = format!(r#"role="{role}""#);
    only(
        webhook,
        "reference_roles",
        &["used", "stub", "missing"],
        &[&role],
    )
}

fn only(webhook: &Webhook, name: &str, states: &[&'static str], labels: &[&str]) -> &'static str {
    let metrics = webhook.metrics().unwrap();
    let is_it = |state: &&&str| {
        let state = format!(r#"state="{state}""#);
        let labels = [labels, &[&*state]].concat();
        metrics.sum(&format!("palette_rbac_{name}"), &labels) == 1.0
    };
    let found: Vec<_> = states.iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, Duration::from_mins(1), || condition().then_some(())).unwrap();
}

struct Reader {
    runtime: Runtime,
    reader: RoleReader,
}

fn reader(kubeconfig: &Path) -> Reader {
    let runtime = Runtime::new().unwrap();
    let from = ClusterFrom::Kubeconfig(kubeconfig.to_owned());
    let client = runtime.block_on(connect(&from)).unwrap().unwrap();
    Reader {
        runtime,
        reader: RoleReader::new(client),
    }
}

fn read(reader: &Reader, name: &ObjectName, patience: Duration) -> LiveRole {
    reader.runtime.block_on(reader.reader.read(name, patience))
}

fn found(reader: &Reader, name: &ObjectName) -> ObjectName {
    match read(reader, name, PATIENCE) {
        LiveRole::Found(Event::Upsert(StoredObject::Role(role))) => role.name,
        other => panic!("{other:?}"),
    }
}

const VERSION: &str = "rbac.authorization.k8s.io/v1";
const PATIENCE: Duration = Duration::from_secs(10);
