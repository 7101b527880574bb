//! kube-controller-manager beside the webhook: it is never refused, and never waits.
//!
//! What its controllers asked for, how long that took and what came of it is read from the API server's audit log.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::binding::{Binding, role_binding};
use crate::harness::assets::Assets;
use crate::harness::cluster::{CONTROLLER_MANAGER, Cluster, User};
use crate::harness::process::{scratch, wait_for};
use crate::harness::webhook::{Webhook, wait_until_asked};
use crate::site::{assets, controller_manager, fixture, program};

/// How the webhook is while the controllers work.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Serving,
    /// Nobody listens at its address.
    Dead,
    /// Connections to it are accepted, and nothing is ever answered.
    Silent,
}

#[test]
fn the_controllers_are_never_refused_and_never_wait_for_the_webhook() {
    let Some(assets) = assets() else {
        return;
    };
    let Some(manager) = controller_manager(&assets) else {
        return;
    };
    let orchard = Orchard::start(&assets);
    let webhook = orchard.serve();
    let _manager = orchard
        .cluster
        .start_controller_manager(manager, &CONTROLLERS)
        .unwrap();

    orchard.assert_default_roles_are_filled();
    orchard.assert_done(Phase::Serving);
    let address = webhook.address;
    assert!(webhook.stop().unwrap().success());
    orchard.assert_nobody_else_is_admitted();
    orchard.assert_done(Phase::Dead);
    let _silent = TcpListener::bind(address).unwrap();
    orchard.assert_done(Phase::Silent);

    let asked = orchard.asked_by_controllers();
    assert_all_kinds_of_work_are_among(&asked);
    let bad: Vec<&Asked> = asked.iter().filter(|it| !it.went_well()).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// A control plane with an audit log, and for every phase something for the controllers to do.
struct Orchard {
    cluster: Cluster,
    audit_log: PathBuf,
}

/// A request of a controller, of those that write.
#[derive(Debug)]
struct Asked {
    user: String,
    verb: String,
    resource: String,
    code: u64,
    took: SignedDuration,
    /// The webhooks that were called, did not answer, and were passed over.
    failed_open: Vec<String>,
}

impl Phase {
    const ALL: [Self; 3] = [Self::Serving, Self::Dead, Self::Silent];

    /// The name of its namespace, and part of its other names.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "while-serving",
            Self::Dead => "while-dead",
            Self::Silent => "while-silent",
        }
    }
}

impl Orchard {
    fn start(assets: &Assets) -> Self {
        let folder = scratch("controllers-audit").unwrap();
        let (policy, log) = (folder.join("policy.yaml"), folder.join("audit.log"));
        fs::write(&policy, AUDIT_POLICY).unwrap();
        let arguments = [
            format!("--audit-policy-file={}", policy.display()),
            format!("--audit-log-path={}", log.display()),
        ];
        let cluster = Cluster::start_with(
            "controllers",
            assets,
            &[ADMIN, CONTROLLER_MANAGER],
            &arguments,
        )
        .unwrap();
        let orchard = Self {
            cluster,
            audit_log: log,
        };
        orchard.create("aggregate", &aggregate());
        for phase in Phase::ALL {
            orchard.prepare(phase.as_str());
        }
        orchard
    }

    /// Bindings of a VM role to somebody who may not have it: nothing about them can be judged and admitted.
    fn prepare(&self, phase: &str) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": phase}});
        self.create("namespace", &namespace);
        self.create("doomed", &former(phase, "doomed").to_json());
        for (owner, binding) in [("collected", "to-collect"), ("orphaned", "to-orphan")] {
            let (owner, binding) = (format!("{phase}-{owner}"), format!("{phase}-{binding}"));
            self.kubectl(&format!("create configmap {owner}"));
            let uid = self.kubectl(&format!(
                "get configmap {owner} -o jsonpath={{.metadata.uid}}"
            ));
            let mut former = former("default", &binding).to_json();
            former["metadata"]["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": uid}]);
            self.create("owned", &former);
        }
    }

    /// The webhook, registered for the whole cluster as the overlay `enforce` does.
    fn serve(&self) -> Webhook {
        let folder = scratch("controllers-webhook").unwrap();
        let kubectl = &self.cluster.kubectl;
        let directory = fixture("directory.yaml");
        let kubeconfig = kubectl.kubeconfig.display().to_string();
        let files = ["--directory", &directory];
        let watch = ["--cluster", "auto", "--kubeconfig", &kubeconfig];
        let arguments = [&files[..], &watch].concat();
        let webhook = Webhook::start(program(), &folder, &arguments).unwrap();
        webhook.register(kubectl, "palette-rbac", None).unwrap();
        let probe = self.write("probe", &former("default", "probe").to_json());
        wait_until_asked(kubectl, &kubectl.folder, &probe).unwrap();
        webhook
    }

    fn assert_default_roles_are_filled(&self) {
        for role in ["admin", "edit", "view"] {
            wait_until(&format!("ClusterRole {role} to be filled"), || {
                self.resources_of(role).contains("configmaps")
            });
        }
    }

    /// Gives the controllers all kinds of work, and waits until it is done.
    fn assert_done(&self, phase: Phase) {
        let phase = phase.as_str();
        self.create("part", &part(phase));
        self.kubectl(&format!("delete namespace {phase} --wait=false"));
        self.kubectl(&format!("delete configmap {phase}-collected --wait=false"));
        self.kubectl(&format!(
            "delete configmap {phase}-orphaned --cascade=orphan --wait=false"
        ));

        wait_until("the aggregate to be filled", || {
            self.resources_of("orchard-aggregate").contains(phase)
        });
        wait_until("the end of the namespace", || {
            self.kubectl(&format!("get namespace {phase} --ignore-not-found"))
                .is_empty()
        });
        wait_until("the end of the binding whose owner is gone", || {
            self.kubectl(&format!(
                "get rolebinding {phase}-to-collect --ignore-not-found"
            ))
            .is_empty()
        });
        wait_until("the binding to be nobody's", || {
            let owners = "-o jsonpath={.metadata.ownerReferences}";
            self.kubectl(&format!("get rolebinding {phase}-to-orphan {owners}"))
                .is_empty()
        });
    }

    fn assert_nobody_else_is_admitted(&self) {
        let file = self.write("probe", &former("default", "probe").to_json());
        let probe = self
            .cluster
            .kubectl
            .run(&format!("create -f {file}"))
            .unwrap();
        assert!(probe.output.contains("failed calling webhook"), "{probe}");
    }

    fn asked_by_controllers(&self) -> Vec<Asked> {
        let log = fs::read_to_string(&self.audit_log).unwrap();
        log.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter_map(|event| Asked::by_a_controller(&event))
            .collect()
    }

    fn resources_of(&self, role: &str) -> String {
        self.kubectl(&format!(
            "get clusterrole {role} -o jsonpath={{.rules[*].resources}}"
        ))
    }

    fn create(&self, name: &str, document: &Value) {
        let file = self.write(name, document);
        self.kubectl(&format!("create -f {file}"));
    }

    fn write(&self, name: &str, document: &Value) -> String {
        let file = format!("{name}.json");
        fs::write(
            self.cluster.kubectl.folder.join(&file),
            document.to_string(),
        )
        .unwrap();
        file
    }

    #[track_caller]
    fn kubectl(&self, command: &str) -> String {
        self.cluster.kubectl.read(command).unwrap()
    }
}

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    wait_for(what, PATIENCE, || condition().then_some(())).unwrap();
}

