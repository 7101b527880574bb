//! Certificates that the webhook keeps itself: made, trusted, replaced and mended, while requests run and none fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::cluster::Cluster;
use crate::harness::kubectl::DENIED;
use crate::harness::process::{scratch, wait_for};
use crate::harness::webhook::{MANIFEST, Webhook};
use crate::manifests::{find, from_root_of_the_file_system, kustomize};
use crate::site::{USERS, assets, fixture, program};

/// A control plane of its own, with two replicas of which one keeps the certificates.
struct Site {
    cluster: Cluster,
    replicas: [Webhook; 2],
    probe: PathBuf,
}

impl Site {
    fn open() -> Option<Self> {
        let cluster = Cluster::start("certificates", &assets()?, &USERS).unwrap();
        let kubectl = &cluster.kubectl;
        kubectl.read("create namespace palette-rbac").unwrap();
        kubectl.read("create namespace vms").unwrap();
        let account = account(&cluster);
        let (policy, directory) = (fixture("orchard.yaml"), fixture("directory.yaml"));
        let start = || {
            let folder = scratch("certificates-replica").unwrap();
            let mut arguments = vec!["--tls-secret", SECRET, "--server-name", "127.0.0.1"];
            arguments.extend(["--policy", &policy, "--directory", &directory]);
            arguments.extend(["--cluster", "auto", "--kubeconfig", &account]);
            arguments.extend(["--lease-duration", "2s"]);
            Webhook::start_without_files(program(), &folder, &arguments).unwrap()
        };
        // The first makes what the second finds.
        let replicas = [start(), start()];
        let probe = kubectl.folder.join("probe.json");
        let site = Self {
            cluster,
            replicas,
            probe,
        };
        site.register();
        fs::write(&site.probe, binding().to_string()).unwrap();
        site.wait_until("the webhook to be trusted", || site.ask().contains(DENIED));
        Some(site)
    }

    /// The registration without a CA. Each webhook of it calls one of the replicas.
    fn register(&self) {
        let text = fs::read_to_string(MANIFEST).unwrap();
        let mut registration: Value = serde_saphyr::from_str(&text).unwrap();
        let webhooks = registration["webhooks"].as_array_mut().unwrap();
        for (index, webhook) in webhooks.iter_mut().enumerate() {
            let address = self.replicas[index % 2].address;
            webhook["clientConfig"] = json!({ "url": format!("https://{address}/validate") });
        }
        let file = self.cluster.kubectl.folder.join("registration.json");
        fs::write(&file, registration.to_string()).unwrap();
        self.cluster
            .kubectl
            .read(&format!("apply -f {}", file.display()))
            .unwrap();
    }

    /// What the API server says of a binding that is to be refused.
    fn ask(&self) -> String {
        let create = format!("create --dry-run=server -f {}", self.probe.display());
        self.cluster.kubectl.run(&create).unwrap().output
    }

    fn secret(&self) -> Value {
        let get = format!("get secret {NAME} -n palette-rbac -o json");
        let text = self.cluster.kubectl.run(&get).unwrap();
        serde_json::from_str(&text.output).unwrap_or_default()
    }

    fn bundles(&self) -> Vec<String> {
        let get = "get validatingwebhookconfiguration palette-rbac -o json";
        let registration: Value =
            serde_json::from_str(&self.cluster.kubectl.read(get).unwrap()).unwrap();
        let webhooks = registration["webhooks"].as_array().unwrap();
        let bundle = |webhook: &Value| {
            webhook["clientConfig"]["caBundle"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        webhooks.iter().map(bundle).collect()
    }

    #[track_caller]
    fn wait_until(&self, what: &str, condition: impl Fn() -> bool) {
        let waited = wait_for(what, PATIENCE, || condition().then_some(()));
        let logs = || self.replicas.each_ref().map(Webhook::log).join("\n");
        assert!(waited.is_ok(), "{waited:?}\n{}", logs());
    }

    /// Does something, waits until both replicas serve another certificate, and asks all the while: every answer is ours.
    fn while_asked(&self, what: &str, change: impl FnOnce()) {
        let before = self.replicas.each_ref().map(changes);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                let mut answers = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let answer = self.ask();
                    assert!(answer.contains(DENIED), "{what}: {answer}");
                    answers += 1;
                }
                answers
            });
            change();
            self.wait_until(what, || {
                let now = self.replicas.each_ref().map(changes);
                now[0] > before[0] && now[1] > before[1]
            });
            is_over.store(true, Ordering::Relaxed);
            assert!(asked.join().unwrap() > 10, "{what}");
        });
    }
}

