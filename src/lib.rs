//! palette-rbac: judges whether the subjects of a role binding may hold its role, by what they hold in Palette.

pub mod admission;
pub mod audit;
pub mod decide;
pub mod directory;
pub mod document;
pub mod domain;
pub mod explain;
pub mod facts;
pub mod manifest;
pub mod message;
pub mod palette;
pub mod policy;
pub mod rbac;
pub mod reports;
pub mod review;
pub mod rulebook;

#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod live;
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod sources;
