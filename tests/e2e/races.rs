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
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Role,
    ClusterRole,
    /// A `ClusterRole` that selects another one, its part.
    Aggregate,
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
            kind: KINDS[round % KINDS.len()],
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
        let all = before + pairs.iter().map(|pair| pair.kind.objects()).sum::<usize>() as f64;
        wait_for("the roles to be known", PATIENCE, || {
            (self.known_roles() >= all).then_some(())
        })
        .unwrap();
        pairs
    }

    /// Creates the role; of an aggregate the part first, which has the rules.
    fn create_role(&self, pair: &Pair, rules: &Value) {
        let post = PostParams::default();
        match pair.kind {
            Kind::Role => {
                let role = serde_json::from_value(self.role(pair, rules)).unwrap();
                self.ask(self.roles().create(&post, &role)).unwrap();
            }
            Kind::ClusterRole => {
                let role = serde_json::from_value(self.role(pair, rules)).unwrap();
                self.ask(self.cluster_roles().create(&post, &role)).unwrap();
            }
            Kind::Aggregate => {
                let part = serde_json::from_value(part(pair, rules)).unwrap();
                self.ask(self.cluster_roles().create(&post, &part)).unwrap();
                let role = serde_json::from_value(aggregate(pair)).unwrap();
                self.ask(self.cluster_roles().create(&post, &role)).unwrap();
            }
        }
    }

    /// Writes other rules into the role; of an aggregate, into its part.
    fn replace_role(&self, pair: &Pair, rules: &Value) {
        let post = PostParams::default();
        if pair.kind == Kind::Role {
            let role = serde_json::from_value(self.role(pair, rules)).unwrap();
            let api = self.roles();
            self.ask(api.replace(&pair.name, &post, &role)).unwrap();
            return;
        }
        let object = match pair.kind {
            Kind::Aggregate => part(pair, rules),
            Kind::Role | Kind::ClusterRole => self.role(pair, rules),
        };
        let role: ClusterRole = serde_json::from_value(object).unwrap();
        let (api, name) = (self.cluster_roles(), role.metadata.name.clone().unwrap());
        self.ask(api.replace(&name, &post, &role)).unwrap();
    }

    /// Grants the role to nobody known; whether it was admitted. A failure that is no refusal ends the test.
    fn bind(&self, pair: &Pair) -> bool {
        let binding = role_binding(&self.namespace(), &pair.name, &pair.name);
        let binding = match pair.kind {
            Kind::Role => binding.of_namespaced_role(),
            Kind::ClusterRole | Kind::Aggregate => binding,
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
        if pair.kind == Kind::Role {
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

impl Kind {
    const fn objects(self) -> usize {
        match self {
            Self::Role | Self::ClusterRole => 1,
            Self::Aggregate => 2,
        }
    }
}

fn part(pair: &Pair, rules: &Value) -> Value {
    let labels = json!({ LABEL: pair.name });
    json!({"metadata": {"name": format!("{}-part", pair.name), "labels": labels}, "rules": rules})
}

fn aggregate(pair: &Pair) -> Value {
    let selector = json!({"matchLabels": {LABEL: pair.name}});
    json!({"metadata": {"name": pair.name}, "aggregationRule": {"clusterRoleSelectors": [selector]}})
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

const KINDS: [Kind; 3] = [Kind::Role, Kind::ClusterRole, Kind::Aggregate];

const LABEL: &str = "orchard.test/part-of";

const ROUNDS: usize = 200;

/// Well below the interval of the audit: what is found by then was not found by the clock.
const PATIENCE: Duration = Duration::from_mins(1);
