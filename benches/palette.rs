//! From Palette to the verdict, with 20,000 users; and a hub with a thousand clusters.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::harness::assets::Assets;
use crate::harness::cluster::{Cluster, User};
use crate::harness::process::{Process, scratch, wait_for};
use crate::harness::syncer::Syncer;
use crate::harness::webhook::{Webhook, make_certificates, wait_until_asked};
use crate::machine::{processor_time, resident};
use crate::stand_in::{StandIn, Tenant};

pub(crate) fn measure() -> Result<()> {
    way_to_the_verdict()?;
    hub()
}

/// With the defaults of `sync`: ten requests a second, a hint every 30 seconds.
fn way_to_the_verdict() -> Result<()> {
    let Some(assets) = Assets::find() else {
        println!("  without a control plane there is no verdict: `make control-plane`");
        return Ok(());
    };
    let admin = User {
        name: "admin",
        groups: &["system:masters"],
    };
    let cluster = Cluster::start("palette", &assets, &[admin])?;
    for file in ["examples/namespaces.yaml", "examples/roles.yaml"] {
        cluster
            .kubectl
            .read(&format!("apply -f {}/{file}", env!("CARGO_MANIFEST_DIR")))?;
    }
    cluster
        .kubectl
        .read("create namespace palette-rbac-directory")?;
    let stand_in = StandIn::start(Tenant::large());
    stand_in.limit(10);
    let (key, uid) = stand_in.change(|tenant| (tenant.key.clone(), tenant.cluster()));
    let kubeconfig = cluster.kubectl.kubeconfig.display().to_string();
    let arguments = [
        "--cluster-uid",
        &*uid,
        "--to",
        SECRET,
        "--kubeconfig",
        &kubeconfig,
    ];
    let began = Instant::now();
    let folder = scratch("palette-sync")?;
    let syncer = Syncer::start(program(), &folder, (&stand_in.url(), &key), &arguments)?;
    wait_for("the first snapshot", PATIENCE, || {
        let get = cluster
            .kubectl
            .run("get secret snapshot -n palette-rbac-directory");
        get.ok()?.succeeded().then_some(())
    })?;
    println!(
        "  the first snapshot of 20,000 users, 500 teams, one cluster: {:.1} s, {} requests, {:.0} MiB resident",
        began.elapsed().as_secs_f64(),
        stand_in.asked().len(),
        resident(syncer.id())?
    );
    let arguments = [
        "--directory",
        SECRET,
        "--cluster",
        "auto",
        "--kubeconfig",
        &*kubeconfig,
    ];
    let webhook = Webhook::start(program(), &scratch("palette-webhook")?, &arguments)?;
    webhook.register(&cluster.kubectl, "palette-rbac", None)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    wait_until_asked(&cluster.kubectl, root, BINDING)?;
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        let gives = round % 2 == 0;
        let began = Instant::now();
        stand_in.change(|tenant| {
            if gives {
                tenant.grant(INES, ROLE, "orchard-prod");
            } else {
                tenant.revoke(INES, ROLE, "orchard-prod");
            }
        });
        let create = format!("create --dry-run=server -f {BINDING}");
        wait_for("the verdict to change", PATIENCE, || {
            let created = cluster.kubectl.run_in(root, &create).ok()?;
            (created.succeeded() == gives).then_some(())
        })?;
        took.push(began.elapsed().as_secs_f64());
    }
    took.sort_by(f64::total_cmp);
    println!(
        "  from a change in Palette to another verdict at the API server: {:.1} s at the median of {ROUNDS}, {:.1} s at most",
        took[took.len() / 2],
        took[took.len() - 1]
    );
    Ok(())
}