impl Asked {
    fn by_a_controller(event: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let user = text(&event["user"]["username"]);
        let is_controller = user == CONTROLLER_MANAGER.name
            || user.starts_with("system:serviceaccount:kube-system:");
        let moment = |name: &str| event[name].as_str()?.parse::<Timestamp>().ok();
        let annotations = event["annotations"].as_object();
        is_controller.then_some(())?;
        Some(Self {
            user,
            verb: text(&event["verb"]),
            resource: text(&event["objectRef"]["resource"]),
            code: event["responseStatus"]["code"].as_u64()?,
            took: moment("stageTimestamp")?.duration_since(moment("requestReceivedTimestamp")?),
            failed_open: annotations
                .into_iter()
                .flatten()
                .filter(|(name, _)| name.starts_with("failed-open.validating.webhook"))
                .map(|(_, webhook)| text(webhook))
                .collect(),
        })
    }

    /// Neither refused (403, or 500 for a webhook that does not answer) nor kept waiting.
    fn went_well(&self) -> bool {
        self.code != 403
            && self.code < 500
            && self.failed_open.is_empty()
            && self.took < PATIENCE_OF_THE_API_SERVER
    }

    fn is(&self, controller: &str, verb: &str, resource: &str) -> bool {
        self.user.ends_with(&format!(":{controller}"))
            && (&*self.verb, &*self.resource) == (verb, resource)
    }
}

/// Otherwise nothing was shown.
fn assert_all_kinds_of_work_are_among(asked: &[Asked]) {
    for (controller, verb, resource) in [
        (
            "clusterrole-aggregation-controller",
            "patch",
            "clusterroles",
        ),
        ("namespace-controller", "deletecollection", "rolebindings"),
        ("generic-garbage-collector", "delete", "rolebindings"),
        ("generic-garbage-collector", "patch", "rolebindings"),
    ] {
        let count = asked
            .iter()
            .filter(|it| it.is(controller, verb, resource))
            .count();
        assert!(
            count >= Phase::ALL.len(),
            "{controller}: {verb} {resource}: {count} of {asked:#?}"
        );
    }
}

/// From before the webhook was registered; it would be refused today.
fn former(namespace: &str, name: &str) -> Binding {
    role_binding(namespace, name, "spectro-vm-admin").user("nobody@orchard.test")
}

fn aggregate() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "orchard-aggregate"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {LABEL: "true"}}]},
    })
}

/// A role that the aggregate selects.
fn part(phase: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": format!("orchard-{phase}"), "labels": {LABEL: "true"}},
        "rules": [{"apiGroups": ["orchard.test"], "resources": [phase], "verbs": ["get"]}],
    })
}

const ADMIN: User = User {
    name: "admin",
    groups: &["system:masters"],
};

const CONTROLLERS: [&str; 3] = [
    "clusterrole-aggregation-controller",
    "namespace-controller",
    "garbage-collector-controller",
];

const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - { level: Metadata, verbs: [create, update, patch, delete, deletecollection] }
";

const LABEL: &str = "orchard.test/aggregate";

/// How long it waits for a webhook at most, as the manifests say.
const PATIENCE_OF_THE_API_SERVER: SignedDuration = SignedDuration::from_secs(5);

/// A namespace takes 5 s at least: its controller waits so long before it begins.
const PATIENCE: Duration = Duration::from_secs(90);
