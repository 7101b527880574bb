//! The flags that say where the cluster's roles and bindings are read, and what is said on the way.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use strum::IntoEnumIterator;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::Failure;
use super::output::Output;
use crate::facts::{Facts, Kind};
use crate::sources::cluster::{ClusterFrom, Listed, connect, list};
use crate::sources::manifests::{Dump, Problem, display_name, is_standard_input};

/// Where the cluster's roles and bindings are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster facts")]
pub(super) struct FactsArgs {
    /// All roles and bindings of the cluster, as kubectl prints them, or `-` for the standard input
    ///
    /// kubectl get clusterroles,roles,clusterrolebindings,rolebindings --all-namespaces --output json
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_FACTS")]
    facts: Option<PathBuf>,
    #[command(flatten)]
    cluster: LiveArgs,
}

/// Which live cluster is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster facts")]
pub(super) struct LiveArgs {
    /// Reads roles and bindings from the cluster of this kubeconfig; a file with them counts more
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME", env = "PALETTE_RBAC_CONTEXT")]
    context: Option<String>,
}

impl FactsArgs {
    /// Refuses to read the standard input for the facts where it holds something else already.
    pub(super) fn beside(&self, others: &[PathBuf]) -> Result<(), Failure> {
        let is_taken = others.iter().any(|path| is_standard_input(path));
        match &self.facts {
            Some(path) if is_taken && is_standard_input(path) => Err(Failure::usage(
                "--facts - and --filename -: the standard input can be read for one of them only",
            )),
            _ => Ok(()),
        }
    }

    /// The cluster that is named, or that of the surroundings.
    pub(super) fn cluster(&self) -> ClusterFrom {
        self.cluster.from()
    }

    /// What is known of the cluster, if one is named.
    pub(super) fn read(&self, output: &mut Output<'_>) -> Result<Option<Facts>, Failure> {
        if self.facts.is_some() || self.cluster.is_named() {
            self.read_or_ask(output).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The same; if none is named, that of the surroundings.
    pub(super) fn read_or_ask(&self, output: &mut Output<'_>) -> Result<Facts, Failure> {
        let Some(path) = &self.facts else {
            return self.cluster.ask(output);
        };
        let dump = read_dump(std::slice::from_ref(path), output)?;
        match dump.problems.as_slice() {
            [] => Ok(dump.facts),
            // Half of a cluster would look like a whole one.
            problems => Err(failure(problems)),
        }
    }
}

impl LiveArgs {
    fn is_named(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some()
    }

    /// The cluster that they name, or that of the surroundings.
    pub(super) fn from(&self) -> ClusterFrom {
        match (&self.kubeconfig, &self.context) {
            (path, Some(context)) => ClusterFrom::Context(path.clone(), context.clone()),
            (Some(path), None) => ClusterFrom::Kubeconfig(path.clone()),
            (None, None) => ClusterFrom::Surroundings,
        }
    }

    /// Reads all roles and bindings of the cluster once.
    pub(super) fn ask(&self, output: &mut Output<'_>) -> Result<Facts, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|error| Failure::CouldNotRun(format!("cannot start a runtime: {error}")))?;
        let listed = runtime.block_on(self.list(output))?;
        let mut facts = Facts::new();
        for listed in listed {
            for (name, reason) in &listed.odd {
                output.warning(format_args!(
                    "{} {name} cannot be understood: {reason}",
                    listed.kind
                ))?;
            }
            match listed.all {
                Ok(event) => {
                    facts.apply(event);
                }
                Err(reason) => return Err(not_listed(listed.kind, &reason)),
            }
        }
        Ok(facts)
    }

    async fn list(&self, output: &mut Output<'_>) -> Result<[Listed; 4], Failure> {
        let client = connect(&self.from()).await?;
        let client = client.ok_or_else(|| Failure::usage(NO_CLUSTER))?;
        let mut listing = pin!(list(&client));
        if let Ok(listed) = timeout(PATIENCE, &mut listing).await {
            return Ok(listed);
        }
        output.note("reading the cluster's roles and bindings ...")?;
        Ok(listing.await)
    }
}

fn not_listed(kind: Kind, reason: &str) -> Failure {
    Failure::CouldNotRun(format!("cannot list the cluster's {kind}s: {reason}"))
}

fn failure(problems: &[Problem]) -> Failure {
    let unreadable = |problem: &&Problem| matches!(problem, Problem::Unreadable { .. });
    match problems.iter().find(unreadable) {
        Some(problem) => Failure::CouldNotRun(problem.to_string()),
        None => Failure::BadInput(problems.iter().map(ToString::to_string).collect()),
    }
}

/// A dump as it was asked for, with a warning for each kind that it has nothing of.
pub(super) fn read_dump(paths: &[PathBuf], output: &mut Output<'_>) -> Result<Dump, Failure> {
    let dump = Dump::read(paths);
    output.left_out(&dump.left_out)?;
    if dump.is_empty() {
        return Err(Failure::BadInput(vec![nothing_in(paths)]));
    }
    warn_of_missing(&dump, paths, output)?;
    Ok(dump)
}

/// Every cluster has some of each kind, so one that is not there was not asked for.
fn warn_of_missing(dump: &Dump, paths: &[PathBuf], output: &mut Output<'_>) -> Result<(), Failure> {
    let missing = Kind::iter().filter(|kind| !dump.kinds.contains(kind));
    let missing: Vec<String> = missing.map(|kind| format!("{kind}s")).collect();
    if !missing.is_empty() && !dump.kinds.is_empty() {
        let (files, missing) = (named(paths), missing.join(", "));
        output.warning(format_args!(
            "{files}: no {missing}, so nothing is known of them; ask for all four kinds: {KUBECTL}"
        ))?;
    }
    Ok(())
}

fn nothing_in(paths: &[PathBuf]) -> String {
    format!(
        "{}: no roles and no bindings; write them with: {KUBECTL}",
        named(paths)
    )
}

fn named(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .map(|path| display_name(Path::new(path)))
        .collect();
    names.join(", ")
}

/// Work that takes longer is announced.
const PATIENCE: Duration = Duration::from_secs(1);
const NO_CLUSTER: &str = "no cluster: no pod's ServiceAccount, no KUBECONFIG and no ~/.kube/config; name one with \
    --kubeconfig FILE, or a dump of its roles and bindings";
const KUBECTL: &str = "kubectl get clusterroles,roles,clusterrolebindings,rolebindings --all-namespaces --output json";
