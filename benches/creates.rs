//! The time of creates at a real API server: with our webhook, with the do-nothing one, and with none.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;

use crate::harness::assets::Assets;
use crate::harness::cluster::{Cluster, User};
use crate::harness::kubectl::Kubectl;
use crate::harness::process::wait_for;
use crate::load::trusting;
use crate::machine::Placement;
use crate::throughput::Webhooks;
use crate::turns::{Compared, Turn, median};
use crate::world;

pub(crate) fn measure() -> Result<()> {
    let Some(assets) = Assets::find() else {
        println!("  skipped: no kube-apiserver here; `make control-plane` builds one");
        return Ok(());
    };
    let cluster = Cluster::start("creates", &assets, &[ADMIN])?;
    let webhooks = Webhooks::start("creates-webhooks", Placement::Free)?;
    register(&webhooks, &cluster.kubectl)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut api_server = ApiServer::connect(&cluster.kubectl, &runtime)?;
    let before = calls(&cluster.kubectl)?;
    let rounds = runtime.block_on(api_server.rounds())?;
    let after = calls(&cluster.kubectl)?;
    report(&rounds);
    report_calls(&before, &after)
}

/// The milliseconds of one create each.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    ours: f64,
    nothing: f64,
    none: f64,
}

impl Round {
    fn of(&mut self, namespace: &str) -> &mut f64 {
        match namespace {
            OURS => &mut self.ours,
            NOTHING => &mut self.nothing,
            _ => &mut self.none,
        }
    }
}

/// Registers each webhook as `manifests/` does, for one namespace, and waits until the API server asks both.
fn register(webhooks: &Webhooks, kubectl: &Kubectl) -> Result<()> {
    for namespace in NAMESPACES {
        kubectl.read(&format!("create namespace {namespace}"))?;
    }
    webhooks
        .ours
        .register(kubectl, OURS, Some(&in_namespace(OURS)))?;
    let registered = fs::read_to_string(kubectl.folder.join(format!("{OURS}.json")))?;
    let url = |address| format!("https://{address}/");
    let nothing = registered
        .replace(&url(webhooks.ours.address), &url(webhooks.nothing.address))
        .replace(&in_namespace(OURS), &in_namespace(NOTHING));
    let mut nothing: Value = serde_json::from_str(&nothing)?;
    nothing["metadata"]["name"] = json!(NOTHING);
    nothing["webhooks"][0]["name"] = json!(NOTHING_WEBHOOK);
    fs::write(kubectl.folder.join("nothing.json"), nothing.to_string())?;
    kubectl.read("apply -f nothing.json")?;
    wait_for("the API server to ask both", ASKED_WITHIN, || {
        for namespace in [OURS, NOTHING] {
            let probe = "create rolebinding probe --clusterrole=view --user=probe --dry-run=server";
            kubectl
                .run(&format!("{probe} --namespace {namespace}"))
                .ok()?;
        }
        let calls = calls(kubectl).ok()?;
        [OURS_WEBHOOK, NOTHING_WEBHOOK]
            .iter()
            .all(|webhook| calls.contains_key(*webhook))
            .then_some(())
    })
}

fn in_namespace(namespace: &str) -> String {
    format!("request.namespace == '{namespace}'")
}

/// A connection to the API server.
struct ApiServer {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    token: String,
}

impl ApiServer {
    fn connect(kubectl: &Kubectl, runtime: &Runtime) -> Result<Self> {
        let config: Value = serde_json::from_str(&fs::read_to_string(&kubectl.kubeconfig)?)?;
        let cluster = &config["clusters"][0]["cluster"];
        let text = |value: &Value| {
            value
                .as_str()
                .map(str::to_owned)
                .context("not in the kubeconfig")
        };
        let authority = text(&cluster["server"])?.replace("https://", "");
        let ca = fs::read_to_string(text(&cluster["certificate-authority"])?)?;
        let sender = runtime.block_on(open(&authority, &ca, runtime))?;
        let token = text(&config["users"][0]["user"]["token"])?;
        Ok(Self {
            sender,
            authority,
            token,
        })
    }

