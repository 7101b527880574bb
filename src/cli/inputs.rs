//! The flags that subcommands share, and what they name: the policy, the directory, the requester, the time.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use tokio::runtime::Builder;

use super::output::Output;
use super::{ClusterArgs, DirectoryFrom, Failure};
use crate::domain::Requester;
use crate::rulebook::Rulebook;
use crate::server::ByteSize;
use crate::sources::cluster::{ClusterFrom, connect};
use crate::sources::snapshots::{SecretName, read_secret};
use crate::sources::{DirectoryRead, PolicyRead, SourceError};

/// Policy, directory and time: all that a decision is made from.
#[derive(Debug, Args)]
pub(super) struct RulebookArgs {
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    directory: DirectoryArgs,
    /// Judges as if it were this moment (RFC 3339); for tests.
    #[arg(long, env = "PALETTE_RBAC_NOW", hide = true, value_name = "TIME")]
    now: Option<Timestamp>,
}

impl RulebookArgs {
    /// Reads both and pairs them; what is odd about them is said on the way.
    ///
    /// A directory that is in Secrets is read from that cluster.
    pub(super) fn rulebook(
        &self,
        output: &mut Output<'_>,
        cluster: &ClusterFrom,
    ) -> Result<Rulebook, Failure> {
        let policy = self.policy.read()?;
        let directory = self.directory.read(cluster)?;
        for warning in policy.warnings.iter().chain(&directory.warnings) {
            output.warning(warning)?;
        }
        let (rulebook, unknown) = Rulebook::pair(policy.policy, directory.directory);
        for role in unknown {
            output.warning(role)?;
        }
        Ok(rulebook)
    }

    /// The moment to judge at.
    pub(super) fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(Timestamp::now)
    }
}

/// The policy, and what is known of the cluster.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy and directory")]
pub(crate) struct PolicyArgs {
    /// The policy file [default: the embedded policy]
    #[arg(long, value_name = "FILE", env = "PALETTE_RBAC_POLICY")]
    pub(super) policy: Option<PathBuf>,

    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

impl PolicyArgs {
    /// The policy that they name.
    pub(crate) fn read(&self) -> Result<PolicyRead, Failure> {
        let cluster = self.cluster.overrides();
        match &self.policy {
            Some(path) => Ok(PolicyRead::watched(path.clone(), cluster).load()?),
            None => Ok(PolicyRead::embedded(&cluster)),
        }
    }
}

/// Who holds what in Palette.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy and directory")]
pub(super) struct DirectoryArgs {
    /// Who holds which Palette roles: PATH or `file:PATH`, to begin with examples/directory.yaml; or
    /// `secret:NAMESPACE/NAME`, which `sync` writes; and for `serve` also `https://HUB/v1/directories/CLUSTER-UID`
    #[arg(long, value_name = "SOURCE", env = "PALETTE_RBAC_DIRECTORY")]
    pub(super) directory: Option<DirectoryFrom>,

    /// The largest directory file that is read; 100,000 users with two assignments each take some 20 MiB
    #[arg(
        long,
        value_name = "SIZE",
        env = "PALETTE_RBAC_MAX_DIRECTORY_BYTES",
        default_value = "256MiB"
    )]
    max_directory_bytes: ByteSize,
}

impl DirectoryArgs {
    /// The file, which there is no sense in going without: nobody would hold anything.
    pub(super) fn path(&self) -> Result<&Path, Failure> {
        match &self.directory {
            Some(DirectoryFrom::File(path)) => Ok(path),
            Some(DirectoryFrom::Secret(_) | DirectoryFrom::Hub(_)) => {
                Err(Failure::usage("a file can be linted, and nothing else"))
            }
            Some(DirectoryFrom::Sample) | None => Err(Failure::usage(NO_DIRECTORY)),
        }
    }

    /// The largest file, in bytes.
    pub(super) const fn limit(&self) -> usize {
        self.max_directory_bytes.0
    }

    fn read(&self, cluster: &ClusterFrom) -> Result<DirectoryRead, Failure> {
        self.read_if_named(cluster)?
            .ok_or_else(|| Failure::usage(NO_DIRECTORY))
    }

    /// The directory, if one is named.
    pub(super) fn read_if_named(
        &self,
        cluster: &ClusterFrom,
    ) -> Result<Option<DirectoryRead>, Failure> {
        match &self.directory {
            Some(DirectoryFrom::File(path)) => {
                let read = DirectoryRead::watched(path.clone(), self.limit()).load()?;
                Ok(Some(read))
            }
            Some(DirectoryFrom::Secret(name)) => {
                read_secret_once(cluster, name, self.limit()).map(Some)
            }
            Some(DirectoryFrom::Hub(_)) => Err(Failure::usage(
                "only `serve` asks a hub; a file or `secret:NAMESPACE/NAME` can be read here",
            )),
            Some(DirectoryFrom::Sample) | None => Ok(None),
        }
    }
}

/// What is in force in a cluster.
fn read_secret_once(
    cluster: &ClusterFrom,
    name: &SecretName,
    limit: usize,
) -> Result<DirectoryRead, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::CouldNotRun(format!("cannot start a runtime: {error}")))?;
    let delivered = runtime.block_on(async {
        let client = connect(cluster).await?;
        let no_cluster = || {
            let problem =
                format!("{name} needs a cluster, and there is none: KUBECONFIG names one");
            SourceError::Rejected(vec![problem])
        };
        read_secret(&client.ok_or_else(no_cluster)?, name, limit).await
    })?;
    let missing = || {
        Failure::CouldNotRun(format!(
            "there is no Secret {name}: does `palette-rbac sync` run?"
        ))
    };
    let delivered = delivered.ok_or_else(missing)?;
    let read = DirectoryRead::delivered(&delivered, limit, &name.to_string());
    read.map_err(Failure::BadInput)
}

/// Who would make the binding.
#[derive(Debug, Args)]
#[command(next_help_heading = "Requester")]
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

const NO_DIRECTORY: &str = "no directory, and without one nobody holds a Palette role; name one with --directory FILE \
    (to begin with: examples/directory.yaml)";
