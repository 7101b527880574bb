//! What users install, at a real API server: every overlay, the pods' own rights, and one installation that judges.
//!
//! cert-manager's kinds are not known to this API server; what they say is checked by what it must fit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::binding::role_binding;
use crate::harness::assets::Assets;
use crate::harness::cluster::Cluster;
use crate::harness::http::SERVICE;
use crate::harness::kubectl::{DENIED, Transcript};
use crate::harness::process::{scratch, wait_for};
use crate::harness::webhook::{Webhook, make_certificates};
use crate::site::{USERS, assets, program, shared_cluster};

const OVERLAYS: [&str; 4] = [
    "audit",
    "enforce",
    "audit-with-cert-manager",
    "enforce-with-cert-manager",
];

#[test]
fn every_overlay_is_accepted_without_a_warning() {
    let Some(cluster) = cluster_with_namespace() else {
        return;
    };
    for overlay in OVERLAYS {
        let mut known = objects(overlay);
        known.retain(|object| !of_cert_manager(object));
        let name = format!("dry-{overlay}");
        let applied = apply(cluster, &name, &list(&known), " --dry-run=server").admitted();
        assert!(!applied.output.contains("Warning"), "{applied}");
        assert_eq!(applied.output.lines().count(), known.len(), "{applied}");
    }
    for overlay in ["audit", "enforce"] {
        let folder = folder_of(overlay).display().to_string();
        let command = format!("apply --dry-run=server -k {folder}");
        cluster.kubectl.run(&command).unwrap().admitted();
    }
}

#[test]
fn the_pods_fulfil_the_strictest_standard_of_their_namespace() {
    let Some(cluster) = cluster_with_namespace() else {
        return;
    };
    let pod = pod(&deployment("enforce"));
    let mut as_root = pod.clone();
    as_root["spec"]["securityContext"]["runAsNonRoot"] = json!(false);

    apply(cluster, "pod", &pod, " --dry-run=server").admitted();
    let refused = apply(cluster, "pod-as-root", &as_root, " --dry-run=server");
    let standard = r#"violates PodSecurity "restricted"#;
    assert!(refused.output.contains(standard), "{refused}");
}

#[test]
fn cert_manager_makes_what_the_pods_and_the_api_server_need() {
    if assets().is_none() {
        return;
    }
    for overlay in OVERLAYS {
        let objects = objects(overlay);
        let registration = find(&objects, REGISTRATION, "palette-rbac");
        let injected = &registration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"];
        if !overlay.ends_with("-with-cert-manager") {
            assert_eq!(injected, &Value::Null);
            assert!(!objects.iter().any(of_cert_manager));
            continue;
        }
        assert_eq!(injected, "palette-rbac/palette-rbac-tls");
        let certificate = find(&objects, "Certificate", "palette-rbac-tls");
        let mounted = &deployment(overlay)["spec"]["template"]["spec"]["volumes"][0]["secret"];
        assert_eq!(certificate["spec"]["secretName"], mounted["secretName"]);
        assert_eq!(certificate["spec"]["dnsNames"], json!([SERVICE]));
        let issuer = issuer_of(&objects, certificate);
        let authority = find(&objects, "Certificate", "palette-rbac-ca");
        assert_eq!(
            issuer["spec"]["ca"]["secretName"],
            authority["spec"]["secretName"]
        );
        assert_eq!(
            issuer_of(&objects, authority)["spec"],
            json!({"selfSigned": {}})
        );
    }
}

/// The kustomization of docs/install.md, with the Secret that it offers in the place of a `ConfigMap`.
#[test]
fn an_overlay_of_ones_own_brings_policy_directory_and_image() {
    let Some(assets) = assets() else {
        return;
    };
    let folder = scratch("own-overlay").unwrap();
    let [kustomization, secret] = ["kind: Kustomization", "secretGenerator:"].map(of_install_page);
    let manifests = from_root_of_the_file_system(&folder, "manifests");
    let kustomization = kustomization.replace("../manifests", &manifests);
    fs::write(folder.join("kustomization.yaml"), kustomization + &secret).unwrap();
    fs::write(folder.join("policy.yaml"), "mode: warn\n").unwrap();
    fs::write(folder.join("directory.yaml"), "users: []\n").unwrap();

    let objects = kustomize(&assets, &folder);

    let policy = find(&objects, "ConfigMap", "palette-rbac-policy");
    assert_eq!(policy["data"], json!({"policy.yaml": "mode: warn\n"}));
    let directory = find(&objects, "Secret", "palette-rbac-directory");
    assert_eq!(
        directory["data"],
        json!({"directory.yaml": "dXNlcnM6IFtdCg=="})
    );
    let pod = &find(&objects, "Deployment", "palette-rbac")["spec"]["template"]["spec"];
    let image = "registry.example.com/platform/palette-rbac:0.1.0";
    assert_eq!(pod["containers"][0]["image"], image);
    let mounted = json!({"name": "directory", "secret": {"secretName": "palette-rbac-directory"}});
    assert_eq!(pod["volumes"][2], mounted);
}

