//! From nothing to a refusal, and what happens to an installation afterwards.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use crate::helm::{CHART, Helm};
use crate::http::get;
use crate::machine::{Machine, group};
use crate::node::{Cluster, LONG};
use crate::process::{Process, wait_for};
use crate::prometheus::Prometheus;
use crate::traffic::{Seen, Traffic};

/// All of it in one cluster, one after the other: a cluster takes longer than any of it.
pub(crate) fn play(folder: &Path, machine: &Machine) {
    let began = Instant::now();
    let cluster = Cluster::start(folder, machine, 2);
    say(&format!(
        "two nodes are ready after {} s",
        began.elapsed().as_secs()
    ));
    let site = Site {
        helm: Helm {
            program: machine.helm.clone(),
            kubeconfig: cluster.kubectl.kubeconfig.clone(),
        },
        cluster,
    };
    site.install_and_be_refused();
    site.helm_test();
    site.under_traffic("an upgrade with a changed value", 0, |site| {
        site.helm.done(&format!(
            "upgrade palette-rbac {CHART} -n palette-rbac --set podAnnotations.changed=yes --wait"
        ));
    });
    site.under_traffic("a rollback", 0, |site| {
        site.helm
            .done("rollback palette-rbac 1 -n palette-rbac --wait");
    });
    site.under_traffic("a rolled certificate", 0, |site| {
        site.roll("rotate-certificate");
    });
    site.under_traffic("a rolled CA", 0, |site| site.roll("rotate-ca"));
    site.under_traffic("two evictions", 0, Site::evict_two);
    site.under_traffic("a drained node", 0, Site::drain_a_node);
    // What was in flight at that moment is lost: one call at a time.
    site.under_traffic("a pod that is deleted by force", 1, Site::delete_by_force);
    site.combinations();
    site.under_traffic("too little memory", 0, Site::too_little_memory);
    site.in_trouble(folder);
    site.as_a_pack();
    site.uninstall();
    site.with_cert_manager(folder);
}

struct Site {
    helm: Helm,
    cluster: Cluster,
}

impl Site {
    fn install_and_be_refused(&self) {
        let began = Instant::now();
        let said = self.helm.done(&format!(
            "install palette-rbac {CHART} -n palette-rbac --create-namespace"
        ));
        assert!(said.contains("STATUS: deployed"), "{said}");
        let refused = wait_for("a refusal", LONG, || {
            let tried = self.kubectl(BAD);
            tried.contains("denied the request").then_some(tried)
        });
        let refused = refused.unwrap_or_else(|late| {
            panic!("{late}: {}\n{}", self.kubectl(BAD), self.cluster.state())
        });
        assert!(refused.contains("nobody@example.com"), "{refused}");
        let seconds = began.elapsed().as_secs();
        say(&format!("from `helm install` to a refusal: {seconds} s"));
        assert!(seconds < 300);
        self.available();
        let pods = self
            .kubectl("-n palette-rbac get pods -o jsonpath={.items[*].spec.containers[*].image}");
        assert_eq!(pods.split(' ').count(), 3, "{pods}");
        assert!(
            pods.split(' ').all(|image| image == "palette-rbac:0.1.0"),
            "{pods}"
        );
    }

    fn helm_test(&self) {
        let said = self
            .helm
            .done("test palette-rbac -n palette-rbac --timeout 60s");
        assert!(said.contains("Succeeded"), "{said}");
    }

    /// Does something while bindings are written, and holds what became of them against what may.
    fn under_traffic(&self, what: &str, lost: usize, act: impl FnOnce(&Self)) {
        let traffic = Traffic::start(&self.cluster.kubectl.kubeconfig);
        let began = Instant::now();
        act(self);
        let Seen {
            count,
            wrong,
            slowest,
        } = traffic.stop();
        say(&format!(
            "{what}: {} of {count} bindings went wrong in {} s, the slowest took {} ms",
            wrong.len(),
            began.elapsed().as_secs(),
            slowest.as_millis()
        ));
        assert!(
            count > 0 && wrong.len() <= lost,
            "{what}: {wrong:#?}\n{}",
            self.cluster.state()
        );
    }

