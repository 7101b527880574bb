//! The flags that subcommands share, and what they name: the policy, the directory, the requester, the time.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::output::Output;
use super::{ClusterArgs, DirectoryFrom, Failure};
use crate::domain::Requester;
use crate::rulebook::Rulebook;
use crate::server::ByteSize;
use crate::sources::{DirectoryRead, PolicyRead};

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
    pub(super) fn rulebook(&self, output: &mut Output<'_>) -> Result<Rulebook, Failure> {
        let policy = self.policy.read()?;
        let directory = self.directory.read()?;
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
    /// Who holds which Palette roles: PATH or `file:PATH`; to begin with, examples/directory.yaml
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
        self.optional_path()
            .ok_or_else(|| Failure::usage(NO_DIRECTORY))
    }

    /// The file, if one is named.
    fn optional_path(&self) -> Option<&Path> {
        match &self.directory {
            Some(DirectoryFrom::File(path)) => Some(path),
            Some(DirectoryFrom::Sample) | None => None,
        }
    }

    /// The largest file, in bytes.
    pub(super) const fn limit(&self) -> usize {
        self.max_directory_bytes.0
    }

    fn read(&self) -> Result<DirectoryRead, Failure> {
        self.read_if_named()?
            .ok_or_else(|| Failure::usage(NO_DIRECTORY))
    }

    /// The directory, if one is named.
    pub(super) fn read_if_named(&self) -> Result<Option<DirectoryRead>, Failure> {
        let path = self.optional_path().map(Path::to_owned);
        let read = path.map(|path| DirectoryRead::watched(path, self.limit()).load());
        Ok(read.transpose()?)
    }
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
