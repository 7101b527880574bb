//! `sync --dry-run`: what it would change, printed.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::scan;
use crate::cli::{Failure, Output, printable};
use crate::decide::Context;
use crate::directory::{Directory, Snapshot, SnapshotCluster};
use crate::facts::{Cluster, Facts};
use crate::policy::Policy;
use crate::rulebook::Rulebook;
use crate::sources::cluster::{Client, list};
use crate::sync::{Change, Joined};

/// Prints who would gain and lose what; and which bindings would break, where that is known.
pub(crate) fn print_preview(
    output: &mut Output<'_>,
    joined: &Joined,
    change: &Change,
    broken: Option<BTreeSet<String>>,
) -> Result<(), Failure> {
    for left_out in &joined.left_out {
        output.warning(left_out)?;
    }
    let snapshot = &joined.snapshot;
    let holders = snapshot
        .users
        .iter()
        .filter(|user| user.uid.is_some())
        .count();
    writeln!(
        output.out,
        "{} users, {holders} of whom hold something that counts; {} teams; {} custom roles",
        snapshot.users.len(),
        snapshot.teams.len(),
        snapshot.roles.len(),
    )?;
    for cluster in &snapshot.clusters {
        writeln!(output.out, "{}", printable(facts(cluster)))?;
    }
    if change.is_empty() {
        writeln!(output.out, "Nobody would hold anything else.")?;
    }
    write!(output.out, "{change}")?;
    match broken {
        Some(broken) if broken.is_empty() => {
            writeln!(output.out, "No binding of the cluster would break.")?;
        }
        Some(broken) => {
            for binding in broken {
                let binding = printable(binding);
                writeln!(
                    output.out,
                    "! {binding} would be refused if it were made then"
                )?;
            }
        }
        None => {}
    }
    Ok(())
}

fn facts(cluster: &SnapshotCluster) -> String {
    let or_none = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
    let workspaces: Vec<&str> = cluster.workspaces.iter().map(|it| &*it.name).collect();
    let workspaces = (!workspaces.is_empty()).then(|| workspaces.join(", "));
    format!(
        "cluster {} ({}): project {}, cluster group {}, workspaces {}",
        cluster.uid,
        cluster.name,
        or_none(&cluster.project),
        or_none(&cluster.cluster_group),
        or_none(&workspaces)
    )
}

/// The bindings of the cluster that the one snapshot lets through and the other does not.
pub(crate) async fn broken_bindings(
    client: &Client,
    policy: &Arc<Policy>,
    before: &Snapshot,
    now: &Snapshot,
) -> Result<BTreeSet<String>, Failure> {
    let mut facts = Facts::new();
    for listed in list(client).await {
        let read = |reason| {
            let kind = listed.kind;
            Failure::CouldNotRun(format!(
                "cannot read the cluster's {kind} objects: {reason}"
            ))
        };
        facts.apply(listed.all.map_err(read)?);
    }
    let view = facts.view();
    let at = Timestamp::now();
    let refused = |snapshot: &Snapshot| {
        let rulebook = rulebook(policy, snapshot)?;
        let report = scan(Context::new(&rulebook, Cluster::seen(&view), at));
        let found = report.found.into_iter();
        let refused = found.filter(|found| !found.decision.verdict.admits());
        let named = refused.map(|found| format!("{} {}", found.binding.kind(), found.binding.name));
        Ok::<BTreeSet<String>, Failure>(named.collect())
    };
    let (before, now) = (refused(before)?, refused(now)?);
    Ok(now.difference(&before).cloned().collect())
}

fn rulebook(policy: &Arc<Policy>, snapshot: &Snapshot) -> Result<Rulebook, Failure> {
    let text = snapshot.to_json();
    let text = text.map_err(|error| Failure::CouldNotRun(error.to_string()))?;
    let compiled = Directory::compile(&text, text.len());
    let compiled = compiled.map_err(|mistakes| Failure::BadInput(vec![mistakes.to_string()]))?;
    Ok(Rulebook::pair(Arc::clone(policy), Arc::new(compiled.directory)).0)
}