/// The component of docs/install.md, in an overlay of one's own.
#[test]
fn the_component_for_client_certificates_asks_for_them() {
    let Some(assets) = assets() else {
        return;
    };
    let folder = scratch("client-certificates-overlay").unwrap();
    let manifests = from_root_of_the_file_system(&folder, "manifests");
    let component = of_install_page("manifests/client-certificates]").replace("\n   ", "\n");
    let own = "namespace: palette-rbac\ngeneratorOptions: { disableNameSuffixHash: true }";
    let kustomization = format!(
        "{own}\nresources: [../manifests/overlays/enforce]\n{}",
        component.trim()
    );
    let kustomization = kustomization.replace("../manifests", &manifests);
    fs::write(folder.join("kustomization.yaml"), kustomization).unwrap();
    fs::write(folder.join("client-ca.crt"), "a CA").unwrap();

    let objects = kustomize(&assets, &folder);

    let pod = &find(&objects, "Deployment", "palette-rbac")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let arguments = container["args"].as_array().unwrap();
    let added = [
        "--client-ca=/etc/palette-rbac/client-ca/ca.crt",
        "--client-name=kube-apiserver",
    ];
    assert_eq!(arguments[arguments.len() - 2..], added);
    let mount =
        json!({"name": "client-ca", "mountPath": "/etc/palette-rbac/client-ca", "readOnly": true});
    assert_eq!(container["volumeMounts"][3], mount);
    let name = pod["volumes"][3]["configMap"]["name"].as_str().unwrap();
    let map = find(&objects, "ConfigMap", name);
    assert_eq!(map["data"], json!({"ca.crt": "a CA"}));
}

