//! palette-rbac: judges whether the subjects of a role binding may hold its role, by what they hold in Palette.

pub mod admission;
#[cfg(feature = "server")]
pub mod cli;
pub mod decide;
pub mod directory;
pub mod document;
pub mod domain;
pub mod explain;
pub mod message;
pub mod palette;
pub mod policy;
pub mod review;
pub mod ruling;