/// A thousand clusters in fifty projects, each asked for every ten seconds.
fn hub() -> Result<()> {
    // The clients' own; whoever chose one already has it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut tenant = Tenant::large();
    let projects: Vec<String> = tenant.projects.keys().cloned().collect();
    for number in tenant.clusters.len()..CLUSTERS {
        tenant.add_cluster(
            &format!("cluster-{number}"),
            Some(&projects[number % projects.len()]),
        );
    }
    let clusters: Vec<String> = tenant.clusters.keys().cloned().collect();
    let folder = scratch("hub")?;
    std::fs::write(folder.join("key"), &tenant.key)?;
    std::fs::create_dir(folder.join("tokens"))?;
    for cluster in &clusters {
        std::fs::write(folder.join("tokens").join(cluster), token(cluster))?;
    }
    make_certificates(program(), &folder.join("certs"))?;
    let stand_in = StandIn::start(tenant);
    let file = |name: &str| folder.join(name).display().to_string();
    let mut command = Command::new(program());
    command.args([
        "sync",
        "--palette-url",
        &stand_in.url(),
        "--palette-key-file",
        &file("key"),
    ]);
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
    ]);
    command.args([
        "--tls-cert",
        &file("certs/tls.crt"),
        "--tls-key",
        &file("certs/tls.key"),
    ]);
    command.args(["--cluster-tokens", &file("tokens"), "--hint-interval", "1s"]);
    command.args(["--requests-per-second", "1000"]);
    let process = Process::start(&mut command, &folder.join("hub.log"))?;
    let address = wait_for("the hub to have a snapshot", PATIENCE, || {
        let log = process.output();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let lines: Vec<Value> = lines.collect();
        lines
            .iter()
            .find(|line| line["message"] == "what Palette says is in force")?;
        let listening = lines.iter().find(|line| line["endpoint"] == "hub")?;
        listening["address"].as_str().map(str::to_owned)
    })?;
    let ca = std::fs::read(folder.join("certs/ca.crt"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(ask_again_and_again(
        &address, &ca, clusters, &process, &stand_in,
    ))
}

async fn ask_again_and_again(
    address: &str,
    ca: &[u8],
    clusters: Vec<String>,
    process: &Process,
    stand_in: &StandIn,
) -> Result<()> {
    let (seen, mut changes) = watch::channel(0_usize);
    let mut clients = JoinSet::new();
    for (index, cluster) in clusters.into_iter().enumerate() {
        let client = reqwest::Client::builder()
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(ca)?)
            .resolve("palette-rbac.palette-rbac.svc", address.parse()?)
            .build()?;
        let port = address.rsplit_once(':').context("no port")?.1;
        let url = format!("https://palette-rbac.palette-rbac.svc:{port}/v1/directories/{cluster}");
        let seen = seen.clone();
        clients.spawn(async move {
            // Not all at once.
            tokio::time::sleep(INTERVAL * u32::try_from(index).unwrap_or(0) / 1000).await;
            let mut tag = None;
            loop {
                let mut request = client.get(&url).bearer_auth(token(&cluster));
                if let Some(tag) = &tag {
                    request = request.header("if-none-match", tag);
                }
                if let Ok(response) = request.send().await
                    && response.status() == 200
                {
                    tag = response.headers().get("etag").cloned();
                    if response.bytes().await.is_ok() {
                        seen.send_modify(|seen| *seen += 1);
                    }
                }
                tokio::time::sleep(INTERVAL).await;
            }
        });
    }
    changes.wait_for(|seen| *seen >= CLUSTERS).await?;
    let (began, before) = (Instant::now(), processor_time(process.id())?);
    tokio::time::sleep(INTERVAL * 3).await;
    let used = processor_time(process.id())?
        .saturating_sub(before)
        .as_secs_f64()
        / began.elapsed().as_secs_f64();
    let (began, before) = (Instant::now(), processor_time(process.id())?);
    // Of the tenant, so that it concerns every cluster.
    stand_in.change(|tenant| {
        let role = tenant.role("Tenant Viewer");
        tenant.user_mut(INES).roles.push(role);
        let uid = tenant.user(INES);
        tenant.audit("user", uid);
    });
    changes.wait_for(|seen| *seen >= 2 * CLUSTERS).await?;
    let took = began.elapsed().as_secs_f64();
    let cost = processor_time(process.id())?
        .saturating_sub(before)
        .as_secs_f64();
    println!(
        "  a hub with {CLUSTERS} clusters that ask every 10 s: {:.0} % of a processor while nothing changes; a change at all \
         of them within {took:.1} s, for {cost:.1} s of processor time; {:.0} MiB resident",
        used * 100.0,
        resident(process.id())?
    );
    clients.abort_all();
    ensure!(took > 0.0, "no time passed");
    Ok(())
}

fn token(cluster: &str) -> String {
    format!("{cluster}{cluster}")
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_palette-rbac"))
}

const CLUSTERS: usize = 1000;
const INTERVAL: Duration = Duration::from_secs(10);
const ROUNDS: usize = 6;
const INES: &str = "ines@orchard.test";
const ROLE: &str = "Virtual Machine Power User";
const BINDING: &str = "examples/palette/power-user.yaml";
const SECRET: &str = "secret:palette-rbac-directory/snapshot";
const PATIENCE: Duration = Duration::from_mins(3);
