//! What it costs to read the role of a person's binding from the API server before the binding is judged.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::harness::http::Client;
use crate::harness::process::scratch;
use crate::harness::webhook::Webhook;
use crate::turns::{Which, compare};
use crate::world;

/// Beside a webhook that judges by what it watches alone; both with the given flags.
pub(crate) fn measure(program: &Path, arguments: &[&str], role: &str) -> Result<()> {
    let folder = scratch("live-reads")?;
    let policy = folder.join("policy.yaml");
    fs::write(&policy, WATCHED)?;
    let policy = policy.display().to_string();
    let watched = [arguments, &["--policy", &policy]].concat();
    let live = Webhook::start(program, &scratch("live-reads-live")?, arguments)?;
    let watched = Webhook::start(program, &folder, &watched)?;
    let (live_client, watched_client) = (live.client()?, watched.client()?);
    let body = review(role);
    let compared = compare(TURNS, |which| match which {
        Which::Ours => asked(&live_client, &body),
        Which::Other => asked(&watched_client, &body),
    })?;
    let reads = live.metrics()?.sum("palette_rbac_role_reads_total", &[]);
    ensure!(reads > 0.0, "no role was read");
    println!(
        "  a binding of a role that no name tells about, over a new TLS connection: {:.3} ms read live, {:.3} ms by the watch, {}",
        compared.ours,
        compared.other,
        compared.ratio()
    );
    Ok(())
}

/// Milliseconds.
fn asked(client: &Client, body: &Value) -> Result<f64> {
    let began = Instant::now();
    let answer = client.post(body)?;
    let took = began.elapsed().as_secs_f64() * 1e3;
    ensure!(answer.status == 200, "{}", answer.status);
    Ok(took)
}

fn review(role: &str) -> Value {
    let mut binding = world::binding("new", "default", [&world::user(1), &world::user(2)]);
    binding["roleRef"]["name"] = json!(role);
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "live",
            "kind": {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "RoleBinding"},
            "resource": {"group": "rbac.authorization.k8s.io", "version": "v1", "resource": "rolebindings"},
            "name": "new", "namespace": "default", "operation": "CREATE",
            "userInfo": {"username": "admin", "groups": ["system:masters"]},
            "object": binding, "oldObject": null, "dryRun": true,
        },
    })
}

const WATCHED: &str = "apiVersion: palette-rbac.io/v1alpha1\nkind: Policy\nroleReads: watched\n";
const TURNS: usize = 400;
