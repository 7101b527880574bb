//! A role edited and bound at once, faster than the watch tells of it: the background audit finds what slipped through.
//!
//! kubectl is too slow for this: the requests follow each other on one connection.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use hyper::{Method, Request};
use palette_rbac::sources::cluster::{ClusterFrom, connect};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::binding::role_binding;
use crate::harness::cluster::Cluster;
use crate::harness::kubectl::DENIED;
use crate::harness::process::wait_for;
use crate::site::{Site, USERS, assets, fixture};
use crate::watch::{aggregate, labelled, machines, role, serve_with};

#[test]
fn a_role_edited_and_bound_at_once_is_refused_or_found_by_the_audit() {
    let Some(race) = Race::open() else {
        return;
    };
    let (before, mut admitted, mut slowest) = (race.found(), 0.0, Duration::ZERO);
    for round in 0..ROUNDS {
        let (path, widened) = edited(round, &machines("delete"));
        race.send(Method::PUT, &path, &widened).unwrap();
        if race.bind(round) {
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

/// A control plane of its own: what the audit finds is counted in the whole cluster.
struct Race {
    site: Site,
    runtime: Runtime,
    client: kube::Client,
}

impl Race {
    /// Roles that allow nothing yet, all of which the watch has seen.
    fn open() -> Option<Self> {
        static CLUSTER: LazyLock<Option<Cluster>> =
            LazyLock::new(|| Some(Cluster::start(NAME, &assets()?, &USERS).unwrap()));
        let cluster = CLUSTER.as_ref()?;
        let create = format!("create namespace {NAME}");
        cluster.kubectl.read(&create).unwrap();
        let kubeconfig = &cluster.kubectl.kubeconfig;
        let webhook = serve_with(cluster, NAME, kubeconfig, &fixture("orchard.yaml"));
        let runtime = Runtime::new().unwrap();
        let from = ClusterFrom::Kubeconfig(kubeconfig.clone());
        let client = runtime.block_on(connect(&from)).unwrap().unwrap();
        let race = Self {
            site: Site::open(NAME, cluster, webhook, &[NAME]),
            runtime,
            client,
        };
        race.create_roles();
        Some(race)
    }

    fn create_roles(&self) {
        let (mut all, nothing) = (self.known_roles(), json!([]));
        for round in 0..ROUNDS {
            let (path, empty) = edited(round, &nothing);
            self.send(Method::POST, collection(&path), &empty).unwrap();
            all += 1.0;
            if is_aggregate(round) {
                let whole = aggregate(&name(round), &name(round));
                self.send(Method::POST, CLUSTER_ROLES, &whole).unwrap();
                all += 1.0;
            }
        }
        wait_for("the roles to be known", PATIENCE, || {
            (self.known_roles() == all).then_some(())
        })
        .unwrap();
    }

    /// Grants the role to a person whom Palette gave nothing; whether that was admitted.
    fn bind(&self, round: usize) -> bool {
        let binding = role_binding(NAME, &name(round), &name(round)).user("nobody@orchard.test");
        let binding = if is_aggregate(round) {
            binding
        } else {
            binding.of_namespaced_role()
        };
        let path = format!("{RBAC}/namespaces/{NAME}/rolebindings");
        match self.send(Method::POST, &path, &binding.to_json()) {
            Ok(_) => true,
            Err(error) => {
                let message = error.to_string();
                let is_ours = message.contains(DENIED) && message.contains("[equivalent-role]");
                assert!(is_ours, "{message}");
                false
            }
        }
    }

    fn send(&self, method: Method, path: &str, object: &Value) -> kube::Result<Value> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(object.to_string().into_bytes())
            .unwrap();
        self.runtime.block_on(self.client.request(request))
    }

    fn known_roles(&self) -> f64 {
        let of = |kind: &str| self.gauge("cluster_objects", &format!(r#"kind="{kind}""#));
        of("Role") + of("ClusterRole")
    }

    fn found(&self) -> f64 {
        self.gauge("audit_findings", r#"rule="equivalent-role""#)
    }

    fn gauge(&self, name: &str, label: &str) -> f64 {
        let metrics = self.site.webhook.metrics().unwrap();
        metrics.sum(&format!("palette_rbac_{name}"), &[label])
    }
}

/// What is edited so that the role allows this, and where: of an aggregate, what it selects.
fn edited(round: usize, rules: &Value) -> (String, Value) {
    let name = name(round);
    if is_aggregate(round) {
        let part = format!("{name}-part");
        (
            format!("{CLUSTER_ROLES}/{part}"),
            labelled(&part, &name, rules),
        )
    } else {
        let path = format!("{RBAC}/namespaces/{NAME}/roles/{name}");
        (path, role(NAME, &name, rules))
    }
}

fn name(round: usize) -> String {
    format!("{NAME}-{round}")
}

/// Every other one is a `ClusterRole` that selects another, which has the rules; the rest are Roles.
const fn is_aggregate(round: usize) -> bool {
    round % 2 == 1
}

fn collection(path: &str) -> &str {
    path.rsplit_once('/').unwrap().0
}

const NAME: &str = "overtaken";

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const CLUSTER_ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

const ROUNDS: usize = 200;

/// Well below the interval of the audit: what is found by then was not found by the clock.
const PATIENCE: Duration = Duration::from_mins(1);
