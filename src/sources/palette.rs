//! Palette's API: users, teams, roles, projects, workspaces and clusters, read and never written.
//!
//! What is known of it is the vendor's published document (Palette APIs, 4.8) and its Go client. Here are requests,
//! answers and what can go wrong with one; which requests make a whole reading, [`crate::sync`] knows.

mod client;
mod error;
mod key;
mod list;
pub mod wire;

pub use client::{Call, Observed, PaletteClient, PaletteOptions};
pub(in crate::sources) use client::{causes, http_client};
pub use error::{ApiError, ApiProblem};
pub use list::ListError;

use enum_map::Enum;
use strum::IntoStaticStr;

/// What is asked for: the label of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Endpoint {
    /// Whose key it is: `/v1/users/info`.
    Info,
    /// A list of users, or one.
    Users,
    /// What a user holds, as Palette joins it: `/v1/users/{uid}/roles` and `/projects`.
    UserRoles,
    /// A list of teams, or one.
    Teams,
    /// What a team holds, as Palette joins it.
    TeamRoles,
    /// A list of roles, or one.
    Roles,
    /// A project with who holds what there.
    Projects,
    /// Projects, clusters and what they belong to, in summary.
    Dashboard,
    /// A cluster.
    Clusters,
    /// Cluster groups and their host clusters.
    ClusterGroups,
    /// A workspace, or what somebody holds in workspaces.
    Workspaces,
    /// What was done in Palette.
    Audits,
    /// When keys run out.
    ApiKeys,
}

/// What Palette counts requests by, ten a second each: the first part of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum Bucket {
    Users,
    Teams,
    Roles,
    Projects,
    Dashboard,
    Clusters,
    ClusterGroups,
    Workspaces,
    Audits,
    ApiKeys,
}

impl Endpoint {
    const fn bucket(self) -> Bucket {
        match self {
            Self::Info | Self::Users | Self::UserRoles => Bucket::Users,
            Self::Teams | Self::TeamRoles => Bucket::Teams,
            Self::Roles => Bucket::Roles,
            Self::Projects => Bucket::Projects,
            Self::Dashboard => Bucket::Dashboard,
            Self::Clusters => Bucket::Clusters,
            Self::ClusterGroups => Bucket::ClusterGroups,
            Self::Workspaces => Bucket::Workspaces,
            Self::Audits => Bucket::Audits,
            Self::ApiKeys => Bucket::ApiKeys,
        }
    }
}