    /// Asks for another certificate, and waits until all pods serve it.
    fn roll(&self, annotation: &str) {
        let before = self.reloads();
        self.kubectl(&format!(
            "-n palette-rbac annotate --overwrite secret palette-rbac-certificates palette-rbac.io/{annotation}=now"
        ));
        self.all_serve_another(&before);
    }

    /// Pods that are going may be listed as well.
    fn all_serve_another(&self, before: &BTreeMap<String, u64>) {
        let mut now = BTreeMap::new();
        wait_for("all pods to serve another certificate", LONG, || {
            now = self.reloads();
            let has_changed =
                |(pod, count): &(&String, &u64)| before.get(*pod).is_some_and(|it| *count > it);
            (now.iter().filter(has_changed).count() >= REPLICAS).then_some(())
        })
        .unwrap_or_else(|late| panic!("{late}: {before:?}, {now:?}\n{}", self.cluster.state()));
    }

    fn evict_two(&self) {
        let pods = self.kubectl("-n palette-rbac get pods -o jsonpath={.items[*].metadata.name}");
        let mut pods = pods.split(' ');
        let first = self.evict(pods.next().unwrap());
        assert!(!first.contains("Error"), "{first}");
        let second = self.evict(pods.next().unwrap());
        assert!(second.contains("disruption budget"), "{second}");
        self.available();
    }