/// The way of docs/install.md, audit and then enforce; what an outage does in each; the line for emergencies.
#[test]
fn t20_from_audit_to_enforce_and_an_outage_is_as_the_failure_policy_says() {
    let Some(assets) = assets() else {
        return;
    };
    // A control plane of its own: the registration of the manifests is for everything.
    let cluster = &Cluster::start("installation", &assets, &USERS).unwrap();
    let (site, webhook) = Installation::start(cluster);

    site.install("audit");
    wait_until("a finding is counted", || {
        site.bind().admitted();
        let labels = [r#"action="audit""#, r#"rule="vm-role-mapping""#];
        let metrics = webhook.metrics().unwrap();
        metrics.sum("palette_rbac_findings_total", &labels) > 0.0
    });
    site.install("enforce");
    wait_until("the binding is refused", || {
        site.bind().output.contains(DENIED)
    });
    cluster.kubectl.run(PROBE).unwrap().refused();

    assert!(webhook.stop().unwrap().success());
    wait_until("an unanswered call refuses", || {
        site.bind().output.contains("failed calling webhook")
    });
    cluster.kubectl.read(TAKE_AWAY).unwrap();
    wait_until("nobody is asked", || site.bind().succeeded());
    site.install("audit");
    wait_until("a call fails open", || {
        site.bind().admitted();
        has_metric(
            cluster,
            "apiserver_admission_webhook_fail_open_count",
            &[OURS],
        )
    });
    // Two more that the alerts go by.
    let unanswered = [OURS, r#"error_type="calling_webhook_error""#];
    assert!(has_metric(
        cluster,
        "apiserver_admission_webhook_rejection_count",
        &unanswered
    ));
    let made = [
        r#"resource="rolebindings""#,
        r#"verb="POST""#,
        r#"code="201""#,
    ];
    assert!(has_metric(cluster, "apiserver_request_total", &made));

    let ca = cluster.kubectl.read(CA).unwrap();
    cluster.kubectl.read(TAKE_AWAY).unwrap();
    assert_installing_again_keeps(cluster, &ca);
}

/// A roll-out must not take away the CA that cert-manager or a person gave.
fn assert_installing_again_keeps(cluster: &Cluster, ca: &str) {
    let apply = format!("apply -k {}", folder_of("audit").display());
    let kubectl = |command: &str| cluster.kubectl.read(command).unwrap();
    kubectl(&apply);
    kubectl(&format!(
        r#"patch validatingwebhookconfiguration palette-rbac --type=json -p=[{{"op":"add","path":"/webhooks/0/clientConfig/caBundle","value":"{ca}"}},{{"op":"add","path":"/webhooks/1/clientConfig/caBundle","value":"{ca}"}},{{"op":"add","path":"/webhooks/2/clientConfig/caBundle","value":"{ca}"}}]"#
    ));
    kubectl(&apply);
    assert_eq!(kubectl(CA), ca);
    assert_eq!(kubectl(&CA.replace("[0]", "[1]")), ca);
    assert_eq!(kubectl(&CA.replace("[0]", "[2]")), ca);
    kubectl(TAKE_AWAY);
}

/// An overlay in the cluster, with a process of this machine in the place of its pods.
struct Installation<'a> {
    cluster: &'a Cluster,
    folder: PathBuf,
    address: Value,
    bindings: AtomicUsize,
}

impl<'a> Installation<'a> {
    /// Runs the Deployment's own command, with its mounts in a folder.
    fn start(cluster: &'a Cluster) -> (Self, Webhook) {
        let folder = scratch("installation-mounts").unwrap();
        write_config_maps(&objects("audit"), &folder);
        let certificates = folder.join("tls");
        make_certificates(program(), &certificates).unwrap();
        let file = |name: &str| certificates.join(name);
        let (cert, key, ca) = (file("tls.crt"), file("tls.key"), file("ca.crt"));
        let arguments = arguments(&deployment("audit"), &folder);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let webhook =
            Webhook::start_with(program(), &folder, &cert, &key, &ca, &arguments).unwrap();
        let registration = find(&objects("audit"), REGISTRATION, "palette-rbac").clone();
        let address = webhook.client_config(&registration["webhooks"][0]).unwrap();
        let bindings = AtomicUsize::new(0);
        (
            Self {
                cluster,
                folder,
                address,
                bindings,
            },
            webhook,
        )
    }

    /// Applies an overlay, and does what the kubelet does: brings the files to the pods.
    fn install(&self, overlay: &str) {
        let mut objects = objects(overlay);
        for object in &mut objects {
            for webhook in object["webhooks"].as_array_mut().into_iter().flatten() {
                webhook["clientConfig"] = self.address.clone();
            }
        }
        apply(self.cluster, overlay, &list(&objects), "").admitted();
        let maps = self
            .cluster
            .kubectl
            .read("get configmaps -n palette-rbac -o json")
            .unwrap();
        let maps: Value = serde_json::from_str(&maps).unwrap();
        write_config_maps(maps["items"].as_array().unwrap(), &self.folder);
    }

    /// Gives a VM role to somebody whom the directory does not know.
    fn bind(&self) -> Transcript {
        let number = self.bindings.fetch_add(1, Ordering::Relaxed);
        let name = format!("binding-{number}");
        let binding = role_binding("default", &name, "spectro-vm-user").user("ines@orchard.test");
        let file = self.cluster.kubectl.folder.join(format!("{name}.json"));
        fs::write(&file, binding.to_json().to_string()).unwrap();
        let command = format!("create -f {}", file.display());
        self.cluster.kubectl.run(&command).unwrap()
    }
}

/// The container's arguments after `serve`, less those that the harness says itself.
fn arguments(deployment: &Value, folder: &Path) -> Vec<String> {
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let all = container["args"].as_array().unwrap().iter();
    let mut all = all.map(|argument| argument.as_str().unwrap().to_owned());
    assert_eq!(all.next().as_deref(), Some("serve"));
    let own = [
        "--listen=",
        "--admin-listen=",
        "--tls-cert=",
        "--tls-key=",
        "--log-format=",
    ];
    let mounts = format!("{}/", folder.display());
    all.filter(|argument| !own.iter().any(|own| argument.starts_with(own)))
        .map(|argument| argument.replace(MOUNTS, &mounts))
        .collect()
}

fn write_config_maps(objects: &[Value], folder: &Path) {
    for part in ["policy", "directory"] {
        let key = format!("{part}.yaml");
        let text = objects
            .iter()
            .find_map(|object| object["data"][&key].as_str());
        fs::create_dir_all(folder.join(part)).unwrap();
        let file = folder.join(part).join(&key);
        fs::write(file.with_extension("new"), text.unwrap()).unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
    }
}

/// Whether the API server itself counts such a thing.
fn has_metric(cluster: &Cluster, name: &str, labels: &[&str]) -> bool {
    let metrics = cluster.kubectl.read("get --raw /metrics").unwrap();
    let name = format!("{name}{{");
    let mut lines = metrics.lines();
    lines.any(|line| line.starts_with(&name) && labels.iter().all(|label| line.contains(label)))
}

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    wait_for(what, PATIENCE, || condition().then_some(())).unwrap();
}

