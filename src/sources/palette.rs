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

pub use crate::metrics::Endpoint;

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

/// By which it counts requests of that kind.
const fn bucket_of(endpoint: Endpoint) -> Bucket {
    match endpoint {
        Endpoint::Info | Endpoint::Users | Endpoint::UserRoles => Bucket::Users,
        Endpoint::Teams | Endpoint::TeamRoles => Bucket::Teams,
        Endpoint::Roles => Bucket::Roles,
        Endpoint::Projects => Bucket::Projects,
        Endpoint::Dashboard => Bucket::Dashboard,
        Endpoint::Clusters => Bucket::Clusters,
        Endpoint::ClusterGroups => Bucket::ClusterGroups,
        Endpoint::Workspaces => Bucket::Workspaces,
        Endpoint::Audits => Bucket::Audits,
        Endpoint::ApiKeys => Bucket::ApiKeys,
    }
}
