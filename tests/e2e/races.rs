//! A role and its binding, written back to back: a watch is a little behind, and no gap may be left in between.
//!
//! kubectl is too slow for this: the requests follow each other on one connection.

use std::fs;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::rbac::v1::{ClusterRole, Role, RoleBinding};
use kube::api::{Api, PostParams};
use palette_rbac::sources::cluster::{ClusterFrom, connect};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::binding::role_binding;
use crate::harness::cluster::Cluster;
use crate::harness::kubectl::DENIED;
use crate::harness::process::{scratch, wait_for};
use crate::harness::webhook::Webhook;
use crate::site::{Site, USERS, assets, fixture, program};

#[test]
fn a_role_and_its_binding_created_back_to_back_are_refused_every_time() {
    let Some(race) = Race::open("created", WATCHED) else {
        return;
    };
    for pair in race.pairs() {
        race.create_role(&pair, &machines());
        assert!(!race.bind(&pair), "{pair:?}");
    }
}

#[test]
fn a_role_edited_and_bound_back_to_back_is_refused_or_found_by_the_audit() {
    let Some(race) = Race::open("edited", WATCHED) else {
        return;
    };
    let before = race.found();
    let pairs = race.harmless();
    let (mut admitted, mut slowest) = (0.0, Duration::ZERO);
    for pair in &pairs {
        race.replace_role(pair, &machines());
        if race.bind(pair) {
            admitted += 1.0;
            let began = Instant::now();
            wait_for("the audit to find it", PATIENCE, || {
                (race.found() == before + admitted).then_some(())
            })
            .unwrap();
            slowest = slowest.max(began.elapsed());
        }
    }
    println!("{admitted} of {ROUNDS} slipped through; the audit took {slowest:?} at most");
}

#[test]
fn where_roles_are_read_live_both_are_refused_every_time() {
    let Some(race) = Race::open("live", LIVE) else {
        return;
    };
    for pair in race.harmless() {
        race.replace_role(&pair, &machines());
        assert!(!race.bind(&pair), "{pair:?}");
    }
    for pair in race.pairs() {
        let pair = Pair {
            name: format!("{}-created", pair.name),
            ..pair
        };
        race.create_role(&pair, &machines());
        assert!(!race.bind(&pair), "{pair:?}");
    }
}

/// A webhook of its own, for one namespace and the `ClusterRole`s that begin with its name.
struct Race {
    name: &'static str,
    /// What a webhook counts is of the whole cluster: one race at a time.
    _turn: MutexGuard<'static, ()>,
    site: Site,
    runtime: Runtime,
    client: kube::Client,
}

/// A role, and the binding of the same name.
#[derive(Debug, Clone)]
struct Pair {
    name: String,
    is_namespaced: bool,
}

impl Race {
    fn open(name: &'static str, role_reads: &str) -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = cluster()?;
        cluster
            .kubectl
            .read(&format!("create namespace {name}-vms"))
            .unwrap();
        let webhook = serve(cluster, name, role_reads);
        let namespace = format!("{name}-vms");
        let site = Site::open(name, cluster, webhook, &[&namespace]);
        let runtime = Runtime::new().unwrap();
        let from = ClusterFrom::Kubeconfig(cluster.kubectl.kubeconfig.clone());
        let client = runtime.block_on(connect(&from)).unwrap().unwrap();
        Some(Self {
            name,
            _turn: turn,
            site,
            runtime,
            client,
        })
    }

    fn pairs(&self) -> impl Iterator<Item = Pair> + use<> {
        let name = self.name;
        (0..ROUNDS).map(move |round| Pair {
            name: format!("{name}-{round}"),
            is_namespaced: round % 2 == 0,
        })
    }

    /// Roles that allow nothing with machines, all of which the watch has seen.
    fn harmless(&self) -> Vec<Pair> {
        let before = self.known_roles();
        let pairs: Vec<Pair> = self.pairs().collect();
        for pair in &pairs {
            self.create_role(pair, &json!([]));
        }
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let all = before + pairs.len() as f64;
        wait_for("the roles to be known", PATIENCE, || {
            (self.known_roles() >= all).then_some(())
        })
        .unwrap();
        pairs
    }

