//! `make run`: the sample bindings judged at a real API server, each verdict as kubectl shows it.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a demonstration: its harness is the tests'"
)]

use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use palette_rbac::app::contained;
use palette_rbac::policy::{ClusterOverride, Policy};
use serde_json::{Value, json};

use harness::assets::{Assets, SCRIPT};
use harness::cluster::{Cluster, User};
use harness::process::{Process, scratch};
use harness::review::creation;
use harness::webhook::{Webhook, wait_until_asked};

#[expect(dead_code, reason = "the tests use more of it")]
mod harness;
#[path = "demo/palette.rs"]
mod palette;
#[expect(
    dead_code,
    unused_imports,
    reason = "the tests of `sync` use more of it"
)]
#[path = "../stand_in/mod.rs"]
mod stand_in;

/// Shows palette-rbac at work on this machine.
#[derive(Parser)]
struct Arguments {
    /// Ends after the samples, and leaves nothing running.
    #[arg(long)]
    once: bool,
}

fn main() -> ExitCode {
    contained(|| match demonstrate(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if nobody_reads(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // If nobody listens, the exit code still tells.
            let _ = writeln!(io::stderr(), "error: {error:#}\n{WHAT_TO_DO}");
            ExitCode::FAILURE
        }
    })
}

/// `| head` is no failure.
fn nobody_reads(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn demonstrate(Arguments { once }: &Arguments) -> Result<()> {
    std::env::set_current_dir(ROOT)?;
    let Some(assets) = control_plane(*once)? else {
        return Ok(());
    };
    let cluster = start(&assets)?;
    let webhook = serve(Some(&cluster))?;
    register(&webhook, &cluster)?;
    show(&cluster, &webhook)?;
    let palette = palette::show(&cluster, &program()?)?;
    if *once {
        return Ok(());
    }
    let webhook = &palette.webhook;
    let (kubeconfig, kubectl) = (
        cluster.kubectl.kubeconfig.display(),
        kubectl_to_type(&assets),
    );
    say(format_args!(
        "\nTry one of your own:\n  KUBECONFIG={kubeconfig} {kubectl} apply -f {SAMPLES}/02-vm-admin.yaml"
    ))?;
    keep_serving(webhook)
}

/// The webhook with the embedded rules, what Palette knows of the sample's cluster and the sample directory. Of a cluster
/// that is there it watches the roles.
fn serve(cluster: Option<&Cluster>) -> Result<Webhook> {
    say(format_args!(
        "Starting the webhook: embedded rules, {DIRECTORY}, certificates by `palette-rbac certs`."
    ))?;
    let kubeconfig = cluster.map(|cluster| cluster.kubectl.kubeconfig.display().to_string());
    let mut arguments = vec![
        "--directory",
        DIRECTORY,
        "--project",
        "orchard-prod",
        "--cluster-group",
        "cellar",
        "--workspace",
        "harvest",
    ];
    if let Some(kubeconfig) = &kubeconfig {
        arguments.extend(["--cluster", "auto", "--kubeconfig", kubeconfig]);
    }
    say(format_args!(
        "  palette-rbac serve {} …",
        arguments.join(" ")
    ))?;
    Webhook::start(&program()?, &scratch("webhook")?, &arguments)
}

/// `palette-rbac` beside us, in the same build.
fn program() -> Result<PathBuf> {
    let examples = std::env::current_exe()?;
    let target = examples
        .parent()
        .and_then(Path::parent)
        .context("not in a target folder")?;
    Ok(target.join("palette-rbac"))
}

/// Finds the control plane, or builds it while a webhook judges the samples alone. None where there is no Go.
fn control_plane(once: bool) -> Result<Option<Assets>> {
    if let Some(assets) = Assets::find() {
        return Ok(Some(assets));
    }
    let build = start_build()?;
    say("\nMeanwhile the webhook alone, asked as the API server asks it:")?;
    let webhook = serve(None)?;
    show_alone(&webhook)?;
    let Some(mut build) = build else {
        say(format_args!(
            "\nWithout a control plane the API server's part was not shown: {HOW_TO_HAVE_IT}."
        ))?;
        if !once {
            keep_serving(&webhook)?;
        }
        return Ok(None);
    };
    say("\nWaiting for the control plane.")?;
    if !build.wait()?.success() {
        bail!("the control plane could not be built; why is said above");
    }
    Assets::find()
        .context("the control plane was built, and is not found")
        .map(Some)
}

fn start_build() -> Result<Option<Process>> {
    if !Command::new(SCRIPT).arg("go").output()?.status.success() {
        say("\nThere is no kube-apiserver on this machine, and no Go to build one.")?;
        return Ok(None);
    }
    say(
        "\nThere is no kube-apiserver on this machine yet. Building one, once: about 7 minutes on 2 cores.",
    )?;
    Process::start_in_sight(Command::new(SCRIPT).arg("build")).map(Some)
}

fn start(assets: &Assets) -> Result<Cluster> {
    say("Starting etcd and kube-apiserver on loopback.")?;
    let admin = User {
        name: "admin",
        groups: &["system:masters"],
    };
    let cluster = Cluster::start("cluster", assets, &[admin])?;
    for file in ["namespaces.yaml", "roles.yaml"] {
        let apply = format!("apply -f examples/{file}");
        let created = cluster.kubectl.run_in(Path::new(ROOT), &apply)?;
        anyhow::ensure!(created.succeeded(), "{created}");
    }
    Ok(cluster)
}

fn register(webhook: &Webhook, cluster: &Cluster) -> Result<()> {
    say("Registering the webhook (manifests/base/webhook.yaml).")?;
    webhook.register(&cluster.kubectl, "palette-rbac", None)?;
    let probe = format!("{SAMPLES}/09-everybody.yaml");
    wait_until_asked(&cluster.kubectl, Path::new(ROOT), &probe)
}

/// Applies every sample with kubectl, then says which metrics moved.
fn show(cluster: &Cluster, webhook: &Webhook) -> Result<()> {
    let before = webhook.metrics()?;
    for sample in samples()? {
        say(format_args!("\n{}", comment(&sample)?))?;
        let path = sample.strip_prefix(ROOT)?.display();
        let apply = format!("apply -f {path}");
        let shown = cluster.kubectl.run_in(Path::new(ROOT), &apply)?;
        say(shown.to_string().trim_end())?;
    }
    say(format_args!(
        "\nWhat moved in http://{}/metrics:",
        webhook.admin
    ))?;
    for (series, added) in webhook.metrics()?.since(&before) {
        say(format_args!("  {series} +{added}"))?;
    }
    Ok(())
}

/// Posts every sample to the webhook, with no API server between.
fn show_alone(webhook: &Webhook) -> Result<()> {
    let client = webhook.client()?;
    for sample in samples()? {
        let document: Value = serde_saphyr::from_str(&fs::read_to_string(&sample)?)?;
        let path = sample.strip_prefix(ROOT)?.display();
        if !is_judged_by_name(&document) {
            say(format_args!(
                "\n# Its role is judged by what it can do, which takes a cluster: later.\n{path}"
            ))?;
            continue;
        }
        say(format_args!("\n{}", comment(&sample)?))?;
        let review: Value =
            serde_json::from_str(&client.post(&creation(&document, "sample"))?.body)?;
        let response = &review["response"];
        for warning in response["warnings"].as_array().into_iter().flatten() {
            say(format_args!(
                "Warning: {}",
                warning.as_str().unwrap_or_default()
            ))?;
        }
        if response["allowed"] == json!(true) {
            say(format_args!("admitted: {path}"))?;
        } else {
            say(format_args!(
                "refused: {}",
                response["status"]["message"].as_str().unwrap_or_default()
            ))?;
        }
    }
    Ok(())
}

/// Whether the mapping names the role, so that nobody has to know what it can do.
fn is_judged_by_name(binding: &Value) -> bool {
    let policy = Policy::embedded(&ClusterOverride::default());
    let role = &binding["roleRef"]["name"];
    policy.mapping.iter().any(|entry| *role == *entry.role)
}

/// The sample bindings in the order of their names.
fn samples() -> Result<Vec<PathBuf>> {
    let folder = Path::new(ROOT).join(SAMPLES);
    let mut files = folder
        .read_dir()?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// What the first lines of a sample say that it shows.
fn comment(sample: &Path) -> Result<String> {
    let text = fs::read_to_string(sample)?;
    Ok(text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n"))
}

fn keep_serving(webhook: &Webhook) -> Result<()> {
    say(format_args!(
        "\nServing on https://{}/validate until Ctrl-C.",
        webhook.address
    ))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(tokio::signal::ctrl_c())?;
    Ok(())
}

/// A kubectl that the reader has, or else ours by its path.
fn kubectl_to_type(assets: &Assets) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::split_paths(&path).any(|folder| folder.join("kubectl").is_file());
    if own {
        "kubectl".to_owned()
    } else {
        assets.kubectl.display().to_string()
    }
}

/// One line or more, as `println!` has them, but whoever closes the pipe is no panic.
pub(crate) fn say(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SAMPLES: &str = "examples/bindings";
const DIRECTORY: &str = "examples/directory.yaml";
const WHAT_TO_DO: &str = "\
Once that is mended, `make run` goes on from where it came. `make setup` installs what is missing; a control plane that
is there already is used where KUBEBUILDER_ASSETS names its folder.";
const HOW_TO_HAVE_IT: &str = "install Go (`make setup` does), or set KUBEBUILDER_ASSETS";
