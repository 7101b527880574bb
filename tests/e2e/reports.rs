//! What the audit finds, in the cluster's reports; written by one of two, with the rights of `manifests/base/rbac.yaml`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::binding::{Binding, cluster_role_binding, role_binding};
use crate::harness::cluster::Cluster;
use crate::harness::http::get;
use crate::harness::kubectl::Transcript;
use crate::harness::process::{scratch, wait_for};
use crate::harness::webhook::Webhook;
use crate::site::{Site, USERS, assets, fixture, program, shared_cluster};

#[test]
fn a_report_comes_and_goes_with_what_is_found_and_without_its_kind_there_is_none() {
    let Some(cluster) = cluster("reports") else {
        return;
    };
    let webhook = serve(&cluster, "own");
    until("it leads", || leads(&webhook));
    apply(&cluster, &bad("vms"));
    // It stays so without its controller, and takes nothing new.
    cluster.kubectl.read("create namespace going").unwrap();
    apply(&cluster, &bad("going"));
    delete(&cluster, "namespace going --wait=false");
    until("the audit finds it", || found(&webhook, "vm-role-mapping"));
    until("the log says why there is no report", || {
        webhook.log().contains("the cluster has no kind for them")
    });
    assert_eq!(counted(&webhook, &[]), 0.0);

    install(&cluster, "policy-reports");
    until("there is a report", || report(&cluster, "vms").is_some());
    let first = report(&cluster, "vms").unwrap();
    let result = &first["results"][0];
    assert_eq!(
        first["summary"],
        json!({"pass": 0, "fail": 1, "warn": 0, "error": 0, "skip": 0})
    );
    assert_eq!(result["policy"], "palette-rbac");
    assert_eq!(result["rule"], "vm-role-mapping");
    assert_eq!(result["severity"], "high");
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "namespace": "vms",
        "name": "bad",
    });
    assert_eq!(result["resources"], json!([binding]));
    let message = result["message"].as_str().unwrap();
    assert!(
        message.starts_with("User vm-user@orchard.test; lacks "),
        "{message}"
    );

    let wide = cluster_role_binding("wide", "spectro-vm-admin");
    apply(&cluster, &wide.user("vm-user@orchard.test"));
    until("the cluster has a report", || {
        let report = read(&cluster, "clusterpolicyreports palette-rbac");
        report.is_some_and(|report| report["summary"]["fail"] == 1)
    });
    // What says nothing new is not written again, not even its times.
    assert_eq!(report(&cluster, "vms").unwrap(), first);
    delete(&cluster, "policyreports palette-rbac -n vms");
    until("what somebody deleted is back", || {
        report(&cluster, "vms").is_some()
    });
    assert!(report(&cluster, "going").is_none());

    install(&cluster, "open-reports");
    until("the reports moved", || {
        let moved = read(&cluster, "reports.openreports.io palette-rbac -n vms");
        moved.is_some() && report(&cluster, "vms").is_none()
    });
    delete(&cluster, "rolebinding bad -n vms");
    delete(&cluster, "clusterrolebinding wide");
    until("no report is left", || {
        let open = "reports.openreports.io palette-rbac -n vms";
        let open_of_cluster = "clusterreports.openreports.io palette-rbac";
        read(&cluster, open).is_none() && read(&cluster, open_of_cluster).is_none()
    });
    assert_eq!(counted(&webhook, &[r#"result="failed""#]), 0.0);
    assert!(!webhook.log().contains("cannot be"), "{}", webhook.log());
}

#[test]
fn one_of_two_writes_and_the_other_takes_over() {
    let Some(cluster) = &cluster("two") else {
        return;
    };
    install(cluster, "policy-reports");
    apply(cluster, &bad("vms"));
    let first = serve(cluster, "first");
    until("the first leads", || leads(&first));
    until("it wrote", || report(cluster, "vms").is_some());
    let second = serve(cluster, "second");
    until("the second knows what breaks a rule", || {
        found(&second, "vm-role-mapping")
    });
    let holder = holder(cluster);
    assert!(!leads(&second));
    assert_eq!(counted(&second, &[]), 0.0);

    // Without a word: the Lease has to run out.
    let killed = Instant::now();
    drop(first);
    until("the second leads", || leads(&second));
    let took = killed.elapsed();
    let about_the_lease = Duration::from_secs(1)..Duration::from_secs(20);
    assert!(about_the_lease.contains(&took), "{took:?}");
    assert_ne!(self::holder(cluster), holder);
    delete(cluster, "rolebinding bad -n vms");
    until("the second writes", || report(cluster, "vms").is_none());

    // With a word: nobody has to wait.
    let third = serve(cluster, "third");
    assert!(second.stop().unwrap().success());
    until("the third leads", || leads(&third));
    let transitions = read(cluster, LEASE).unwrap()["spec"]["leaseTransitions"].clone();
    assert!(transitions.as_i64().unwrap() >= 2, "{transitions}");
}

/// The last line of issue 5: from harmless to deleting machines, while bound to someone who may only look.
#[test]
fn a_role_that_is_widened_after_it_was_bound_is_warned_of_found_and_reported() {
    let Some(site) = widened("widened", "orchard.yaml", &["--lease-namespace", "default"]) else {
        return;
    };
    install(site.cluster, "policy-reports");
    bind_helper(&site, "widened");

    let role = helper("widened", &["get", "delete"]);
    let edit = edit(&site, "wider", &role, AS_A_MACHINE);
    let warning =
        "Warning: [role-change] User vm-viewer@orchard.test through RoleBinding widened/helpers";
    assert!(edit.output.contains(warning), "{edit}");
    let file = site.write("wider", &role);
    site.kubectl(&format!("apply -f {file} {AS_A_MACHINE}"))
        .admitted();

    until("the audit finds it", || {
        found(&site.webhook, "equivalent-role")
    });
    until("it is reported", || {
        let report = report(site.cluster, "widened").unwrap_or_default();
        let results = report["results"].as_array().cloned().unwrap_or_default();
        results.iter().any(|result| {
            result["rule"] == "equivalent-role"
                && result["resources"][0]["name"] == "helpers"
                && result["properties"]["reaches"] == "spectro-vm-power-user"
        })
    });
}

#[test]
fn without_rights_nothing_is_written_and_everything_else_goes_on() {
    let Some(cluster) = shared_cluster() else {
        return;
    };
    let create = "create serviceaccount rightless";
    cluster.kubectl.read(create).unwrap();
    let token = cluster.kubectl.read("create token rightless").unwrap();
    let kubeconfig = cluster.kubeconfig_of("rightless", token.trim()).unwrap();
    let lease = ["--lease-namespace", "default"];
    let webhook = serve_with(cluster, "rightless", &kubeconfig, "orchard.yaml", &lease);
    until("it was refused more than once", || {
        counted(&webhook, &[r#"result="failed""#]) > 2.0
    });
    let told = webhook.log().matches("cannot be had").count();
    assert_eq!(told, 1, "{}", webhook.log());
    assert!(!leads(&webhook));
    assert_eq!(get(webhook.admin, "/healthz").unwrap().status, 200);
}

#[test]
fn a_role_is_not_widened_after_it_was_bound_where_the_rule_denies() {
    let Some(site) = widened("refused", "role-change.yaml", &[]) else {
        return;
    };
    bind_helper(&site, "refused");
    let role = helper("refused", &["get", "delete"]);
    let edit = edit(&site, "wider", &role, AS_A_MACHINE);
    edit.refused();
}

/// A webhook that watches its cluster, registered for the namespace of its name.
fn widened(name: &str, policy: &str, arguments: &[&str]) -> Option<Site> {
    let cluster = shared_cluster()?;
    let create = format!("create namespace {name}");
    cluster.kubectl.read(&create).unwrap();
    let webhook = serve_with(
        cluster,
        name,
        &cluster.kubectl.kubeconfig,
        policy,
        arguments,
    );
    Some(Site::open(name, cluster, webhook, &[name]))
}

/// Somebody who may look at machines is given a role that does no more.
fn bind_helper(site: &Site, namespace: &str) {
    let file = site.write("helper", &helper(namespace, &["get"]));
    site.kubectl(&format!("apply -f {file}")).admitted();
    let binding = role_binding(namespace, "helpers", "helper").of_namespaced_role();
    site.admits(&binding.user("vm-viewer@orchard.test"));
}

/// Writes a role in a dry run until `role-change` has something to say: the watch is a moment behind.
fn edit(site: &Site, name: &str, role: &Value, flags: &str) -> Transcript {
    let file = site.write(name, role);
    let command = format!("apply --dry-run=server -f {file} {flags}");
    let answered = wait_for("the binding to be known", PATIENCE, || {
        let answer = site.kubectl(&command);
        answer.output.contains("[role-change]").then_some(answer)
    });
    answered.unwrap()
}

fn helper(namespace: &str, verbs: &[&str]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"namespace": namespace, "name": "helper"},
        "rules": [{"apiGroups": ["kubevirt.io"], "resources": ["virtualmachines"], "verbs": verbs}],
    })
}

/// A control plane with what the base gives the pods.
fn cluster(name: &str) -> Option<Cluster> {
    let cluster = Cluster::start(&format!("reports-{name}"), &assets()?, &USERS).unwrap();
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/base");
    for namespace in ["palette-rbac", "vms"] {
        let create = format!("create namespace {namespace}");
        cluster.kubectl.read(&create).unwrap();
    }
    let account = base.join("service-account.yaml");
    let account = format!("apply -n palette-rbac -f {}", account.display());
    cluster.kubectl.read(&account).unwrap();
    let rights = format!("apply -f {}", base.join("rbac.yaml").display());
    cluster.kubectl.read(&rights).unwrap();
    Some(cluster)
}

/// A replica as a pod of the Deployment is one.
fn serve(cluster: &Cluster, name: &str) -> Webhook {
    let create = "create token palette-rbac -n palette-rbac";
    let token = cluster.kubectl.read(create).unwrap();
    let kubeconfig = cluster.kubeconfig_of(name, token.trim()).unwrap();
    let lease = ["--lease-namespace", "palette-rbac"];
    serve_with(cluster, name, &kubeconfig, "orchard.yaml", &lease)
}

fn serve_with(
    cluster: &Cluster,
    name: &str,
    kubeconfig: &Path,
    policy: &str,
    more: &[&str],
) -> Webhook {
    let of_cluster = cluster.kubectl.folder.file_name().unwrap().display();
    let folder = scratch(&format!("{of_cluster}-{name}")).unwrap();
    let kubeconfig = kubeconfig.display().to_string();
    let (policy, directory) = (fixture(policy), fixture("directory.yaml"));
    let files = ["--policy", &policy, "--directory", &directory];
    let watch = ["--cluster", "auto", "--kubeconfig", &kubeconfig];
    let soon = ["--audit-interval", "1s", "--lease-duration", "2s"];
    let arguments = [&files[..], &watch, &soon, more].concat();
    Webhook::start(program(), &folder, &arguments).unwrap()
}

fn bad(namespace: &str) -> Binding {
    role_binding(namespace, "bad", "spectro-vm-admin").user("vm-user@orchard.test")
}

fn install(cluster: &Cluster, kinds: &str) {
    let file = fixture(&format!("{kinds}.yaml"));
    cluster.kubectl.read(&format!("apply -f {file}")).unwrap();
}

fn apply(cluster: &Cluster, binding: &Binding) {
    let file = format!("{}.json", binding.name);
    fs::write(
        cluster.kubectl.folder.join(&file),
        binding.to_json().to_string(),
    )
    .unwrap();
    cluster.kubectl.read(&format!("apply -f {file}")).unwrap();
}

fn delete(cluster: &Cluster, object: &str) {
    cluster.kubectl.read(&format!("delete {object}")).unwrap();
}

fn read(cluster: &Cluster, object: &str) -> Option<Value> {
    let found = cluster.kubectl.read(&format!("get {object} -o json"));
    Some(serde_json::from_str(&found.ok()?).unwrap())
}

/// The `PolicyReport` of a namespace.
fn report(cluster: &Cluster, namespace: &str) -> Option<Value> {
    let object = format!("policyreports.wgpolicyk8s.io palette-rbac -n {namespace}");
    read(cluster, &object)
}

fn holder(cluster: &Cluster) -> String {
    let lease = read(cluster, LEASE).unwrap();
    let holder = lease["spec"]["holderIdentity"].as_str();
    holder.unwrap().to_owned()
}

fn leads(webhook: &Webhook) -> bool {
    webhook.metrics().unwrap().sum("palette_rbac_leader", &[]) == 1.0
}

fn found(webhook: &Webhook, rule: &str) -> bool {
    let rule = format!(r#"rule="{rule}""#);
    let metrics = webhook.metrics().unwrap();
    metrics.sum("palette_rbac_audit_findings", &[&rule]) > 0.0
}

fn counted(webhook: &Webhook, labels: &[&str]) -> f64 {
    let metrics = webhook.metrics().unwrap();
    metrics.sum("palette_rbac_reports_total", labels)
}

#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, PATIENCE, || condition().then_some(())).unwrap();
}

const LEASE: &str = "lease palette-rbac -n palette-rbac";

const PATIENCE: Duration = Duration::from_mins(1);

/// An operator, which may do anything.
const AS_A_MACHINE: &str =
    "--as=system:serviceaccount:kubevirt:kubevirt-operator --as-group=system:masters";
