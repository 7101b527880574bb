//! palette-rbac: judges whether the subjects of a role binding may hold its role, by what they hold in Palette.

pub mod directory;
pub mod document;
pub mod domain;
pub mod palette;
pub mod policy;