#[test]
fn certificates_are_made_replaced_and_mended_and_no_call_fails() {
    let Some(site) = Site::open() else {
        return;
    };
    let kubectl = &site.cluster.kubectl;
    let annotate = |what: &str| {
        let command =
            format!("annotate --overwrite secret {NAME} -n palette-rbac palette-rbac.io/{what}=1");
        kubectl.read(&command).unwrap();
    };
    let bundle = site.bundles();
    assert!(bundle.iter().all(|it| !it.is_empty() && it == &bundle[0]));

    site.while_asked("a new certificate", || annotate("rotate-certificate"));
    assert_eq!(site.bundles(), bundle, "the CA is the same");

    let before = site.secret()["data"]["ca.crt"].clone();
    site.while_asked("a new CA", || annotate("rotate-ca"));
    assert_ne!(site.secret()["data"]["ca.crt"], before);
    // The old one is trusted for whoever still serves what it signed.
    assert!(site.bundles()[0].len() > bundle[0].len() * 3 / 2);

    site.while_asked("the Secret to be made again", || {
        kubectl
            .read(&format!("delete secret {NAME} -n palette-rbac"))
            .unwrap();
    });
    site.while_asked("an emptied Secret to be filled", || {
        let patch = r#"patch secret palette-rbac-certificates -n palette-rbac --type=merge -p={"data":null}"#;
        kubectl.read(patch).unwrap();
    });

    // Without its CA the API server trusts nobody, until it is there again.
    let patch = r#"patch validatingwebhookconfiguration palette-rbac --type=json -p=[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]"#;
    kubectl.read(patch).unwrap();
    site.wait_until("the bundle to be mended", || !site.bundles()[0].is_empty());
    site.wait_until("the webhook to be trusted again", || {
        site.ask().contains(DENIED)
    });
    for replica in &site.replicas {
        assert!(!replica.log().contains("forbidden"), "{}", replica.log());
        assert!(
            !replica.log().contains("PRIVATE KEY"),
            "a key is in the log"
        );
    }
}

/// Beside the component for the directory, whose patches count on the same places.
#[test]
fn the_component_needs_no_secret_of_anybody() {
    let Some(assets) = assets() else {
        return;
    };
    let folder = scratch("certificates-overlay").unwrap();
    let manifests = from_root_of_the_file_system(&folder, "manifests");
    let kustomization = format!(
        "namespace: palette-rbac\ngeneratorOptions: {{ disableNameSuffixHash: true }}\n\
         resources: [{manifests}/overlays/enforce]\n\
         components: [{manifests}/self-managed-certificates, {manifests}/directory-from-sync]\n"
    );
    fs::write(folder.join("kustomization.yaml"), kustomization).unwrap();
    let objects = kustomize(&assets, &folder);
    let pod = &find(&objects, "Deployment", "palette-rbac")["spec"]["template"]["spec"];
    let arguments = pod["containers"][0]["args"].as_array().unwrap();
    assert!(arguments.contains(&json!(format!("--tls-secret={SECRET}"))));
    assert!(
        !arguments
            .iter()
            .any(|it| it.as_str().unwrap().starts_with("--tls-cert"))
    );
    let volumes = pod["volumes"].as_array().unwrap();
    assert!(volumes.iter().all(|volume| volume["secret"].is_null()));
    find(&objects, "Role", "palette-rbac-certificates");
}

/// How many certificates it has served after its first.
fn changes(replica: &Webhook) -> f64 {
    let labels = [r#"what="certificate""#, r#"result="applied""#];
    let metrics = replica.metrics().unwrap();
    metrics.sum("palette_rbac_reloads_total", &labels)
}

/// A kubeconfig of the pods' own account, with what `manifests` give it.
fn account(cluster: &Cluster) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    for file in [
        "base/service-account.yaml",
        "base/rbac.yaml",
        "self-managed-certificates/rbac.yaml",
    ] {
        let apply = format!("apply -n palette-rbac -f {}", root.join(file).display());
        cluster.kubectl.read(&apply).unwrap();
    }
    let token = cluster
        .kubectl
        .read("create token palette-rbac -n palette-rbac")
        .unwrap();
    let path = cluster.kubeconfig_of("palette-rbac", token.trim()).unwrap();
    path.display().to_string()
}

fn binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": { "name": "probe", "namespace": "vms" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "spectro-vm-admin" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody@orchard.test" }],
    })
}

const NAME: &str = "palette-rbac-certificates";
const SECRET: &str = "palette-rbac/palette-rbac-certificates";
const PATIENCE: Duration = Duration::from_mins(1);