    fn create_role(&self, pair: &Pair, rules: &Value) {
        let post = PostParams::default();
        let object = self.role(pair, rules);
        if pair.is_namespaced {
            let role = serde_json::from_value(object).unwrap();
            self.ask(self.roles().create(&post, &role)).unwrap();
        } else {
            let role = serde_json::from_value(object).unwrap();
            self.ask(self.cluster_roles().create(&post, &role)).unwrap();
        }
    }

    fn replace_role(&self, pair: &Pair, rules: &Value) {
        let post = PostParams::default();
        let object = self.role(pair, rules);
        if pair.is_namespaced {
            let role = serde_json::from_value(object).unwrap();
            let roles = self.roles();
            self.ask(roles.replace(&pair.name, &post, &role)).unwrap();
        } else {
            let role = serde_json::from_value(object).unwrap();
            let roles = self.cluster_roles();
            self.ask(roles.replace(&pair.name, &post, &role)).unwrap();
        }
    }

    /// Grants the role to nobody known; whether it was admitted. A failure that is no refusal ends the test.
    fn bind(&self, pair: &Pair) -> bool {
        let binding = role_binding(&self.namespace(), &pair.name, &pair.name);
        let binding = if pair.is_namespaced {
            binding.of_namespaced_role()
        } else {
            binding
        };
        let binding = binding.user("nobody@orchard.test").to_json();
        let binding: RoleBinding = serde_json::from_value(binding).unwrap();
        let bindings: Api<RoleBinding> = Api::namespaced(self.client.clone(), &self.namespace());
        match self.ask(bindings.create(&PostParams::default(), &binding)) {
            Ok(_) => true,
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains(DENIED), "{message}");
                assert!(message.contains("[equivalent-role]"), "{message}");
                false
            }
        }
    }

    fn role(&self, pair: &Pair, rules: &Value) -> Value {
        let mut metadata = json!({"name": pair.name});
        if pair.is_namespaced {
            metadata["namespace"] = json!(self.namespace());
        }
        json!({"metadata": metadata, "rules": rules})
    }

    fn namespace(&self) -> String {
        format!("{}-vms", self.name)
    }

    fn roles(&self) -> Api<Role> {
        Api::namespaced(self.client.clone(), &self.namespace())
    }

    fn cluster_roles(&self) -> Api<ClusterRole> {
        Api::all(self.client.clone())
    }

    fn ask<T>(&self, request: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
        self.runtime.block_on(request)
    }

    fn known_roles(&self) -> f64 {
        let of = |kind: &str| self.gauge("cluster_objects", &format!(r#"kind="{kind}""#));
        of("Role") + of("ClusterRole")
    }

    /// Grants that the background audit finds.
    fn found(&self) -> f64 {
        self.gauge("audit_findings", r#"rule="equivalent-role""#)
    }

    fn gauge(&self, name: &str, label: &str) -> f64 {
        let metrics = self.site.webhook.metrics().unwrap();
        metrics.sum(&format!("palette_rbac_{name}"), &[label])
    }
}

fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: LazyLock<Option<Cluster>> =
        LazyLock::new(|| Some(Cluster::start("races", &assets()?, &USERS).unwrap()));
    CLUSTER.as_ref()
}

fn serve(cluster: &Cluster, name: &str, role_reads: &str) -> Webhook {
    let folder = scratch(&format!("races-{name}")).unwrap();
    let policy = folder.join("policy.yaml");
    let orchard = fs::read_to_string(fixture("orchard.yaml")).unwrap();
    fs::write(&policy, orchard + role_reads).unwrap();
    let (policy, directory) = (policy.display().to_string(), fixture("directory.yaml"));
    let kubeconfig = cluster.kubectl.kubeconfig.display().to_string();
    let files = ["--policy", &policy, "--directory", &directory];
    let watch = ["--cluster", "auto", "--kubeconfig", &kubeconfig];
    Webhook::start(program(), &folder, &[files, watch].concat()).unwrap()
}

fn machines() -> Value {
    json!([{"verbs": ["delete"], "apiGroups": ["kubevirt.io"], "resources": ["virtualmachines"]}])
}

const WATCHED: &str = "roleReads: watched\n";

const LIVE: &str = "roleReads: live\n";

const ROUNDS: usize = 200;

/// Well below the interval of the audit: what is found by then was not found by the clock.
const PATIENCE: Duration = Duration::from_secs(60);