    fn evict(&self, pod: &str) -> String {
        let eviction = self.cluster.kubectl.folder.join("eviction.json");
        let body = serde_json::json!({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "namespace": "palette-rbac", "name": pod },
        });
        std::fs::write(&eviction, body.to_string()).unwrap();
        self.kubectl(&format!(
            "create --raw /api/v1/namespaces/palette-rbac/pods/{pod}/eviction -f {}",
            eviction.display()
        ))
    }

    fn drain_a_node(&self) {
        let node = &self.cluster.nodes[1].name;
        let drained = self.kubectl(&format!("drain {node} --timeout=120s"));
        assert!(
            drained.contains(&format!("node/{node} drained")),
            "{drained}"
        );
        self.available();
        self.kubectl(&format!("uncordon {node}"));
    }

    fn delete_by_force(&self) {
        let pods = self.kubectl("-n palette-rbac get pods -o jsonpath={.items[0].metadata.name}");
        self.kubectl(&format!(
            "-n palette-rbac delete pod {pods} --grace-period=0 --force"
        ));
        self.available();
    }

    /// Every value that makes other objects is taken by the API server, which knows each of their fields. Under another
    /// name, so that all of them are new.
    fn combinations(&self) {
        self.kubectl("create namespace palette-rbac-directory");
        self.kubectl("-n palette-rbac create serviceaccount combined-test");
        let with_crds = self
            .install_crds()
            .then_some(WITH_CRDS)
            .into_iter()
            .flatten();
        for values in COMBINATIONS.into_iter().chain(with_crds) {
            let rendered = self.helm.done(&format!(
                "template palette-rbac {CHART} -n palette-rbac --set fullnameOverride=combined,{values}"
            ));
            let file = self.cluster.kubectl.folder.join("rendered.yaml");
            std::fs::write(&file, rendered).unwrap();
            let said = self.kubectl(&format!(
                "apply --server-side --force-conflicts --dry-run=server --validate=strict -f {}",
                file.display()
            ));
            let odd = said
                .lines()
                .find(|line| !line.ends_with("serverside-applied (server dry run)"));
            assert!(odd.is_none(), "{values}: {said}");
        }
        self.kubectl("-n palette-rbac delete serviceaccount combined-test");
        self.kubectl("delete namespace palette-rbac-directory --wait=false");
        say("every combination of values is taken");
    }

    /// The published ones, where they have been fetched.
    fn install_crds(&self) -> bool {
        let Some(folder) = Machine::cert_manager() else {
            say("skipped: cert-manager and published CRDs; `make cert-manager` fetches them");
            return false;
        };
        let said = self.kubectl(&format!(
            "apply --server-side -f {}",
            folder.join("crds").display()
        ));
        assert!(!said.contains("rror"), "{said}");
        self.cluster.wait("crd --all --for=condition=Established");
        true
    }

    /// The new pods are killed by the kernel, and the old ones go on.
    fn too_little_memory(&self) {
        let (is_done, said) = self.helm.run(&format!(
            "upgrade palette-rbac {CHART} -n palette-rbac --wait --timeout 20s \
             --set resources.requests.memory=5Mi,resources.limits.memory=5Mi"
        ));
        assert!(!is_done, "{said}");
        let ended = self.kubectl(
            "-n palette-rbac get pods -o jsonpath={.items[*].status.containerStatuses[*].lastState.terminated.reason}",
        );
        assert!(
            ended.contains("OOMKilled"),
            "{ended}\n{}",
            self.cluster.state()
        );
        self.helm
            .done("rollback palette-rbac -n palette-rbac --wait");
        self.available();
    }

    /// A replica that is frozen, and a node that goes: the others answer, and Prometheus says so.
    fn in_trouble(&self, folder: &Path) {
        // Those that are going are gone: they would be down for ever.
        let pods = wait_for("three pods", LONG, || {
            let pods =
                self.kubectl("-n palette-rbac get pods -o jsonpath={.items[*].status.podIP}");
            (pods.split(' ').count() == 3).then_some(pods)
        });
        let pods = pods.unwrap_or_else(|late| panic!("{late}\n{}", self.cluster.state()));
        let pods: Vec<_> = pods.split(' ').collect();
        let prometheus = Prometheus::start(folder, &pods);
        // What waits for it is refused after 5 s, at most until it is not ready any more.
        self.under_traffic("a frozen pod", 5, |site| {
            let frozen = processes_of("palette-rbac\0serve\0--listen");
            signal("STOP", &frozen[..1]);
            site.waits_for_ready(2);
            if let Some(prometheus) = &prometheus {
                prometheus.wait_for("PaletteRbacReplicaDown", true);
            }
            signal("CONT", &frozen[..1]);
            site.available();
            if let Some(prometheus) = &prometheus {
                prometheus.wait_for("PaletteRbacReplicaDown", false);
            }
        });
        self.a_node_goes(prometheus.as_ref());
    }

    /// All that runs on the second node ends at once, and nobody says so to the API server.
    fn a_node_goes(&self, prometheus: Option<&Prometheus>) {
        let node = &self.cluster.nodes[1].name;
        let traffic = Traffic::start(&self.cluster.kubectl.kubeconfig);
        let mut all = processes_of(&format!("{node}/"));
        all.extend(processes_of(&format!("{node}.yaml")));
        all.extend(in_cgroup(&format!("{}/{node}", group())));
        assert!(all.len() > 3, "{all:?}");
        signal("KILL", &all);
        self.cluster
            .wait(&format!("node/{node} --for=condition=Ready=Unknown"));
        if let Some(prometheus) = prometheus {
            prometheus.wait_for("PaletteRbacReplicaDown", true);
        }
        let Seen { count, wrong, .. } = traffic.stop();
        say(&format!(
            "a node that goes: {} of {count} bindings were refused until the cluster missed it",
            wrong.len()
        ));
        assert!(
            wrong.iter().all(|it| !it.ends_with("admitted")),
            "{wrong:#?}"
        );
        let traffic = Traffic::start(&self.cluster.kubectl.kubeconfig);
        traffic.wait_for(100);
        let Seen { wrong, .. } = traffic.stop();
        assert!(wrong.is_empty(), "{wrong:#?}");
        self.kubectl(&format!(
            "-n palette-rbac delete pods --field-selector=spec.nodeName={node} --grace-period=0 --force"
        ));
        self.available();
    }

    /// With the published controllers and their injector: a certificate that is renewed is served without a failure.
    fn with_cert_manager(&self, folder: &Path) {
        let Some(program) = Machine::cert_manager() else {
            return;
        };
        let mut command = std::process::Command::new(program.join("cert-manager"));
        command.env("KUBECONFIG", &self.cluster.kubectl.kubeconfig);
        let _running = Process::start(&mut command, &folder.join("cert-manager.log")).unwrap();
        self.helm.done(&format!("install palette-rbac {CHART} -n palette-rbac --set certificates.mode=cert-manager --wait"));
        let refused = wait_for("a refusal", LONG, || {
            self.kubectl(BAD)
                .contains("denied the request")
                .then_some(())
        });
        refused.unwrap_or_else(|late| {
            panic!("{late}: {}\n{}", self.kubectl(BAD), self.cluster.state())
        });
        self.under_traffic("a certificate that cert-manager renews", 0, |site| {
            let before = site.reloads();
            site.kubectl(&format!(
                "-n palette-rbac patch certificate palette-rbac-tls --subresource=status --type=merge -p {RENEW}"
            ));
            site.all_serve_another(&before);
        });
        self.helm
            .done("uninstall palette-rbac -n palette-rbac --wait");
    }

    /// How often each pod has taken up another certificate, as it says itself.
    fn reloads(&self) -> BTreeMap<String, u64> {
        let pods = self.kubectl(
            "-n palette-rbac get pods -l app.kubernetes.io/name=palette-rbac -o jsonpath={.items[*].status.podIP}",
        );
        let of = |pod: &str| {
            let address = format!("{pod}:8080").parse().ok()?;
            // One that is going may not answer any more.
            let metrics = get(address, "/metrics").ok()?.body;
            let mut lines = metrics.lines();
            let count = lines.find_map(|line| line.strip_prefix(RELOADS)?.trim().parse().ok())?;
            Some((pod.to_owned(), count))
        };
        pods.split(' ').filter_map(of).collect()
    }

    /// Until the Service has so many that are ready.
    fn waits_for_ready(&self, count: usize) {
        wait_for("a replica to be taken out", LONG, || {
            let ready = self.kubectl(
                "-n palette-rbac get deployment palette-rbac -o jsonpath={.status.readyReplicas}",
            );
            (ready == count.to_string()).then_some(())
        })
        .unwrap_or_else(|late| panic!("{late}\n{}", self.cluster.state()));
    }

    /// As Palette installs it: the values of the pack with its macros filled in, in mode audit.
    fn as_a_pack(&self) {
        let mut values = crate::pack::values(&["Mode:audit", "Directory:file"]);
        values["image"]["repository"] = "palette-rbac".into();
        let file = self.cluster.kubectl.folder.join("pack.json");
        std::fs::write(&file, values.to_string()).unwrap();
        self.helm.done(&format!(
            "upgrade palette-rbac {CHART} -n palette-rbac -f {} --reset-values --wait",
            file.display()
        ));
        // The same pods: the kubelet brings them the policy.
        wait_for("the policy of the pack", LONG, || {
            self.kubectl(BAD).contains("created").then_some(())
        })
        .unwrap_or_else(|late| panic!("{late}: {}\n{}", self.kubectl(BAD), self.cluster.state()));
        let policy =
            self.kubectl("-n palette-rbac get configmap palette-rbac-policy -o jsonpath={.data}");
        assert!(
            policy.contains("mode: audit") && policy.contains("orchard-prod"),
            "{policy}"
        );
        say("the values of the pack are installed");
    }

    fn uninstall(&self) {
        self.helm
            .done("uninstall palette-rbac -n palette-rbac --wait");
        let left = self.kubectl(
            "get -A -o name validatingwebhookconfigurations,clusterroles,clusterrolebindings,roles,rolebindings,secrets,configmaps,serviceaccounts,services,deployments.apps",
        );
        let ours: Vec<_> = left
            .lines()
            .filter(|name| name.contains("palette-rbac"))
            .collect();
        assert!(ours.is_empty(), "{ours:?}");
        let admitted = self.kubectl(BAD);
        assert!(admitted.contains("created"), "{admitted}");
        say("uninstalled, and nothing is left");
    }

    fn available(&self) {
        let done =
            self.kubectl("-n palette-rbac rollout status deployment/palette-rbac --timeout=120s");
        assert!(
            done.contains("successfully rolled out"),
            "{done}\n{}",
            self.cluster.state()
        );
    }

    fn kubectl(&self, command: &str) -> String {
        self.cluster.kubectl.run(command).unwrap().output
    }
}

