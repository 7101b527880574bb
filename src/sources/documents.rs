//! Interim: the policy and the directory are read by the engine's own modules once they are there.

use std::path::PathBuf;
use std::sync::Arc;

use crate::directory::Directory;
use crate::domain::Mode;
use crate::policy::{Actions, Cluster, Identity, MappingEntry, Membership, Policy, RoleClass};

use super::Watched;
use super::files::Parse;

/// What flags say about the cluster, over the policy file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The cluster's project.
    pub project: Option<String>,
    /// The cluster's group.
    pub cluster_group: Option<String>,
    /// The cluster's workspaces.
    pub workspaces: Vec<String>,
}

/// A directory, and what is odd about it.
#[derive(Debug)]
pub struct DirectoryRead {
    /// The directory.
    pub directory: Directory,
    /// One line each.
    pub warnings: Vec<String>,
}

/// A policy file.
pub fn policy(path: PathBuf, overrides: Overrides) -> Watched<Policy> {
    let name = path.display().to_string();
    let parse: Parse<Policy> = Box::new(move |contents| {
        compile(contents.first().map_or(&[][..], |bytes| bytes), &overrides)
            .map_err(|error| vec![format!("{name}: {error}")])
    });
    Watched::new(vec![path], MAX_POLICY_BYTES, parse)
}

/// A directory file of at most `limit` bytes.
pub fn directory(path: PathBuf, limit: usize) -> Watched<DirectoryRead> {
    let name = path.display().to_string();
    let parse: Parse<DirectoryRead> = Box::new(move |contents| {
        let text = contents.first().map(|bytes| String::from_utf8_lossy(bytes));
        if text.is_some_and(|text| text.contains("kind: Directory")) {
            Ok(sample_directory())
        } else {
            Err(vec![format!("{name}: no directory")])
        }
    });
    Watched::new(vec![path], limit, parse)
}

/// The policy of the binary, with what the flags say.
pub fn embedded_policy(overrides: &Overrides) -> Result<Policy, Vec<String>> {
    compile(b"mode: enforce", overrides).map_err(|error| vec![error])
}

/// A directory to try things with.
pub fn sample_directory() -> DirectoryRead {
    DirectoryRead {
        directory: Directory::default(),
        warnings: Vec::new(),
    }
}

fn compile(bytes: &[u8], overrides: &Overrides) -> Result<Policy, String> {
    let text = String::from_utf8_lossy(bytes);
    let modes = Mode::ALL.into_iter();
    let mode = modes
        .filter(|mode| text.contains(&format!("mode: {mode:?}").to_lowercase()))
        .next()
        .ok_or("no mode")?;
    let project = overrides.project.as_deref();
    Ok(Policy {
        mode,
        cluster: Cluster {
            project: project.map_or(Membership::Unknown, |name| Membership::Of(name.into())),
            ..Cluster::default()
        },
        identity: Identity::default(),
        cluster_identities: Vec::new(),
        actions: Actions::default(),
        mapping: vec![MappingEntry {
            role: "spectro-vm-admin".into(),
            class: RoleClass::Vm,
            requires: vec![vec!["Virtual Machine Admin".into()]],
        }],
        stale_after: None,
        on_stale: crate::policy::OnStale::default(),
        exemptions: Vec::new(),
        break_glass_groups: Vec::new(),
        help: None,
        disclose: crate::policy::Disclose::default(),
        role_reads: crate::policy::RoleReads::default(),
        revision: Arc::from(format!("stub-{mode:?}")),
    })
}

/// A policy is written by hand; a megabyte is a mistake.
const MAX_POLICY_BYTES: usize = 1024 * 1024;