    async fn rounds(&mut self) -> Result<Vec<Round>> {
        let mut rounds = Vec::with_capacity(ROUNDS);
        for index in 0..WARM_UP + ROUNDS {
            let mut round = Round::default();
            for place in 0..NAMESPACES.len() {
                let namespace = NAMESPACES[(index + place) % NAMESPACES.len()];
                let took = self.create(namespace, &format!("binding-{index}")).await?;
                *round.of(namespace) = took.as_secs_f64() * 1e3;
            }
            if index >= WARM_UP {
                rounds.push(round);
            }
        }
        Ok(rounds)
    }

    async fn create(&mut self, namespace: &str, name: &str) -> Result<Duration> {
        let body = world::binding(name, namespace, [&world::user(1), &world::user(2)]).to_string();
        let path =
            format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings");
        let request = Request::post(path)
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        let began = Instant::now();
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let took = began.elapsed();
        ensure!(
            status == StatusCode::CREATED,
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(took)
    }
}

async fn open(authority: &str, ca: &str, runtime: &Runtime) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let connector = TlsConnector::from(trusting(ca)?);
    let stream = connector
        .connect(ServerName::try_from("127.0.0.1")?, stream)
        .await?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    runtime.spawn(connection);
    Ok(sender)
}

fn report(rounds: &[Round]) {
    let creates = turns(rounds, |round| Turn {
        ours: round.ours,
        other: round.nothing,
    });
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value));
    println!(
        "  create: {:.3} ms with ours, {:.3} ms with the do-nothing webhook, {:.3} ms with none; ours beside do-nothing: {}",
        creates.ours,
        creates.other,
        of(|round| round.none),
        creates.ratio(),
    );
    let (ours, nothing) = (
        of(|round| round.ours - round.none),
        of(|round| round.nothing - round.none),
    );
    println!(
        "  added: {ours:.3} ms beside {nothing:.3} ms, ratio {:.3}",
        ours / nothing
    );
}

fn turns(rounds: &[Round], turn: fn(&Round) -> Turn) -> Compared {
    Compared::of(&rounds.iter().map(turn).collect::<Vec<_>>())
}

/// The calls that the API server made of each webhook: how many, and their seconds together.
type Calls = BTreeMap<String, (f64, f64)>;

fn calls(kubectl: &Kubectl) -> Result<Calls> {
    let mut calls = Calls::new();
    for line in kubectl.read("get --raw /metrics")?.lines() {
        let Some((kind, labels)) = line
            .strip_prefix("apiserver_admission_webhook_admission_duration_seconds_")
            .and_then(|rest| rest.split_once('{'))
        else {
            continue;
        };
        let name = labels
            .split('"')
            .nth(1)
            .context("a metric without labels")?;
        let value: f64 = line.rsplit(' ').next().unwrap_or_default().parse()?;
        let (count, seconds) = calls.entry(name.to_owned()).or_default();
        match kind {
            "count" => *count += value,
            "sum" => *seconds += value,
            _ => {}
        }
    }
    Ok(calls)
}

fn report_calls(before: &Calls, after: &Calls) -> Result<()> {
    let mean = |webhook: &str| -> Result<f64> {
        let (then, now) = (before[webhook], after[webhook]);
        let count = now.0 - then.0;
        let expected = u32::try_from(WARM_UP + ROUNDS).map(f64::from)?;
        ensure!(
            (count - expected).abs() < 0.5,
            "{webhook} was asked {count} times"
        );
        Ok((now.1 - then.1) / count * 1e3)
    };
    let (ours, nothing) = (mean(OURS_WEBHOOK)?, mean(NOTHING_WEBHOOK)?);
    println!(
        "  call as the API server times it (mean): {ours:.3} ms beside {nothing:.3} ms, ratio {:.3}",
        ours / nothing
    );
    Ok(())
}

const ADMIN: User = User {
    name: "admin",
    groups: &["system:masters"],
};
const OURS: &str = "ours";
const NOTHING: &str = "nothing";
const NAMESPACES: [&str; 3] = [OURS, NOTHING, "none"];
const OURS_WEBHOOK: &str = "bindings.palette-rbac.io";
const NOTHING_WEBHOOK: &str = "nothing.palette-rbac.io";
const WARM_UP: usize = 100;
const ROUNDS: usize = 1_500;
const ASKED_WITHIN: Duration = Duration::from_mins(1);
