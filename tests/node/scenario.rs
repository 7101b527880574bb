//! From nothing to a refusal, and what happens to an installation afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::helm::{CHART, Helm};
use crate::machine::Machine;
use crate::node::{Cluster, LONG};
use crate::process::wait_for;
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
    site.from_nothing_to_a_refusal();
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
        site.roll("rotate-certificate", "tls.crt")
    });
    site.under_traffic("a rolled CA", 0, |site| site.roll("rotate-ca", "ca.crt"));
    site.under_traffic("two evictions", 0, Site::evict_two);
    site.under_traffic("a drained node", 0, Site::drain_a_node);
    // What was in flight at that moment is lost: one call at a time.
    site.under_traffic("a pod that is deleted by force", 1, Site::delete_by_force);
    site.as_a_pack();
    site.uninstall();
}

struct Site {
    helm: Helm,
    cluster: Cluster,
}

impl Site {
    fn from_nothing_to_a_refusal(&self) {
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

    /// Asks for another certificate, and waits until the pods have had the time to serve it.
    fn roll(&self, annotation: &str, key: &str) {
        let jsonpath = format!(
            "-n palette-rbac get secret palette-rbac-certificates -o jsonpath={{.data.{}}}",
            key.replace('.', "\\.")
        );
        let before = (self.kubectl(&jsonpath), self.kubectl(LEAF));
        self.kubectl(&format!(
            "-n palette-rbac annotate --overwrite secret palette-rbac-certificates palette-rbac.io/{annotation}=now"
        ));
        wait_for("another certificate", LONG, || {
            let now = (self.kubectl(&jsonpath), self.kubectl(LEAF));
            (now.0 != before.0 && now.1 != before.1).then_some(())
        })
        .unwrap_or_else(|late| panic!("{late}\n{}", self.cluster.state()));
        std::thread::sleep(SERVED);
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

fn say(line: &str) {
    eprintln!("node: {line}");
}

const BAD: &str = "create rolebinding bad --clusterrole=spectro-vm-viewer --user=nobody@example.com --dry-run=server";
const LEAF: &str =
    r"-n palette-rbac get secret palette-rbac-certificates -o jsonpath={.data.tls\.crt}";
/// The pods look at the Secret all the time; nothing says from outside when the last of three serves it.
const SERVED: Duration = Duration::from_secs(3);
