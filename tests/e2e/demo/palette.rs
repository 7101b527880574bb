//! The part of the demonstration in which Palette says who holds what: given there, admitted here; taken away, refused.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::harness::cluster::Cluster;
use crate::harness::kubectl::Transcript;
use crate::harness::process::{scratch, wait_for};
use crate::harness::syncer::Syncer;
use crate::harness::webhook::Webhook;
use crate::say;
use crate::stand_in::{StandIn, Tenant};

/// What goes on running.
pub(crate) struct Palette {
    pub(crate) webhook: Webhook,
    _syncer: Syncer,
    _stand_in: StandIn,
}

/// Takes the file of the sample's place, gives and takes.
pub(crate) fn show(cluster: &Cluster, program: &Path) -> Result<Palette> {
    say(
        "\nNow Palette itself says who holds what: a stand-in for its API, `palette-rbac sync`, and a webhook that follows \
         the snapshot.",
    )?;
    let stand_in = StandIn::start(Tenant::sample());
    let syncer = start_sync(cluster, program, &stand_in)?;
    let webhook = serve(cluster, program)?;
    webhook.register(&cluster.kubectl, "palette-rbac", None)?;

    say("\n# Palette gives ines@orchard.test Virtual Machine User only: refused.")?;
    say(shown(&until(cluster, false)?))?;
    stand_in.change(|tenant| tenant.grant(INES, ROLE, "orchard-prod"));
    say(format_args!(
        "\n# In Palette, {INES} is given {ROLE}: admitted."
    ))?;
    say(shown(&until(cluster, true)?))?;
    stand_in.change(|tenant| tenant.revoke(INES, ROLE, "orchard-prod"));
    say(format_args!(
        "\n# It is taken away again: the next binding is refused."
    ))?;
    say(shown(&until_refused_anew(cluster)?))?;
    say("\n# The binding that was made meanwhile is still there. The audit names it:")?;
    say(audit(cluster, program)?)?;
    Ok(Palette {
        webhook,
        _syncer: syncer,
        _stand_in: stand_in,
    })
}

fn start_sync(cluster: &Cluster, program: &Path, stand_in: &StandIn) -> Result<Syncer> {
    cluster
        .kubectl
        .read("create namespace palette-rbac-directory")?;
    let (key, uid) = stand_in.change(|tenant| (tenant.key.clone(), tenant.cluster()));
    let kubeconfig = cluster.kubectl.kubeconfig.display().to_string();
    let mut arguments = vec![
        "--cluster-uid",
        &*uid,
        "--to",
        SECRET,
        "--kubeconfig",
        &kubeconfig,
    ];
    // Thirty seconds are soon enough for Palette, and too long to look at a screen.
    arguments.extend(["--hint-interval", "1s"]);
    say(format_args!(
        "  palette-rbac sync --palette-url {} --palette-key-file KEY {}",
        stand_in.url(),
        arguments.join(" ")
    ))?;
    Syncer::start(
        program,
        &scratch("sync")?,
        (&stand_in.url(), &key),
        &arguments,
    )
}

fn serve(cluster: &Cluster, program: &Path) -> Result<Webhook> {
    let kubeconfig = cluster.kubectl.kubeconfig.display().to_string();
    let arguments = [
        "--directory",
        SECRET,
        "--cluster",
        "auto",
        "--kubeconfig",
        &*kubeconfig,
    ];
    say(format_args!(
        "  palette-rbac serve {} …",
        arguments.join(" ")
    ))?;
    Webhook::start(program, &scratch("webhook-of-sync")?, &arguments)
}

/// Applies the binding until it is admitted, or until it is refused.
fn until(cluster: &Cluster, is_admitted: bool) -> Result<Transcript> {
    let apply = format!("apply -f {BINDING}");
    wait_for("the verdict to change", PATIENCE, || {
        let applied = cluster.kubectl.run_in(&root(), &apply).ok()?;
        (applied.succeeded() == is_admitted).then_some(applied)
    })
}

/// Another binding like it: the one that is there adds nothing and passes.
fn until_refused_anew(cluster: &Cluster) -> Result<Transcript> {
    let create = format!(
        "create rolebinding picking-power-users-2 -n vm-picking --clusterrole spectro-vm-power-user --user {INES}"
    );
    wait_for("the role to be gone", PATIENCE, || {
        let dry = cluster
            .kubectl
            .run(&format!("{create} --dry-run=server"))
            .ok()?;
        (!dry.succeeded()).then_some(())
    })?;
    cluster.kubectl.run(&create)
}

fn audit(cluster: &Cluster, program: &Path) -> Result<String> {
    let output = Command::new(program)
        .args(["audit", "--directory", SECRET])
        .env("KUBECONFIG", &cluster.kubectl.kubeconfig)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let named = text
        .lines()
        .filter(|line| line.contains("picking-power-users"));
    Ok(format!(
        "$ palette-rbac audit --directory {SECRET}\n{}",
        named.collect::<Vec<_>>().join("\n")
    ))
}

fn shown(transcript: &Transcript) -> String {
    transcript.to_string().trim_end().to_owned()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

const INES: &str = "ines@orchard.test";
const ROLE: &str = "Virtual Machine Power User";
const BINDING: &str = "examples/palette/power-user.yaml";
const SECRET: &str = "secret:palette-rbac-directory/snapshot";
const PATIENCE: Duration = Duration::from_mins(1);
