//! palette-rbac: judges whether the subjects of a role binding may hold its role, by what they hold in Palette.

pub mod admission;
pub mod decide;
pub mod directory;
pub mod domain;
pub mod facts;
pub mod message;
pub mod palette;
pub mod policy;
pub mod rbac;
pub mod review;
pub mod ruling;