/// The shared control plane, in which nothing but the namespace is really made.
fn cluster_with_namespace() -> Option<&'static Cluster> {
    static MADE: Once = Once::new();
    let cluster = shared_cluster()?;
    MADE.call_once(|| {
        let namespace = find(&objects("enforce"), "Namespace", "palette-rbac").clone();
        apply(cluster, "namespace", &namespace, "").admitted();
    });
    Some(cluster)
}

/// The objects of an overlay, as kubectl would apply them.
fn objects(overlay: &str) -> Vec<Value> {
    let assets = assets().expect("asked for before");
    kustomize(&assets, &folder_of(overlay))
}

pub(crate) fn kustomize(assets: &Assets, folder: &Path) -> Vec<Value> {
    let output = Command::new(&assets.kubectl)
        .arg("kustomize")
        .arg(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_saphyr::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

/// The block of docs/install.md that holds `line`.
fn of_install_page(line: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/install.md");
    let page = fs::read_to_string(page).unwrap();
    let mut blocks = page.split("```yaml\n").skip(1);
    let block = blocks.find(|block| block.split("```").next().unwrap().contains(line));
    block.unwrap().split("```").next().unwrap().to_owned()
}

/// kustomize takes relative paths only.
pub(crate) fn from_root_of_the_file_system(folder: &Path, path: &str) -> String {
    let up = "../".repeat(fs::canonicalize(folder).unwrap().components().count() - 1);
    let target = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    format!("{up}{}", target.strip_prefix("/").unwrap().display())
}

fn folder_of(overlay: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("manifests/overlays")
        .join(overlay)
}

pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects
        .iter()
        .find(|it| it["kind"] == kind && it["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn deployment(overlay: &str) -> Value {
    find(&objects(overlay), "Deployment", "palette-rbac").clone()
}

fn issuer_of<'a>(objects: &'a [Value], certificate: &Value) -> &'a Value {
    let name = certificate["spec"]["issuerRef"]["name"].as_str().unwrap();
    find(objects, "Issuer", name)
}

fn of_cert_manager(object: &Value) -> bool {
    object["apiVersion"] == "cert-manager.io/v1"
}

/// The pod that the Deployment's controller would make.
fn pod(deployment: &Value) -> Value {
    let mut pod = deployment["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("palette-rbac");
    pod["metadata"]["namespace"] = json!("palette-rbac");
    pod
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn apply(cluster: &Cluster, name: &str, document: &Value, options: &str) -> Transcript {
    let file = cluster.kubectl.folder.join(format!("{name}.json"));
    fs::write(&file, document.to_string()).unwrap();
    let command = format!("apply{options} -f {}", file.display());
    cluster.kubectl.run(&command).unwrap()
}

/// Where the Deployment mounts policy and directory.
const MOUNTS: &str = "/etc/palette-rbac/";

/// The one of docs/install.md that shows whether the webhook is asked.
const PROBE: &str = "create rolebinding palette-rbac-probe --clusterrole=spectro-vm-admin --user=nobody@example.com --namespace=default --dry-run=server";

/// The line of docs/failure-policy.md.
const TAKE_AWAY: &str = "delete validatingwebhookconfiguration palette-rbac";

const CA: &str = "get validatingwebhookconfiguration palette-rbac -o jsonpath={.webhooks[0].clientConfig.caBundle}";

const REGISTRATION: &str = "ValidatingWebhookConfiguration";

const OURS: &str = r#"name="bindings.palette-rbac.io""#;

const PATIENCE: Duration = Duration::from_secs(30);
