//! What is known of a cluster: from a dump of its roles and bindings, from its API server, and from manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use strum::IntoEnumIterator;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::Failure;
use super::manifests::{self, Manifests, Problem, display_name, is_standard_input};
use super::output::Output;
use crate::facts::{Event, Facts, Kind, StoredObject};
use crate::manifest::{Recognized, Strictness};
use crate::sources::cluster::{ClusterFrom, Listed, connect, list};

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
        let dump = Dump::read(std::slice::from_ref(path), output)?;
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

    fn from(&self) -> ClusterFrom {
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

/// A cluster as files tell it.
#[derive(Debug)]
pub(super) struct Dump {
    pub(super) facts: Facts,
    /// What of it could not be read.
    pub(super) problems: Vec<Problem>,
}

impl Dump {
    /// Reads files of which each kind that occurs is there in full.
    pub(super) fn read(paths: &[PathBuf], output: &mut Output<'_>) -> Result<Self, Failure> {
        let mut manifests = Manifests::read(paths);
        manifests.warn_of_left_out(output)?;
        let mut problems = std::mem::take(&mut manifests.problems);
        let mut by_kind: BTreeMap<Kind, Vec<StoredObject>> = BTreeMap::new();
        for page in manifests.pages {
            problems.push(Problem::Page {
                at: page.source,
                count: page.missing,
            });
        }
        for object in &manifests.objects {
            match read(object, None, Strictness::Stored) {
                Some(Ok(fact)) => by_kind.entry(fact.kind()).or_default().push(fact),
                Some(Err(problem)) => problems.push(problem),
                None => {}
            }
        }
        if by_kind.is_empty() && problems.is_empty() {
            return Err(Failure::BadInput(vec![nothing_in(paths)]));
        }
        warn_of_missing(&by_kind, paths, output)?;
        let mut facts = Facts::new();
        for (kind, objects) in by_kind {
            facts.apply(Event::Reset(kind, objects));
        }
        Ok(Self { facts, problems })
    }
}

/// Every cluster has some of each kind, so one that is not there was not asked for.
fn warn_of_missing(
    by_kind: &BTreeMap<Kind, Vec<StoredObject>>,
    paths: &[PathBuf],
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let missing = Kind::iter().filter(|kind| !by_kind.contains_key(kind));
    let missing: Vec<String> = missing.map(|kind| format!("{kind}s")).collect();
    if !missing.is_empty() && !by_kind.is_empty() {
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

/// An object as the cluster's facts know it, or nothing if it is no role and no binding.
///
/// One that names no namespace is in the one given, and one that leaves its name to the API server is called by the
/// prefix.
pub(super) fn read(
    object: &manifests::SourcedManifest,
    namespace: Option<&str>,
    strictness: Strictness,
) -> Option<Result<StoredObject, Problem>> {
    let broken = |mistakes| Problem::broken(&object.source, mistakes);
    match object.content.recognized() {
        Recognized::Judged(kind) => Some(
            object
                .content
                .read(kind, namespace, strictness)
                .map_err(broken),
        ),
        Recognized::Meant(mistake) => Some(Err(broken(mistake.into()))),
        Recognized::Other(_) => None,
    }
}

/// Work that takes longer is announced.
const PATIENCE: Duration = Duration::from_secs(1);
const NO_CLUSTER: &str = "no cluster: no pod's ServiceAccount, no KUBECONFIG and no ~/.kube/config; name one with \
    --kubeconfig FILE, or a dump of its roles and bindings";
const KUBECTL: &str = "kubectl get clusterroles,roles,clusterrolebindings,rolebindings --all-namespaces --output json";
