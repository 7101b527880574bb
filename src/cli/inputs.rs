//! The flags that subcommands share, and what they name: the policy, the directory, the requester, the time.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use super::output::Output;
use super::{Failure, manifests};
use crate::directory::{self, Directory};
use crate::document::{InFile, Mistake, Mistakes};
use crate::domain::Requester;
use crate::policy::{ClusterOverride, Compiled, Membership, Policy};
use crate::ruling::Ruling;

/// Policy, directory and time: all that a decision is made from.
#[derive(Debug, Args)]
pub(super) struct RulingArgs {
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    directory: DirectoryArgs,
    /// Judges as if it were this moment (RFC 3339); for tests.
    #[arg(long, env = "PALETTE_RBAC_NOW", hide = true, value_name = "TIME")]
    now: Option<Timestamp>,
}

impl RulingArgs {
    /// Reads both and pairs them; what is odd about them is said on the way.
    pub(super) fn ruling(&self, output: &mut Output<'_>) -> Result<Ruling, Failure> {
        let policy = self.policy.read(output)?;
        let directory = self.directory.read(output)?;
        let (ruling, unknown) = Ruling::pair(policy.into(), directory.into());
        for role in unknown {
            output.warning(role)?;
        }
        Ok(ruling)
    }

    /// The moment to judge at.
    pub(super) fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(Timestamp::now)
    }
}

/// The policy, and what is known of the cluster.
#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    /// The policy file; without it, the policy that this program brings
    #[arg(long, env = "PALETTE_RBAC_POLICY", value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

impl PolicyArgs {
    fn read(&self, output: &mut Output<'_>) -> Result<Policy, Failure> {
        let cluster = self.cluster.overrides();
        let Some(path) = &self.policy else {
            return Ok(Policy::embedded(&cluster));
        };
        let compiled = compile_policy(path, &cluster)?;
        warn(path, &compiled.warnings, output)?;
        Ok(compiled.policy)
    }
}

/// What Palette knows of this cluster, over the policy file.
#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    /// The cluster's project in Palette; empty (`--project=`) for a cluster that belongs to none
    #[arg(long, env = "PALETTE_RBAC_PROJECT", value_name = "NAME")]
    project: Option<String>,
    /// The cluster's cluster group in Palette; empty for none
    #[arg(long, env = "PALETTE_RBAC_CLUSTER_GROUP", value_name = "NAME")]
    cluster_group: Option<String>,
    /// A workspace of Palette that the cluster belongs to; may be given more than once
    #[arg(
        long,
        env = "PALETTE_RBAC_WORKSPACE",
        value_name = "NAME",
        value_delimiter = ','
    )]
    workspace: Vec<String>,
}

impl ClusterArgs {
    pub(super) fn overrides(&self) -> ClusterOverride {
        let workspaces: Vec<Arc<str>> = self
            .workspace
            .iter()
            .map(|name| name.as_str().into())
            .collect();
        ClusterOverride {
            project: self.project.as_deref().map(membership),
            cluster_group: self.cluster_group.as_deref().map(membership),
            workspaces: (!workspaces.is_empty()).then_some(workspaces),
        }
    }
}

/// Who holds what in Palette.
#[derive(Debug, Args)]
pub(super) struct DirectoryArgs {
    /// The directory file: who holds which Palette roles (to begin with: examples/directory.yaml)
    #[arg(long, env = "PALETTE_RBAC_DIRECTORY", value_name = "FILE")]
    directory: Option<FileReference>,
    /// The largest directory file that is read
    #[arg(
        long,
        env = "PALETTE_RBAC_MAX_DIRECTORY_BYTES",
        value_name = "BYTES",
        default_value_t = DIRECTORY_BYTES
    )]
    pub(super) max_directory_bytes: usize,
}

impl DirectoryArgs {
    /// The file, which there is no sense in going without: nobody would hold anything.
    pub(super) fn path(&self) -> Result<&Path, Failure> {
        self.optional_path()
            .ok_or_else(|| Failure::usage(NO_DIRECTORY))
    }

    /// The file, if one is named.
    pub(super) fn optional_path(&self) -> Option<&Path> {
        self.directory.as_ref().map(|reference| &*reference.0)
    }

    fn read(&self, output: &mut Output<'_>) -> Result<Directory, Failure> {
        let path = self.path()?;
        let compiled = compile_directory(path, self.max_directory_bytes)?;
        warn(path, &compiled.warnings, output)?;
        Ok(compiled.directory)
    }
}

/// `PATH` or `file:PATH`, as `serve` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileReference(PathBuf);

impl FromStr for FileReference {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.strip_prefix("file:").unwrap_or(text).into()))
    }
}

/// Who would make the binding.
#[derive(Debug, Args)]
pub(super) struct RequesterArgs {
    /// The user who would apply it, as the API server would name it; without it, the rule `requester` is not judged
    #[arg(long = "as", env = "PALETTE_RBAC_AS", value_name = "USER")]
    username: Option<String>,
    /// A group of that user; may be given more than once
    #[arg(
        long = "as-group",
        env = "PALETTE_RBAC_AS_GROUP",
        value_name = "GROUP",
        requires = "username"
    )]
    groups: Vec<String>,
}

impl RequesterArgs {
    pub(super) fn requester(&self) -> Option<Requester<'_>> {
        self.username.as_deref().map(|username| Requester {
            username: username.into(),
            groups: self
                .groups
                .iter()
                .map(|group| group.as_str().into())
                .collect(),
        })
    }
}

/// Reads and compiles a policy file.
pub(super) fn compile_policy(path: &Path, cluster: &ClusterOverride) -> Result<Compiled, Failure> {
    Policy::compile(&read(path)?, cluster).map_err(|mistakes| bad_input(path, &mistakes))
}

/// Reads and compiles a directory file.
pub(super) fn compile_directory(path: &Path, limit: usize) -> Result<directory::Compiled, Failure> {
    Directory::compile(&read(path)?, limit).map_err(|mistakes| bad_input(path, &mistakes))
}

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::unreadable(&path.display().to_string(), &error);
    std::fs::read(path).map_err(unreadable)
}

fn bad_input(path: &Path, mistakes: &Mistakes) -> Failure {
    let file = path.display().to_string();
    let lines = mistakes.iter().map(|mistake| one_line(&file, mistake));
    Failure::BadInput(lines.collect())
}

fn one_line(file: &str, mistake: &Mistake) -> String {
    InFile::new(file, std::slice::from_ref(mistake)).to_string()
}

fn warn(path: &Path, warnings: &[Mistake], output: &mut Output<'_>) -> Result<(), Failure> {
    let file = manifests::display_name(path);
    for warning in warnings {
        output.warning(one_line(&file, warning))?;
    }
    Ok(())
}

/// A name, or nothing for a cluster that belongs to none.
fn membership(name: &str) -> Membership {
    if name.is_empty() {
        Membership::None
    } else {
        Membership::Of(name.into())
    }
}

const NO_DIRECTORY: &str = "no directory, and without one nobody holds a Palette role; name one with --directory FILE \
    (to begin with: examples/directory.yaml)";

/// Room for several hundred thousand users.
const DIRECTORY_BYTES: usize = 256 * 1024 * 1024;
