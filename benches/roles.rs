//! Roles judged by what they can do: the time of a decision and of a scan, and what a cluster of that size takes.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::rbac::v1::{ClusterRole, Role, RoleBinding};
use kube::api::{Api, PostParams};
use palette_rbac::audit::scan;
use palette_rbac::decide::{Context, decide};
use palette_rbac::domain::{BindingRequest, Rule};
use palette_rbac::facts::{Cluster as Known, Event, Facts, Kind, StoredObject, View};
use palette_rbac::rulebook::Rulebook;
use palette_rbac::sources::cluster::{ClusterFrom, connect};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::harness::assets::Assets;
use crate::harness::cluster::{Cluster, User};
use crate::harness::process::{scratch, wait_for};
use crate::harness::webhook::Webhook;
use crate::machine::resident;
use crate::turns::quantiles;
use crate::{live_reads, world};

pub(crate) fn measure() -> Result<()> {
    let (view, rulebook) = (view()?, world::rulebook(USERS)?);
    time_scans(&view, &rulebook)?;
    time_decisions(&view, &rulebook);
    watch_a_cluster()
}

/// The first scan finds out what each role allows; the others know.
fn time_scans(view: &View, rulebook: &Rulebook) -> Result<()> {
    let mut times = Vec::new();
    let mut found = 0;
    for _ in 0..SCANS {
        let began = Instant::now();
        let report = scan(Context::new(rulebook, Known::seen(view), now()));
        times.push(began.elapsed().as_secs_f64() * 1e3);
        found = report.count(Rule::EquivalentRole, rulebook);
        ensure!(report.bindings == BINDINGS, "{} bindings", report.bindings);
    }
    let first = times.remove(0);
    println!(
        "  scan of {BINDINGS} bindings, {ROLES} roles, {USERS} users: {first:.1} ms the first time, {:.1} ms after that \
         ({found} bindings break equivalent-role)",
        quantiles(&times, [0.5])[0]
    );
    Ok(())
}

/// One binding after another as if it were new, so that no two in a row are about the same.
fn time_decisions(view: &View, rulebook: &Rulebook) {
    let bindings: Vec<_> = view.bindings().collect();
    let known = Known::seen(view);
    let mut times = Vec::with_capacity(bindings.len());
    for binding in &bindings {
        let mut judged = binding.to_judge();
        judged.name = "new".into();
        let request = BindingRequest::create(judged, None);
        let began = Instant::now();
        for _ in 0..REPEATED {
            black_box(decide(
                black_box(&request),
                Context::new(rulebook, known, now()),
            ));
        }
        times.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(REPEATED));
    }
    let [middle, high] = quantiles(&times, [0.5, 0.99]);
    println!(
        "  decide() with effective rules: {middle:.2} us at the median, {high:.2} us at the 99th percentile"
    );
}

/// The same in a real cluster, watched by the webhook as a process.
fn watch_a_cluster() -> Result<()> {
    let Some(assets) = Assets::find() else {
        println!("  skipped: no kube-apiserver here; `make control-plane` builds one");
        return Ok(());
    };
    let cluster = Cluster::start("roles", &assets, &[ADMIN])?;
    fill(&cluster)?;
    let folder = scratch("roles-webhook")?;
    let directory = folder.join("directory.json");
    let document: Value = serde_saphyr::from_str(&world::directory(USERS))?;
    fs::write(&directory, document.to_string())?;
    let path = |path: &Path| path.display().to_string();
    let (directory, kubeconfig) = (path(&directory), path(&cluster.kubectl.kubeconfig));
    let mut arguments = world::CLUSTER.to_vec();
    arguments.extend([
        "--directory",
        &directory,
        "--cluster",
        "auto",
        "--kubeconfig",
        &kubeconfig,
    ]);
    let began = Instant::now();
    let webhook = Webhook::start(Path::new(PROGRAM), &folder, &arguments)?;
    let ready = began.elapsed();
    let gauge = |name: &str| {
        Some(
            webhook
                .metrics()
                .ok()?
                .sum(&format!("palette_rbac_{name}"), &[]),
        )
    };
    wait_for("the first scan", PATIENCE, || {
        (gauge("audit_last_run_timestamp_seconds")? > 0.0).then_some(())
    })?;
    let scanned = gauge("audit_duration_seconds").context("no metrics")? * 1e3;
    println!(
        "  the same in a real cluster, watched: ready after {:.0} ms, first scan {scanned:.1} ms, {:.1} MiB resident",
        ready.as_secs_f64() * 1e3,
        resident(webhook.id())?
    );
    live_reads::measure(Path::new(PROGRAM), &arguments, "operator-1")
}

fn fill(cluster: &Cluster) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let from = ClusterFrom::Kubeconfig(cluster.kubectl.kubeconfig.clone());
    runtime.block_on(async {
        let client = connect(&from).await?.context("no cluster")?;
        let cluster_roles = Api::<ClusterRole>::all(client.clone());
        create(cluster_roles_of_world(), |it: ClusterRole| {
            let api = cluster_roles.clone();
            async move { api.create(&PostParams::default(), &it).await.map(drop) }
        })
        .await?;
        let within = |namespace: &Option<String>| namespace.clone().unwrap_or_default();
        create(roles_of_world(), |it: Role| {
            let api = Api::namespaced(client.clone(), &within(&it.metadata.namespace));
            async move { api.create(&PostParams::default(), &it).await.map(drop) }
        })
        .await?;
        create(bindings_of_world(), |it: RoleBinding| {
            let api = Api::namespaced(client.clone(), &within(&it.metadata.namespace));
            async move { api.create(&PostParams::default(), &it).await.map(drop) }
        })
        .await
    })
}