/// The processes of this namespace whose command line has these words.
fn processes_of(words: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let has_words = |id: &String| {
        let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(words)
    };
    ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()) && has_words(id))
        .collect()
}

/// Those in a cgroup, or below it.
fn in_cgroup(path: &str) -> Vec<String> {
    let all = processes_of("").into_iter();
    let is_in = |id: &String| {
        let groups = std::fs::read_to_string(format!("/proc/{id}/cgroup")).unwrap_or_default();
        groups.lines().any(|line| line.contains(path))
    };
    all.filter(is_in).collect()
}

/// The shell's own `kill`: not every machine has one as a program. What has ended meanwhile is no mistake.
fn signal(name: &str, ids: &[String]) {
    for id in ids {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", r#"kill -s "$1" "$2" 2>/dev/null"#, "kill", name, id]);
        let _ = shell.status();
    }
}

fn say(line: &str) {
    eprintln!("node: {line}");
}

/// As many as the chart has by default.
const REPLICAS: usize = 3;
const RELOADS: &str = r#"palette_rbac_reloads_total{result="applied",what="certificate"}"#;
/// As `cmctl renew` does.
const RENEW: &str = r#"{"status":{"conditions":[{"type":"Issuing","status":"True","reason":"ManuallyTriggered","message":"asked","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}"#;
/// Those of docs/install.md, as `--set`.
const COMBINATIONS: [&str; 14] = [
    "mode=audit",
    "certificates.mode=secret",
    "certificates.mode=secret,certificates.caBundle=PEM",
    "sync.enabled=true,sync.clusterUid=6479f0a1c3b5d7e9f1a2b3c4",
    "directory.existingSecret=names",
    "directory.existingConfigMap=names",
    "directory.url=https://hub.example.com/v1/directories/uid,directory.urlSecret=token",
    "directory.users[0].email=ines@orchard.test",
    "existingPolicy=mine,replicas=1,webhook.failurePolicy=Ignore,webhook.timeoutSeconds=10",
    "webhook.matchConditions[0].name=not-in-lab,webhook.matchConditions[0].expression=has(request.dryRun)",
    "clientCertificates.configMap=clients",
    "metrics.scrapeAnnotations=true,podAnnotations.one=yes,podLabels.two=two,extraArgs[0]=--log-level=debug",
    "networkPolicy.enabled=false,podDisruptionBudget.enabled=false,priorityClassName=,cleanup.enabled=false",
    "networkPolicy.extraEgressPorts[0]=8443,nodeSelector.disk=ssd,tolerations[0].key=lab,imagePullSecrets[0].name=pull",
];
/// Those whose kinds are somebody else's.
const WITH_CRDS: [&str; 3] = [
    "certificates.mode=cert-manager",
    "certificates.mode=cert-manager,certificates.issuerRef.name=mine,certificates.issuerRef.kind=ClusterIssuer",
    "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true,metrics.serviceMonitor.labels.release=mine",
];
const BAD: &str = "create rolebinding bad --clusterrole=spectro-vm-viewer --user=nobody@example.com --dry-run=server";
