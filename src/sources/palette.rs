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

pub use crate::metrics::Endpoint;

/// Palette allows ten requests a second for the first part of a path: the endpoint whose turn it is to count.
const fn counted_as(endpoint: Endpoint) -> Endpoint {
    match endpoint {
        Endpoint::Info | Endpoint::UserRoles => Endpoint::Users,
        Endpoint::TeamRoles => Endpoint::Teams,
        other => other,
    }
}