async fn create<K, F>(objects: impl Iterator<Item = Value>, write: impl Fn(K) -> F) -> Result<()>
where
    K: DeserializeOwned,
    F: Future<Output = kube::Result<()>>,
{
    let objects = objects
        .map(serde_json::from_value)
        .collect::<Result<Vec<K>, _>>()?;
    let written = stream::iter(objects).map(write).buffer_unordered(AT_ONCE);
    Ok(written.try_collect::<()>().await?)
}

fn view() -> Result<Arc<View>> {
    let mut facts = Facts::new();
    let mut known = |kind, objects: Vec<Value>| -> Result<()> {
        let objects = objects.into_iter().map(serde_json::from_value);
        let objects: Vec<StoredObject> = objects.collect::<Result<_, _>>()?;
        facts.apply(Event::Reset(kind, objects));
        Ok(())
    };
    known(Kind::ClusterRole, cluster_roles_of_world().collect())?;
    known(Kind::Role, roles_of_world().collect())?;
    known(Kind::RoleBinding, bindings_of_world().collect())?;
    known(Kind::ClusterRoleBinding, Vec::new())?;
    Ok(facts.view())
}

/// The four VM roles, and roles of operators: twenty rules each, a few with machines.
fn cluster_roles_of_world() -> impl Iterator<Item = Value> {
    let vm_roles = [
        ("spectro-vm-viewer", vec![view_rule()]),
        ("spectro-vm-user", vec![view_rule(), use_rule()]),
        (
            "spectro-vm-power-user",
            vec![view_rule(), use_rule(), launch_rule()],
        ),
        (
            "spectro-vm-admin",
            vec![view_rule(), use_rule(), launch_rule(), templates_rule()],
        ),
    ];
    let vm_roles = vm_roles
        .into_iter()
        .map(|(name, rules)| (name.to_owned(), rules));
    let others = (0..CLUSTER_ROLES - 4).map(|index| (format!("operator-{index}"), rules_of(index)));
    vm_roles.chain(others).map(|(name, rules)| {
        json!({"apiVersion": VERSION, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
    })
}

fn roles_of_world() -> impl Iterator<Item = Value> {
    (0..ROLES - CLUSTER_ROLES).map(|index| {
        let metadata = json!({"name": format!("role-{index}"), "namespace": namespace(index)});
        json!({"apiVersion": VERSION, "kind": "Role", "metadata": metadata, "rules": rules_of(index)})
    })
}

/// Half of a VM role, by its name; half of a Role, by what it can do.
fn bindings_of_world() -> impl Iterator<Item = Value> {
    (0..BINDINGS).map(|index| {
        let role = index % (ROLES - CLUSTER_ROLES);
        let (place, kind, name) = if index % 2 == 1 {
            (index / 2, "ClusterRole", "spectro-vm-user".to_owned())
        } else {
            (role, "Role", format!("role-{role}"))
        };
        let subject = |offset: usize| {
            let name = world::user((index * 2 + offset) % USERS);
            json!({"kind": "User", "apiGroup": GROUP, "name": name})
        };
        json!({
            "apiVersion": VERSION, "kind": "RoleBinding",
            "metadata": {"name": format!("binding-{index}"), "namespace": namespace(place)},
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": name},
            "subjects": [subject(0), subject(1)],
        })
    })
}

/// Every tenth uses machines, every fiftieth launches them.
fn rules_of(index: usize) -> Vec<Value> {
    let plain = |place: usize| {
        let resource = format!("things-{}", (index + place) % 100);
        rule(
            "orchard.test",
            &[&resource],
            &["get", "list", "watch", "update"],
        )
    };
    let mut rules: Vec<Value> = (0..20).map(plain).collect();
    if index.is_multiple_of(10) {
        rules.extend([view_rule(), use_rule()]);
    }
    if index.is_multiple_of(50) {
        rules.push(launch_rule());
    }
    rules
}

fn view_rule() -> Value {
    rule(
        "kubevirt.io",
        &["virtualmachines", "virtualmachineinstances"],
        &["get", "list", "watch"],
    )
}

fn use_rule() -> Value {
    let resources = [
        "virtualmachines/start",
        "virtualmachines/stop",
        "virtualmachineinstances/console",
    ];
    rule("subresources.kubevirt.io", &resources, &["get", "update"])
}

fn launch_rule() -> Value {
    rule("kubevirt.io", &["virtualmachines"], &["create", "delete"])
}

fn templates_rule() -> Value {
    rule(
        "spectrocloud.com",
        &["vmtemplates"],
        &["create", "update", "delete"],
    )
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

/// Kubernetes makes four by itself; a `RoleBinding` needs no other namespace to be there but its own.
fn namespace(index: usize) -> String {
    NAMESPACES[index % NAMESPACES.len()].to_owned()
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_palette-rbac");
const VERSION: &str = "rbac.authorization.k8s.io/v1";
const GROUP: &str = "rbac.authorization.k8s.io";
const ADMIN: User = User {
    name: "admin",
    groups: &["system:masters"],
};
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
const BINDINGS: usize = 10_000;
const ROLES: usize = 2_000;
const CLUSTER_ROLES: usize = 200;
const USERS: usize = 10_000;
const SCANS: usize = 21;
const REPEATED: u32 = 20;
const AT_ONCE: usize = 64;
const PATIENCE: Duration = Duration::from_mins(2);
